"""What the header of a NIfTI file says, checked."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from segmetrics.data.grid import Affine
from segmetrics.errors import DataError

_MILLIMETRES = {"mm": 1.0, "meter": 1e3, "micron": 1e-3, "unknown": 1.0}
# Size of the header by NIfTI version, and where its magic stands.
SIZES = {1: 348, 2: 540}
_MAGIC = {1: (344, b"n+1\0"), 2: (4, b"n+2\0\r\n\x1a\n")}
# Voxel sizes of header and affine may differ by rounding, not by more.
_SAME_ZOOM = 1e-2
DAMAGE = (OSError, EOFError, zlib.error, struct.error, ValueError, OverflowError)


@dataclass(frozen=True, slots=True, eq=False)
class VolumeHeader:
    """What the header of a NIfTI file says.

    Attributes
    ----------
    shape
        (x, y, z) or (x, y, z, channels): axes as stored.
    spacing
        Voxel size along x, y, z in mm.
    affine
        float64 (4, 4): voxel index to mm in scanner space.
    oriented
        Whether the file states an orientation (qform_code or sform_code above 0).
    dtype, offset, slope, intercept
        How the voxels are stored; slope 1 and intercept 0 where they are not scaled.
    content
        The header's bytes, for writing with the same grid.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    affine: Affine
    oriented: bool
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    content: bytes

    @property
    def scaled(self) -> bool:
        """Whether stored values are not the values meant."""
        return (self.slope, self.intercept) != (1.0, 0.0)


def parse_header(head: bytes, where: str) -> VolumeHeader:
    """The header from the first bytes of a file.

    Raises
    ------
    DataError
        No NIfTI file, or a header without usable shape, type, voxel size or affine.
    """
    version = 2 if head[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else 1
    if len(head) < SIZES[version]:
        raise damaged(where, "it ends within its header")
    at, magic = _MAGIC[version]
    found = head[at : at + len(magic)]
    if found != magic:
        pair = found.startswith(b"ni")
        what = "is half of a pair of files (.hdr, .img)" if pair else "not a NIfTI file"
        raise DataError(where, what, "write .nii or .nii.gz")
    nibabel = load_nibabel(where)
    kind = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
    head = head[: SIZES[version]]
    try:
        with np.errstate(all="ignore"):
            return _described(nibabel, kind(head, check=False), head, where)
    except (*DAMAGE, TypeError, KeyError, nibabel.spatialimages.HeaderDataError) as error:
        raise damaged(where, str(error)) from error


def _described(nibabel: ModuleType, header: Any, head: bytes, where: str) -> VolumeHeader:
    shape = tuple(int(n) for n in header.get_data_shape())
    if not 2 <= len(shape) <= 7 or min(shape) < 1:
        raise DataError(where, f"its header claims the shape {shape}", "export it again")
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise DataError(where, f"stores {dtype} voxels", "write integers or floating point")
    units = header.get_xyzt_units()[0]
    scale = _MILLIMETRES[units]
    zooms = [float(z) * scale for z in header.get_zooms()[:3]]
    if not all(math.isfinite(z) and z > 0 for z in zooms):
        raise DataError(
            where, f"its voxel size is {text_of(zooms)} mm", "mend pixdim of its header"
        )
    affine = np.asarray(header.get_best_affine(), np.float64)
    affine[:3] *= scale
    oriented = bool(int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0)
    _check_affine(affine, zooms, oriented, where)
    slope, intercept = header.get_slope_inter()
    offset = header.get_data_offset()
    if offset < len(head):
        raise DataError(where, f"its voxels begin at byte {offset}, within its header")
    return VolumeHeader(
        shape=_squeezed(shape),
        spacing=tuple(zooms + [1.0] * (3 - len(zooms))),
        affine=affine,
        oriented=oriented,
        dtype=dtype,
        offset=int(offset),
        slope=1.0 if slope is None else float(slope),
        intercept=0.0 if intercept is None else float(intercept),
        content=head,
    )


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Three axes, or four where there are channels (fourth, or fifth for NIfTI vectors)."""
    padded = shape + (1,) * (3 - len(shape))
    more = tuple(n for n in padded[3:] if n > 1)
    return padded[:3] + more


def _check_affine(affine: Affine, zooms: list[float], oriented: bool, where: str) -> None:
    """Check that the affine is one, and agrees with the voxel size that distances are taken in."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise DataError(where, "its affine matrix cannot be inverted", "mend its header")
    sizes = np.sqrt((affine[:3, : len(zooms)] ** 2).sum(axis=0))
    if oriented and (np.abs(sizes - zooms) > _SAME_ZOOM * np.asarray(zooms)).any():
        raise DataError(
            where,
            f"its voxels are {text_of(zooms)} mm by pixdim and {text_of(sizes.tolist())} mm by its "
            "affine matrix",
            "mend its header: distances in mm would be wrong",
        )


def load_nibabel(where: str) -> ModuleType:
    """Import nibabel.

    Raises
    ------
    DataError
        It is not installed.
    """
    try:
        import nibabel
        import nibabel.spatialimages
    except ImportError as error:
        raise DataError(
            where, "NIfTI needs nibabel", 'pip install "segmetrics[volumes]"'
        ) from error
    module: ModuleType = nibabel
    return module


def damaged(where: str, text: str) -> DataError:
    """The error of a file that is not whole."""
    return DataError(where, f"damaged or truncated ({text})", "export it again")


def text_of(numbers: Any) -> str:
    """`49 x 54 x 9`."""
    return " x ".join(f"{n:g}" for n in numbers)
