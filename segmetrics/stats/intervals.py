"""Confidence intervals of every metric, class and aggregate at once.

Groups are weighted at random (the Bayesian bootstrap). For the lower end a further group joins them
that has the worst value the metric can have, for the upper end one that has the best: what n groups
did not show may still exist. The ends are the quantiles of the resampled values. For the mean of n
groups this is the bound of Gaffke 2005 (Learned-Miller and Thomas 2020, "A new confidence interval
for the mean of a bounded random variable", arXiv 1905.06208): for values 0 and 1 it is the
interval of Clopper and Pearson, and no distribution on the range is known for which an end misses
too often. docs/statistics.md has the simulation that chose it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.stats.resampling import Resampling
from segmetrics.stats.sums import GroupSums

Values = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# Resampled sums that are in memory at once (64 MB).
_MOST = 1 << 23
# Ends are rounded: the last digits of a matrix product depend on the processor.
_DECIMALS = 9
# Where the range has no end: the unseen group is so many times as far off as the farthest seen.
_FARTHER = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Ends by class, shape (R,), and those of the class mean; NaN where there is none."""

    low: Values
    high: Values
    mean_low: float
    mean_high: float


def intervals(
    sums: Sequence[GroupSums], groups: Index, scored: Sequence[int], resampling: Resampling
) -> list[Intervals]:
    """The intervals of some metrics of the same groups and classes.

    Parameters
    ----------
    groups
        Shape (G,): the numbers of the groups, in the order of the rows of the sums.
    scored
        The places of the classes that class means are over; those without a value are left out.
    """
    found: list[Intervals] = []
    while len(found) < len(sums):
        columns = 2 * max(1, sums[len(found)].above.shape[1])
        n_metrics = max(1, _MOST // (columns * resampling.resamples))
        block = sums[len(found) : len(found) + n_metrics]
        unseen = resampling.unseen()
        for one, (above, below) in zip(block, resampled(block, groups, resampling), strict=True):
            found.append(_ends(one, above, below, unseen, list(scored), resampling.tail))
    return found


def resampled(
    sums: Sequence[GroupSums], groups: Index, resampling: Resampling, stream: int = 0
) -> list[tuple[Values, Values]]:
    """Weighted `above` and `below` of each metric, shape (R, B) each."""
    places: dict[bytes, int] = {}
    columns: list[Values] = []

    def place(column: Values) -> int:
        key = column.tobytes()
        if key not in places:
            places[key] = len(columns)
            columns.append(column)
        return places[key]

    # Many are equal: the images in which Dice is defined are those in which IoU is.
    where = [[[place(c) for c in part.T.copy()] for part in (s.above, s.below)] for s in sums]
    matrix = np.array(columns).reshape(len(columns), groups.size)
    products = np.zeros((len(columns), resampling.resamples))
    for some, weights in resampling.weights(groups, stream):
        products += matrix[:, some] @ weights
    return [(products[above], products[below]) for above, below in where]


def unseen_low(sums: GroupSums) -> tuple[Values, Values]:
    """Value and size of the unseen group for the lower end, shape (R,) each."""
    return np.full(sums.below.shape[1], sums.low), _size(sums)


def unseen_high(sums: GroupSums) -> tuple[Values, Values]:
    """Value and size of the unseen group for the upper end, shape (R,) each.

    Where the range has no end (distances, numbers of objects) it is half as far again above the
    value as the farthest group seen, by influence, and at least `step`.
    """
    if np.isfinite(sums.high):
        return np.full(sums.below.shape[1], sums.high), _size(sums)
    reach = sums.influence().max(axis=0, initial=0.0)
    worst = sums.value + np.maximum(_FARTHER * reach, sums.step)
    return np.minimum(worst, sums.most), sums.mean_size


def _size(sums: GroupSums) -> Values:
    """The size of the group to which a random unit (image, pixel, object) belongs."""
    total = sums.below.sum(axis=0)
    squares: Values = (sums.below**2).sum(axis=0)
    return squares / np.where(total > 0, total, 1.0)


def joined(above: Values, below: Values, unseen: Values, value: Values, size: Values) -> Values:
    """Resampled values with an unseen group among the others, shape (R, B)."""
    extra = size[:, np.newaxis] * unseen
    total = below + extra
    result: Values = (above + value[:, np.newaxis] * extra) / np.where(total > 0, total, np.nan)
    return result


def _ends(
    sums: GroupSums,
    above: Values,
    below: Values,
    unseen: Values,
    scored: list[int],
    tail: float,
) -> Intervals:
    value = sums.value
    there = [k for k in scored if np.isfinite(value[k])]
    lower, upper = (
        with_mean(joined(above, below, unseen, *worst(sums)), there)
        for worst in (unseen_low, unseen_high)
    )
    low, high = lower_end(lower, tail), -lower_end(-upper, tail)
    low, high = (np.clip(np.round(x, _DECIMALS), sums.low, sums.most) for x in (low, high))
    return Intervals(low[:-1], high[:-1], float(low[-1]), float(high[-1]))


def with_mean(values: Values, places: Sequence[int]) -> Values:
    """One more row: the mean of some; NaN where there are none."""
    if not places:
        return np.vstack((values, np.full((1, values.shape[1]), np.nan)))
    return np.vstack((values, values[list(places)].mean(axis=0, keepdims=True)))


def lower_end(values: Values, tail: float) -> Values:
    """The largest of the resampled values below which at most the share `tail` lies, by row."""
    place = min(int(tail * values.shape[1]), values.shape[1] - 1)
    ordered: Values = np.partition(values, place, axis=1)[:, place]
    return ordered
