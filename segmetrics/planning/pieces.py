"""The numbers that rules bound, group by group, from the measurements of the judged split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.by_size import bucket_names
from segmetrics.data.samples import SampleRow
from segmetrics.gates.rules import EVERY, MEAN, Rule
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.policy import Policy
from segmetrics.stats.aggregate import group_index
from segmetrics.stats.observations import Observations
from segmetrics.stats.sums import group_sums
from segmetrics.tables import Measurements

Values = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """The measurements of the judged split.

    Attributes
    ----------
    rows
        The row of samples.csv of each measured sample, in the order of the measurements.
    size_edges
        As the evaluation has them.
    """

    measurements: Measurements
    rows: tuple[SampleRow, ...]
    size_edges: tuple[int, ...] | None = None

    @property
    def groups(self) -> Index:
        """Shape (n,): the number of the group of each sample."""
        return group_index([row.group for row in self.rows])

    @property
    def n_groups(self) -> int:
        """G."""
        return len({row.group for row in self.rows})


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One number of a rule: a class or class mean, in a slice or size.

    Attributes
    ----------
    above, below
        Shape (G, K), see `GroupSums`; K classes where it is a mean over them.
    """

    rule: Rule
    above: Values
    below: Values
    low: float
    high: float


def table_pieces(policy: Policy, spread: Spread) -> tuple[list[Piece], list[tuple[str, str]]]:
    """Every number that blocking rules bound; the rules that are left out, and why."""
    pieces: list[Piece] = []
    left_out: list[tuple[str, str]] = []
    for rule in policy.rules:
        reason = _unplanned(rule, policy.judge)
        if reason:
            left_out.append((rule.name, reason))
        else:
            pieces += _pieces(rule, policy, spread)
    return pieces, left_out


def _unplanned(rule: Rule, judge: str) -> str:
    metric = CATALOG[rule.metric]
    if rule.severity == "warn":
        return "only warns"
    if rule.against is not None:
        return f"is about the difference to the {rule.against}"
    if rule.split != judge:
        return f"is about the split {rule.split}"
    if metric.unit != "1" or metric.better == "zero" or not np.isfinite(metric.high):
        return f"{rule.metric} has no points: it is no rate with a best value"
    if rule.at_least is not None and rule.at_most is not None:
        return "has two bounds"
    return ""


def _pieces(rule: Rule, policy: Policy, spread: Spread) -> Iterator[Piece]:
    scored = policy.scored
    if rule.class_name == EVERY:
        parts: list[Sequence[str]] = [[name] for name in scored]
    else:
        parts = [scored if rule.class_name == MEAN else [rule.class_name]]
    for chosen in _chosen(rule, spread):
        for names in parts:
            yield _piece(rule, names, chosen, policy, spread)


def _chosen(rule: Rule, spread: Spread) -> Iterator[Index]:
    """The samples of each slice of a rule; all of them where it names none."""
    by = rule.slice_by
    if by is None:
        yield np.arange(len(spread.rows))
        return
    values = np.array([by.value(row.columns) for row in spread.rows], dtype=object)
    wanted = [rule.slice_value] if rule.slice_value is not None else [
        *by.bins, *sorted({v for v in values.tolist() if v is not None} - set(by.bins))
    ]  # fmt: skip
    for value in wanted:
        yield np.flatnonzero(values == value)


def _piece(
    rule: Rule, names: Sequence[str], chosen: Index, policy: Policy, spread: Spread
) -> Piece:
    metric = CATALOG[rule.metric]
    classes = spread.measurements.classes
    places = [classes.index(name) for name in names]
    observed = _observed(rule, places, spread)
    shape = (spread.n_groups, len(places))
    above, below = np.zeros(shape), np.zeros(shape)
    if chosen.size:
        numbers, local = np.unique(spread.groups[chosen], return_inverse=True)
        sums = group_sums(
            metric,
            observed.rows(chosen),
            local.reshape(-1),
            rule.aggregate,
            both_empty_is_one=policy.both_empty_is_one,
        )
        at = places if rule.size is None else [0]
        above[numbers], below[numbers] = sums.above[:, at], sums.below[:, at]
    return Piece(rule, above, below, metric.low, metric.high)


def _observed(rule: Rule, places: Sequence[int], spread: Spread) -> Observations:
    """What was measured; of one size of objects, those of one class alone."""
    table, whole = spread.measurements.objects, spread.measurements.observations
    if rule.size is None or table is None or spread.size_edges is None:
        return whole
    names = bucket_names(len(spread.size_edges))
    bucket = np.searchsorted(spread.size_edges, table.size, side="right").astype(np.int64)
    counts = table.counts_by(bucket, len(names))
    return Observations(
        counts=ConfusionCounts.zeros((table.shape[0], 1)),
        objects=counts[:, places[0] : places[0] + 1, names.index(rule.size)],
    )
