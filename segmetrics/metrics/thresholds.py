"""Thresholds of stored scores: counts and curves at every one of them, and the best.

The threshold `level / 256` makes foreground of `q >= level`, exactly the pixels with `p >= level /
256`. Counts at all 257 levels are sums of histogram bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from segmetrics.metrics import overlap
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.histograms import BINS, ScoreHistogram
from segmetrics.metrics.overlap import Values

_N = TypeVar("_N", np.int64, np.float64)


def threshold_counts(histogram: ScoreHistogram) -> ConfusionCounts:
    """Counts when `q >= level` is foreground, for every level 0 .. 256; shape (..., 257).

    Level 0 predicts every pixel, 256 none. The last axis is levels, so `dice(threshold_counts(h))`
    and every other ratio of counts is a curve over thresholds `level / 256`.
    """
    tp, fp = sum_from(histogram.positives), sum_from(histogram.negatives)
    return ConfusionCounts(tp=tp, fp=fp, fn=tp[..., :1] - tp, tn=fp[..., :1] - fp)


def counts_at(histogram: ScoreHistogram, *, level: int) -> ConfusionCounts:
    """Counts when `q >= level` is foreground, shape (...); equal to thresholding the pixels.

    Raises
    ------
    ValueError
        `level` is not in 0 .. 256.
    """
    if not 0 <= level <= BINS:
        raise ValueError(f"level {level} is not in 0 .. {BINS}")
    positives, negatives = histogram.positives, histogram.negatives
    return ConfusionCounts(
        tp=positives[..., level:].sum(axis=-1),
        fp=negatives[..., level:].sum(axis=-1),
        fn=positives[..., :level].sum(axis=-1),
        tn=negatives[..., :level].sum(axis=-1),
    )


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall by level 0 .. 256; float64, shape (..., 257).

    Recall falls as the level rises. Precision is NaN where nothing is predicted, recall where the
    reference is empty; no point (0, 1) is made up at the end.
    """

    precision: Values
    recall: Values


def precision_recall_curve(histogram: ScoreHistogram) -> PrecisionRecallCurve:
    """Precision and recall of every threshold `level / 256`."""
    counts = threshold_counts(histogram)
    return PrecisionRecallCurve(overlap.precision(counts), overlap.recall(counts))


def f_beta_by_level(histogram: ScoreHistogram, *, beta: float) -> Values:
    """`f_beta` of every threshold `level / 256`, shape (..., 257); see `overlap.f_beta`."""
    return overlap.f_beta(threshold_counts(histogram), beta=beta)


def best_level(histogram: ScoreHistogram, *, beta: float) -> Values:
    """The level 1 .. 255 with the largest F-beta; its threshold is `level / 256`.

    Levels 0 and 256 predict everything and nothing whatever the model says, and are no thresholds.
    Where several levels are best, it is the middle of the widest run of them (the lower of two
    middles): the threshold from which scores may move the furthest either way without a loss. Runs
    of one width: that whose middle is nearest 128 (one half), then the lower. A whole number as
    float64, shape (...); NaN without foreground, where every level is as good.
    """
    values = f_beta_by_level(histogram, beta=beta)[..., 1:BINS]
    there = histogram.positives.any(axis=-1)
    rows = values.reshape(-1, BINS - 1)
    levels = [
        _middle(row == row.max()) if found else np.nan
        for row, found in zip(rows, there.reshape(-1), strict=True)
    ]
    return np.array(levels, np.float64).reshape(there.shape)


@dataclass(frozen=True, slots=True)
class Objective:
    """What a threshold is chosen for.

    Attributes
    ----------
    beta
        The largest F-beta, where there is no floor.
    floor, at_least
        The largest precision among the thresholds whose recall is at least `at_least`
        (`floor="recall"`), or the reverse (`floor="precision"`).
    """

    beta: float = 1.0
    floor: Literal["recall", "precision"] | None = None
    at_least: float = 0.0

    @property
    def metric(self) -> str:
        """What is made as large as can be: `f2`, `precision`, `recall`."""
        if self.floor is None:
            return f"f{self.beta:g}"
        return "precision" if self.floor == "recall" else "recall"

    def __str__(self) -> str:
        if self.floor is None:
            return self.metric
        return f"{self.metric} where {self.floor} >= {self.at_least:g}"


@dataclass(frozen=True, slots=True)
class ChosenLevel:
    """A level 1 .. 255 and the value of the objective's metric there."""

    level: int
    value: float


def choose_level(histogram: ScoreHistogram, objective: Objective) -> ChosenLevel | None:
    """The level that is best for the objective; one histogram, of shape (256,).

    Ties are broken as in `best_level`; among thresholds of equal precision over a floor of recall,
    those of the highest recall come first, and the reverse. None where no level 1 .. 255 will do:
    without foreground, where none of it is ever found, or where the floor is out of reach.
    """
    counts = threshold_counts(histogram)
    if objective.floor is None:
        values = overlap.f_beta(counts, beta=objective.beta)[1:BINS]
        fitting = values > 0  # NaN is not
        second = np.zeros(BINS - 1)
    else:
        rates = {"precision": overlap.precision(counts), "recall": overlap.recall(counts)}
        values, second = rates[objective.metric][1:BINS], rates[objective.floor][1:BINS]
        fitting = (second >= objective.at_least) & (values > 0)
    if not fitting.any():
        return None
    best = fitting & (values == values[fitting].max())
    best &= second == second[best].max()
    level = _middle(best)
    return ChosenLevel(level, float(values[level - 1]))


def highest(
    histogram: ScoreHistogram, metric: Literal["recall", "precision"]
) -> ChosenLevel | None:
    """The level where precision or recall is highest: what a floor can be set to; None: nowhere."""
    values = getattr(overlap, metric)(threshold_counts(histogram))[1:BINS]
    defined = np.isfinite(values)
    if not defined.any():
        return None
    level = _middle(defined & (values == values[defined].max()))
    return ChosenLevel(level, float(values[level - 1]))


def _middle(best: npt.NDArray[np.bool_]) -> int:
    """The middle of the widest run of levels that are best (entry 0 is level 1)."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], best, [False]))))
    first, last = ends[::2] + 1, ends[1::2]
    width = last - first
    middles = (first + last) // 2
    order = np.lexsort((middles, np.abs(middles - BINS // 2), -width))
    return int(middles[order[0]])


def sum_from(bins: npt.NDArray[_N]) -> npt.NDArray[_N]:
    """Sum of the bins from each level on, levels 0 .. 256."""
    return np.concatenate(
        [np.cumsum(bins[..., ::-1], axis=-1)[..., ::-1], np.zeros_like(bins[..., :1])], axis=-1
    )
