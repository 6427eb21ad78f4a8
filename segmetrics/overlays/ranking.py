"""Which images to show: the worst, some in the middle, the best, by the table of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.overlays.index import Kind

Floats = npt.NDArray[np.float64]
# Of the worst images, at most one in so many is a false alarm, whose metric may be undefined: many
# small ones must not push out what is missed.
_FALSE_ALARMS_ONE_IN = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many images of each kind."""

    worst: int
    median: int
    best: int


@dataclass(frozen=True, slots=True)
class Pick:
    """An image to show: the place of its row in the table, and that of the class to show."""

    kind: Kind
    row: int
    target: int
    value: float | None
    dice: float | None


def rank_images(
    ids: Sequence[str],
    counts: ConfusionCounts,
    scored: Sequence[int],
    *,
    metric: str,
    wanted: Wanted,
) -> tuple[list[Pick], int]:
    """The images to show, worst first, each once; and how many have a value of the metric.

    An image's value is the mean of its scored classes, as far as they are defined. Ties: the lower
    Dice, then more wrong pixels, then the id. Images without a value that hold wrong pixels (a
    class is predicted that is not there) take up to a third of the worst places.

    Parameters
    ----------
    ids
        Of the n images.
    counts
        Shape (n, R).
    scored
        Places of the scored classes among the R.
    metric
        One that is computed from counts, higher is better.

    Raises
    ------
    DataError
        There is no scored class.
    """
    if not scored:
        raise DataError("overlays", "no class is scored", "see data.exclude")
    columns = (counts.tp, counts.fp, counts.fn, counts.tn)
    own = ConfusionCounts(*(column[:, list(scored)] for column in columns))
    values = _mean_defined(CATALOG[metric].values(own, both_empty_is_one=False))
    dice = CATALOG["dice"].values(own, both_empty_is_one=False)
    wrong = own.fp + own.fn
    order = np.lexsort(
        (np.argsort(np.argsort(np.asarray(ids, dtype=str))), -wrong.sum(axis=1),
         _mean_defined(dice), values)
    )  # fmt: skip
    ranked = [int(i) for i in order if np.isfinite(values[i])]
    alarms = [int(i) for i in order if not np.isfinite(values[i]) and wrong[i].any()]
    alarms.sort(key=lambda i: (-int(wrong[i].sum()), ids[i]))
    places = _places(ranked, alarms, wanted)
    shown = [scored[_worst_class(dice[i], wrong[i])] for _, i in places]
    picks = [
        Pick(kind, i, target, _or_none(values[i]), _or_none(dice[i][scored.index(target)]))
        for (kind, i), target in zip(places, shown, strict=True)
    ]
    return picks, len(ranked)


def _places(ranked: Sequence[int], alarms: Sequence[int], wanted: Wanted) -> list[tuple[Kind, int]]:
    held = alarms[: max(wanted.worst // _FALSE_ALARMS_ONE_IN, wanted.worst - len(ranked))]
    worst = list(ranked[: wanted.worst - len(held)])
    rest = ranked[len(worst) :]
    best = rest[max(0, len(rest) - wanted.best) :][::-1] if wanted.best else []
    rest = rest[: len(rest) - len(best)]
    # Those around the middle of all, as far as they are not shown already.
    middle = (len(ranked) - 1) / 2
    near = sorted(range(len(rest)), key=lambda k: (abs(len(worst) + k - middle), k))
    median = [rest[k] for k in sorted(near[: wanted.median])]
    kinds: tuple[tuple[Kind, Sequence[int]], ...] = (
        ("worst", [*worst, *held]), ("median", median), ("best", best)
    )  # fmt: skip
    return [(kind, i) for kind, places in kinds for i in places]


def _worst_class(dice: Floats, wrong: npt.NDArray[np.int64]) -> int:
    """The class with the lowest Dice; of equal ones that with more wrong pixels, then the first."""
    return int(np.lexsort((-wrong, np.where(np.isfinite(dice), dice, np.inf)))[0])


def _mean_defined(values: Floats) -> Floats:
    """The mean of the defined values of each row, NaN where there are none."""
    there = np.isfinite(values)
    n = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
