"""Distance of border elements to the nearest border element of the other mask, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from segmetrics.metrics._border import PREDICTION, REFERENCE, Borders
from segmetrics.metrics._guides import nearest_between_guides, plan_guides
from segmetrics.metrics._rows import (
    MOST_ELEMENTS,
    Columns,
    Effort,
    can_stack,
    columns_of,
    nearest_in_row,
    nearest_in_rows,
    stack_step,
)
from segmetrics.metrics._shells import Shell, norm

Distances = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Search = Literal["auto", "rows", "guides", "tree", "transform"]

_CHUNK = 1 << 15  # elements that look around at once

# Measured costs in nanoseconds: of an element in the tree, of a query to it, of an element of the
# box that is distance-transformed, of one whose row is searched, and of one seen from another row.
_PLANT, _QUERY, _TRANSFORM, _ROW, _SEE = 120.0, 1100.0, 70.0, 0.5, 1.5

# Shares of a picture's box that ask: with fewer, a look around spares more than it costs; with
# more, it ends nearly all, or a transform is due.
_FEW, _MANY = 1 / 256, 1 / 4


@dataclass(frozen=True, slots=True, eq=False)
class _Quest:
    """Elements of one border that ask for the nearest of the other.

    Attributes
    ----------
    asking, at : intp, shape (n,), ascending
        Which elements, as indices of `Borders.at`, and their flat positions.
    targets : intp, ascending
        Flat positions of the other border.
    other : uint8
        Its bit.
    """

    asking: Positions
    at: Positions
    targets: Positions
    other: np.uint8


def nearest(
    borders: Borders, *, spacing: tuple[float, ...], shells: tuple[Shell, ...], search: Search
) -> Distances:
    """Distance of each element of `borders.at` to the other border; both must have elements.

    Elements on both borders are 0 away. The others look at their surroundings, shell by shell; what
    finds nothing there searches the rows around (in pictures, most often at once), the rows between
    two guides (in pictures, where many are far), or asks a k-d tree or a distance transform,
    whichever costs least.

    Returns
    -------
    float64, shape (n,)
        In the unit of `spacing`; 0 for elements on both borders.
    """
    distances = np.zeros(borders.at.size)
    apart = np.count_nonzero(borders.kind != (REFERENCE | PREDICTION))
    if search == "auto" and _has_rows(borders) and _FEW < apart / borders.code.size < _MANY:
        shells = ()
    n_offsets = sum(len(shell.offsets) for shell in shells)
    quests = []
    for own, other in ((REFERENCE, PREDICTION), (PREDICTION, REFERENCE)):
        left = np.flatnonzero(borders.kind == own)
        n_targets = borders.at.size - left.size
        # No target is seen by more elements than there are offsets: where those cannot be half of
        # them, a look around is in vain.
        if 2 * n_offsets * n_targets > left.size:
            left = _look_around(borders, left, other, shells, distances)
        if left.size:
            targets = borders.at[(borders.kind & other) != 0]
            quests.append(_Quest(left, borders.at[left], targets, other))
    near = []
    for quest in quests:
        few = quest.at.size < borders.code.size * _MANY
        if search == "auto" and _has_rows(borders) and few and _worth_a_table(borders, quest):
            near.append(quest)
        else:
            distances[quest.asking] = _search(borders, quest, spacing, search)
    # Both in one go spare half of the calls; of larger pictures, one table at a time.
    if near and can_stack(borders.code.shape, spacing):
        _search_near(borders, near, spacing, distances)
    else:
        for quest in near:
            _search_near(borders, [quest], spacing, distances)
    return distances


def _look_around(
    borders: Borders,
    asking: Positions,
    other: np.uint8,
    shells: tuple[Shell, ...],
    distances: Distances,
) -> Positions:
    """Fill in the distances that a shell decides; the elements that are left."""
    flat, strides = borders.code.reshape(-1), np.array(borders.code.strides)
    steps = [(shell.distance, np.array(shell.offsets) @ strides) for shell in shells]
    left = []
    for start in range(0, asking.size, _CHUNK):
        here = chunk = asking[start : start + _CHUNK]
        at = borders.at[here]
        for n_tried, (distance, offsets) in enumerate(steps):
            if 2 * n_tried == len(steps) and 4 * here.size > 3 * chunk.size:
                break  # far apart: the other half of the shells would be in vain, too
            seen = np.bitwise_or.reduce(flat.take(at + offsets[:, np.newaxis]), axis=0)
            hit = (seen & other) != 0
            distances[here[hit]] = distance
            miss = ~hit
            here, at = here[miss], at[miss]
        left.append(here)
    return np.concatenate(left) if left else asking


def _has_rows(borders: Borders) -> bool:
    return borders.code.ndim == 2 and borders.code.size <= MOST_ELEMENTS


def _costs(shape: tuple[int, ...], n_asking: int, n_targets: int) -> list[tuple[float, Search]]:
    """Nanoseconds that each search takes, of those that end by themselves."""
    costs: list[tuple[float, Search]] = [
        (n_asking * _QUERY + n_targets * _PLANT, "tree"),
        (math.prod(shape) * _TRANSFORM, "transform"),
    ]
    if len(shape) == 2 and math.prod(shape) <= MOST_ELEMENTS:
        costs.append((plan_guides(shape, n_asking)[1], "guides"))
    return costs


def _worth_a_table(borders: Borders, quest: _Quest) -> bool:
    """Whether a tree would cost more than a table of the rows of a whole picture."""
    return borders.code.size * _ROW <= quest.at.size * _QUERY + quest.targets.size * _PLANT


def _search(
    borders: Borders,
    quest: _Quest,
    spacing: tuple[float, ...],
    search: Search,
    table: Columns | None = None,
) -> Distances:
    """Distances by one way; `table` is that of `nearest_in_row`, if it is there already."""
    shape = borders.code.shape
    if search == "auto":
        search = min(_costs(shape, quest.at.size, quest.targets.size))[1]
    if search == "tree":
        return _by_tree(shape, quest.at, quest.targets, spacing)
    if search == "transform":
        return _by_transform(borders, quest.at, quest.other, spacing)
    if table is None:
        table = nearest_in_row(shape, quest.targets)
    if search == "guides":
        every, _ = plan_guides(shape, quest.at.size)
        return nearest_between_guides(table, quest.at, spacing, every)
    columns = columns_of(quest.at, shape[1]).astype(np.float32)
    effort = Effort(each=math.inf, whole=math.inf)
    return nearest_in_rows(table, quest.at, columns, spacing, effort, shape[0])[0]


def _search_near(
    borders: Borders, quests: list[_Quest], spacing: tuple[float, ...], distances: Distances
) -> None:
    """In a picture: the rows around; what finds nothing near goes the way that costs least."""
    shape, size = borders.code.shape, borders.code.size
    n_rows, n_columns = shape
    apart = stack_step(shape, spacing)
    table = nearest_in_row(
        (len(quests) * n_rows, n_columns),
        np.concatenate([quest.targets + index * size for index, quest in enumerate(quests)]),
    )
    asking, columns, whole = [], [], 0.0
    for index, quest in enumerate(quests):
        if index:
            table[index * n_rows :] += apart
        asking.append(quest.at + index * size)
        columns.append((columns_of(quest.at, n_columns) + index * apart).astype(np.float32))
        whole += min(_costs(shape, quest.at.size, quest.targets.size))[0] / _SEE
    found, sure = nearest_in_rows(
        table,
        np.concatenate(asking),
        np.concatenate(columns),
        spacing,
        Effort(each=_QUERY / _SEE, whole=whole),
        n_rows,
    )
    stop = 0
    for index, quest in enumerate(quests):
        start, stop = stop, stop + quest.at.size
        distances[quest.asking] = found[start:stop]
        far = np.flatnonzero(~sure[start:stop])
        if far.size:
            rest = _Quest(quest.asking[far], quest.at[far], quest.targets, quest.other)
            own = table[index * n_rows : (index + 1) * n_rows]
            own -= index * apart
            distances[rest.asking] = _search(borders, rest, spacing, "auto", own)


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
    return norm([a - b[found] for a, b in zip(start, goal, strict=True)], spacing)


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
    return norm([a - b[tuple(start)] for a, b in zip(start, features, strict=True)], spacing)
