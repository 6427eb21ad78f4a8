"""Metrics on plain arrays: numpy (and scipy where distances and objects need it), N-D, typed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from segmetrics.metrics.boundary import boundary_iou
    from segmetrics.metrics.centreline import cl_dice
    from segmetrics.metrics.objects import match_objects
    from segmetrics.metrics.surface import (
        assd,
        hd,
        hd95,
        hd_percentile,
        masd,
        nsd,
        surface_distances,
    )

# Loaded when they are asked for: scipy takes longer to import than many evaluations run.
_LAZY = {
    "boundary_iou": "boundary",
    "cl_dice": "centreline",
    "match_objects": "objects",
    **dict.fromkeys(
        ("assd", "hd", "hd95", "hd_percentile", "masd", "nsd", "surface_distances"), "surface"
    ),
}

__all__ = [
    "ConfusionCounts",
    "LabelLookup",
    "accuracy",
    "assd",
    "balanced_accuracy",
    "boundary_iou",
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
    "precision",
    "recall",
    "specificity",
    "surface_distances",
    "volume_error",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
