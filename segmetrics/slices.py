"""The metrics once more for each slice: values of a column, combinations, bins of a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from segmetrics.data.samples import SampleRow
from segmetrics.stats.evaluation import Scope
from segmetrics.stats.scopes import EvaluationOptions, evaluate_counts
from segmetrics.stats.slice_by import EMPTY, SliceBy, number_of
from segmetrics.tables import Measurements

# A column with more values than this is a measurement or a name, not a slice, unless a rule names
# it; with more than the second it is no slice then, either.
MOST_SLICES = 50
MOST_ASKED = 1000

Slices = dict[str, dict[str, Scope]]


def evaluate_slices(
    measurements: Measurements,
    rows: Sequence[SampleRow],
    groups: npt.NDArray[np.intp],
    options: EvaluationOptions,
) -> tuple[Slices, dict[str, str]]:
    """All metrics by slice: of every column, and of what rules ask for besides.

    Parameters
    ----------
    rows
        The row of samples.csv of each measured sample, in the order of the measurements.
    groups
        Shape (n,): the index of the group of each sample; one that lies in several slices counts
        as a group in each of them.

    Returns
    -------
    slices
        `SliceBy.key` -> value -> metrics. Every sample is in exactly one value; bins without a
        sample are not there.
    left_out
        `SliceBy.key` -> why there are no slices.
    """
    asked = {by.key: by for by in options.slices}
    plain = {by.key: by for by in (SliceBy((column,)) for column in _columns(rows))}
    slices: Slices = {}
    left_out: dict[str, str] = {}
    for key, by in (plain | asked).items():
        values = [by.value(row.columns) for row in rows]
        problem = _problem(by, rows, values, MOST_ASKED if key in asked else MOST_SLICES)
        if problem:
            left_out[key] = problem
            continue
        found = np.array(values, dtype=str)
        slices[key] = {
            value: _slice(measurements, groups, np.flatnonzero(found == value), options)
            for value in _ordered(by, values)
        }
    return slices, left_out


def _slice(
    measurements: Measurements,
    groups: npt.NDArray[np.intp],
    chosen: npt.NDArray[np.intp],
    options: EvaluationOptions,
) -> Scope:
    return evaluate_counts(
        measurements.observations.rows(chosen), groups[chosen], measurements.classes, options
    )


def _columns(rows: Sequence[SampleRow]) -> list[str]:
    return list(rows[0].columns) if rows else []


def _ordered(by: SliceBy, values: Sequence[str | None]) -> list[str]:
    """The values that occur: bins ascending, others sorted."""
    found = {value for value in values if value is not None}
    return [name for name in by.bins if name in found] if by.edges else sorted(found)


def _problem(
    by: SliceBy, rows: Sequence[SampleRow], values: Sequence[str | None], most: int
) -> str:
    """Why there can be no slices; empty where there can."""
    known = _columns(rows)
    lacking = [column for column in by.columns if column not in known]
    if lacking:
        return f"samples.csv has no column {', '.join(lacking)} (columns: {', '.join(known)})"
    unplaced = [row for row, value in zip(rows, values, strict=True) if value is None]
    if unplaced:
        # Leaving them out would judge the rest as if it were all. (No ids: the text may be sent.)
        (column,) = by.columns
        cells = sorted({f'"{row.columns[column]}"' for row in unplaced})
        more = ", ..." if len(cells) > 5 else ""
        held = f"{', '.join(cells[:5])}{more}"
        return f"{len(unplaced)} of {len(rows)} samples hold no number in {column}: {held}"
    if not by.edges and (twice := _one_number(rows, by.columns)):
        return f"{twice} are the same number in samples.csv: write it alike"
    distinct = set(values)
    if len(by.columns) == 1 and distinct == {EMPTY}:
        return "every value is empty"
    if len(distinct) > most:
        return f"{len(distinct)} different values, at most {most} are sliced"
    return ""


def _one_number(rows: Sequence[SampleRow], columns: Sequence[str]) -> str:
    """Two cells that are one number written in two ways, and so two slices; empty: none."""
    for column in columns:
        written: dict[float, str] = {}
        for cell in sorted({row.columns[column] for row in rows}):
            if (number := number_of(cell)) is None:
                continue
            if written.setdefault(number, cell) != cell:
                return f'"{written[number]}" and "{cell}" in {column}'
    return ""
