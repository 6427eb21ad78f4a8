"""Colours as labels: `red << 16 | green << 8 | blue`, written `#rrggbb`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segmetrics.data.pictures import deep_colour
from segmetrics.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL import Image

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_MODES = frozenset({"RGB", "RGBA", "P", "L", "1"})


def colour_label(value: int | str | Sequence[int]) -> int:
    """The label of a colour: `"#ff8000"`, `[255, 128, 0]` or the packed number itself.

    Raises
    ------
    ConfigError
        It is no colour.
    """
    if isinstance(value, str):
        if _HEX.fullmatch(value):
            return int(value[1:], 16)
    elif isinstance(value, int):
        if not isinstance(value, bool) and 0 <= value <= 0xFFFFFF:
            return value
    elif len(value) == 3 and all(isinstance(v, int) and 0 <= v <= 255 for v in value):
        red, green, blue = value
        return red << 16 | green << 8 | blue
    raise ConfigError(
        "data.classes", f"{value!r} is not a colour", 'write "#rrggbb" or [red, green, blue]'
    )


def colour_labels(value: int | str | Sequence[int | str | Sequence[int]]) -> tuple[int, ...]:
    """The labels of one class: a colour, or a list of colours. Three numbers are one colour."""
    if isinstance(value, int | str):
        return (colour_label(value),)
    if value and all(isinstance(v, int) for v in value):
        return (colour_label([v for v in value if isinstance(v, int)]),)
    return tuple(colour_label(v) for v in value)


def colour_text(label: int) -> str:
    """`#rrggbb`."""
    return f"#{label:06x}"


def pack(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Colours (..., 3) as labels (...), int32."""
    packed = rgb[..., 0].astype(np.int32)
    for channel in (1, 2):
        packed <<= 8
        packed |= rgb[..., channel]
    return packed


def picture_colours(picture: Image.Image, content: bytes, where: str) -> npt.NDArray[np.int32]:
    """The colour of every pixel as a label (H, W); grey v is the colour (v, v, v).

    Raises
    ------
    DataError
        Stored as JPEG, with more than 8 bits a channel, in another colour space, or transparent.
    """
    if picture.format in ("JPEG", "MPO"):
        raise DataError(where, "is a JPEG, which invents colours along edges", "export it as PNG")
    if picture.mode not in _MODES or deep_colour(content, picture):
        raise DataError(
            where,
            f"is a {picture.mode} picture, whose colours are not stored as 8-bit RGB",
            "export it as RGB or palette PNG",
        )
    if picture.mode == "RGBA" or "transparency" in picture.info:
        rgba = np.asarray(picture.convert("RGBA"))
        transparent = int((rgba[..., 3] != 255).sum())
        if transparent:
            raise DataError(
                where,
                f"{transparent} pixels are transparent: their colour says nothing",
                "export it without an alpha channel",
            )
        return pack(rgba[..., :3])
    return pack(np.asarray(picture.convert("RGB")))
