"""Images as model input, and model output back at the size of the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from segmetrics.errors import ConfigError

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What happens to an image before the model sees it: `(pixel / scale - mean) / std`.

    Attributes
    ----------
    mean, std
        One value, or one per channel.
    size
        (height, width), or three for volumes, to resize to; None: native size, padded at the end of
        every axis by reflection to a multiple of `multiple`.
    tile_size
        Windows of this size, one number an axis, are predicted one by one and blended; None: the
        image is predicted whole.
    tile_overlap
        Pixels that neighbouring windows share along each axis at least.
    """

    scale: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    size: tuple[int, ...] | None = None
    multiple: int = 16
    tile_size: tuple[int, ...] | None = None
    tile_overlap: int = 0

    def settings(self) -> Mapping[str, object]:
        """What predictions depend on; without tiles it is what it was before there were any."""
        values = asdict(self)
        if self.tile_size is None:
            del values["tile_size"], values["tile_overlap"]
        return values

    def check(self, ndim: int, *, fixed: bool) -> None:
        """Check sizes against the number of axes of the model's images, and tiles in themselves.

        Parameters
        ----------
        ndim
            Spatial axes: 2 or 3.
        fixed
            Whether the model takes images of one size only, for which `multiple` says nothing.

        Raises
        ------
        ConfigError
            Another number of entries, or tiles that no model can take.
        """
        for key, size in (("infer.size", self.size), ("infer.tile.size", self.tile_size)):
            if size is not None and len(size) != ndim:
                what = f"{list(size)} has {len(size)} entries, the images of the model {ndim} axes"
                raise ConfigError(key, what, f"give {ndim} numbers")
        if self.tile_size is None:
            return
        if not 0 <= self.tile_overlap < min(self.tile_size):
            what = f"{self.tile_overlap} leaves nothing of a tile of {list(self.tile_size)}"
            raise ConfigError("infer.tile.overlap", what, "give at most half of the smallest side")
        if not fixed and any(n % self.multiple for n in self.tile_size):
            what = f"{list(self.tile_size)} is no multiple of infer.multiple ({self.multiple})"
            raise ConfigError("infer.tile.size", what, "tiles are not padded: change one of them")


def to_input(image: Floats, how: Preprocessing) -> Floats:
    """Normalise and resize or pad: (C, H, W) to (C, h, w), (C, X, Y, Z) to (C, x, y, z)."""
    axes = (slice(None), *(np.newaxis for _ in image.shape[1:]))
    mean = np.asarray(how.mean, np.float32)[axes]
    std = np.asarray(how.std, np.float32)[axes]
    normal: Floats = image / np.float32(how.scale)
    normal -= mean  # in place: volumes are large
    normal /= std
    if how.size is not None:
        normal = np.stack([resize(channel, how.size) for channel in normal])
    return pad(normal, _padding(normal.shape[1:], how))


def _padding(shape: tuple[int, ...], how: Preprocessing) -> tuple[int, ...]:
    if how.tile_size is not None:  # windows are whole: the last one moves back to the edge
        return tuple(max(tile - n, 0) for n, tile in zip(shape, how.tile_size, strict=True))
    return tuple(0 if how.size is not None else -n % how.multiple for n in shape)


def pad(image: Floats, more: tuple[int, ...]) -> Floats:
    """Lengthen every spatial axis of (C, ...) at its end by so many elements.

    Reflection needs more pixels than it adds; an image that is too small for it repeats its edge.
    """
    if not any(more):
        return image
    fits = all(n < length for n, length in zip(more, image.shape[1:], strict=True))
    widths = [(0, 0), *((0, n) for n in more)]
    return np.pad(image, widths, mode="reflect" if fits else "edge")


def resize(plane: Floats, size: tuple[int, ...]) -> Floats:
    """Linear resize of one float32 plane or volume; antialiased along the axes that shrink."""
    if plane.shape == size:
        return plane
    if plane.ndim == 2:
        picture = Image.fromarray(np.ascontiguousarray(plane))
        resized = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        return np.asarray(resized, np.float32)
    for axis, length in enumerate(size):
        plane = _resize_axis(plane, axis, length)
    return plane


def _resize_axis(volume: Floats, axis: int, length: int) -> Floats:
    """Resize along one axis as Pillow's BILINEAR does.

    Pixel centres lie at half-integers; the triangle filter is widened by the factor by which the
    axis shrinks. Taps are summed one after the other, so that memory holds two results at most and
    the sum is the same on every machine.
    """
    source = volume.shape[axis]
    if source == length:
        return volume
    step = source / length
    radius = max(step, 1.0)
    centres = (np.arange(length) + 0.5) * step
    first = np.floor(centres - radius).astype(np.intp)
    taps = first + np.arange(int(np.ceil(2 * radius)) + 1)[:, np.newaxis]
    weights = np.maximum(0.0, 1.0 - np.abs(taps + 0.5 - centres) / radius)
    weights[(taps < 0) | (taps >= source)] = 0.0
    weights /= weights.sum(axis=0)
    along = tuple(slice(None) if a == axis else np.newaxis for a in range(volume.ndim))
    shape = tuple(length if a == axis else n for a, n in enumerate(volume.shape))
    out = np.zeros(shape, np.float32)
    for tap, weight in zip(np.clip(taps, 0, source - 1), weights, strict=True):
        if weight.any():
            out += np.take(volume, tap, axis=axis) * weight.astype(np.float32)[along]
    return out


def restore(scores: Floats, shape: tuple[int, ...], how: Preprocessing) -> Floats:
    """One score plane or volume of the model, back at the shape of the image."""
    if how.size is not None:
        return resize(scores[tuple(slice(n) for n in how.size)], shape)
    return scores[tuple(slice(n) for n in shape)]


def best_class(scores: Floats, shape: tuple[int, ...], how: Preprocessing) -> npt.NDArray[np.intp]:
    """Index of the highest (of equals the first) of the scores (K, ...), at the shape of the image.

    Where labels have to be brought back to full size, the scores are interpolated, so that borders
    stay smooth. Classes are compared one after the other: memory does not grow with K, and
    `np.argmax` would copy all scores.
    """
    best = restore(scores[0], shape, how)
    index = np.zeros(best.shape, np.intp)
    for k in range(1, scores.shape[0]):
        plane = restore(scores[k], shape, how)
        np.copyto(index, k, where=plane > best)
        best = np.maximum(plane, best)
    return index
