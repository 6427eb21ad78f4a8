"""Objects in label arrays: connected components, and the table of which overlap by how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from segmetrics.metrics.pairs import BoolMask, Mask, bounding_box, common_box

Counts = npt.NDArray[np.int64]

# Pixels per block: its temporaries stay in the second-level cache, and memory does not grow.
_BLOCK = 1 << 18


def label_components(mask: Mask) -> npt.NDArray[np.int32]:
    """Number the connected components of a mask: pixels that touch, corners included, are one.

    That is 8-connectivity in 2-D and 26-connectivity in 3-D.

    Parameters
    ----------
    mask
        Any number of axes; what is not zero is foreground.

    Returns
    -------
    int32, shape of `mask`
        0 is background; components count from 1 in the order of their first pixels.
    """
    labels = np.zeros(mask.shape, np.int32)
    box = bounding_box(mask)
    if mask.ndim and box[0].stop:
        ndimage.label(mask[box], structure=np.ones((3,) * mask.ndim), output=labels[box])
    return labels


@dataclass(frozen=True, slots=True, eq=False)
class ObjectOverlaps:
    """Objects of two label arrays of one shape, and the pixels that each pair shares.

    Attributes
    ----------
    reference_id, reference_size : int64, shape (R,)
        Ids in ascending order; pixels that are not ignored.
    prediction_id, prediction_size, prediction_ignored : int64, shape (P,)
        The same of the predicted objects; the last is their pixels that are ignored.
    i, j, shared : int64, shape (N,)
        Index of the reference object, index of the predicted object, and the pixels they share,
        for pairs that share any, ordered by `i`, then `j`.
    """

    reference_id: Counts
    reference_size: Counts
    prediction_id: Counts
    prediction_size: Counts
    prediction_ignored: Counts
    i: Counts
    j: Counts
    shared: Counts


def count_overlaps(
    *, reference: Mask, prediction: Mask, ignored: BoolMask | None = None
) -> ObjectOverlaps:
    """Sizes and overlaps of the objects, in one pass over the runs of equal pixels.

    Parameters
    ----------
    reference, prediction
        Labels of one shape: 0 is background, every other value an object.
    ignored
        Pixels that are counted nowhere but in `prediction_ignored`.
    """
    runs = list(_runs(reference, prediction, ignored))
    r, p, length = (np.concatenate(column).astype(np.int64) for column in zip(*runs, strict=True))
    out = length < 0  # ignored runs: see _runs
    counted, length = ~out, np.abs(length)
    in_r, in_p = (r != 0) & counted, p != 0
    reference_id, i = _compact(r[in_r])
    prediction_id, j = _compact(p[in_p])
    both = in_r & in_p
    shares, k = _compact(i[both[in_r]] * max(prediction_id.size, 1) + j[both[in_p]])
    return ObjectOverlaps(
        reference_id=reference_id,
        reference_size=_sums(i, length[in_r], reference_id.size),
        prediction_id=prediction_id,
        prediction_size=_sums(j, (length * counted)[in_p], prediction_id.size),
        prediction_ignored=_sums(j, (length * out)[in_p], prediction_id.size),
        i=shares // max(prediction_id.size, 1),
        j=shares % max(prediction_id.size, 1),
        shared=_sums(k, length[both], shares.size),
    )


def _runs(
    reference: Mask, prediction: Mask, ignored: BoolMask | None
) -> Iterator[tuple[Mask, Mask, Counts]]:
    """Label pair and length of the runs in which nothing changes and not both are background.

    The length of an ignored run is negative.
    """
    box = common_box(reference, prediction)
    r_all, p_all = reference[box], prediction[box]
    out_all = None if ignored is None else ignored[box]
    rows = max(1, _BLOCK * len(r_all) // max(1, r_all.size))
    for start in range(0, max(1, len(r_all)), rows):
        block = slice(start, start + rows)
        r, p = r_all[block].reshape(-1), p_all[block].reshape(-1)
        change = (r[1:] != r[:-1]) | (p[1:] != p[:-1])
        if out_all is not None:
            out = out_all[block].reshape(-1)
            change |= out[1:] != out[:-1]
        starts = np.concatenate(([0], np.flatnonzero(change) + 1))[: r.size]
        length = np.diff(starts, append=r.size)
        if out_all is not None:
            length[out[starts]] *= -1
        objects = (r[starts] != 0) | (p[starts] != 0)
        starts = starts[objects]
        yield r[starts], p[starts], length[objects]


def _compact(values: Counts) -> tuple[Counts, Counts]:
    """The distinct values in ascending order, and the index of each value among them."""
    if not values.size:
        return values, values
    top = int(values.max())
    if top > 8 * values.size + 1024:  # sparse: a table would be larger than what it sorts
        found, index = np.unique(values, return_inverse=True)
        return found, index.astype(np.int64)
    present = np.zeros(top + 1, np.bool_)
    present[values] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[values]


def _sums(index: Counts, pixels: Counts, n: int) -> Counts:
    """Pixels by index; through float64, which is exact below 2**53."""
    return np.bincount(index, weights=pixels, minlength=n).astype(np.int64)
