"""What reading a mask gives."""

from __future__ import annotations

from dataclasses import dataclass

from segmetrics.data.grid import Affine
from segmetrics.metrics.counts import Labels


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A decoded mask.

    Attributes
    ----------
    labels
        Integers as stored, shape (H, W), (pages, H, W) or, from NIfTI, (x, y, z). Colours are
        packed (`colours.pack`); of a multi-label mask bit k says that class k is present.
    file_format, mode
        How the file stored them: Pillow's names, or `NIfTI`, `NumPy` with the type of the values.
    spacing
        Size of a voxel along each axis, in mm; None where the file does not say.
    affine
        Voxel index to mm, float64 (4, 4); None where the file has none.
    """

    labels: Labels
    file_format: str
    mode: str
    spacing: tuple[float, ...] | None = None
    affine: Affine | None = None
