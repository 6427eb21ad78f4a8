"""Steps on the grid around an element, by the distance that they lead away from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

# Offsets that are looked up before a search begins. Good predictions end here.
_MOST_OFFSETS = 32
_MOST_AXES = 6  # offsets grow with a power of the axes


@dataclass(frozen=True, slots=True)
class Shell:
    """Offsets (grid steps per axis) that are all `distance` away, in the unit of spacing."""

    distance: float
    offsets: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=64)
def near_shells(spacing: tuple[float, ...]) -> tuple[Shell, ...]:
    """The nearest offsets in complete shells, by rising distance; about `_MOST_OFFSETS` of them."""
    if len(spacing) > _MOST_AXES:
        return ()
    reach = 3 if len(spacing) <= 3 else 1
    grid = np.array(list(product(range(-reach, reach + 1), repeat=len(spacing))))
    distance = norm(grid.T, spacing)
    # From here on, offsets outside the grid may be nearer.
    inside = (distance > 0) & (distance < (reach + 1) * min(spacing))
    grid, distance = grid[inside], distance[inside]
    # Equal distances may differ in the last bit by the order of the axes.
    ranks = np.round(distance / min(spacing), 12)
    shells: list[Shell] = []
    n_offsets = 0
    for rank in np.unique(ranks):
        same = ranks == rank
        if shells and n_offsets + same.sum() > _MOST_OFFSETS:
            break
        offsets = tuple(tuple(int(step) for step in row) for row in grid[same])
        shells.append(Shell(float(distance[same].min()), offsets))
        n_offsets += len(offsets)
    return tuple(shells)


def margin_of(shells: tuple[Shell, ...], n_axes: int) -> tuple[int, ...]:
    """The margin per axis, at least 1, that keeps every look-up inside the array."""
    steps = [(1,) * n_axes, *(offset for shell in shells for offset in shell.offsets)]
    return tuple(int(most) for most in np.abs(steps).max(axis=0))


def norm(steps: npt.ArrayLike, spacing: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Length of grid steps, shape (axes, n): whole numbers times spacing, the same on every way."""
    squares = np.square(np.asarray(steps) * np.array(spacing)[:, np.newaxis])
    length: npt.NDArray[np.float64] = np.sqrt(squares.sum(axis=0))
    return length
