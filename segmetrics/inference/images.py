"""Reading images for a model: pictures, arrays and volumes as float32 channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from segmetrics.data.arrays import read_array
from segmetrics.data.grid import check_same_grid
from segmetrics.data.kinds import kind_of, suffix_of
from segmetrics.data.pictures import as_array, decode, deep_colour, oriented
from segmetrics.data.volumes import VolumeHeader, read_nifti, read_nifti_header
from segmetrics.data.whole import MAX_VOXELS
from segmetrics.errors import DataError
from segmetrics.inference.preprocess import Floats

_DEEP = "stores colours with more than 8 bits, which would be cut down to 8"


@dataclass(frozen=True, slots=True, eq=False)
class InputImage:
    """Pixels (C, ...) as stored, and the header of the first file where it is a NIfTI."""

    pixels: Floats
    header: VolumeHeader | None


def read_input(files: Sequence[tuple[bytes, Path]], *, channels: int, ndim: int) -> InputImage:
    """Decode the input files of a sample; the channels of several files follow one another.

    A NIfTI volume keeps the axes of its file: (x, y, z) are the model's (D, H, W) in this order.
    A TIFF of several pages is (page, height, width). Arrays with one axis more than the model's
    images (also NIfTI of four axes) hold channels along their last axis.

    Parameters
    ----------
    files
        Content and path of each.
    channels
        C of the model.
    ndim
        Spatial axes of the model: 2 or 3.

    Raises
    ------
    DataError
        A file is unreadable or does not fit, files of one sample have different shapes or lie on
        different grids, or they do not give C channels: what each gives is named.
    """
    headers = [_header(content, path) for content, path in files]
    first = headers[0]
    for (_, path), header in zip(files[1:], headers[1:], strict=True):
        if first is not None and header is not None:
            check_same_grid(first, header, names=(str(files[0][1]), str(path)))
    if len(files) == 1:
        content, path = files[0]
        return InputImage(read_image(content, str(path), channels, ndim=ndim), first)
    parts = [read_image(content, str(path), None, ndim=ndim) for content, path in files]
    for part, (_, path) in zip(parts[1:], files[1:], strict=True):
        if part.shape[1:] != parts[0].shape[1:]:
            what = f"has shape {part.shape[1:]}, {files[0][1]} has {parts[0].shape[1:]}"
            raise DataError(str(path), what, "nothing is resized to fit")
    if sum(len(part) for part in parts) != channels:
        given = ", ".join(
            f"{p.name} {len(part)}" for part, (_, p) in zip(parts, files, strict=True)
        )
        raise DataError(
            str(files[0][1]),
            f"the files of this sample give {sum(map(len, parts))} channels ({given}), "
            f"the model takes {channels}",
            "list in samples.csv the files that it was trained with, in this order",
        )
    return InputImage(np.concatenate(parts), first)


def read_image(content: bytes, where: str, channels: int | None, *, ndim: int = 2) -> Floats:
    """Decode one image, float32 (channels, ...), pixel values as stored.

    Of pictures, grey ones are repeated for three channels and colour turned grey (ITU-R 601-2) for
    one; they are turned upright as their EXIF orientation says.

    Parameters
    ----------
    channels
        What is wanted; None: as the file is, 1 for grey and 3 for colour.
    ndim
        Spatial axes.

    Raises
    ------
    DataError
        Unreadable, colour of more than 8 bits, of other axes, not finite, or of a kind that cannot
        be brought to that number of channels.
    """
    kind = kind_of(content, where)
    if kind == "picture" and ndim == 2:
        deep, pixels = decode(
            content, where, lambda p: (deep_colour(content, p), _channels(p, channels))
        )
        if deep:
            raise DataError(where, _DEEP, "convert it to 8-bit colour, or to 16-bit grey")
    else:
        pixels = _fitting(_array(content, where), where, channels, ndim)
    if pixels is None:
        remedy = (
            "" if channels in (1, 3, 4) else "list one file a channel: image, image:<name>, ..."
        )
        raise DataError(where, f"cannot be brought to the model's {channels} channels", remedy)
    return pixels


def image_shape(content: bytes, where: str, *, ndim: int) -> tuple[int, ...]:
    """Shape of the one label or score per element that a prediction has to hold.

    Raises
    ------
    DataError
        Unreadable.
    """
    if kind_of(content, where) == "picture" and ndim == 2:
        return decode(content, where, lambda p: (p.height, p.width))
    return _array(content, where).shape


def _header(content: bytes, path: Path) -> VolumeHeader | None:
    nifti = kind_of(content, str(path)) == "nifti"
    return read_nifti_header(content, str(path)) if nifti else None


def _array(content: bytes, where: str) -> npt.NDArray[Any]:
    kind = kind_of(content, where)
    if kind == "nifti":
        several = len(read_nifti_header(content, where).shape) == 4
        return read_nifti(content, where, channels=several).array
    if kind in ("npy", "npz"):
        return read_array(content, where)
    return _pages(content, where)


def _pages(content: bytes, where: str) -> npt.NDArray[Any]:
    """The pages of a TIFF as a volume (page, height, width[, channel])."""
    if suffix_of(Path(where)) not in (".tif", ".tiff"):
        what = "is a 2-D picture, volumes are expected"
        raise DataError(where, what, "write NIfTI, .npy or TIFF of several pages")

    def stacked(picture: Image.Image) -> npt.NDArray[Any]:
        n = getattr(picture, "n_frames", 1)
        if n * picture.width * picture.height > MAX_VOXELS:
            raise DataError(where, f"claims {n} pages of {picture.width} x {picture.height}")
        pages = []
        for page in range(n):
            picture.seek(page)
            if deep_colour(content, picture):
                raise DataError(where, _DEEP, "convert it to grey of 16 bits")
            pages.append(as_array(picture))
        return np.stack(pages)  # ValueError where the pages differ in shape

    return decode(content, where, stacked, pages=True)


def _fitting(array: npt.NDArray[Any], where: str, channels: int | None, ndim: int) -> Floats | None:
    """Channels first, float32; None where they are not those wanted."""
    if array.ndim not in (ndim, ndim + 1):
        remedy = f"expected {ndim} axes, and one more for channels where there are several"
        raise DataError(where, f"has shape {array.shape}, which is no {ndim}-D image", remedy)
    if array.dtype.kind not in "biuf":
        raise DataError(where, f"holds {array.dtype}, not pixels", "save numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(where, "holds NaN or infinite values", "replace them by a number")
    planes = array[np.newaxis] if array.ndim == ndim else np.moveaxis(array, -1, 0)
    pixels = np.ascontiguousarray(planes, np.float32)
    if channels == 3 and len(pixels) == 1 and ndim == 2:
        return np.repeat(pixels, 3, axis=0)  # as for grey pictures
    return pixels if channels in (None, len(pixels)) else None


def _channels(picture: Image.Image, channels: int | None) -> Floats | None:
    picture = oriented(picture)
    deep = picture.mode.startswith("I") or picture.mode == "F"
    if channels is None:
        channels = 1 if deep or picture.mode in ("1", "L", "LA") else 3
    if channels not in (1, 3, 4):
        return None
    if deep:
        # 16 and 32 bit grey: Pillow's conversions would clip these to 8 bits.
        grey = np.asarray(picture).astype(np.float32)
        return None if channels == 4 else np.repeat(grey[np.newaxis], channels, axis=0)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    array = np.asarray(picture.convert(mode), np.float32)
    return array[np.newaxis] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))
