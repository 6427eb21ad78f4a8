"""How often a set of rules passes: simulated test sets, judged by the intervals that judge.

A test set of n groups is n draws, with replacement, from a population of groups. Every test set is
judged as `gates` judges: by the value alone, or by the lower end of its interval (`intervals`) from
the same random weights. All rules see the same draws, so what they share is kept.
docs/planning.md says what this can tell and what it cannot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from segmetrics.stats.intervals import joined, lower_end, unseen_low
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.sums import GroupSums

Values = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Resampled values that are in memory at once (16 MB).
_MOST = 1 << 21
_DECIMALS = 9  # as the ends of intervals are rounded


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """One number with a floor, in G groups and for L models of different quality.

    Attributes
    ----------
    above, below
        Shapes (L, G, K) and (G, K): the number is the mean over K classes of
        `above.sum(groups) / below.sum(groups)`; `below` is 0 where a group says nothing.
    low
        The worst value there can be: that of the unseen group.
    bound
        The floor.
    point
        Whether the value alone is compared.
    min_groups
        With fewer groups that say something nothing passes, unless `point`.
    """

    above: Values
    below: Values
    low: float
    bound: float
    point: bool
    min_groups: int

    def level(self, place: int) -> Population:
        """One of the L models alone."""
        return replace(self, above=self.above[place : place + 1])


def flipped(above: Values, below: Values, *, low: float, high: float) -> Values:
    """`above` of `low + high - value`: a ceiling on a value is a floor on this one."""
    turned: Values = (low + high) * below - above
    return turned


def moved(above: Values, below: Values, target: float, *, low: float, high: float) -> Values | None:
    """The groups of a model whose true value is `target`.

    What every group lacks of the best value is multiplied by one factor, and cut off where it
    would go below the worst value: good groups stay good, poor ones stay poor, and the spread
    shrinks as the value approaches the best.

    Parameters
    ----------
    above, below
        Shape (G, K), as in `Population`.
    target
        In (low, high).

    Returns
    -------
    array of shape (G, K), or None
        None: no factor does, because nearly all groups are perfect.
    """
    total = below.sum(axis=0)
    if not (total > 0).all():
        return np.zeros_like(above)  # undefined at every factor

    def scaled(factor: float) -> Values:
        lacking = np.minimum(factor * (high * below - above), (high - low) * below)
        result: Values = high * below - lacking
        return result

    def value(factor: float) -> float:
        return float((scaled(factor).sum(axis=0) / total).mean())

    most = 1.0
    while value(most) > target:
        most *= 2
        if most > 1e9:
            return None
    least = 0.0
    for _ in range(60):
        middle = (least + most) / 2
        least, most = (middle, most) if value(middle) > target else (least, middle)
    return scaled(most)


def pass_chances(
    populations: Sequence[Population],
    *,
    groups: int,
    test_sets: int,
    resampling: Resampling,
    rng: np.random.Generator,
) -> tuple[Values, Values]:
    """How often all of them pass, and each by itself.

    Parameters
    ----------
    populations
        P of them, of the same groups and models.
    groups
        n, of every test set.
    test_sets
        How many are simulated. The standard error of a chance p is sqrt(p (1 - p) / test_sets).

    Returns
    -------
    together, each
        Shapes (L,) and (P, L), in [0, 1].
    """
    n_levels, n_groups = populations[0].above.shape[:2]
    drawn = rng.integers(0, n_groups, (test_sets, groups))
    weights = np.concatenate([w for _, w in resampling.weights(np.arange(groups))])
    unseen = resampling.unseen()
    together = np.ones((test_sets, n_levels), bool)
    each = np.empty((len(populations), n_levels))
    for place, population in enumerate(populations):
        columns = n_levels * population.below.shape[1]
        rows = max(1, _MOST // (columns * max(resampling.resamples, groups)))
        found = np.concatenate(
            [
                _passes(population, drawn[start : start + rows], weights, unseen, resampling.tail)
                for start in range(0, test_sets, rows)
            ]
        )
        each[place] = found.mean(axis=0)
        together &= found
    return together.mean(axis=0), each


def _passes(p: Population, drawn: npt.NDArray[np.intp], weights: Values, unseen: Values,
            tail: float) -> Bools:  # fmt: skip
    """Which test sets pass at which level, shape (T, L)."""
    above = p.above[:, drawn].transpose(1, 0, 3, 2)  # T, L, K, n
    below = p.below[drawn].transpose(0, 2, 1)[:, np.newaxis]  # T, 1, K, n
    total = below.sum(axis=-1)
    value = above.sum(axis=-1) / np.where(total > 0, total, np.nan)
    defined = (below > 0).sum(axis=-1)
    mean = np.round(value.mean(axis=-1), _DECIMALS)
    meets: Bools = mean >= p.bound
    if p.point or not meets.any():
        return meets
    enough = defined.min(axis=-1) >= p.min_groups
    columns = below.reshape(-1, below.shape[-1]).T
    worst = unseen_low(GroupSums(columns, columns, p.low, math.inf, 0.0, math.inf))
    shape = (*value.shape, weights.shape[1])
    resampled = joined(
        _product(above, weights),
        np.broadcast_to(_product(below, weights).reshape(*total.shape, -1), shape).reshape(
            -1, shape[-1]
        ),
        unseen,
        *(np.broadcast_to(x.reshape(total.shape), value.shape).reshape(-1) for x in worst),
    )
    ends = lower_end(resampled.reshape(shape).mean(axis=2).reshape(-1, shape[-1]), tail)
    low = np.round(ends.reshape(mean.shape), _DECIMALS)
    passes: Bools = meets & enough & (np.minimum(low, mean) >= p.bound)
    return passes


def _product(columns: Values, weights: Values) -> Values:
    """(..., n) and (n, B) to (rows, B), as one matrix product: many small ones are slow."""
    product: Values = columns.reshape(-1, columns.shape[-1]) @ weights
    return product


def groups_for(
    chance: Callable[[int], float], wanted: float, *, first: int, most: int = 5000
) -> int | None:
    """About how many groups it takes, to 10 %, in two digits; None: more than `most`.

    Parameters
    ----------
    chance
        That of a number of groups.
    first
        With fewer nothing passes.
    """
    low, high = 0, first
    while chance(high) < wanted:
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while low and high - low > max(1, 0.1 * high):
        middle = (low + high) // 2
        low, high = (low, middle) if chance(middle) >= wanted else (middle, high)
    return two_digits(high) if low else high


def two_digits(number: int) -> int:
    """Rounded up to two digits: 137 is 140."""
    step = int(10 ** max(0, len(str(number)) - 2))
    return math.ceil(number / step) * step
