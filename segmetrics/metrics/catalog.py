"""Every metric: what it means, its range, which way is better, and whether a rule may use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from segmetrics.metrics import object_scores, overlap, scores
from segmetrics.metrics.overlap import Values

Aggregate = Literal["pooled", "image_mean", "group_mean"]
AGGREGATES: tuple[Aggregate, ...] = ("pooled", "image_mean", "group_mean")
MEANS: tuple[Aggregate, ...] = ("image_mean", "group_mean")
# What a metric is computed from: pixel counts, a column of images.parquet, object counts, or
# histograms of scores, of all pixels or of those near a mask.
Family = Literal["counts", "column", "objects", "scores", "near"]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One metric of the catalogue.

    Attributes
    ----------
    compute
        From the counts, object counts or histograms to float64 values, NaN where undefined; None
        for the metrics that `measure` computes itself, image by image.
    low, high
        Range of the values.
    better
        `higher`, `lower`, or `zero` for signed errors.
    rule
        Whether a rule may gate on it. Accuracy may not: it is high wherever the class is rare.
    unit
        `1` for rates, `length` for what is measured in `data.unit`, `objects`.
    aggregates
        The aggregates that are defined for it.
    one_if_both_empty
        Whether `measure.both_empty: one` applies to its values of single images.
    needs
        The section of `measure:` that asks for it; empty: always measured.
    """

    name: str
    compute: Callable[..., Values] | None
    text: str
    low: float = 0.0
    high: float = 1.0
    better: Literal["higher", "lower", "zero"] = "higher"
    rule: bool = True
    unit: Literal["1", "length", "objects"] = "1"
    aggregates: tuple[Aggregate, ...] = AGGREGATES
    one_if_both_empty: bool = False
    family: Family = "counts"
    needs: str = ""

    def values(self, observed: Any, *, both_empty_is_one: bool) -> Values:
        """The metric of counts, object counts or histograms; NaN where undefined."""
        if self.compute is None:
            raise TypeError(f"{self.name} is measured image by image, not computed from counts")
        if self.one_if_both_empty and both_empty_is_one:
            return self.compute(observed, both_empty=1.0)
        return self.compute(observed)


_COUNTS = (
    MetricInfo("dice", overlap.dice, "2TP / (2TP + FP + FN)", one_if_both_empty=True),
    MetricInfo("iou", overlap.iou, "TP / (TP + FP + FN)", one_if_both_empty=True),
    MetricInfo("precision", overlap.precision, "TP / (TP + FP): how much predicted is right"),
    MetricInfo("recall", overlap.recall, "TP / (TP + FN): how much there is is found"),
    MetricInfo("f2", partial(overlap.f_beta, beta=2.0), "F-beta, recall twice as important"),
    MetricInfo("f0.5", partial(overlap.f_beta, beta=0.5), "F-beta, precision twice as important"),
    MetricInfo("specificity", overlap.specificity, "TN / (TN + FP)"),
    MetricInfo("balanced_accuracy", overlap.balanced_accuracy, "(recall + specificity) / 2"),
    MetricInfo("mcc", overlap.mcc, "Matthews correlation; 0 is chance", low=-1.0),
    MetricInfo(
        "volume_error",
        overlap.volume_error,
        "(FP - FN) / (TP + FN): predicted too much (+) or too little (-)",
        low=-1.0,
        high=np.inf,
        better="zero",
    ),
    MetricInfo(
        "fp_on_empty",
        overlap.fp_on_empty,
        "share of images with an empty reference in which something is predicted",
        better="lower",
        aggregates=MEANS,
    ),
    MetricInfo("accuracy", overlap.accuracy, "shown, never a rule: high where a class is rare",
               rule=False),
)  # fmt: skip


def _length(name: str, text: str) -> MetricInfo:
    return MetricInfo(
        name, None, text, high=np.inf, better="lower", unit="length", aggregates=MEANS,
        family="column", needs="surface",
    )  # fmt: skip


def _column(name: str, text: str, needs: str) -> MetricInfo:
    return MetricInfo(name, None, text, aggregates=MEANS, family="column", needs=needs)


_COLUMNS = (
    _length("hd", "Hausdorff distance: the largest distance between the borders"),
    _length("hd95", "larger of the two directed 95th percentiles of border distances"),
    _length("assd", "mean of all border distances, both directions together"),
    _length("masd", "mean of the two directed mean border distances"),
    _column(
        "nsd", "share of the borders within the tolerance (normalised surface Dice)", "surface"
    ),
    _column("boundary_iou", "IoU of the strips along the borders", "boundary"),
    _column("cldice", "Dice of centre lines: is what is connected still connected", "centreline"),
)


def _objects(name: str, compute: Callable[..., Values], text: str) -> MetricInfo:
    return MetricInfo(name, compute, text, family="objects", needs="objects")


_OBJECTS = (
    _objects("object_precision", object_scores.object_precision, "predicted objects that are real"),
    _objects("object_recall", object_scores.object_recall, "real objects that are found"),
    _objects("object_f1", object_scores.object_f1, "2TP / (2TP + FP + FN) of objects"),
    _objects("sq", object_scores.segmentation_quality, "mean IoU of the pairs with IoU > 0.5"),
    _objects("rq", object_scores.recognition_quality, "F1 of objects, a match needs IoU > 0.5"),
    _objects("pq", object_scores.panoptic_quality, "panoptic quality, SQ x RQ"),
    MetricInfo(
        "false_objects", object_scores.false_objects, "false objects an image", high=np.inf,
        better="lower", unit="objects", aggregates=MEANS, family="objects", needs="objects",
    ),
)  # fmt: skip


def _scores(
    name: str,
    compute: Callable[..., Values],
    text: str,
    better: Literal["higher", "lower"] = "lower",
    rule: bool = False,
    family: Family = "scores",
) -> MetricInfo:
    # The area under the ROC looks good wherever a class is rare; what is near depends on the
    # prediction, so that a model with other masks is calibrated on other pixels.
    return MetricInfo(name, compute, text, better=better, rule=rule, family=family, needs="scores")


_SCORES = (
    _scores("average_precision", scores.average_precision, "area under precision and recall",
            "higher", rule=True),
    _scores("roc_auc", scores.roc_auc, "a pixel of the class scores higher than another one",
            "higher"),
    _scores("brier", scores.brier, "mean squared error of the probabilities near the masks",
            family="near"),
    _scores("calibration_error", scores.calibration_error,
            "probabilities against frequencies, near the masks", family="near"),
)  # fmt: skip

CATALOG: dict[str, MetricInfo] = {
    metric.name: metric for metric in (*_COUNTS, *_COLUMNS, *_OBJECTS, *_SCORES)
}
# In the order of the columns of images.parquet.
COLUMNS: tuple[str, ...] = tuple(metric.name for metric in _COLUMNS)
LENGTHS: frozenset[str] = frozenset(m.name for m in _COLUMNS if m.unit == "length")
