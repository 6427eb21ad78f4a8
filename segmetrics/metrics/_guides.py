"""Nearest elements in two dimensions for many that ask: a few rows searched whole guide the rest.

Down a column the nearest target moves one way: its row never goes up as the asking element goes
down, since squares of row steps plus any cost of a row form a totally monotone matrix (Aggarwal et
al. 1987, Algorithmica 2). So where two guide rows have found the row of their nearest target in
that column, elements between them search the rows between those two only.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from segmetrics.metrics._rows import Columns, Positions, Real, real_for

Squares = npt.NDArray[np.floating]

_BLOCK = 1 << 17  # elements that a guide row sees at once: they stay in the cache
_FIRST = 2  # rows that an element sees at first; most need no more
_ROWS = 16  # turned at once: as many as cache lines that do not displace one another
_CHUNK = 1 << 14  # elements that look at once

# Measured costs in nanoseconds: of an element that becomes part of the table, of one that a guide
# row sees (and of a call for it), of one that asks, and of one that it sees between guides.
_TABLE, _SEEN, _CALL, _ASK, _SEE = 1.0, 0.3, 15000.0, 40.0, 5.0


def plan_guides(shape: tuple[int, ...], n_asking: int) -> tuple[int, float]:
    """Rows from one guide to the next that cost least, and nanoseconds that the search may take."""
    n_rows, n_columns = shape
    size = n_rows * n_columns
    guide = size * _SEEN + _CALL * (1 + size // _BLOCK)
    every = min(max(1, round(math.sqrt(n_rows * guide / (n_asking * _SEE)))), 32)
    cost = size * _TABLE + n_rows / every * guide + n_asking * (_ASK + every * _SEE)
    return every, cost


def nearest_between_guides(
    nearest: Columns, asking: Positions, spacing: tuple[float, ...], every: int
) -> npt.NDArray[np.float64]:
    """Distances of elements to the nearest target, exactly.

    Parameters
    ----------
    nearest
        From `nearest_in_row`, with a target somewhere.
    asking : intp, shape (n,), ascending, n >= 1
        Flat positions of the elements, none in the last column.
    spacing
        Distance of neighbouring rows and columns.
    every
        Rows from one guide to the next, >= 1: more of them see less between, but cost more
        themselves.

    Returns
    -------
    float64, shape (n,)
        In the unit of `spacing`.
    """
    n_columns = nearest.shape[1] - 1  # without the last one
    there = np.flatnonzero(np.isfinite(nearest[:, 0]))  # in every column of a row, or in none
    top, bottom = int(there[0]), int(there[-1]) + 1
    dtype = real_for(nearest.shape, spacing)
    across = _across(nearest[top:bottom, :n_columns], spacing[1], dtype)
    first, last = int(asking[0]) // nearest.shape[1], int(asking[-1]) // nearest.shape[1]
    guides = range(first - top, last - top + every + 1, every)
    found = _search_guides(across, guides, spacing[0])
    distances = np.empty(asking.size)
    for start in range(0, asking.size, _CHUNK):
        some = asking[start : start + _CHUNK]
        row = some // nearest.shape[1]
        column = some - row * nearest.shape[1]
        cell = (row - first) // every * n_columns + column
        low, high = found.take(cell), found.take(cell + n_columns)
        squares = _look(across, column, row - top, low, high, spacing[0])
        np.sqrt(squares, out=distances[start : start + _CHUNK], dtype=np.float64)
    return distances


def _across(nearest: Columns, step: float, dtype: Real) -> Squares:
    """Squared distance to the target in the same row, shape (columns, rows)."""
    across = np.empty(nearest.shape[::-1], dtype)
    for start in range(0, len(nearest), _ROWS):
        some = slice(start, start + _ROWS)
        across[:, some] = nearest[some].T
    np.subtract(across, np.arange(len(across), dtype=dtype)[:, np.newaxis], out=across)
    if step != 1:
        across *= step
    return np.square(across, out=across)


def _search_guides(across: Squares, guides: range, step: float) -> Positions:
    """The row of the nearest target for each column of each guide, shape (guides, columns)."""
    n_columns, n_rows = across.shape
    found = np.empty((len(guides), n_columns), np.intp)
    width = max(1, _BLOCK // n_rows)
    buffer = np.empty(min(width, n_columns) * n_rows, across.dtype)
    for start in range(0, n_columns, width):
        some = across[start : start + width]
        every = np.arange(len(some))
        low, far = 0, math.inf
        for index, guide in enumerate(guides):
            # No farther than from the guide before, and the steps between. One row for rounding.
            high = n_rows
            if index:
                reach = far / step + guides.step + 1
                low, high = max(low, int(guide - reach)), min(n_rows, int(guide + reach) + 1)
            away = np.square((np.arange(low, high) - guide) * step).astype(across.dtype)
            seen = buffer[: len(some) * (high - low)].reshape(len(some), high - low)
            np.add(some[:, low:high], away, out=seen)
            best = seen.argmin(axis=1)
            far = math.sqrt(seen[every, best].max())
            best += low
            found[index, start : start + width] = best
            low = int(best.min())
    return found


def _look(
    across: Squares,
    column: Positions,
    row: Positions,
    low: Positions,
    high: Positions,
    step: float,
) -> Squares:
    """Squared distance to the nearest target in the rows from `low` to `high`."""
    n_rows = across.shape[1]
    flat = across.reshape(-1)
    squares = np.full(row.size, np.inf, across.dtype)
    left, start, width = np.arange(row.size), column * n_rows, _FIRST
    while left.size:
        steps = np.arange(min(width, n_rows))[:, np.newaxis]
        # Rows that are not between do no harm; what is no row would.
        first = np.minimum(low, n_rows - len(steps))
        seen = flat.take(start + first + steps)
        away = (first - row).astype(across.dtype) + steps.astype(across.dtype)
        if step != 1:
            away *= step
        seen += np.square(away, out=away)
        squares[left] = np.minimum(squares[left], seen.min(axis=0))
        low = low + width
        more = low <= high
        left, start, row, low, high = left[more], start[more], row[more], low[more], high[more]
        width *= 2
    return squares
