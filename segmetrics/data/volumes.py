"""NIfTI volumes: labels and scores with their grid, in storage order."""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.data.grid import Affine
from segmetrics.data.kinds import GZIP
from segmetrics.data.whole import MAX_VOXELS, whole_numbers
from segmetrics.errors import DataError
from segmetrics.metrics.counts import Labels

_MILLIMETRES = {"mm": 1.0, "meter": 1e3, "micron": 1e-3, "unknown": 1.0}
# Size of the header by NIfTI version, and where its magic stands.
_SIZES = {1: 348, 2: 540}
_MAGIC = {1: (344, b"n+1\0"), 2: (4, b"n+2\0\r\n\x1a\n")}
_MOST_RATIO = 1040  # of deflate
_BLOCK = 1 << 20
# Voxel sizes of header and affine may differ by rounding, not by more.
_SAME_ZOOM = 1e-2
_DAMAGE = (OSError, EOFError, zlib.error, struct.error, ValueError, OverflowError)


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


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A decoded volume: voxels in storage order and what the header says of them."""

    array: npt.NDArray[Any]
    header: VolumeHeader

    @property
    def spacing(self) -> tuple[float, ...]:
        """Voxel size along x, y, z in mm."""
        return self.header.spacing

    @property
    def affine(self) -> Affine:
        """Voxel index to mm, float64 (4, 4)."""
        return self.header.affine


def read_nifti(content: bytes, where: str, *, channels: bool = False) -> Volume:
    """Read a `.nii` or `.nii.gz` file.

    Parameters
    ----------
    content
        The bytes of the file; compression is recognised.
    channels
        Whether a fourth axis is wanted (and the array then always has one).

    Returns
    -------
    Volume
        `array` with axes (x, y, z) or (x, y, z, channel) as stored, not reoriented; its type as
        stored, float64 where the header scales (scl_slope, scl_inter). Read-only.

    Raises
    ------
    DataError
        No NIfTI file, damaged, truncated, of other axes, without usable voxel size, or nibabel is
        not installed.
    """
    raw, header = _decompressed(content, where)
    array = np.frombuffer(raw, header.dtype, math.prod(header.shape), header.offset)
    array = array.reshape(header.shape, order="F")
    if header.scaled:
        array = array * header.slope + header.intercept
    if channels and array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 3 + channels:
        raise DataError(
            where,
            f"has {array.ndim} axes ({_text(header.shape)}), expected {3 + channels}",
            "write one volume per file",
        )
    return Volume(array, header)


def volume_labels(volume: Volume, where: str) -> Labels:
    """The voxels as labels; scaled integers may be off by half a stored step.

    Raises
    ------
    DataError
        A value is not a whole number.
    """
    step = abs(volume.header.slope) / 2 if volume.header.scaled else 0.0
    return whole_numbers(volume.array, where, tolerance=min(step * 1.001, 0.05))


def read_nifti_header(content: bytes, where: str) -> VolumeHeader:
    """The header alone; of a compressed file only the beginning is inflated.

    Raises
    ------
    DataError
        As `read_nifti`, for what the header shows.
    """
    if not content:
        raise DataError(where, "the file is empty")
    if content.startswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(content[:_BLOCK], _SIZES[2])
        except zlib.error as error:
            raise _damaged(where, str(error)) from error
    else:
        head = content[: _SIZES[2]]
    return _parsed(head, where)


def verify_nifti(content: bytes, where: str) -> VolumeHeader:
    """The header, after a check that the voxels are all there and the checksum is right.

    A compressed volume is inflated block by block and not kept.

    Raises
    ------
    DataError
        As `read_nifti`.
    """
    header = read_nifti_header(content, where)
    wanted = _n_bytes(header, content, where)
    if not content.startswith(GZIP):
        found = len(content)
    else:
        found = 0
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
                while block := stream.read(_BLOCK):
                    found += len(block)
        except _DAMAGE as error:
            raise _damaged(where, str(error)) from error
    _check_length(found, wanted, where)
    return header


def _decompressed(content: bytes, where: str) -> tuple[bytes, VolumeHeader]:
    header = read_nifti_header(content, where)
    wanted = _n_bytes(header, content, where)
    raw = content
    if content.startswith(GZIP):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
                raw = stream.read(wanted)
                # The checksum stands at the end: a flipped bit is a label.
                while stream.read(_BLOCK):
                    pass
        except _DAMAGE as error:
            raise _damaged(where, str(error)) from error
    _check_length(len(raw), wanted, where)
    return raw, header


def _n_bytes(header: VolumeHeader, content: bytes, where: str) -> int:
    wanted = header.offset + math.prod(header.shape) * header.dtype.itemsize
    if math.prod(header.shape) > MAX_VOXELS or wanted > _MOST_RATIO * len(content):
        raise DataError(
            where, f"its header claims {_text(header.shape)} voxels, more than it can hold"
        )
    return wanted


def _check_length(found: int, wanted: int, where: str) -> None:
    if found < wanted:
        raise _damaged(where, f"{found} bytes instead of {wanted}")


def _parsed(head: bytes, where: str) -> VolumeHeader:
    version = 2 if head[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else 1
    if len(head) < _SIZES[version]:
        raise _damaged(where, "it ends within its header")
    at, magic = _MAGIC[version]
    found = head[at : at + len(magic)]
    if found != magic:
        pair = found.startswith(b"ni")
        what = "is half of a pair of files (.hdr, .img)" if pair else "not a NIfTI file"
        raise DataError(where, what, "write .nii or .nii.gz")
    nibabel = _nibabel(where)
    kind = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
    head = head[: _SIZES[version]]
    try:
        with np.errstate(all="ignore"):
            return _described(nibabel, kind(head, check=False), head, where)
    except (*_DAMAGE, TypeError, KeyError, nibabel.spatialimages.HeaderDataError) as error:
        raise _damaged(where, str(error)) from error


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
        raise DataError(where, f"its voxel size is {_text(zooms)} mm", "mend pixdim of its header")
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
            f"its voxel size is {_text(zooms)} mm by pixdim and {_text(sizes.tolist())} mm by its "
            "affine matrix",
            "mend its header: distances in mm would be wrong",
        )


def write_nifti_labels(array: Labels, like: VolumeHeader) -> bytes:
    """A `.nii.gz` file of labels in the grid of `like`, in the smallest type that holds them.

    Affine, codes, voxel size and units are those of `like`; scaling, extensions and display range
    are dropped. Equal input gives equal bytes.

    Raises
    ------
    ValueError
        The shape is another one, or the array does not hold integers that fit into 32 bits.
    """
    if array.dtype.kind not in "biu":
        raise ValueError(f"labels of type {array.dtype}")
    labels = whole_numbers(array, "labels")
    if labels.dtype.itemsize > 4:
        raise ValueError("labels beyond 32 bits")
    return _written(labels, like)


def write_nifti_scores(array: npt.NDArray[np.uint8], like: VolumeHeader) -> bytes:
    """A `.nii.gz` file of quantised probabilities `q = min(255, floor(256 p))`, as uint8.

    Raises
    ------
    ValueError
        The shape is another one, or the array is not uint8.
    """
    if array.dtype != np.uint8:
        raise ValueError(f"scores of type {array.dtype}, not uint8")
    return _written(array, like)


def _written(array: npt.NDArray[Any], like: VolumeHeader) -> bytes:
    if array.shape != like.shape[:3]:
        raise ValueError(f"an array of shape {array.shape} in a grid of {like.shape[:3]}")
    nibabel = _nibabel("writing NIfTI")
    new = nibabel.Nifti1Header if len(like.content) == _SIZES[1] else nibabel.Nifti2Header
    header = new(like.content, check=False)
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    header.set_slope_inter(1.0, 0.0)
    header["cal_min"] = header["cal_max"] = 0
    header.set_intent("none")
    header.set_data_offset(len(like.content) + 4)
    stored = array.astype(header.get_data_dtype(), copy=False)  # in the header's byte order
    out = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=6, mtime=0) as stream:
        stream.write(header.binaryblock + b"\0\0\0\0")
        stream.write(stored.tobytes(order="F"))
    return out.getvalue()


def _nibabel(where: str) -> ModuleType:
    try:
        import nibabel
        import nibabel.spatialimages
    except ImportError as error:
        raise DataError(
            where, "NIfTI needs nibabel", 'pip install "segmetrics[volumes]"'
        ) from error
    return nibabel  # type: ignore[no-any-return]


def _damaged(where: str, text: str) -> DataError:
    return DataError(where, f"damaged or truncated ({text})", "export it again")


def _text(numbers: Any) -> str:
    return " x ".join(f"{n:g}" for n in numbers)
