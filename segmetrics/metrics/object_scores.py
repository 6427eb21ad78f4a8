"""The metrics that divide what object matching found.

Values lie in [0, 1] unless the docstring says otherwise; 0/0 is undefined and NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Protocol, overload

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.object_counts import ObjectCounts as ObjectCounts  # divided here
from segmetrics.metrics.object_counts import ObjectMatches as ObjectMatches
from segmetrics.metrics.object_counts import Objects as Objects
from segmetrics.metrics.object_counts import Values
from segmetrics.metrics.object_counts import size_buckets as size_buckets


class _Reducer(Protocol):
    """A metric of objects: a float of the matches of one image, an array of counts."""

    @overload
    def __call__(self, found: ObjectMatches) -> float: ...
    @overload
    def __call__(self, found: ObjectCounts) -> Values: ...


def _reducer(formula: Callable[[ObjectCounts], Values]) -> _Reducer:
    """`formula` for matches, too."""

    @overload
    def reduce(found: ObjectMatches) -> float: ...
    @overload
    def reduce(found: ObjectCounts) -> Values: ...
    @wraps(formula)
    def reduce(found: ObjectMatches | ObjectCounts) -> float | Values:
        if isinstance(found, ObjectMatches):
            return float(formula(found.counts()))
        return formula(found)

    return reduce


def _ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Values:
    """`numerator / denominator`, NaN where the denominator is zero."""
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    quotient: Values = np.full(below.shape, np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


@_reducer
def object_precision(found: ObjectCounts) -> Values:
    """Share of the predicted objects that are real, `TP / (TP + FP)`.

    Undefined where no object is predicted.
    """
    return _ratio(found.tp, found.tp + found.fp)


@_reducer
def object_recall(found: ObjectCounts) -> Values:
    """Share of the reference objects that are found, `TP / (TP + FN)`.

    Also: lesion recall, object sensitivity. Undefined where there is no reference object.
    """
    return _ratio(found.tp, found.tp + found.fn)


@_reducer
def object_f1(found: ObjectCounts) -> Values:
    """F1 of the objects, `2 TP / (2 TP + FP + FN)`.

    Undefined only where neither side has an object.
    """
    return _ratio(2 * found.tp, 2 * found.tp + found.fp + found.fn)


@_reducer
def matched_iou(found: ObjectCounts) -> Values:
    """Mean IoU of the pairs that the chosen rule matched; undefined where there is none."""
    return _ratio(found.sum_iou, found.tp)


@_reducer
def false_objects(found: ObjectCounts) -> Values:
    """Number of predicted objects that are not real, in [0, inf); always defined.

    Its mean over images is the number of false objects per image.
    """
    return np.asarray(found.fp, np.float64)


@_reducer
def segmentation_quality(found: ObjectCounts) -> Values:
    """SQ: mean IoU of the pairs with IoU > 0.5, so in (0.5, 1]; undefined where there is none.

    Source: Kirillov et al. 2019, Panoptic Segmentation, CVPR, arXiv 1801.00868.
    """
    return _ratio(found.pq_sum_iou, found.pq_tp)


@_reducer
def recognition_quality(found: ObjectCounts) -> Values:
    """RQ: F1 of the objects with IoU > 0.5 as the rule, whatever rule was chosen.

    Undefined only where neither side has an object. Source: as `segmentation_quality`.
    """
    return _ratio(2 * found.pq_tp, 2 * found.pq_tp + found.pq_fp + found.pq_fn)


@_reducer
def panoptic_quality(found: ObjectCounts) -> Values:
    """PQ of one class: `sum of IoU / (TP + FP/2 + FN/2)` over the pairs with IoU > 0.5.

    `PQ = SQ RQ` where a pair exists; 0 where objects exist and no pair; undefined where neither
    side has an object. Source: as `segmentation_quality`.
    """
    return _ratio(2 * found.pq_sum_iou, 2 * found.pq_tp + found.pq_fp + found.pq_fn)


def recall_by_size(matches: ObjectMatches, *, edges: Sequence[float] = (64, 512)) -> Values:
    """Object recall per bucket of reference size, shape (len(edges) + 1,).

    Buckets are half-open, in pixels: below 64, `[64, 512)`, from 512 on. Undefined where a bucket
    holds no reference object. Over images, add `matches.counts_by_size(edges=edges)` and take
    `object_recall` of the sum. Raises as `size_buckets`.
    """
    return object_recall(matches.counts_by_size(edges=edges))
