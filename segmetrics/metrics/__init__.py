"""Metrics on plain arrays: numpy alone, N-D, typed, no files."""

from segmetrics.metrics.counts import (
    ConfusionCounts,
    LabelLookup,
    confusion_matrix,
    count_confusion,
)
from segmetrics.metrics.overlap import (
    accuracy,
    balanced_accuracy,
    dice,
    f_beta,
    fp_on_empty,
    iou,
    mcc,
    precision,
    recall,
    specificity,
    volume_error,
)

__all__ = [
    "ConfusionCounts",
    "LabelLookup",
    "accuracy",
    "balanced_accuracy",
    "confusion_matrix",
    "count_confusion",
    "dice",
    "f_beta",
    "fp_on_empty",
    "iou",
    "mcc",
    "precision",
    "recall",
    "specificity",
    "volume_error",
]
