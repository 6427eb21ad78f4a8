"""Border elements of two masks, found together and in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.counts import Labels

# Bits of `Borders.code`: one byte holds both masks, so that one erosion serves both.
REFERENCE = np.uint8(1)
PREDICTION = np.uint8(2)

# Elements per block: the blocks of one step stay in the second-level cache.
_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """The border elements of a reference and a prediction inside their common bounding box.

    Attributes
    ----------
    code : uint8, box shape plus a margin on each side, C order
        `REFERENCE`, `PREDICTION` or both bits at border elements, 0 elsewhere.
    at : intp, shape (n,), ascending
        Flat positions in `code` of all border elements.
    kind : uint8, shape (n,)
        `code` at these positions.
    margin : tuple of int
        Width of the zeros around the box, per axis.
    """

    code: npt.NDArray[np.uint8]
    at: npt.NDArray[np.intp]
    kind: npt.NDArray[np.uint8]
    margin: tuple[int, ...]

    def inside(self) -> npt.NDArray[np.uint8]:
        """`code` without its margin (a view)."""
        return self.code[_within(self.code.shape, self.margin)]


def find_borders(
    *, reference: Labels, prediction: Labels, margin: tuple[int, ...]
) -> Borders | None:
    """The borders of two masks of one shape, None where both are empty.

    An element is on the border when it is foreground (not zero) and one of its 2n face neighbours
    is not; what lies outside the image is background.

    Parameters
    ----------
    reference, prediction
        Boolean or integer arrays of one shape, n >= 1 axes.
    margin
        Zeros to leave around the box, at least 1 per axis.
    """
    box = _union(bounding_box(reference), bounding_box(prediction))
    if box is None:
        return None
    code = np.zeros(
        tuple(b.stop - b.start + 2 * m for b, m in zip(box, margin, strict=True)), np.uint8
    )
    inside = code[_within(code.shape, margin)]
    _fill(inside, reference[box], prediction[box])
    at = _erode(code)
    return Borders(code=code, at=at, kind=code.reshape(-1)[at], margin=margin)


def bounding_box(mask: Labels) -> tuple[slice, ...] | None:
    """The smallest box that holds every element that is not zero, None where there is none."""
    if mask.size == 0:
        return None
    if mask.dtype == np.bool_:
        mask = mask.view(np.uint8)  # reduced faster
    box: list[slice] = [slice(0, n) for n in mask.shape]
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        # Bitwise: exact for every integer, and vectorised where `any` is not.
        profile = np.bitwise_or.reduce(mask[tuple(box)], axis=others)
        used = np.flatnonzero(profile)
        if not used.size:
            return None
        box[axis] = slice(int(used[0]), int(used[-1]) + 1)
    return tuple(box)


def _union(
    one: tuple[slice, ...] | None, other: tuple[slice, ...] | None
) -> tuple[slice, ...] | None:
    if one is None or other is None:
        return one or other
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )


def _within(shape: tuple[int, ...], margin: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(m, n - m) for n, m in zip(shape, margin, strict=True))


def _fill(inside: npt.NDArray[np.uint8], reference: Labels, prediction: Labels) -> None:
    """Write both masks as bits, a few planes at a time: no copy of a whole mask."""
    planes = max(1, _BLOCK // max(1, inside[0].size))
    for start in range(0, len(inside), planes):
        some = slice(start, start + planes)
        bit = _bit(prediction[some])
        code = bit + bit  # NumPy adds bytes several times faster than it shifts them
        code |= _bit(reference[some])
        inside[some] = code


def _bit(mask: Labels) -> npt.NDArray[np.uint8]:
    return (mask if mask.dtype == np.bool_ else mask != 0).view(np.uint8)


def _erode(code: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Leave only border elements in `code`; their flat positions."""
    flat = code.reshape(-1)
    strides = tuple(stride // code.itemsize for stride in code.strides)
    found: list[npt.NDArray[np.intp]] = []
    # A block is written once its successor, which looks back at it, has been computed.
    pending: tuple[slice, npt.NDArray[np.uint8]] | None = None
    for block in _blocks(flat.size, reach=strides[0]):
        border = _border_of(flat, block, strides)
        found.append(np.flatnonzero(border != 0) + block.start)
        if pending is not None:
            flat[pending[0]] = pending[1]
        pending = block, border
    if pending is not None:
        flat[pending[0]] = pending[1]
    return np.concatenate(found)


def _blocks(size: int, reach: int) -> Iterator[slice]:
    """Blocks at least `reach` long that leave out the first and last `reach` elements."""
    step = max(_BLOCK, reach)
    for start in range(reach, size - reach, step):
        yield slice(start, min(start + step, size - reach))


def _border_of(
    flat: npt.NDArray[np.uint8], block: slice, strides: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """Border bits of one block. The margin of zeros makes a flat shift a step along an axis."""
    core = flat[block]
    first, last = block.start, block.stop
    eroded = flat[first - 1 : last - 1] & flat[first + 1 : last + 1]
    for stride in strides[:-1]:
        eroded &= flat[first - stride : last - stride]
        eroded &= flat[first + stride : last + stride]
    np.invert(eroded, out=eroded)
    eroded &= core
    return eroded
