"""Score histograms of probability predictions, and the threshold-free metrics that divide them.

A stored probability is 8 bits, `q = min(255, floor(256 p))`. Two histograms of `q`, one of the
pixels that are foreground in the reference and one of the rest, hold all that a curve, an area or a
calibration error needs: they add exactly over images, and no pixel is read again. The metrics are
those of the *stored* scores: probabilities within one bin of 1/256 are tied.

Every metric takes histograms of shape (..., 256) (images, classes) and gives float64 of shape
(...), in [0, 1], NaN where undefined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError
from segmetrics.metrics import overlap
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.overlap import Values

_N = TypeVar("_N", np.int64, np.float64)

BINS = 256

# Pixels per block, and histograms that take turns: neighbours mostly have equal scores, and
# counting into one bin twice in a row waits for the first addition.
_BLOCK = 1 << 18
_LANES = 4

# The probability that a bin stands for: its centre, at most 1/512 from what was stored.
_CENTRES = (np.arange(BINS) + 0.5) / BINS

# The levels a threshold in (0, 1) can take, those nearest 128 (one half) first, then the lower.
_BY_NEARNESS = np.array(sorted(range(1, BINS), key=lambda level: (abs(level - 128), level)))


@dataclass(frozen=True, slots=True, eq=False)
class ScoreHistogram:
    """Pixels (voxels) by stored score, foreground of the reference and the rest.

    Attributes
    ----------
    positives, negatives : int64, shape (..., 256)
        Pixels with score `q` that are, or are not, foreground in the reference. Leading axes, where
        there are any, are images or classes. Ignored pixels are in neither.

    Raises
    ------
    ValueError
        The shapes differ or do not end in 256.
    """

    positives: npt.NDArray[np.int64]
    negatives: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        shapes = self.positives.shape, self.negatives.shape
        if shapes[0] != shapes[1] or shapes[0][-1:] != (BINS,):
            raise ValueError(f"histograms of shape {shapes[0]} and {shapes[1]}, not (..., {BINS})")

    @classmethod
    def zeros(cls, *shape: int) -> ScoreHistogram:
        """The neutral element of `+`, of shape (*shape, 256)."""
        return cls(np.zeros((*shape, BINS), np.int64), np.zeros((*shape, BINS), np.int64))

    def __add__(self, other: ScoreHistogram) -> ScoreHistogram:
        mine, others = self.positives.shape, other.positives.shape
        if mine != others:
            raise ValueError(f"histograms of shape {mine} and {others} do not add")
        return ScoreHistogram(self.positives + other.positives, self.negatives + other.negatives)

    def sum(self, axis: int | tuple[int, ...] | None = None) -> ScoreHistogram:
        """Summed over leading axes: all of them (shape (256,)), or those in `axis`.

        Raises
        ------
        ValueError
            `axis` names the axis of the scores.
        """
        axes = tuple(range(self.positives.ndim - 1)) if axis is None else axis
        return ScoreHistogram(self.positives.sum(axis=axes), self.negatives.sum(axis=axes))

    def rows(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> ScoreHistogram:
        """The histograms of some images (first axis)."""
        return ScoreHistogram(self.positives[index], self.negatives[index])


def score_histogram(
    *,
    reference: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.uint8],
    valid: npt.NDArray[np.bool_] | None = None,
) -> ScoreHistogram:
    """Count the scores of the foreground and of the rest.

    Parameters
    ----------
    reference
        Whether each pixel is foreground; bool, any number of axes.
    scores
        Stored scores `q = min(255, floor(256 p))`; uint8, same shape.
    valid
        Pixels to count; bool, same shape. The rest are counted nowhere. All of them if None.

    Returns
    -------
    ScoreHistogram
        int64, shape (256,), in pixels (voxels).

    Raises
    ------
    DataError
        The shapes differ.
    TypeError
        An array has another dtype.
    """
    _check("reference", reference, np.bool_, scores.shape)
    _check("scores", scores, np.uint8, scores.shape)
    flat_reference, flat_scores = reference.reshape(-1), scores.reshape(-1)
    flat_valid = None
    if valid is not None:
        _check("valid", valid, np.bool_, scores.shape)
        flat_valid = valid.reshape(-1)
    counts = np.zeros(_LANES * 4 * BINS, np.int64)
    lanes = (np.arange(min(_BLOCK, scores.size), dtype=np.uint16) % _LANES) << 10
    for start in range(0, scores.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        code = flat_reference[block].astype(np.uint16) << 8
        code |= flat_scores[block]
        if flat_valid is not None:
            code |= (~flat_valid[block]).astype(np.uint16) << 9
        code |= lanes[: code.size]
        counts += np.bincount(code, minlength=counts.size)
    negatives, positives = counts.reshape(_LANES, 2, 2, BINS).sum(axis=0)[0]
    return ScoreHistogram(positives=positives, negatives=negatives)


def threshold_counts(histogram: ScoreHistogram) -> ConfusionCounts:
    """Counts when `q >= level` is foreground, for every level 0 .. 256; shape (..., 257).

    Level 0 predicts every pixel, 256 none. The last axis is levels, so `dice(threshold_counts(h))`
    and every other ratio of counts is a curve over thresholds `level / 256`.
    """
    tp, fp = _at_least(histogram.positives), _at_least(histogram.negatives)
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


def average_precision(histogram: ScoreHistogram) -> Values:
    """Average precision, `sum_n (R_n - R_(n-1)) P_n` over falling levels (steps, no interpolation).

    Equal to scikit-learn's `average_precision_score` on the stored scores. A constant score has the
    share of the foreground, so compare with that and not with 0.5. Undefined without foreground.
    Source: Zhu 2004, Recall, precision and average precision, University of Waterloo.
    """
    precision = overlap.precision(threshold_counts(histogram))[..., :BINS]
    # A level at which no foreground is added has no weight, also where its precision is 0/0.
    weighted = np.where(histogram.positives > 0, histogram.positives * precision, 0.0)
    return _divide(weighted.sum(axis=-1), histogram.positives.sum(axis=-1))


def roc_auc(histogram: ScoreHistogram) -> Values:
    """Area under the ROC curve by the trapezoid rule; 0.5 is chance.

    The probability that a foreground pixel scores above a pixel of the rest, a tie counting half
    (the Mann-Whitney statistic). Undefined unless both are there. High whatever is predicted where
    the foreground is rare: prefer average precision. Source: Hanley and McNeil 1982, Radiology
    143(1).
    """
    # Products of two pixel counts may not fit 64-bit integers.
    positives = histogram.positives.astype(np.float64)
    negatives = histogram.negatives.astype(np.float64)
    twice_wins = _at_least(positives)[..., :BINS] + _at_least(positives)[..., 1:]
    pairs = positives.sum(axis=-1) * negatives.sum(axis=-1)
    # Rounding may leave the range by a few units in the last place.
    return np.clip(_divide((negatives * twice_wins).sum(axis=-1) / 2, pairs), 0.0, 1.0)


def brier(histogram: ScoreHistogram) -> Values:
    """Brier score, the mean over pixels of `(p - y)^2` with y = 1 for foreground; 0 is best.

    A bin stands for its centre, `p = (q + 0.5) / 256`. With B the value returned, the score of the
    unquantised probabilities is within `sqrt(B) / 256 + 2**-18` (so always within 1/256); a model
    that is certain and right has 2**-18 here instead of 0. Undefined without pixels. Source: Brier
    1950, Monthly Weather Review 78(1).
    """
    squares = histogram.positives * (1 - _CENTRES) ** 2 + histogram.negatives * _CENTRES**2
    return _divide(squares.sum(axis=-1), _pixels(histogram))


def calibration_error(histogram: ScoreHistogram, *, n_bins: int = 16) -> Values:
    """Expected calibration error of the foreground probability; 0 is best.

    `sum_b |sum of p - foreground pixels| / pixels` over `n_bins` bins of equal width, each a whole
    number of stored scores (hence 16 and not the customary 15), with `p = (q + 0.5) / 256`. Of the
    probability of the foreground, not of the winning label's confidence. Within 1/512 of the value
    of unquantised probabilities in these bins. Undefined without pixels. Mostly background pixels
    make it small: look at it beside Dice. Source: Naeini et al. 2015, AAAI.

    Raises
    ------
    ValueError
        256 is not a multiple of `n_bins`.
    """
    if n_bins < 1 or BINS % n_bins:
        raise ValueError(f"n_bins {n_bins}: 256 scores do not fall into so many equal bins")
    n = histogram.positives + histogram.negatives
    gaps = (n * _CENTRES - histogram.positives).reshape(*n.shape[:-1], n_bins, BINS // n_bins)
    return _divide(np.abs(gaps.sum(axis=-1)).sum(axis=-1), _pixels(histogram))


def f_beta_by_level(histogram: ScoreHistogram, *, beta: float) -> Values:
    """`f_beta` of every threshold `level / 256`, shape (..., 257); see `overlap.f_beta`."""
    return overlap.f_beta(threshold_counts(histogram), beta=beta)


def best_level(histogram: ScoreHistogram, *, beta: float) -> Values:
    """The level 1 .. 255 with the largest F-beta; its threshold is `level / 256`.

    Levels 0 and 256 predict everything and nothing whatever the model says, and are no thresholds.
    Ties go to the level nearest 128 (one half), then to the lower. A whole number as float64,
    shape (...); NaN without foreground, where every level is as good.
    """
    values = f_beta_by_level(histogram, beta=beta)[..., _BY_NEARNESS]
    best = _BY_NEARNESS[np.argmax(values, axis=-1)].astype(np.float64)
    return np.where(histogram.positives.any(axis=-1), best, np.nan)


def _at_least(bins: npt.NDArray[_N]) -> npt.NDArray[_N]:
    """Sum of the bins from each level on, levels 0 .. 256."""
    return np.concatenate(
        [np.cumsum(bins[..., ::-1], axis=-1)[..., ::-1], np.zeros_like(bins[..., :1])], axis=-1
    )


def _divide(numerator: npt.NDArray[_N], denominator: npt.NDArray[_N]) -> Values:
    """The quotient, NaN where the denominator is zero; of any shape, () too."""
    empty = denominator == 0
    return np.where(empty, np.nan, numerator / np.where(empty, 1, denominator))


def _pixels(histogram: ScoreHistogram) -> npt.NDArray[np.int64]:
    pixels: npt.NDArray[np.int64] = (histogram.positives + histogram.negatives).sum(axis=-1)
    return pixels


def _check(name: str, array: npt.NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype:
        raise TypeError(f"{name} holds {array.dtype}, not {np.dtype(dtype)}")
    if array.shape != shape:
        raise DataError(
            "score_histogram",
            f"{name} has shape {array.shape}, the scores {shape}",
            "nothing is resized to fit: bring the prediction to the size of the reference",
        )
