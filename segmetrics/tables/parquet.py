"""One table of a split: read, and known to be what was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.errors import DataError
from segmetrics.tables.schema import (
    OBJECTS,
    SCHEMA,
    SCORES,
    Targets,
    annotator_schema,
    confusion_schema,
    image_schema,
    object_schema,
    score_schema,
)
from segmetrics.tables.writing import META, rows_digest

if TYPE_CHECKING:
    import pyarrow as pa


def read_table(path: Path) -> tuple[pa.Table, Mapping[str, Any]]:
    """A table and its metadata (`schema`, `classes`, `regions`, `overlapping`, `key`).

    Raises
    ------
    DataError
        The file is missing, unreadable, or not one of ours.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not memory-mapped and without threads: the file may be replaced while others read.
        table = pq.ParquetFile(path).read(use_threads=False)
        meta = json.loads((table.schema.metadata or {})[META])
    except FileNotFoundError as error:
        raise DataError(str(path), "there is no such table", "run `dvc repro`") from error
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise DataError(
            str(path), f"not a measurement table ({error})", "delete it and run `dvc repro`"
        ) from error
    if meta.get("schema") != SCHEMA:
        raise DataError(
            str(path), f"schema {meta.get('schema')} instead of {SCHEMA}", "run `dvc repro -f`"
        )
    if meta.get("rows") != rows_digest(table):
        what = "its rows are not those that were written"
        raise DataError(str(path), what, f"delete {path.parent} and run `dvc repro`")
    names = table.schema.names
    known = (
        image_schema(names), confusion_schema(), object_schema(), score_schema(),
        annotator_schema(names),
    )  # fmt: skip
    wanted = {"classes", "regions", "overlapping", "tables", "annotators", "key"}
    own = [schema for schema in known if schema == table.schema.remove_metadata()]
    if not wanted <= meta.keys() or not own:
        what = f"not a measurement table (columns: {', '.join(names)})"
        raise DataError(str(path), what, "delete it and run `dvc repro`")
    # Parquet has a name of its own for the values of lists: written again, the file would differ.
    return table.cast(own[0]), meta


def targets_of(meta: Mapping[str, Any]) -> Targets:
    """The classes and regions that a table was written for."""
    regions = tuple((name, tuple(members)) for name, members in meta["regions"])
    held = meta["tables"]
    return Targets(
        tuple(meta["classes"]), regions, meta["overlapping"], OBJECTS in held, SCORES in held,
        meta["annotators"],
    )  # fmt: skip


def asked_table(path: Path, meta: Mapping[str, Any]) -> pa.Table | None:
    """A table that is there where it was asked for; None where it was not."""
    if path.name not in meta["tables"]:
        return None
    table, own = read_table(path)
    if own["key"] != meta["key"]:
        what = "was measured with other settings than images.parquet"
        raise DataError(str(path), what, f"delete {path.parent} and run `dvc repro`")
    return table
