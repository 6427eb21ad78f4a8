"""NIfTI volumes: labels and scores with their grid, in storage order."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.data.grid import Affine
from segmetrics.data.kinds import GZIP
from segmetrics.data.volume_header import (
    DAMAGE,
    SIZES,
    VolumeHeader,
    damaged,
    load_nibabel,
    parse_header,
    text_of,
)
from segmetrics.data.whole import MAX_VOXELS, whole_numbers
from segmetrics.errors import DataError
from segmetrics.metrics.counts import Labels

__all__ = [
    "Volume",
    "VolumeHeader",
    "read_nifti",
    "read_nifti_header",
    "verify_nifti",
    "volume_labels",
    "write_nifti_labels",
    "write_nifti_scores",
]

_MOST_RATIO = 1040  # of deflate
_BLOCK = 1 << 20


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
            f"has {array.ndim} axes ({text_of(header.shape)}), expected {3 + channels}",
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
            head = zlib.decompressobj(wbits=31).decompress(content[:_BLOCK], SIZES[2])
        except zlib.error as error:
            raise damaged(where, str(error)) from error
    else:
        head = content[: SIZES[2]]
    return parse_header(head, where)


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
        except DAMAGE as error:
            raise damaged(where, str(error)) from error
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
        except DAMAGE as error:
            raise damaged(where, str(error)) from error
    _check_length(len(raw), wanted, where)
    return raw, header


def _n_bytes(header: VolumeHeader, content: bytes, where: str) -> int:
    wanted = header.offset + math.prod(header.shape) * header.dtype.itemsize
    if math.prod(header.shape) > MAX_VOXELS or wanted > _MOST_RATIO * len(content):
        raise DataError(
            where, f"its header claims {text_of(header.shape)} voxels, more than it can hold"
        )
    return wanted


def _check_length(found: int, wanted: int, where: str) -> None:
    if found < wanted:
        raise damaged(where, f"{found} bytes instead of {wanted}")


def write_nifti_labels(array: Labels, like: VolumeHeader) -> bytes:
    """A `.nii.gz` file of labels in the grid of `like`, in the smallest type that holds them.

    Affine, codes, voxel size and units are those of `like`; scaling, extensions and display range
    are dropped. Equal input gives equal bytes.

    Raises
    ------
    ValueError
        The shape is another one, or the array does not hold integers that fit into 32 bits.
    """
    if array.dtype.kind not in "biu" or array.ndim != 3:
        raise ValueError(f"labels of type {array.dtype} and shape {array.shape}")
    labels = whole_numbers(array, "labels")
    if labels.dtype.itemsize > 4:
        raise ValueError("labels beyond 32 bits")
    return _written(labels, like)


def write_nifti_scores(array: npt.NDArray[np.uint8], like: VolumeHeader) -> bytes:
    """A `.nii.gz` file of quantised probabilities `q = min(255, floor(256 p))`, as uint8.

    Parameters
    ----------
    array
        Shape (x, y, z), or (x, y, z, class) where there are several.

    Raises
    ------
    ValueError
        The shape is another one, or the array is not uint8.
    """
    if array.dtype != np.uint8:
        raise ValueError(f"scores of type {array.dtype}, not uint8")
    return _written(array, like)


def _written(array: npt.NDArray[Any], like: VolumeHeader) -> bytes:
    if array.shape[:3] != like.shape[:3] or array.ndim not in (3, 4):
        raise ValueError(f"an array of shape {array.shape} in a grid of {like.shape[:3]}")
    nibabel = load_nibabel("writing NIfTI")
    new = nibabel.Nifti1Header if len(like.content) == SIZES[1] else nibabel.Nifti2Header
    header = new(like.content, check=False)
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    if array.ndim == 4:
        header["pixdim"][4] = 1  # classes, whatever the image has along its fourth axis
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
