"""Images as model input, and model output back at the size of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from segmetrics.data.pictures import decode, deep_colour
from segmetrics.errors import DataError

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What happens to an image before the model sees it: `(pixel / scale - mean) / std`.

    Attributes
    ----------
    size
        (height, width) to resize to; None: native size, padded at the bottom and right by
        reflection to a multiple of `multiple`.
    mean, std
        One value, or one per channel.
    """

    scale: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    size: tuple[int, int] | None = None
    multiple: int = 16


def read_image(content: bytes, where: str, channels: int) -> Floats:
    """Decode an image for a model, float32 (channels, H, W), pixel values as stored.

    Grey images are repeated for three channels, colour images turned grey (ITU-R 601-2) for one.

    Raises
    ------
    DataError
        Unreadable, colour of more than 8 bits, or of a kind that cannot be brought to that number
        of channels.
    """
    deep, pixels = decode(
        content, where, lambda p: (deep_colour(content, p), _channels(p, channels))
    )
    if deep:
        what = "stores colours with more than 8 bits, which would be cut down to 8"
        raise DataError(where, what, "convert it to 8-bit colour, or to 16-bit grey")
    if pixels is None:
        raise DataError(where, f"cannot be brought to the model's {channels} channels")
    return pixels


def _channels(picture: Image.Image, channels: int) -> Floats | None:
    if channels not in (1, 3, 4):
        return None
    if picture.mode.startswith("I") or picture.mode == "F":
        # 16 and 32 bit grey: Pillow's conversions would clip these to 8 bits.
        grey = np.asarray(picture).astype(np.float32)
        return None if channels == 4 else np.repeat(grey[np.newaxis], channels, axis=0)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    array = np.asarray(picture.convert(mode), np.float32)
    return array[np.newaxis] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def to_input(image: Floats, how: Preprocessing) -> Floats:
    """Normalise and resize or pad: (C, H, W) to (C, h, w)."""
    mean = np.asarray(how.mean, np.float32)[:, np.newaxis, np.newaxis]
    std = np.asarray(how.std, np.float32)[:, np.newaxis, np.newaxis]
    normal: Floats = (image / np.float32(how.scale) - mean) / std
    if how.size is not None:
        return np.stack([resize(channel, how.size) for channel in normal])
    height, width = image.shape[1:]
    bottom, right = -height % how.multiple, -width % how.multiple
    if not bottom and not right:
        return normal
    # Reflection needs more pixels than it adds; a smaller image repeats its edge.
    mode = "reflect" if bottom < height and right < width else "edge"
    return np.pad(normal, ((0, 0), (0, bottom), (0, right)), mode=mode)  # type: ignore[call-overload, no-any-return]


def resize(plane: Floats, size: tuple[int, int]) -> Floats:
    """Bilinear resize of one float32 plane to (height, width); antialiased when it shrinks."""
    if plane.shape == size:
        return plane
    picture = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR), np.float32)


def restore(scores: Floats, shape: tuple[int, ...], how: Preprocessing) -> Floats:
    """One score plane (h, w) of the model, back at the size (H, W) of the image."""
    if how.size is not None:
        return resize(scores, (shape[0], shape[1]))
    return scores[: shape[0], : shape[1]]


def best_class(scores: Floats, shape: tuple[int, ...], how: Preprocessing) -> npt.NDArray[np.intp]:
    """Index of the highest of the scores (K, h, w) per pixel, at the size of the image.

    Where labels have to be brought back to full size, the scores are interpolated, plane by plane,
    so that borders stay smooth and memory does not grow with K.
    """
    if how.size is None:
        highest: npt.NDArray[np.intp] = np.argmax(scores[:, : shape[0], : shape[1]], axis=0)
        return highest
    best = restore(scores[0], shape, how)
    index = np.zeros(best.shape, np.intp)
    for k in range(1, scores.shape[0]):
        plane = restore(scores[k], shape, how)
        higher = plane > best
        index[higher] = k
        best = np.where(higher, plane, best)
    return index
