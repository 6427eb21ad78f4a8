"""Decoding image files with Pillow, every failure turned into one sentence."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard, TypeVar

import numpy as np
import numpy.typing as npt

from segmetrics.data.kinds import SUFFIXES, UNREAD_SUFFIXES
from segmetrics.errors import DataError

if (
    TYPE_CHECKING
):  # Pillow itself is imported where a picture is opened: the commonest masks need none
    from PIL import Image
    from PIL.TiffImagePlugin import TiffImageFile

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "UNREAD_SUFFIXES",
    "as_array",
    "decode",
    "deep_colour",
    "is_tiff",
    "orientation",
    "oriented",
    "png_grey_depth",
    "read_bytes",
    "stored_size",
]

T = TypeVar("T")

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_BLOCK = 1 << 24
_PNG = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112  # tag of EXIF and TIFF
# Where Pillow keeps what may hold an orientation.
_EXIF_KEYS = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})

# The header alone can claim any size; decoding would then fill the memory. Pillow's own limit for
# an error (twice its limit for a warning): 179 million pixels.
MAX_PIXELS = 2 * 89_478_485

# Pillow raises these on damaged files, SyntaxError on broken PNG chunks, TypeError on TIFF headers
# without dimensions, the rest on damaged EXIF.
_DAMAGE = (
    OSError, SyntaxError, TypeError, ValueError, EOFError, IndexError, struct.error, zlib.error,
    KeyError, AttributeError, OverflowError, ZeroDivisionError, MemoryError, RuntimeError,
)  # fmt: skip


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a file.

    Raises
    ------
    DataError
        The file is missing or cannot be read.
    """
    try:
        handle = os.open(path, _READ)  # half the time of `Path.read_bytes`, on small files
        try:
            size = os.fstat(handle).st_size
            content = os.read(handle, size + 1)
            if len(content) == size:
                return content
            # Not a plain file, one that grows, or more than one call reads (2 GB).
            parts = [content]
            while parts[-1]:
                parts.append(os.read(handle, _BLOCK))
            return b"".join(parts)
        finally:
            os.close(handle)
    except FileNotFoundError as error:
        raise DataError(str(path), "there is no such file") from error
    except OSError as error:
        raise DataError(str(path), f"cannot be read ({error.strerror or error})") from error


def decode(
    content: bytes,
    where: str,
    use: Callable[[Image.Image], T],
    *,
    pages: bool = False,
    before: Callable[[Image.Image], None] | None = None,
) -> T:
    """Open a picture and give `use(picture)`, decoded in full.

    Parameters
    ----------
    pages
        Whether a TIFF of several pages is accepted; `use` then gets it at the first page.
    before
        Looks at the picture before its pixels are decoded: Pillow turns a TIFF as its orientation
        tag says, and forgets the tag.

    Raises
    ------
    DataError
        Not a picture, truncated, damaged, or larger than `MAX_PIXELS`.
    """
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise DataError(where, "the file is empty")
    try:
        with Image.open(io.BytesIO(content)) as picture:
            _check_size(picture, len(content), where, pages and picture.format == "TIFF")
            _check_png(content)
            if before is not None:
                before(picture)
            picture.load()
            return use(picture)
    except UnidentifiedImageError as error:
        raise DataError(
            where, "not a picture that can be read", "expected PNG, TIFF, BMP or JPEG"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(where, f"decompression bomb: {error}") from error
    except _DAMAGE as error:
        raise DataError(where, f"damaged or truncated ({error})", "export it again") from error


def _check_png(content: bytes) -> None:
    """Check the checksum of every pixel chunk and that the file is whole, which Pillow does not.

    A flipped bit is a label.
    """
    if not content.startswith(_PNG):
        return
    at, kind = len(_PNG), b""
    while kind != b"IEND":
        if at + 12 > len(content):
            raise ValueError("it ends before its last chunk")
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            raise ValueError(f"it ends within its chunk {kind.decode('latin-1')}")
        if kind == b"IDAT":
            (stored,) = struct.unpack_from(">I", content, end)
            if zlib.crc32(memoryview(content)[at + 4 : end]) != stored:
                raise ValueError("the checksum of its pixels does not match")
        at = end + 4


def png_grey_depth(content: bytes) -> int | None:
    """Bits per pixel of a grey PNG; None for anything else."""
    depth, colour = _png_header(content)
    return depth if colour == 0 else None


def deep_colour(content: bytes, picture: Image.Image) -> bool:
    """Whether colour channels are stored with more than 8 bits, which Pillow cuts down."""
    depth, colour = _png_header(content)
    if colour in (2, 4, 6):
        return depth > 8
    bits = picture.tag_v2.get(258, ()) if is_tiff(picture) else ()
    several = bits if isinstance(bits, tuple) else (bits,)
    return len(several) > 1 and max(several) > 8


def _png_header(content: bytes) -> tuple[int, int]:
    """Bit depth and colour type (PNG specification 11.2.1); (0, -1) for other formats."""
    png = content.startswith(_PNG) and len(content) > 25
    return (content[24], content[25]) if png else (0, -1)


def _check_size(picture: Image.Image, n_bytes: int, where: str, pages: bool) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise DataError(
            where,
            f"decompression bomb: {n_bytes} bytes claim {width} x {height} pixels, "
            f"more than {MAX_PIXELS}",
            "cut the image into tiles if it really is that large",
        )
    # A phone's JPEG carries previews as further frames (MPO): its first one is the picture.
    frames = 1 if pages else getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        raise DataError(where, f"holds {frames} pages, expected one", "write one file per page")


def is_tiff(picture: Image.Image) -> TypeGuard[TiffImageFile]:
    """Whether a picture was opened as TIFF, so that it has tags."""
    from PIL.TiffImagePlugin import TiffImageFile

    return isinstance(picture, TiffImageFile)


def as_array(picture: Image.Image) -> npt.NDArray[np.generic]:
    """The pixels as they are stored: (H, W) or (H, W, channels), own memory."""
    return np.array(picture)


def orientation(picture: Image.Image) -> int:
    """The EXIF or TIFF orientation, 1 (as stored) to 8; what is no orientation is 1.

    Call it before `load` for TIFF and after it for PNG, whose EXIF may follow the pixels.
    """
    if not is_tiff(picture) and not _EXIF_KEYS & set(picture.info):
        return 1
    value = picture.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def stored_size(picture: Image.Image) -> tuple[int, int]:
    """Height and width as stored, of a picture that is not decoded yet."""
    if is_tiff(picture):  # whose size Pillow turns when it opens it
        return int(picture.tag_v2[257]), int(picture.tag_v2[256])
    return picture.height, picture.width


def oriented(picture: Image.Image) -> Image.Image:
    """An image (never a mask) turned as its EXIF orientation says, decoded."""
    picture.load()
    if orientation(picture) == 1:
        return picture
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)
