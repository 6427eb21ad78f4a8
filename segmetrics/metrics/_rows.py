"""Nearest elements in two dimensions: within each row first, then over the rows around.

The two passes of a separable distance transform (Felzenszwalb and Huttenlocher 2012, Theory of
Computing 8), the second one for the elements that ask only, and no farther than each needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.intp]
Columns = npt.NDArray[np.float32]
Real = type[np.float32] | type[np.float64]

# Up to this many elements whole numbers and their squares are exact in single precision.
MOST_ELEMENTS = 1 << 24
_MOST_STACKED = 1 << 20

_FIRST_ROWS = 5  # in each direction, the own one among them
_CHUNK = 1 << 15  # elements seen at once: their positions stay in the cache


@dataclass(frozen=True, slots=True)
class Effort:
    """How many elements a search may see: for each that asks, and in all."""

    each: float
    whole: float


def real_for(shape: tuple[int, ...], spacing: tuple[float, ...]) -> Real:
    """The precision in which squared distances are exact, or as exact as can be."""
    n_rows, n_columns = shape
    unit = spacing == (1.0, 1.0) and n_rows**2 + n_columns**2 < MOST_ELEMENTS
    return np.float32 if unit else np.float64


def columns_of(at: Positions, n_columns: int) -> Positions:
    """`at % n_columns`, which NumPy has no fast loop for."""
    return at - at // n_columns * n_columns


def nearest_in_row(shape: tuple[int, ...], targets: Positions) -> Columns:
    """Column of the target that is nearest to each element in its own row, `inf` in rows without.

    Parameters
    ----------
    shape
        Rows and columns, at most `MOST_ELEMENTS` elements. There is no target in the last column.
    targets : intp, ascending
        Flat positions.

    Returns
    -------
    float32, shape `shape`
    """
    n_rows, n_columns = shape
    # The last element of each row closes it: it takes what no target of the row has.
    at = np.concatenate((targets, np.arange(1, n_rows + 1) * n_columns - 1))
    at.sort(kind="stable")
    column = columns_of(at, n_columns)
    closing = column == n_columns - 1
    first = (at[1:] + at[:-1] + 1) >> 1  # from here on nearer to this one than to the one before
    np.copyto(first, at[1:], where=closing[1:])
    np.copyto(first, at[:-1] + 1, where=closing[:-1])
    nearest = column.astype(np.float32)
    nearest[closing] = np.inf
    lengths = np.empty_like(at)
    lengths[0], lengths[-1] = first[0], n_rows * n_columns - first[-1]
    np.subtract(first[1:], first[:-1], out=lengths[1:-1])
    return np.repeat(nearest, lengths).reshape(shape)


def stack_step(shape: tuple[int, ...], spacing: tuple[float, ...]) -> int:
    """How far the columns of two pictures must be apart for neither to be nearest in the other."""
    longest = math.hypot(shape[0] * spacing[0] / spacing[1], shape[1])
    return shape[1] + math.ceil(min(2 * longest, MOST_ELEMENTS))


def can_stack(shape: tuple[int, ...], spacing: tuple[float, ...]) -> bool:
    """Whether two pictures fit in one table, in memory and with columns that are exact."""
    exact = stack_step(shape, spacing) + shape[1] < MOST_ELEMENTS
    return exact and shape[0] * shape[1] <= _MOST_STACKED


def nearest_in_rows(
    nearest: Columns,
    asking: Positions,
    columns: Columns,
    spacing: tuple[float, ...],
    effort: Effort,
    n_rows: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Distances of elements to the nearest target, seeking in ever more rows around each.

    Parameters
    ----------
    nearest
        From `nearest_in_row`; without targets in its first and last row. Pictures may be stacked,
        the columns of each `stack_step` above those of the one before.
    asking : intp, shape (n,)
        Flat positions of the elements.
    columns : float32, shape (n,)
        Their columns, as in `nearest`.
    spacing
        Distance of neighbouring rows and columns.
    effort
        Where more is to be seen, the search ends.
    n_rows
        Of each picture.

    Returns
    -------
    distances : float64, shape (n,)
        In the unit of `spacing`; `inf` where there is no target.
    sure : bool, shape (n,)
        Whether the search came to its end; what is not sure is an upper bound.
    """
    dtype = real_for((n_rows, nearest.shape[1]), spacing)
    squares = np.full(asking.size, np.inf, dtype)
    sure = np.ones(asking.size, bool)
    left = np.arange(asking.size)
    at, column, best = asking, columns, squares
    rows = range(_FIRST_ROWS)
    while True:
        best = np.minimum(best, _look(nearest, at, column, _both_ways(rows), spacing, dtype))
        squares[left] = best
        beyond = rows.stop * spacing[0]  # so far away is the next row
        more = best > beyond * beyond
        left, at, column, best = left[more], at[more], column[more], best[more]
        if not left.size or rows.stop >= n_rows:
            break
        most = 2 * np.minimum(np.sqrt(best) / spacing[0], n_rows)
        if most.sum() > min(effort.each * left.size, effort.whole):
            sure[left] = False
            break
        rows = range(rows.stop, rows.stop + rows.stop // 2 + _FIRST_ROWS)
    return np.sqrt(squares, dtype=np.float64), sure


def _both_ways(rows: range) -> Positions:
    steps = np.array(rows)
    return np.concatenate((-steps[steps > 0], steps))


def _look(
    nearest: Columns,
    at: Positions,
    column: Columns,
    steps: Positions,
    spacing: tuple[float, ...],
    dtype: Real,
) -> npt.NDArray[np.floating]:
    """Squared distance to the nearest target of the rows that are `steps` away."""
    flat = nearest.reshape(-1)
    offsets = (steps * nearest.shape[1])[:, np.newaxis]
    away = np.square(steps * spacing[0]).astype(dtype)[:, np.newaxis]
    squares = np.empty(at.size, dtype)
    n_at_once = max(1, min(_CHUNK // steps.size, at.size))
    buffer = np.empty((steps.size, n_at_once), np.intp)
    for start in range(0, at.size, n_at_once):
        some = slice(start, start + n_at_once)
        where = np.add(at[some], offsets, out=buffer[:, : at.size - start])
        # Outside the array is its first or its last element, which both say inf.
        seen = flat.take(where, mode="clip")
        seen -= column[some]
        if seen.dtype != dtype:
            seen = seen * np.float64(spacing[1])
        np.square(seen, out=seen)
        seen += away
        np.min(seen, axis=0, out=squares[some])
    return squares
