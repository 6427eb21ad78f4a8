"""Metrics of stored scores that need no threshold: areas under curves, and calibration.

They are the metrics of the *stored* scores: probabilities within one bin of 1/256 are tied. Every
metric takes histograms of shape (..., 256) (images, classes) and gives float64 of shape (...), in
[0, 1], NaN where undefined.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.metrics import overlap
from segmetrics.metrics.histograms import BINS
from segmetrics.metrics.histograms import ScoreHistogram as ScoreHistogram
from segmetrics.metrics.histograms import near_histograms as near_histograms
from segmetrics.metrics.histograms import score_histogram as score_histogram
from segmetrics.metrics.overlap import Values
from segmetrics.metrics.thresholds import PrecisionRecallCurve as PrecisionRecallCurve
from segmetrics.metrics.thresholds import precision_recall_curve as precision_recall_curve
from segmetrics.metrics.thresholds import sum_from, threshold_counts

# The probability that a bin stands for: its centre, at most 1/512 from what was stored.
_CENTRES = (np.arange(BINS) + 0.5) / BINS


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
    twice_wins = sum_from(positives)[..., :BINS] + sum_from(positives)[..., 1:]
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


def _divide(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any]) -> Values:
    """The quotient, NaN where the denominator is zero; of any shape, () too."""
    empty = denominator == 0
    return np.where(empty, np.nan, numerator / np.where(empty, 1, denominator))


def _pixels(histogram: ScoreHistogram) -> npt.NDArray[np.int64]:
    pixels: npt.NDArray[np.int64] = (histogram.positives + histogram.negatives).sum(axis=-1)
    return pixels
