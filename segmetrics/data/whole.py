"""Labels are whole numbers: from whatever type a file stores them in to a small integer type."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError
from segmetrics.metrics.counts import Labels

# Small types first; what does not fit into one of them is no label.
_TYPES: tuple[type[np.integer], ...] = (np.uint8, np.uint16, np.int32, np.int64)
# More voxels than this in one file are refused: a header can claim any number.
MAX_VOXELS = 1 << 31


def whole_numbers(array: npt.NDArray[Any], where: str, *, tolerance: float = 0.0) -> Labels:
    """Labels in the smallest of uint8, uint16, int32, int64 that holds them, native byte order.

    Parameters
    ----------
    array
        Any number of axes; boolean, integer or floating point.
    where
        The file, for the message.
    tolerance
        How far a floating-point value may lie from a whole number: half a step of the stored
        integers where a file scales them, else 0.

    Raises
    ------
    DataError
        A value is not a whole number, not finite or beyond int64, or the type holds no numbers.
    """
    kind = array.dtype.kind
    if kind not in "biuf":
        raise DataError(where, f"holds {array.dtype}, not labels", "write integer labels")
    if not array.size:
        raise DataError(where, "holds no pixels")
    if kind == "b":
        return array.astype(np.uint8)
    if kind == "f":
        array = _rounded(array, where, tolerance)
    elif array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    low, high = int(array.min()), int(array.max())
    for dtype in _TYPES:
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return np.asarray(array, dtype)
    raise DataError(where, f"holds the value {high}, more than a label can be")


def _rounded(array: npt.NDArray[Any], where: str, tolerance: float) -> npt.NDArray[np.floating]:
    if not np.isfinite(array).all():
        raise DataError(
            where, "holds values that are not finite, not labels", "write whole numbers"
        )
    whole: npt.NDArray[np.floating] = np.rint(array)
    # Beyond 2**53 a float64 names no single whole number.
    if float(np.abs(whole).max()) > 2**53:
        raise DataError(where, "holds values beyond 2**53, not labels")
    odd = np.abs(array - whole) > tolerance
    if odd.any():
        value = float(array[odd][0])
        raise DataError(
            where,
            f"holds {int(odd.sum())} values that are not whole numbers (such as {value:.6g}), "
            "not labels",
            "write integer labels; a probability map needs a threshold first",
        )
    return whole
