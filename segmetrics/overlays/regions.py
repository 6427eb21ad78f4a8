"""Right, added, missed: where, in one plane, and at the size of a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.overlays.index import Cut

Mask = npt.NDArray[np.bool_]
MOST_CELLS = 640  # along the longer side of a picture


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Where a class is predicted right (`tp`), added (`fp`), missed (`fn`); and what is ignored.

    Equally shaped masks; `ignored` is None where nothing is.
    """

    tp: Mask
    fp: Mask
    fn: Mask
    ignored: Mask | None = None

    @classmethod
    def of(cls, *, reference: Mask, prediction: Mask, ignored: Mask | None = None) -> Regions:
        """From the masks of a class."""
        return cls(
            reference & prediction, prediction & ~reference, reference & ~prediction, ignored
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of each mask."""
        return self.tp.shape

    def each(self, change: Callable[[Mask], Mask]) -> Regions:
        """The same with every mask changed."""
        ignored = None if self.ignored is None else change(self.ignored)
        return Regions(change(self.tp), change(self.fp), change(self.fn), ignored)

    def reduced(self, cell: int) -> Regions:
        """Cells of `cell` x `cell` pixels, true where any of their pixels is: an error of one pixel
        stays to be seen.
        """
        return self.each(lambda mask: any_in_cells(mask, cell))


def plane_of(array: npt.NDArray[Any], cut: Cut | None, *, turned: bool) -> npt.NDArray[Any]:
    """A plane of a volume, or the image itself without `cut`.

    `turned`: of NIfTI, whose first axis goes to the right and the second up.
    """
    plane: npt.NDArray[Any] = array if cut is None else np.take(array, cut.index, axis=cut.axis)
    return np.rot90(plane) if turned else plane


def cell_size(shape: tuple[int, int]) -> int:
    """How many pixels each way become one, so that none of the sides has more than 640."""
    return max(1, -(-max(shape) // MOST_CELLS))


def any_in_cells(mask: Mask, cell: int) -> Mask:
    """(H, W) to (ceil(H / cell), ceil(W / cell)): whether any pixel of a cell is true."""
    if cell == 1:
        return mask
    for axis in (0, 1):
        mask = np.logical_or.reduceat(mask, np.arange(0, mask.shape[axis], cell), axis=axis)
    return mask


def most_wrong(regions: Regions) -> Cut:
    """The plane across the shortest axis (the first of equal ones) with the most wrong elements.

    Of equal ones the first; without any error, that with the most right ones.
    """
    axis = int(np.argmin(regions.shape))
    others = tuple(k for k in range(3) if k != axis)
    wrong = (regions.fp | regions.fn).sum(axis=others)
    shown = wrong if wrong.any() else regions.tp.sum(axis=others)
    return Cut(axis, int(np.argmax(shown)), regions.shape[axis])
