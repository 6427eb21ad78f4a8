"""The pixels of an image whatever file holds them: for telling images apart, not for a model."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from segmetrics.data.arrays import read_array
from segmetrics.data.kinds import kind_of
from segmetrics.data.pictures import as_array, decode, oriented
from segmetrics.data.volumes import read_nifti, read_nifti_header
from segmetrics.data.whole import MAX_VOXELS
from segmetrics.errors import DataError

Pixels = npt.NDArray[Any]


def read_pixels(content: bytes, where: str, *, ndim: int) -> Pixels:
    """Decode an image or volume in a form that does not depend on how its file stores it.

    Pictures are turned upright, palettes become colours, an opaque alpha channel goes, colour with
    three equal channels becomes grey, and whole numbers get the smallest type that holds them: the
    same pixels as PNG, TIFF or array give the same array. Colour of more than 8 bits is compared
    by its upper 8 bits.

    Parameters
    ----------
    ndim
        Spatial axes: those of the mask.

    Returns
    -------
    ndarray
        Shape (H, W) or (a, b, c) as stored, and one more axis where there are several channels.

    Raises
    ------
    DataError
        Unreadable, not numbers, or of other axes.
    """
    kind = kind_of(content, where)
    if kind == "nifti":
        several = len(read_nifti_header(content, where).shape) == 4
        pixels = read_nifti(content, where, channels=several).array
    elif kind in ("npy", "npz"):
        pixels = read_array(content, where)
    elif ndim == 2:
        pixels = decode(content, where, lambda p: _plain(oriented(p)), pages=True)
    else:
        pixels = decode(content, where, lambda p: _stacked(p, where), pages=True)
    if pixels.dtype.kind not in "biuf" or pixels.ndim not in (ndim, ndim + 1):
        what = f"holds {pixels.dtype} of shape {pixels.shape}, expected numbers in {ndim} axes"
        raise DataError(where, what, "one more axis may hold channels")
    return _canonical(pixels, ndim)


def _plain(picture: Image.Image) -> Pixels:
    """(H, W) or (H, W, channels); palettes as colours, 0/1 pictures as 0/255."""
    if picture.mode in ("P", "PA"):
        picture = picture.convert("RGBA")
    elif picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode not in ("L", "LA", "RGB", "RGBA", "F") and not picture.mode.startswith("I"):
        picture = picture.convert("RGB")
    return as_array(picture)


def _stacked(picture: Image.Image, where: str) -> Pixels:
    n = getattr(picture, "n_frames", 1)
    if n * picture.width * picture.height > MAX_VOXELS:
        raise DataError(where, f"claims {n} pages of {picture.width} x {picture.height}")
    pages = []
    for page in range(n):
        picture.seek(page)
        pages.append(_plain(picture))
    return np.stack(pages)  # ValueError where the pages differ in shape


def _canonical(pixels: Pixels, ndim: int) -> Pixels:
    if pixels.ndim == ndim + 1:
        if (
            pixels.shape[-1] in (2, 4)
            and pixels.dtype == np.uint8
            and (pixels[..., -1] == 255).all()
        ):
            pixels = pixels[..., :-1]
        first = pixels[..., :1]
        if pixels.shape[-1] == 1 or (pixels.shape[-1] == 3 and bool((pixels == first).all())):
            pixels = pixels[..., 0]
    return np.ascontiguousarray(_smallest(pixels))


def _smallest(pixels: Pixels) -> Pixels:
    """Whole numbers in the smallest type that holds them, everything else as float64."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind == "f":
        if not np.isfinite(pixels).all() or (np.rint(pixels) != pixels).any():
            return pixels.astype(np.float64)
        if np.abs(pixels).max() >= 2.0**53:
            return pixels.astype(np.float64)
    low, high = int(pixels.min()), int(pixels.max())
    for kind in (np.uint8, np.uint16, np.uint32, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return pixels.astype(kind)
    return pixels.astype(np.int64 if high < 2**63 else np.uint64)


def pixels_digest(pixels: Pixels) -> bytes:
    """SHA-256 of shape, type and values, 32 bytes."""
    # Little-endian on every machine.
    stored = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{stored.dtype.str}{stored.shape}".encode())
    digest.update(stored.reshape(-1).view(np.uint8).data)
    return digest.digest()


def grey_plane(pixels: Pixels, *, ndim: int) -> npt.NDArray[np.float32]:
    """One grey (H, W) plane of an image: the mean of its channels, the middle of a volume.

    A volume is cut across its shortest axis (the first of equal ones), in the middle; of an even
    number of planes, the two middle ones are averaged, so that mirroring a volume mirrors the
    plane. NaN and infinite values become 0.
    """
    if ndim == 3:
        axis = int(np.argmin(pixels.shape[:3]))
        n = pixels.shape[axis]
        middle = pixels.take([(n - 1) // 2, n // 2], axis=axis)
        pixels = np.asarray(middle, np.float32).mean(axis=axis)
    plane = np.asarray(pixels, np.float32)
    if plane.ndim == 3:
        plane = plane.mean(axis=2)
    return np.nan_to_num(plane, nan=0.0, posinf=0.0, neginf=0.0)
