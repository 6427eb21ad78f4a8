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

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from segmetrics.stats.resampling import Resampling
from segmetrics.stats.sums import GroupSums

Values = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# Resampled sums that are in memory at once (64 MB).
_MOST = 1 << 23
_CACHED = 1 << 20
# Ends are rounded: the last digits of a matrix product depend on the processor.
_DECIMALS = 9
# Groups that have shown half of how far off one may lie: see `farther`.
_FARTHER = 40


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Ends by class, shape (R,), and those of the class mean; NaN where there is none."""

    low: Values
    high: Values
    mean_low: float
    mean_high: float


def intervals(
    sums: Iterable[GroupSums], groups: Index, scored: Sequence[int], resampling: Resampling
) -> list[Intervals]:
    """The intervals of some metrics of the same groups and classes.

    Parameters
    ----------
    sums
        Read a few at a time, so that they need not all be in memory.
    groups
        Shape (G,), G > 0: the numbers of the groups, in the order of the rows of the sums.
    scored
        The places of the classes that class means are over; those without a value are left out.
    """
    found: list[Intervals] = []
    # Weights of few groups are drawn once for all blocks, which may then be as small as caches.
    few = resampling.in_one_chunk(groups.size)
    kept = list(resampling.weights(groups)) if few else None
    unseen = resampling.unseen()
    iterator = iter(sums)
    for first in iterator:
        columns = 2 * max(first.above.shape[1], 1)
        per_block = max(1, (_CACHED if few else _MOST) // (columns * resampling.resamples))
        block = [first, *islice(iterator, per_block - 1)]
        weights = resampling.weights(groups) if kept is None else kept
        for one, (above, below) in zip(block, resampled(block, weights), strict=True):
            found.append(_ends(one, above, below, unseen, list(scored), resampling.tail))
    return found


def resampled(
    sums: Sequence[GroupSums], weights: Iterable[tuple[slice, Values]]
) -> Iterator[tuple[Values, Values]]:
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
    matrix = np.array(columns)
    products: Values | None = None
    for some, drawn in weights:
        product = matrix[:, some] @ drawn
        products = product if products is None else np.add(products, product, out=products)
    if products is None:
        raise ValueError("no groups")
    for above, below in where:
        yield products[above], products[below]


def unseen_low(sums: GroupSums) -> tuple[Values, Values]:
    """Value and size of the unseen group for the lower end, shape (R,) each."""
    return np.full(sums.below.shape[1], sums.low), sums.unseen_size


def unseen_high(sums: GroupSums) -> tuple[Values, Values]:
    """Value and size of the unseen group for the upper end, shape (R,) each.

    Where the range has no end (distances, numbers of objects) it lies beyond the value by `farther`
    than any group seen, and at most at `most`.
    """
    if np.isfinite(sums.high):
        return np.full(sums.below.shape[1], sums.high), sums.unseen_size
    worst = np.nan_to_num(sums.value) + farther(sums.influence(), sums)
    return np.minimum(worst, sums.most), sums.mean_size


def farther(pull: Values, sums: GroupSums) -> Values:
    """How far an unseen group may lie off, shape (R,): the fewer groups, the farther.

    The largest pull seen, times `1 + 40 / groups`, and at least `step`.
    """
    times = 1 + _FARTHER / np.maximum(sums.groups, 1)
    reach: Values = np.maximum(times * pull.max(axis=0, initial=0.0), sums.step)
    return reach


def joined(above: Values, below: Values, unseen: Values, value: Values, size: Values) -> Values:
    """Resampled values with an unseen group of that value and size, shape (R, B)."""
    extra = size[:, np.newaxis] * unseen
    total = below + extra
    if value.any():
        extra *= value[:, np.newaxis]
        above = np.add(above, extra, out=extra)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 where the metric is undefined
        result: Values = np.divide(above, total, out=total)
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
    low, high = lower_end(lower, tail), upper_end(upper, tail)
    low, high = (np.clip(np.round(x, _DECIMALS), sums.low, sums.most) for x in (low, high))
    return Intervals(low[:-1], high[:-1], float(low[-1]), float(high[-1]))


def with_mean(values: Values, places: Sequence[int]) -> Values:
    """One more row: the mean of some; NaN where there are none."""
    mean = values[list(places)].mean(axis=0) if places else np.full(values.shape[1], np.nan)
    return np.vstack((values, mean))


def lower_end(values: Values, tail: float) -> Values:
    """The largest of the resampled values below which at most the share `tail` lies, by row."""
    place = min(int(tail * values.shape[1]), values.shape[1] - 1)
    return np.array([_smallest(row, place) for row in values])


def upper_end(values: Values, tail: float) -> Values:
    """The smallest of the resampled values above which at most the share `tail` lies, by row."""
    return -lower_end(-values, tail)


def _smallest(row: Values, place: int) -> float:
    """`np.sort(row)[place]`, several times faster where the place is near the beginning."""
    some = row[:: max(1, row.size // 1000)]
    guess = np.partition(some, min(some.size - 1, 2 * place * some.size // row.size + 10))
    bound = guess[min(some.size - 1, 2 * place * some.size // row.size + 10)]
    few = row[row <= bound]
    few = few if few.size > place else row  # also where all are NaN
    return float(np.partition(few, place)[place])
