"""What object matching found, as counts that add, and the metrics that divide them.

NumPy alone: whoever reads the tables of a measurement needs no more than this. Values lie in
[0, 1] unless the docstring says otherwise; 0/0 is undefined and NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from segmetrics.errors import ConfigError

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_FIELDS = ("tp", "fp", "fn", "sum_iou", "pq_tp", "pq_fp", "pq_fn", "pq_sum_iou")


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """The objects of one side, reference or prediction, by ascending id.

    Attributes
    ----------
    id : int64, shape (N,)
        As in the instance labels, or the number of the component.
    size : int64, shape (N,)
        Pixels (voxels) that are not ignored.
    match : int64, shape (N,)
        Id of the partner on the other side under the chosen rule; 0: none.
    iou : float64, shape (N,)
        IoU with that partner; NaN: none.
    pq_match, pq_iou : int64 and float64, shape (N,)
        The partner with IoU > 0.5, whatever the rule: there is one at most.
    excused : bool, shape (N,)
        No false positive when unmatched: see `match_objects`. All False for the reference.
    """

    id: Counts
    size: Counts
    match: Counts
    iou: Values
    pq_match: Counts
    pq_iou: Values
    excused: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ObjectMatches:
    """Result of `match_objects`: every object of both sides with its partner."""

    reference: Objects
    prediction: Objects

    def counts(self) -> ObjectCounts:
        """All objects together, shape ()."""
        by_size = self.counts_by_size(edges=())
        return ObjectCounts(*(getattr(by_size, name)[0] for name in _FIELDS))

    def counts_by_size(self, *, edges: Sequence[float]) -> ObjectCounts:
        """The counts of each size bucket of `size_buckets`, shape (len(edges) + 1,).

        A reference object, and so a matched pair, belongs to the bucket of the reference size; a
        false positive to that of its own.
        """
        n = len(edges) + 1
        r, p = self.reference, self.prediction
        r_bucket, p_bucket = size_buckets(r.size, edges), size_buckets(p.size, edges)

        def count(buckets: npt.NDArray[np.intp], which: npt.NDArray[np.bool_]) -> Counts:
            return np.bincount(buckets[which], minlength=n).astype(np.int64)

        def total(ious: Values, which: npt.NDArray[np.bool_]) -> Values:
            sums = np.bincount(r_bucket[which], weights=ious[which], minlength=n)
            return sums.astype(np.float64)  # of nothing at all they are integers

        found, pq_found = r.match != 0, r.pq_match != 0
        return ObjectCounts(
            tp=count(r_bucket, found),
            fp=count(p_bucket, (p.match == 0) & ~p.excused),
            fn=count(r_bucket, ~found),
            sum_iou=total(r.iou, found),
            pq_tp=count(r_bucket, pq_found),
            pq_fp=count(p_bucket, (p.pq_match == 0) & ~p.excused),
            pq_fn=count(r_bucket, ~pq_found),
            pq_sum_iou=total(r.pq_iou, pq_found),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ObjectCounts:
    """Objects found, invented and missed; adds with `+`, so that pooled values come from sums.

    Attributes
    ----------
    tp, fp, fn : int64, shape (...)
        Matched pairs, unmatched predicted objects, unmatched reference objects.
    sum_iou : float64, shape (...)
        Sum of the IoU of the matched pairs.
    pq_tp, pq_fp, pq_fn, pq_sum_iou
        The same with IoU > 0.5 as the rule, for panoptic quality.
    """

    tp: Counts
    fp: Counts
    fn: Counts
    sum_iou: Values
    pq_tp: Counts
    pq_fp: Counts
    pq_fn: Counts
    pq_sum_iou: Values

    @classmethod
    def zeros(cls, shape: tuple[int, ...] = ()) -> ObjectCounts:
        """The neutral element of `+`."""
        a, b, c, d, e, f = np.zeros((6, *shape), np.int64)
        return cls(a, b, c, np.zeros(shape), d, e, f, np.zeros(shape))

    def __add__(self, other: ObjectCounts) -> ObjectCounts:
        if np.shape(self.tp) != np.shape(other.tp):
            shapes = f"{np.shape(self.tp)} and {np.shape(other.tp)}"
            raise ValueError(f"counts of shape {shapes} do not add")
        return ObjectCounts(*(getattr(self, name) + getattr(other, name) for name in _FIELDS))

    def sum(self) -> ObjectCounts:
        """All images (first axis) together."""
        return ObjectCounts(*(getattr(self, name).sum(axis=0) for name in _FIELDS))

    def __getitem__(self, index: Any) -> ObjectCounts:
        """The counts of some images, classes or buckets, indexed as an array of their shape."""
        return ObjectCounts(*(getattr(self, name)[index] for name in _FIELDS))


def size_buckets(sizes: Counts, edges: Sequence[float]) -> npt.NDArray[np.intp]:
    """Bucket of each size: 0 below `edges[0]`, then half-open `[edges[k - 1], edges[k])`.

    Raises
    ------
    ConfigError
        The edges do not ascend from above zero.
    """
    limits = np.asarray(edges, np.float64)
    # Written so that a NaN edge is refused.
    if not (np.all(limits > 0) and np.all(np.diff(limits) > 0)):
        raise ConfigError(
            "size buckets",
            f"the edges {tuple(edges)} do not ascend from above zero",
            "give pixels in ascending order, such as 64, 512",
        )
    return np.searchsorted(limits, sizes, side="right")


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
