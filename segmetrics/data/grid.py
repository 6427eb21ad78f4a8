"""Whether two volumes lie on one grid: equal shapes do not say so."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError

Affine = npt.NDArray[np.float64]

# Of the voxel size: above the rounding of float32 headers, far below half a voxel.
TOLERANCE = 1e-3


class OnGrid(Protocol):
    """Anything that may know its place in space."""

    @property
    def affine(self) -> Affine | None:
        """Voxel index to mm, float64 (4, 4); None where the file format has none."""


def check_same_grid(
    first: OnGrid, second: OnGrid, *, names: tuple[str, str], tolerance: float = TOLERANCE
) -> None:
    """Check that equal voxel indices are equal places.

    Parameters
    ----------
    first, second
        Volumes, headers or masks. Where one has no affine nothing can be compared.
    names
        How the message calls them: their files.
    tolerance
        Largest difference of the origin and of each axis step, in units of the voxel size.

    Raises
    ------
    DataError
        The affines differ: another orientation, voxel size or position.
    """
    a, b = first.affine, second.affine
    if a is None or b is None:
        return
    steps = np.sqrt((a[:3, :3] ** 2).sum(axis=0))
    axes = np.abs(a[:3, :3] - b[:3, :3]).max(axis=0) / steps
    # The origin may be off along any direction: the smallest step is the measure.
    origin = np.abs(a[:3, 3] - b[:3, 3]).max() / steps.min()
    if axes.max() <= tolerance and origin <= tolerance:
        return
    raise DataError(
        names[1],
        f"does not lie on the grid of {names[0]}: {_difference(a, b)}",
        "resample it onto that grid with nearest neighbours; nothing is moved to fit",
    )


def _difference(a: Affine, b: Affine) -> str:
    """What differs first, for people."""
    codes = orientation(a), orientation(b)
    if codes[0] != codes[1]:
        return f"its axes run towards {codes[1]}, not {codes[0]}"
    sizes = [" x ".join(f"{n:.4g}" for n in np.sqrt((m[:3, :3] ** 2).sum(axis=0))) for m in (a, b)]
    if sizes[0] != sizes[1]:
        return f"its voxels are {sizes[1]} mm, not {sizes[0]} mm"
    if not np.allclose(a[:3, :3], b[:3, :3], atol=TOLERANCE):
        return "it is rotated"
    shift = " x ".join(f"{n:.4g}" for n in b[:3, 3] - a[:3, 3])
    return f"its first voxel lies {shift} mm away"


def orientation(affine: Affine) -> str:
    """Where the array axes run to, such as `RAS`: R or L, A or P, S or I (largest component)."""
    letters = []
    free = [0, 1, 2]
    matrix = np.abs(affine[:3, :3]) / np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    # The clearest axis chooses first, so that no direction is named twice.
    chosen: dict[int, int] = {}
    for axis in np.argsort(-matrix.max(axis=0), kind="stable").tolist():
        world = max(free, key=lambda row: matrix[row, axis])
        free.remove(world)
        chosen[axis] = world
    for axis in range(3):
        world = chosen[axis]
        letters.append(("LR", "PA", "IS")[world][int(affine[world, axis] > 0)])
    return "".join(letters)
