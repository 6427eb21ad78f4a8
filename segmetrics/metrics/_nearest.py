"""Distance of border elements to the nearest border element of the other mask, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt

from segmetrics.metrics._border import PREDICTION, REFERENCE, Borders
from segmetrics.metrics._rows import MOST_ELEMENTS, Effort, nearest_in_row, nearest_in_rows

Distances = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Search = Literal["auto", "rows", "tree", "transform"]

# Offsets that are looked up before a search begins. Good predictions end here.
_MOST_OFFSETS = 32
_MOST_AXES = 6  # offsets grow with a power of the axes
_CHUNK = 1 << 15

# Measured costs in nanoseconds: of an element in the tree, of a query to it, of an element of the
# box that is distance-transformed, of one whose row is searched, and of one seen from another row.
_PLANT, _QUERY, _TRANSFORM, _ROW, _SEE = 120.0, 1100.0, 70.0, 0.5, 1.5

# Shares of a picture's box that ask: with fewer, a look around spares more than it costs; with
# more, it ends nearly all, or a transform is due.
_FEW, _MANY = 1 / 256, 1 / 4


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
    distance = _norm(grid.T, spacing)
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


def nearest(
    borders: Borders, *, spacing: tuple[float, ...], shells: tuple[Shell, ...], search: Search
) -> Distances:
    """Distance of each element of `borders.at` to the other border; both must have elements.

    Elements on both borders are 0 away. The others look at their surroundings, shell by shell; what
    finds nothing there searches the rows around (in pictures, most often at once), or asks a k-d
    tree or a distance transform, whichever costs least.

    Returns
    -------
    float64, shape (n,)
        In the unit of `spacing`; 0 for elements on both borders.
    """
    distances = np.zeros(borders.at.size)
    apart = np.flatnonzero(borders.kind != (REFERENCE | PREDICTION))
    if search == "auto" and _has_rows(borders) and _FEW < apart.size / borders.code.size < _MANY:
        shells = ()
    left = _look_around(borders, apart, shells, distances)
    for own, other in ((REFERENCE, PREDICTION), (PREDICTION, REFERENCE)):
        asking = left[borders.kind[left] == own]
        if asking.size:
            targets = borders.at[(borders.kind & other) != 0]
            distances[asking] = _search(
                borders, borders.at[asking], targets, other, spacing, search
            )
    return distances


def _look_around(
    borders: Borders, apart: Positions, shells: tuple[Shell, ...], distances: Distances
) -> Positions:
    """Fill in the distances that a shell decides; the elements that are left."""
    if not shells:
        return apart
    flat = borders.code.reshape(-1)
    strides = np.array(borders.code.strides)
    steps = [(shell.distance, np.array(shell.offsets) @ strides) for shell in shells]
    left = []
    for start in range(0, apart.size, _CHUNK):
        here = chunk = apart[start : start + _CHUNK]
        at, wanted = borders.at[here], ~borders.kind[here]
        for n_tried, (distance, offsets) in enumerate(steps):
            if 2 * n_tried == len(steps) and 4 * here.size > 3 * chunk.size:
                break  # far apart: the other half of the shells would be in vain, too
            seen = np.bitwise_or.reduce(flat.take(at + offsets[:, np.newaxis]), axis=0)
            hit = (seen & wanted) != 0
            distances[here[hit]] = distance
            miss = ~hit
            here, at, wanted = here[miss], at[miss], wanted[miss]
        left.append(here)
    return np.concatenate(left) if left else apart


def _has_rows(borders: Borders) -> bool:
    return borders.code.ndim == 2 and borders.code.size <= MOST_ELEMENTS


def _search(
    borders: Borders,
    asking: Positions,
    targets: Positions,
    other: np.uint8,
    spacing: tuple[float, ...],
    search: Search,
) -> Distances:
    shape, size = borders.code.shape, borders.code.size
    by_tree, by_transform = asking.size * _QUERY + targets.size * _PLANT, size * _TRANSFORM
    effort = Effort(each=math.inf, whole=math.inf)
    if search == "auto":
        search = "tree" if by_tree <= by_transform else "transform"
        if _has_rows(borders) and size * _ROW <= by_tree and asking.size < size * _MANY:
            search, effort = "rows", Effort(each=_QUERY / _SEE, whole=by_transform / _SEE)
    if search == "tree":
        return _by_tree(shape, asking, targets, spacing)
    if search == "transform":
        return _by_transform(borders, asking, other, spacing)
    distances, sure = nearest_in_rows(nearest_in_row(shape, targets), asking, spacing, effort)
    if not sure.all():
        way: Search = "tree" if by_tree <= by_transform else "transform"
        distances[~sure] = _search(borders, asking[~sure], targets, other, spacing, way)
    return distances


def _by_tree(
    shape: tuple[int, ...], asking: Positions, targets: Positions, spacing: tuple[float, ...]
) -> Distances:
    from scipy.spatial import cKDTree  # 0.4 s: only when needed

    start, goal = np.unravel_index(asking, shape), np.unravel_index(targets, shape)
    scale = np.array(spacing)
    # Border elements are spread evenly: halving boxes is quicker than seeking medians.
    tree = cKDTree(
        np.stack(goal, axis=1) * scale, leafsize=32, balanced_tree=False, compact_nodes=False
    )
    _, found = tree.query(np.stack(start, axis=1) * scale)
    return _norm([a - b[found] for a, b in zip(start, goal, strict=True)], spacing)


def _by_transform(
    borders: Borders, asking: Positions, other: np.uint8, spacing: tuple[float, ...]
) -> Distances:
    from scipy.ndimage import distance_transform_edt

    features = distance_transform_edt(
        (borders.inside() & other) == 0,
        sampling=spacing,
        return_distances=False,
        return_indices=True,
    )
    positions = np.unravel_index(asking, borders.code.shape)
    start = [axis - m for axis, m in zip(positions, borders.margin, strict=True)]
    return _norm([a - b[tuple(start)] for a, b in zip(start, features, strict=True)], spacing)


def _norm(steps: npt.ArrayLike, spacing: tuple[float, ...]) -> Distances:
    """Length of grid steps, shape (axes, n): whole numbers times spacing, the same on every way."""
    squares = np.square(np.asarray(steps) * np.array(spacing)[:, np.newaxis])
    length: Distances = np.sqrt(squares.sum(axis=0))
    return length
