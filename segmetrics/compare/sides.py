"""Where the two evaluations of `segmetrics compare` are read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from segmetrics.baseline.definition import Definition
from segmetrics.baseline.folder import RECORD, read_baseline
from segmetrics.compare.against import baseline_side
from segmetrics.compare.pairs import Cells, Side
from segmetrics.data.samples import SampleRow
from segmetrics.errors import ConfigError, DataError
from segmetrics.evidence import read_json
from segmetrics.metrics.catalog import COLUMNS
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.observations import Observations
from segmetrics.tables import Measurements, read_measurements, read_table
from segmetrics.tables.parquet import targets_of
from segmetrics.tables.schema import DIAGONAL


@dataclass(frozen=True, slots=True)
class Project:
    """What the params.yaml beside a results folder says.

    Attributes
    ----------
    rows
        Of its samples.csv.
    measured_with
        The key of tables that were measured as it says.
    """

    definition: Definition
    rows: Sequence[SampleRow]
    measured_with: str


@dataclass(frozen=True, slots=True)
class Found:
    """A side, and whether it is known how its classes are defined."""

    side: Side
    known: bool


def judged_split(path: Path) -> str | None:
    """The split that the verdict of a results or baseline folder is about; None: not known."""
    if (path / RECORD).exists():
        baseline = read_baseline(path)
        return baseline.judged if baseline else None
    if not (path / "verdict.json").is_file():
        return None
    verdict = read_json(path / "verdict.json")
    judged = verdict.get("judged") if isinstance(verdict, dict) else None
    return str(judged["split"]) if isinstance(judged, dict) and "split" in judged else None


def splits_of(path: Path) -> list[str]:
    """The splits that a folder has tables of; of a table alone there is no name."""
    return sorted(p.name for p in (path / "measurements").glob("*") if p.is_dir())


def read_side(path: Path, split: str, *, name: str, project: Project | None) -> Found:
    """One evaluation: a baseline, a results folder, or a table of `segmetrics score`.

    Raises
    ------
    DataError
        It is none of them, lacks the split, or is damaged.
    """
    if path.suffix.lower() == ".parquet":
        tables = read_score_table(path)
        return Found(_plain(tables, name, "", {i: Cells(i, {}) for i in tables.ids}), known=False)
    if not path.is_dir():
        what = "is no results or baseline folder, and no table of `segmetrics score`"
        raise DataError(str(path), what, "write the table with `--table scores.parquet`")
    if (path / RECORD).exists():
        baseline = read_baseline(path)
        if baseline is None or split not in baseline.splits:
            kept = ", ".join(baseline.splits) if baseline else "none"
            raise DataError(str(path), f'has no split "{split}"', f"(splits: {kept})")
        return Found(replace(baseline_side(baseline, split), name=name), known=True)
    found = splits_of(path)
    if split not in found:
        hint = f"(splits: {', '.join(found) or 'none'})"
        raise DataError(str(path), f'has no split "{split}"', hint)
    tables = read_measurements(path / "measurements" / split)
    rows = {row.id: row for row in project.rows} if project else {}
    cells = {
        i: Cells(rows[i].group, rows[i].columns) if i in rows else Cells(i, {}) for i in tables.ids
    }
    known = project is not None and project.measured_with == tables.key
    side = _plain(tables, name, split, cells)
    if project is not None and known:
        side = replace(side, definition=project.definition)
    return Found(side, known)


def alike(first: Found, second: Found, exclude: Sequence[str]) -> tuple[Side, Side, bool]:
    """Both sides, with definitions that can be compared.

    Where one does not say how its classes are defined, those of the same name are taken for the
    same (the last value is then False), and `exclude` says which are outside class means.

    Raises
    ------
    ConfigError
        `exclude` names no class, or both sides say themselves what is scored.
    """
    if first.known and second.known:
        if exclude:
            what = "is for tables that do not say which classes are scored; these do"
            raise ConfigError("--exclude", what, "remove it")
        return first.side, second.side, True
    names = {*first.side.measurements.classes, *second.side.measurements.classes}
    unknown = sorted(set(exclude) - names)
    if unknown:
        what = f'"{unknown[0]}" is not a class'
        raise ConfigError("--exclude", what, f"(classes: {', '.join(sorted(names))})")
    says = next((f.side.definition.scored for f in (first, second) if f.known), None)
    sides = []
    for found in (first, second):
        classes = found.side.measurements.targets.classes
        scored = [n for n in classes if n not in exclude and (says is None or n in says)]
        named = _by_name(found.side.measurements, scored)
        sides.append(replace(found.side, definition=named))
    return sides[0], sides[1], False


def _plain(tables: Measurements, name: str, split: str, cells: Mapping[str, Cells]) -> Side:
    return Side(name, split, tables, cells, _by_name(tables, tables.targets.classes))


def _by_name(tables: Measurements, scored: Sequence[str]) -> Definition:
    """A definition that says no more than names."""
    targets = tables.targets
    unknown: dict[str, Any] = dict.fromkeys(
        ("surface", "nsd", "boundary", "centreline", "objects", "scores"), "not known"
    )
    return Definition(
        format=0,
        classes=dict.fromkeys(targets.classes, ()),
        regions=dict.fromkeys((name for name, _ in targets.regions), ()),
        scored=tuple(scored),
        ignore=(),
        encoding="not known",
        predicted="not known",
        both_empty="undefined",
        size_edges=(),
        families=unknown,
    )


def read_score_table(path: Path) -> Measurements:
    """The table that `segmetrics score --table scores.parquet` writes.

    Raises
    ------
    DataError
        It is missing or damaged, or holds no rows by image and class.
    """
    table, meta = read_table(path)
    targets = targets_of(meta)
    names = targets.names
    rows = table.column("id").to_pylist() if "id" in table.schema.names else []
    ids = rows[:: len(names)]
    counted = {"class", "tp", "fp", "fn", "tn"} <= {*table.schema.names}
    whole = counted and rows == [i for i in ids for _ in names] and len({*ids}) == len(ids)
    if not whole or table.column("class").to_pylist() != list(names) * len(ids):
        what = "does not hold one row for each image and class"
        raise DataError(str(path), what, "write it with `segmetrics score --table`")

    def values(name: str) -> Any:
        return np.array(table.column(name).to_numpy()).reshape(len(ids), len(names))

    held = table.schema.names
    observed = Observations(
        counts=ConfusionCounts(*(values(name) for name in ("tp", "fp", "fn", "tn"))),
        columns={name: values(name) for name in COLUMNS if name in held},
        diagonals=values(DIAGONAL)[:, 0] if DIAGONAL in held else None,
    )
    image, reference, prediction = (
        tuple(table.column(f"{side}_digest").to_pylist()[:: len(names)])
        for side in ("image", "reference", "prediction")
    )
    return Measurements(
        ids=tuple(ids),
        image_digests=image,
        reference_digests=reference,
        prediction_digests=prediction,
        targets=replace(targets, objects=False, scores=False),
        observations=observed,
        objects=None,
        confusion=np.zeros((0, 1), np.int64),
        key=meta["key"],
    )
