"""Masks stored as pictures: single pictures, and TIFF files whose pages are a volume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segmetrics.data.colours import picture_colours
from segmetrics.data.mask import Mask
from segmetrics.data.pictures import as_array, decode, is_tiff, orientation, png_grey_depth
from segmetrics.data.png import decode_label_png
from segmetrics.data.whole import MAX_VOXELS
from segmetrics.errors import DataError
from segmetrics.metrics.counts import Labels

if TYPE_CHECKING:
    from PIL import Image

# Modes that hold one label per pixel: 1-bit, grey, palette index, 16 and 32 bit integer.
LABEL_MODES = frozenset({"1", "L", "P", "I;16", "I;16B", "I;16L", "I"})
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO = 0
_UNSIGNED, _SIGNED = 1, 2


@dataclass(frozen=True, slots=True)
class _Stored:
    """How a TIFF page stores grey values; for other formats the defaults."""

    bits: int = 8
    inverted: bool = False
    sample_format: int = _UNSIGNED


def picture_mask(content: bytes, where: str, *, colours: bool = False) -> Mask:
    """Decode a picture or the pages of a TIFF, (H, W) or (pages, H, W), values as stored.

    Parameters
    ----------
    colours
        Whether colours are labels; otherwise the mode must hold one label per pixel.

    Raises
    ------
    DataError
        Unreadable, several channels, pages of different shapes, turned by an orientation tag, or
        grey values stored in a way that does not say which labels they are.
    """
    if not colours and (fast := decode_label_png(content)) is not None:
        return Mask(fast[0], "PNG", fast[1])
    stored: list[_Stored] = []

    def before(picture: Image.Image) -> None:
        _check_upright(picture, where)
        stored.append(_stored(picture))

    use = partial(_pages, content=content, where=where, colours=colours, stored=stored)
    return decode(content, where, use, pages=True, before=before)


def _pages(
    picture: Image.Image, *, content: bytes, where: str, colours: bool, stored: list[_Stored]
) -> Mask:
    read = partial(_colour_page if colours else _page, content=content, where=where)
    first = read(picture, stored=stored[0])
    n = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    if n == 1:
        return first
    if n * first.labels.size > MAX_VOXELS:
        raise DataError(where, f"claims {n} pages of {first.labels.shape} pixels")
    volume = np.empty((n, *first.labels.shape), first.labels.dtype)
    volume[0] = first.labels
    for i in range(1, n):
        picture.seek(i)
        if picture.size[::-1] != first.labels.shape:
            raise DataError(
                where,
                f"page {i + 1} of {n} is {picture.height} x {picture.width}, the first "
                f"{first.labels.shape[0]} x {first.labels.shape[1]}",
                "write the slices of a volume at one size, and previews to files of their own",
            )
        _check_upright(picture, where)
        how = _stored(picture)
        picture.load()
        page = read(picture, stored=how)
        if (page.mode, page.labels.dtype) != (first.mode, first.labels.dtype):
            raise DataError(
                where, f"page {i + 1} of {n} is of mode {page.mode}, the first of {first.mode}"
            )
        volume[i] = page.labels
    return replace(first, labels=volume)


def _page(picture: Image.Image, *, content: bytes, where: str, stored: _Stored) -> Mask:
    _check_upright(picture, where)
    labels = as_array(picture)
    if picture.mode not in LABEL_MODES:
        channels = "x".join(str(n) for n in labels.shape)
        raise DataError(
            where,
            f"is a {picture.mode} picture ({channels}), not a mask with one label per pixel",
            "export class labels as grey or palette PNG, or set data.encoding: rgb for colours "
            "(score: --classes name=#rrggbb,...)",
        )
    if stored.inverted and picture.mode != "1":
        raise DataError(
            where,
            "stores grey inverted (TIFF WhiteIsZero), so that its labels are not certain",
            "write it again with black as zero",
        )
    if labels.dtype == np.bool_:
        labels = labels.astype(np.uint8)  # Pillow's true is the byte 255
    return Mask(
        _as_stored(labels, picture.mode, png_grey_depth(content), stored),
        picture.format or "",
        picture.mode,
    )


def _as_stored(
    labels: npt.NDArray[Any], mode: str, png_depth: int | None, stored: _Stored
) -> Labels:
    """Undo what Pillow does to grey values: labels are numbers, not brightness."""
    depth = png_depth or stored.bits
    if mode == "L" and depth in (2, 4):
        # Spread over 0..255.
        return labels // np.uint8(255 // (2**depth - 1))
    if mode == "L" and stored.sample_format == _SIGNED:
        return labels.view(np.int8)
    if mode == "I" and stored.bits == 32 and stored.sample_format == _UNSIGNED:
        # Wrapped to negative beyond 2**31.
        return labels.view(np.uint32) if labels.min(initial=0) < 0 else labels
    return labels.astype(labels.dtype.newbyteorder("="), copy=False)


def _colour_page(picture: Image.Image, *, content: bytes, where: str, stored: _Stored) -> Mask:
    _check_upright(picture, where)
    return Mask(picture_colours(picture, content, where), picture.format or "", picture.mode)


def _stored(picture: Image.Image) -> _Stored:
    if not is_tiff(picture):
        return _Stored()
    tags = picture.tag_v2
    return _Stored(
        bits=_first(tags.get(_BITS, 1)),
        inverted=tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
        sample_format=_first(tags.get(_SAMPLE_FORMAT, _UNSIGNED)),
    )


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, tuple) else value)


def _check_upright(picture: Image.Image, where: str) -> None:
    """Check that no tag turns the mask: some programs would follow it and others not."""
    turned = orientation(picture)
    if turned != 1:
        raise DataError(
            where,
            f"has the EXIF orientation {turned}: a mask is never turned",
            "write it upright, without an orientation tag",
        )
