"""Where a model file came from: `<file>.origin.json` beside it, true only of the same bytes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from segmetrics.files import write_json

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where bytes came from.

    Attributes
    ----------
    uri
        As it was asked for; an alias may have moved since.
    model, version
        Of the registry; None where it came from a run.
    run
        The run that logged it, where one is known.
    file
        Where it lies in the folder of the version; empty: the whole.
    sha256, size
        Of a file; of a folder the digest over names and contents, and all bytes.
    time
        When it was pulled, UTC.
    """

    uri: str
    model: str | None
    version: str | None
    run: str | None
    file: str
    sha256: str
    size: int
    time: str


def origin_file(model: Path) -> Path:
    """Where the origin of a model file or folder is written."""
    return model.with_name(f"{model.name}.origin.json")


def write_origin(model: Path, origin: Origin) -> None:
    """Write the origin beside the model, whole or not at all."""
    write_json(origin_file(model), {"schema": SCHEMA, **asdict(origin)})


def read_origin(model: Path, digest: str) -> Origin | None:
    """The origin of a model with these bytes; None where there is none, or it is of others."""
    try:
        data = json.loads(origin_file(model).read_text("utf-8"))
        schema = data.pop("schema")
        origin = Origin(**data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return origin if (schema, origin.sha256) == (SCHEMA, digest) else None
