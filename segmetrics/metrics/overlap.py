"""Overlap metrics: ratios of the four counts of `ConfusionCounts`, class by class.

Every function takes counts of shape (..., K) and gives float64 of that shape. A ratio 0/0 is
undefined and NaN, never 0 and never 1; `ratio` is the one place that decides it. All values lie in
[0, 1] unless the docstring says otherwise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.counts import ConfusionCounts

Values = npt.NDArray[np.float64]


def ratio(
    numerator: npt.NDArray[np.number], denominator: npt.NDArray[np.number], empty: float = np.nan
) -> Values:
    """`numerator / denominator`, `empty` where the denominator is zero."""
    undefined = denominator == 0
    quotient: Values = np.divide(
        numerator, np.where(undefined, 1, denominator), dtype=np.float64, casting="unsafe"
    )
    quotient[undefined] = empty
    return quotient


def dice(counts: ConfusionCounts, *, both_empty: float = np.nan) -> Values:
    """Dice similarity coefficient, `2 TP / (2 TP + FP + FN)`.

    Undefined (`both_empty`) only where neither mask has a pixel of the class. Source: Dice 1945,
    Ecology 26(3); equal to F1.
    """
    return ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn, both_empty)


def iou(counts: ConfusionCounts, *, both_empty: float = np.nan) -> Values:
    """Intersection over union, `TP / (TP + FP + FN)`.

    Undefined (`both_empty`) only where neither mask has a pixel of the class. Source: Jaccard 1912,
    New Phytologist 11(2). `Dice = 2 IoU / (1 + IoU)`.
    """
    return ratio(counts.tp, counts.tp + counts.fp + counts.fn, both_empty)


def precision(counts: ConfusionCounts) -> Values:
    """Share of the predicted pixels that are right, `TP / (TP + FP)`.

    Undefined where nothing is predicted. Also: positive predictive value.
    """
    return ratio(counts.tp, counts.tp + counts.fp)


def recall(counts: ConfusionCounts) -> Values:
    """Share of the reference pixels that are found, `TP / (TP + FN)`.

    Undefined where the reference is empty. Also: sensitivity, true positive rate.
    """
    return ratio(counts.tp, counts.tp + counts.fn)


def f_beta(counts: ConfusionCounts, *, beta: float) -> Values:
    """F-beta, `(1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP)`.

    Recall weighs `beta` times as much as precision: F2 for recall first, F0.5 for precision first.
    Undefined where both masks are empty. Source: van Rijsbergen 1979, Information Retrieval, ch. 7.
    """
    weight = beta * beta
    numerator = (1 + weight) * counts.tp
    return ratio(numerator, numerator + weight * counts.fn + counts.fp)


def specificity(counts: ConfusionCounts) -> Values:
    """Share of the other pixels that are left alone, `TN / (TN + FP)`.

    Undefined where the reference covers everything. Near 1 on small objects whatever is predicted.
    """
    return ratio(counts.tn, counts.tn + counts.fp)


def accuracy(counts: ConfusionCounts) -> Values:
    """Share of all pixels that are right, `(TP + TN) / (TP + FP + FN + TN)`.

    Undefined where every pixel is ignored. Shown, never trusted: predicting nothing on a class that
    covers 2 % of the pixels has accuracy 0.98.
    """
    total = counts.tp + counts.fp + counts.fn + counts.tn
    return ratio(counts.tp + counts.tn, total)


def balanced_accuracy(counts: ConfusionCounts) -> Values:
    """Mean of recall and specificity; undefined where either is. Predicting nothing gives 0.5."""
    return (recall(counts) + specificity(counts)) / 2


def mcc(counts: ConfusionCounts) -> Values:
    """Matthews correlation coefficient, in [-1, 1]; 0 is chance.

    `(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))`, undefined where a factor is zero.
    Source: Matthews 1975, Biochim. Biophys. Acta 405(2).
    """
    tp, fp, fn, tn = (a.astype(np.float64) for a in (counts.tp, counts.fp, counts.fn, counts.tn))
    # In pairs: the root of a square is exact, so that a perfect prediction has exactly 1.
    product = np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn))
    # Rounding may leave the range by a few units in the last place.
    return np.clip(ratio(tp * tn - fp * fn, product), -1.0, 1.0)


def volume_error(counts: ConfusionCounts) -> Values:
    """Signed relative volume error, `(FP - FN) / (TP + FN)`, in [-1, inf); 0 is best.

    Positive: too much is predicted. Undefined where the reference is empty.
    """
    return ratio(counts.fp - counts.fn, counts.tp + counts.fn)


def fp_on_empty(counts: ConfusionCounts) -> Values:
    """1 where something is predicted although the reference is empty, 0 where nothing is.

    Undefined where the reference is not empty, so that its mean over images is the rate of false
    alarms on empty references.
    """
    alarm = (counts.fp > 0).astype(np.float64)
    return np.where(counts.tp + counts.fn == 0, alarm, np.nan)
