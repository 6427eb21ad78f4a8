"""What object matching found, object by object, and as counts that add.

NumPy alone: whoever reads the tables of a measurement needs no more than this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
