"""Drawing: the image, and beside it where the prediction is right and wrong, with a legend.

Colours are those of Okabe and Ito (Color universal design, 2008), which colour-blind people tell
apart; what is added and what is missed is hatched in opposite directions, too.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from segmetrics.overlays.regions import Mask, Regions

Rgb = npt.NDArray[np.uint8]
RIGHT, ADDED, MISSED, IGNORED = (0, 158, 115), (230, 159, 0), (86, 180, 233), (110, 110, 110)
_LEAST_SIDE = 512  # smaller pictures are enlarged by whole numbers, at most 8 times
_MOST_ZOOM = 8
_GAP, _LEGEND, _BOX = 8, 24, 14
_HATCH = 8  # pixels from line to line
_Colour = tuple[int, int, int]


def draw_overlay(image: Rgb | None, regions: Regions) -> bytes:
    """A PNG: left the image where there is one, right the regions over it in grey.

    Parameters
    ----------
    image
        Shape (H, W, 3); None: it cannot be shown.
    regions
        Of shape (H, W).
    """
    height, width = regions.shape
    zoom = max(1, min(_MOST_ZOOM, _LEAST_SIDE // max(height, width)))
    errors = _errors(image, regions, zoom)
    panels = [errors] if image is None else [_enlarged(image, zoom), errors]
    across = len(panels) * width * zoom + (len(panels) - 1) * _GAP
    sheet = Image.new("RGB", (max(across, 300), height * zoom + _LEGEND), "white")
    for k, panel in enumerate(panels):
        sheet.paste(Image.fromarray(panel), (k * (width * zoom + _GAP), 0))
    _legend(sheet, height * zoom, ignored=regions.ignored is not None)
    content = io.BytesIO()
    sheet.save(content, "PNG", optimize=False, compress_level=6)
    return content.getvalue()


def _errors(image: Rgb | None, regions: Regions, zoom: int) -> Rgb:
    height, width = regions.shape
    if image is None:
        ground = np.full((height, width), 40, np.uint16)
    else:
        # Half as bright: colours stand out of any image.
        ground = image.astype(np.uint16).sum(axis=2) // 6
    canvas = np.repeat(ground.astype(np.uint8)[..., np.newaxis], 3, axis=2)
    canvas = _enlarged(canvas, zoom)
    if regions.ignored is not None:
        _tint(canvas, _enlarged(regions.ignored, zoom), IGNORED, 160)
    # What is wrong lies over what is right: it must not vanish where a cell holds both.
    _tint(canvas, _enlarged(regions.tp, zoom), RIGHT, 128)
    for mask, colour, slope in ((regions.fp, ADDED, 1), (regions.fn, MISSED, -1)):
        shown = _enlarged(mask, zoom)
        _tint(canvas, shown, colour, 235)
        _tint(canvas, _inner(shown) & _lines(shown.shape, slope), (0, 0, 0), 110)
    return canvas


def _tint(canvas: Rgb, mask: Mask, colour: _Colour, share: int) -> None:
    """Mix a colour into the pixels of a mask, `share` of 256."""
    old = canvas[mask].astype(np.uint32)
    new = old * (256 - share) + np.array(colour, np.uint32) * share
    canvas[mask] = (new >> 8).astype(np.uint8)


def _inner(mask: Mask) -> Mask:
    """Without its border: there the plain colour stays, so that thin errors keep theirs."""
    inside = np.zeros_like(mask)
    inside[1:-1, 1:-1] = (
        mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    )
    return inside


def _lines(shape: tuple[int, ...], slope: int) -> Mask:
    y, x = np.ogrid[: shape[0], : shape[1]]
    lines: Mask = (x + slope * y) % _HATCH < 2
    return lines


def _enlarged(array: npt.NDArray[Any], zoom: int) -> npt.NDArray[Any]:
    if zoom == 1:
        return array.copy()
    return array.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _legend(sheet: Image.Image, top: int, *, ignored: bool) -> None:
    entries: list[tuple[str, _Colour, int]] = [
        ("right", RIGHT, 0), ("added (FP)", ADDED, 1), ("missed (FN)", MISSED, -1)
    ]  # fmt: skip
    if ignored:
        entries.append(("ignored", IGNORED, 0))
    draw, left = ImageDraw.Draw(sheet), 4
    for text, colour, slope in entries:
        box = np.full((_BOX, _BOX, 3), colour, np.uint8)
        if slope:
            _tint(box, _lines((_BOX, _BOX), slope), (0, 0, 0), 110)
        sheet.paste(Image.fromarray(box), (left, top + (_LEGEND - _BOX) // 2))
        draw.text((left + _BOX + 4, top + 6), text, fill="black")
        left += _BOX + 4 + int(draw.textlength(text)) + 12
