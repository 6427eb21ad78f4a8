"""One entry to every kind of mask, image and volume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segmetrics.data.arrays import array_shape, read_array
from segmetrics.data.colours import pack
from segmetrics.data.kinds import SUFFIXES, kind_of, stem_of, suffix_of
from segmetrics.data.labels import LabelScheme
from segmetrics.data.mask import Mask
from segmetrics.data.multilabel import read_channels, read_files, require_content
from segmetrics.data.pages import picture_mask
from segmetrics.data.pictures import decode, oriented, read_bytes, stored_size
from segmetrics.data.volumes import read_nifti, read_nifti_header, volume_labels
from segmetrics.data.whole import whole_numbers
from segmetrics.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "SUFFIXES",
    "Mask",
    "image_sizes",
    "read_class_files",
    "read_labels",
    "read_multilabel",
    "read_score_map",
    "stem_of",
    "suffix_of",
]


def read_labels(source: bytes | Path, where: str, scheme: LabelScheme) -> Mask:
    """Decode a mask of any kind: PNG, TIFF (pages are a volume), BMP, JPEG, NIfTI, .npy, .npz.

    Parameters
    ----------
    source
        The bytes of the file or its path; a path with `{class}` for the encoding `files`.
    where
        The name of the file: for messages, and for the kind where its bytes do not say it.
    scheme
        Its encoding decides how values become labels.

    Raises
    ------
    DataError
        The file cannot be read or does not hold what the encoding says.
    """
    if scheme.encoding == "files" and isinstance(source, Path):
        return read_multilabel(source, where, scheme)
    require_content(where, scheme)
    content = read_bytes(source) if isinstance(source, Path) else source
    if scheme.encoding == "channels":
        return read_channels(content, where, scheme)
    return _single(content, where, scheme)


def read_multilabel(source: bytes | Path, where: str, scheme: LabelScheme) -> Mask:
    """Decode a mask of encoding `channels` or `files` into bits: bit k is class k.

    Returns
    -------
    Mask
        `labels` uint8, uint16 or uint32: the smallest with a bit for every class.

    Raises
    ------
    DataError
        As `read_channels` and `read_files`.
    """
    if scheme.encoding == "files" and isinstance(source, Path):
        return read_class_files(source, scheme)[0]
    require_content(where, scheme)
    content = read_bytes(source) if isinstance(source, Path) else source
    return read_channels(content, where, scheme)


def read_class_files(path: Path, scheme: LabelScheme) -> tuple[Mask, str]:
    """A mask of encoding `files`, and the digest of all its files together.

    Raises
    ------
    DataError
        As `read_files`.
    """
    one = replace(scheme, encoding="instances")
    return read_files(path, scheme, lambda content, name: _single(content, name, one))


def _single(content: bytes, where: str, scheme: LabelScheme) -> Mask:
    """One label per pixel."""
    if not content:
        raise DataError(where, "the file is empty")
    kind = kind_of(content, where)
    if kind == "picture":
        mask = picture_mask(content, where, colours=scheme.encoding == "rgb")
    elif kind == "nifti":
        volume = read_nifti(content, where)
        stored = str(volume.header.dtype)
        mask = Mask(volume_labels(volume, where), "NIfTI", stored, volume.spacing, volume.affine)
    else:
        array = read_array(content, where)
        if scheme.encoding == "rgb" and array.dtype == np.uint8 and array.shape[-1:] == (3,):
            array = pack(array)
        mask = Mask(whole_numbers(array, where), "NumPy", str(array.dtype))
        _check_axes(mask.labels.shape, where)
    if scheme.encoding == "palette" and mask.mode != "P":
        raise DataError(
            where, f"has no palette (mode {mask.mode})", "set data.encoding: labels or binary"
        )
    return mask


def _check_axes(shape: tuple[int, ...], where: str) -> None:
    if len(shape) not in (2, 3):
        raise DataError(
            where,
            f"has {len(shape)} axes {shape}, a mask two or three",
            "write labels, not scores or one channel per class (data.encoding: channels)",
        )


def read_score_map(content: bytes, where: str) -> Mask:
    """Decode an 8-bit probability map `q = min(255, floor(256 p))`, two or three axes.

    Raises
    ------
    DataError
        Unreadable, or not stored as 8-bit grey or uint8.
    """
    kind = kind_of(content, where)
    if kind == "nifti":
        volume = read_nifti(content, where)
        stored = str(volume.array.dtype)
        mask = Mask(volume.array, "NIfTI", stored, volume.spacing, volume.affine)
    elif kind in ("npy", "npz"):
        levels = read_array(content, where)
        _check_axes(levels.shape, where)
        mask = Mask(levels, "NumPy", str(levels.dtype))
    else:
        mask = picture_mask(content, where, colours=False)
        if mask.mode != "L":
            what = f"is a {mask.mode} picture, not an 8-bit grey probability map"
            raise DataError(where, what, "for label maps set operating_point.decision: argmax")
    if mask.labels.dtype != np.uint8:
        raise DataError(
            where,
            f"holds {mask.mode}, not an 8-bit probability map",
            "write q = min(255, floor(256 p)) as uint8; for label maps set "
            "operating_point.decision: argmax",
        )
    return mask


def image_sizes(
    content: bytes, where: str, *, ndim: int | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape of an image or volume as a mask of it has, upright and as it is stored.

    (H, W), (pages, H, W) or, for NIfTI, (x, y, z), without channels. The two differ where an EXIF
    orientation turns the image by 90 degrees. Pictures are decoded, which finds damage; of NIfTI
    and NumPy files the header is read.

    Parameters
    ----------
    ndim
        The axes of its mask: nothing in a NumPy file says whether its last axis is of space or of
        channels, so one axis more than the mask has is channels. None: no mask to compare with.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    kind = kind_of(content, where)
    if kind == "nifti":
        shape = read_nifti_header(content, where).shape[:3]
        return shape, shape
    if kind in ("npy", "npz"):
        shape = array_shape(content, where)
        shape = shape[:-1] if ndim is not None and len(shape) == ndim + 1 else shape
        return shape, shape
    before: list[tuple[int, ...]] = []
    upright = decode(
        content, where, _upright, pages=True, before=lambda p: before.append(stored_size(p))
    )
    # What comes before the last two axes are pages.
    return upright, (*upright[:-2], *before[0])


def _upright(picture: Image.Image) -> tuple[int, ...]:
    n = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    size = oriented(picture).size[::-1]
    return (n, *size) if n > 1 else size
