"""What a later comparison needs: the folder `baseline/`, ids as they may leave."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.baseline.folder import Content, SampleCells, write_baseline
from segmetrics.baseline.keep import kept_content
from segmetrics.evidence import Layout
from segmetrics.files import write_json
from segmetrics.record.private import Names, outgoing
from segmetrics.record.record import Record
from segmetrics.tables import read_table
from segmetrics.tables.writing import META, rows_digest

if TYPE_CHECKING:
    import pyarrow as pa


def keep_baseline(folder: Path, record: Record, layout: Layout) -> None:
    """Write what `segmetrics baseline set` would, byte for byte where ids are plain.

    Samples are paired by the digests of their masks and images: hashed ids do not stand in the way.
    """
    content = kept_content(layout.results, record.keeping)
    today = datetime.now(tz=UTC).date().isoformat()
    if record.names.ids == "plain":
        write_baseline(folder, content, today)
        return
    with tempfile.TemporaryDirectory() as hidden:
        write_baseline(folder, _hidden(content, record, Path(hidden)), today)


def _hidden(content: Content, record: Record, to: Path) -> Content:
    """The same with ids and groups as they may leave; changed files are written below `to`."""
    names, files = record.names, dict(content.files)
    for name, path in content.files.items():
        target = to / name
        if path.suffix == ".parquet":
            target.parent.mkdir(parents=True, exist_ok=True)
            table, meta = read_table(path)
            _write(renamed_table(table, names), meta, target)
            files[name] = target
    files |= {name: to / name for name in ("verdict.json", "evaluation.json")}
    write_json(files["verdict.json"], record.verdict)
    write_json(files["evaluation.json"], outgoing(record.evaluation.to_json(), names))
    cells = [
        SampleCells(names(s.id), s.split, names(s.group), names.cells(s.columns))
        for s in content.samples
    ]
    return replace(content, files=files, samples=cells)


def renamed_table(table: pa.Table, names: Names) -> pa.Table:
    """A table whose ids are as they may leave, and which is in the order of those.

    The order of the former ids would tell something about them, too.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = pc.dictionary_encode(table.column("id").combine_chunks())
    hidden = pa.array([names(name) for name in coded.dictionary.to_pylist()], pa.string())
    place = table.schema.get_field_index("id")
    table = table.set_column(place, "id", hidden.take(coded.indices))
    if {"class", "reference"} <= {*table.schema.names}:  # annotators.parquet
        for column in ("reference", "prediction"):
            table = _with_people(table, column, names)
    # Stable: the rows of a sample stay in their order.
    return table.take(pc.sort_indices(table, sort_keys=[("id", "ascending")]))


def _with_people(table: pa.Table, column: str, names: Names) -> pa.Table:
    """A column of annotators, whose names are as they may leave."""
    import pyarrow as pa

    shown = [names.person(name) for name in table.column(column).to_pylist()]
    place = table.schema.get_field_index(column)
    return table.set_column(place, column, pa.array(shown, pa.string()))


def _write(table: pa.Table, meta: Mapping[str, Any], target: Path) -> None:
    import pyarrow.parquet as pq

    own = {**meta, "rows": rows_digest(table)}
    pq.write_table(
        table.replace_schema_metadata({META: json.dumps(own)}), target, compression="zstd"
    )
