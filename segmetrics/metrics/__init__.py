"""Metrics on plain arrays: N-D, typed, no files; numpy, and SciPy for those that need it.

Names that come with SciPy or with much code are loaded when they are first used, so that
`import segmetrics.metrics` costs no more than numpy: `_LAZY` says which module holds each.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:  # the names of `_LAZY` once more, for type checkers and editors
    from segmetrics.metrics.boundary import boundary_iou
    from segmetrics.metrics.centreline import cl_dice
    from segmetrics.metrics.object_scores import (
        ObjectCounts,
        ObjectMatches,
        object_f1,
        object_precision,
        object_recall,
        panoptic_quality,
        recognition_quality,
        segmentation_quality,
    )
    from segmetrics.metrics.objects import match_objects
    from segmetrics.metrics.scores import (
        ScoreHistogram,
        average_precision,
        brier,
        calibration_error,
        precision_recall_curve,
        roc_auc,
        score_histogram,
    )
    from segmetrics.metrics.surface import (
        SurfaceDistances,
        assd,
        hd,
        hd95,
        hd_percentile,
        masd,
        nsd,
        surface_distances,
    )

_LAZY = {
    "boundary_iou": "boundary",
    "cl_dice": "centreline",
    "ObjectCounts": "object_scores",
    "ObjectMatches": "object_scores",
    "object_f1": "object_scores",
    "object_precision": "object_scores",
    "object_recall": "object_scores",
    "panoptic_quality": "object_scores",
    "recognition_quality": "object_scores",
    "segmentation_quality": "object_scores",
    "match_objects": "objects",
    "ScoreHistogram": "scores",
    "average_precision": "scores",
    "brier": "scores",
    "calibration_error": "scores",
    "precision_recall_curve": "scores",
    "roc_auc": "scores",
    "score_histogram": "scores",
    "SurfaceDistances": "surface",
    "assd": "surface",
    "hd": "surface",
    "hd95": "surface",
    "hd_percentile": "surface",
    "masd": "surface",
    "nsd": "surface",
    "surface_distances": "surface",
}

__all__ = [
    "ConfusionCounts",
    "LabelLookup",
    "ObjectCounts",
    "ObjectMatches",
    "ScoreHistogram",
    "SurfaceDistances",
    "accuracy",
    "assd",
    "average_precision",
    "balanced_accuracy",
    "boundary_iou",
    "brier",
    "calibration_error",
    "cl_dice",
    "confusion_matrix",
    "count_confusion",
    "dice",
    "f_beta",
    "fp_on_empty",
    "hd",
    "hd95",
    "hd_percentile",
    "iou",
    "masd",
    "match_objects",
    "mcc",
    "nsd",
    "object_f1",
    "object_precision",
    "object_recall",
    "panoptic_quality",
    "precision",
    "precision_recall_curve",
    "recall",
    "recognition_quality",
    "roc_auc",
    "score_histogram",
    "segmentation_quality",
    "specificity",
    "surface_distances",
    "volume_error",
]


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value  # found at once the next time
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
