"""Every metric: what it means, its range, which way is better, and whether a rule may use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from segmetrics.metrics import overlap
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.overlap import Values

Aggregate = Literal["pooled", "image_mean", "group_mean"]
AGGREGATES: tuple[Aggregate, ...] = ("pooled", "image_mean", "group_mean")


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One metric of the catalogue.

    Attributes
    ----------
    low, high
        Range of the values.
    better
        `higher`, `lower`, or `zero` for signed errors.
    rule
        Whether a rule may gate on it. Accuracy may not: it is high wherever the class is rare.
    aggregates
        The aggregates that are defined for it.
    one_if_both_empty
        Whether `measure.both_empty: one` applies to its values of single images.
    """

    name: str
    compute: Callable[..., Values]
    text: str
    low: float = 0.0
    high: float = 1.0
    better: Literal["higher", "lower", "zero"] = "higher"
    rule: bool = True
    unit: str = "1"
    aggregates: tuple[Aggregate, ...] = AGGREGATES
    one_if_both_empty: bool = False

    def values(self, counts: ConfusionCounts, *, both_empty_is_one: bool) -> Values:
        """The metric of `counts`, float64 of their shape, NaN where undefined."""
        if self.one_if_both_empty and both_empty_is_one:
            return self.compute(counts, both_empty=1.0)
        return self.compute(counts)


_METRICS = (
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
        aggregates=("image_mean", "group_mean"),
    ),
    MetricInfo("accuracy", overlap.accuracy, "shown, never a rule: high where a class is rare",
               rule=False),
)  # fmt: skip

CATALOG: dict[str, MetricInfo] = {metric.name: metric for metric in _METRICS}
