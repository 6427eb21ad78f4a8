"""The champion's model file, and how it was run when it was judged."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.errors import DataError, ModelError
from segmetrics.evidence import SETTINGS
from segmetrics.files import sha256_bytes, sha256_json
from segmetrics.operating_point import OperatingPoint, read_operating_point
from segmetrics.registry.models import pull_model
from segmetrics.registry.store import DIGEST, RUN_ID, ModelUri, resolve, run_file, session
from segmetrics.registry.verification import check_run, missing_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

_BY_HAND = "put the model at infer.source, run `dvc repro`, then `segmetrics baseline set`"
_POINT = "operating_point.json"


@dataclass(frozen=True, slots=True)
class Champion:
    """A registered version on this machine.

    Attributes
    ----------
    uri
        `models:/name/3`.
    source
        The model, a file or folder.
    digest
        SHA-256 of the evaluated bytes, which are those of `source`.
    settings
        Those that its evaluation was computed with.
    point
        How its predictions become labels.
    """

    uri: str
    source: Path
    digest: str
    settings: Mapping[str, Any]
    point: OperatingPoint


def fetch_champion(uri: ModelUri, into: Path) -> Champion:
    """Bring the model of a version, and what its evaluation says of how it is run.

    Preprocessing and threshold belong to a model as its weights do: with those of another it would
    look worse than it is. Both are bound to the id of its evaluation by their digests.

    Raises
    ------
    DataError
        There is no such version, or it carries no evaluation that says how it is run.
    ModelError
        It holds other bytes than those that were evaluated.
    VerificationError
        The run of its evaluation is gone or was changed.
    RegistryError
        The server or store fails.
    """
    with session(writes=False) as client:
        version = resolve(client, uri)
        where = f"models:/{uri.name}/{version.version}"
        tags: Mapping[str, str] = version.tags
        missing = missing_tags(tags)
        if missing:
            what = f"carries no evaluation that says how it is run: it lacks {', '.join(missing)}"
            raise DataError(where, what, _BY_HAND)
        check_run(client, where, tags)
        settings, point = _how(client, tags[RUN_ID])
    pulled = pull_model(where, into, opaque=True, force=True)
    if pulled.origin.sha256 != tags[DIGEST]:
        raise ModelError(where, "holds other bytes than were evaluated", "look at who changed it")
    return Champion(where, pulled.path, tags[DIGEST], settings, point)


def _how(client: MlflowClient, run_id: str) -> tuple[Mapping[str, Any], OperatingPoint]:
    """Settings and operating point of an evaluation, once they are those of its verdict."""
    where = f"run {run_id}"
    # `check_run` has compared the verdict with the id of the evaluation.
    inputs = json.loads(run_file(client, run_id, "verdict.json") or b"{}").get("inputs", {})
    text = run_file(client, run_id, "settings.json")
    settings = json.loads(text) if text else None
    if settings is None or sha256_json(settings) != inputs.get(SETTINGS):
        what = "holds no settings.json of this evaluation"
        raise DataError(where, f"{what}: nothing says how the model is run", _BY_HAND)
    return settings, _point(settings["operating_point"], where, inputs, client, run_id)


def _point(
    wanted: Mapping[str, Any],
    where: str,
    inputs: Mapping[str, str],
    client: MlflowClient,
    run_id: str,
) -> OperatingPoint:
    if wanted["decision"] != "tuned":
        return OperatingPoint(wanted["decision"], wanted["threshold"])
    content = run_file(client, run_id, f"baseline/{_POINT}")
    recorded = [value for name, value in inputs.items() if name.endswith(f"/{_POINT}")]
    if content is None or recorded != [sha256_bytes(content)]:
        what = "does not hold the threshold that was tuned for the model"
        raise DataError(where, what, _BY_HAND)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _POINT
        path.write_bytes(content)
        tuned = read_operating_point(path)
    # What is served is this threshold, wherever it came from; nothing is tuned again.
    return OperatingPoint("fixed", tuned.threshold)
