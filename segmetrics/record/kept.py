"""What a later comparison needs: the layout of the folder `baseline/`, ids as they may leave."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.data.samples import SampleRow, read_samples
from segmetrics.evidence import Layout
from segmetrics.files import write_json, write_text
from segmetrics.record.private import Names, outgoing
from segmetrics.record.record import Record
from segmetrics.tables import read_table
from segmetrics.tables.writing import META, rows_digest

if TYPE_CHECKING:
    import pyarrow as pa


def keep_baseline(folder: Path, record: Record, layout: Layout) -> None:
    """Write tables, list of samples, evaluation, verdict and operating point.

    Samples are paired by the digests of their masks: hashed ids do not stand in the way.
    """
    names = record.names
    write_json(folder / "verdict.json", record.verdict)
    write_json(folder / "evaluation.json", outgoing(record.evaluation.to_json(), names))
    shutil.copyfile(layout.operating_point, folder / "operating_point.json")
    for path in layout.tables:
        table, meta = read_table(path)
        target = folder / "measurements" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(renamed_table(table, names), dict(meta), target)
    write_text(folder / "samples.csv", _cells(read_samples(layout.samples), names, layout))


def renamed_table(table: pa.Table, names: Names) -> pa.Table:
    """A table whose ids are as they may leave, and which is in the order of those.

    The order of the former ids would tell something about them, too.
    """
    if names.ids == "plain":
        return table
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


def _write(table: pa.Table, meta: dict[str, Any], target: Path) -> None:
    import pyarrow.parquet as pq

    meta["rows"] = rows_digest(table)
    pq.write_table(
        table.replace_schema_metadata({META: json.dumps(meta)}), target, compression="zstd"
    )


def _cells(rows: list[SampleRow], names: Names, layout: Layout) -> str:
    """Id, split, group and the cells to slice by, of what was measured."""
    measured = {split: {s.id for s in layout.chosen(split).samples} for split in layout.splits}
    kept = [row for row in rows if row.id in measured.get(row.split, ())]
    cells = [(row.split, names(row.id), names(row.group), names.cells(row.columns)) for row in kept]
    columns = list(dict.fromkeys(column for row in kept for column in row.columns))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "split", "group", *columns])
    for split, name, group, values in sorted(cells, key=lambda cell: cell[:2]):
        writer.writerow([name, split, group, *(values.get(c, "") for c in columns)])
    return out.getvalue()
