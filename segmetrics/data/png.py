"""A fast way through the commonest masks: 8-bit grey and palette PNG, not interlaced.

Pillow stays the reference. What is decoded here has Pillow's pixels; whatever is unusual, damaged
or too large is left to Pillow, which reads it or says what is wrong. `isal` and `kornia-rs` are
optional: without them less is fast, and nothing else changes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segmetrics.data.pictures import MAX_PIXELS

_isal: Any = None
_kornia: Any = None
with suppress(ImportError):
    from isal import isal_zlib as _isal
with suppress(ImportError):
    from kornia_rs import io as _kornia

Pixels = npt.NDArray[np.uint8]
Mode = Literal["L", "P"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MODES: dict[int, Mode] = {0: "L", 3: "P"}  # by colour type, PNG specification 11.2.2
# Above half the limit Pillow warns of a decompression bomb: it shall.
_MOST_PIXELS = MAX_PIXELS // 2
# Chunks that change no label, with the lengths that Pillow takes; a file with any other is left to
# Pillow (animations, text, profiles, orientation).
_HARMLESS = {b"pHYs": (9,), b"gAMA": (4,), b"sRGB": (1,), b"cHRM": (32,), b"tIME": (7,),
             b"sBIT": (1, 3), b"bKGD": (1, 2)}  # fmt: skip


def decode_label_png(content: bytes) -> tuple[Pixels, Mode] | None:
    """Decode a grey or palette PNG of 8 bits a pixel.

    Every checksum of the file is compared first. One thing is looser than in Pillow: `kornia-rs`
    does not compare the Adler-32 within the compressed pixels, whose CRC-32 was found right.

    Parameters
    ----------
    content
        The bytes of a file of any kind.

    Returns
    -------
    pixels, mode
        uint8, shape (H, W), values as stored (palette indices for mode "P"); read-only and not
        contiguous where the rows of the file are used as they are. None where the file is for
        Pillow to read or to refuse.
    """
    parsed = _parse(content)
    if parsed is None:
        return None
    shape, mode, compressed = parsed
    # In the order of measured speed; the standard library beats Pillow, too.
    unfiltered = _starts_unfiltered(compressed)
    pixels = _as_stored(compressed, shape, _isal) if unfiltered and _isal else None
    if pixels is None and _kornia is not None:
        pixels = _unfiltered(content, shape, _kornia.decode_image_png_u8)
    elif pixels is None and unfiltered and _isal is None:
        pixels = _as_stored(compressed, shape, zlib)
    return None if pixels is None else (pixels, mode)


def _parse(content: bytes) -> tuple[tuple[int, int], Mode, bytes] | None:
    """Shape, mode and compressed pixels of a whole, undamaged file without anything unusual."""
    if not content.startswith(_SIGNATURE) or content[12:16] != b"IHDR" or len(content) < 57:
        return None
    length, _, width, height, *rest = struct.unpack_from(">I4sIIBBBBB", content, 8)
    depth, colour, *methods = rest  # compression, filter and interlace method: 0
    fits = length == 13 and depth == 8 and colour in _MODES and not any(methods)
    if not fits or not 0 < width * height <= _MOST_PIXELS:
        return None
    data = _pixel_chunks(content, palette=colour == 3)
    return ((height, width), _MODES[colour], b"".join(data)) if data else None


def _pixel_chunks(content: bytes, *, palette: bool) -> list[bytes] | None:
    """The data of the IDAT chunks; None where a chunk is damaged, unusual or out of place."""
    crc = _isal.crc32 if _isal else zlib.crc32
    data: list[bytes] = []
    known = not palette
    at, last = len(_SIGNATURE), b""
    while last != b"IEND":
        if at + 12 > len(content):
            return None
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            return None
        if crc(content[at + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            return None
        if kind == b"IDAT":
            if not known or (data and last != b"IDAT"):
                return None
            data.append(content[at + 8 : end])
        elif kind == b"PLTE":
            if known or data or length % 3 or not 0 < length <= 768:
                return None
            known = True
        elif not _may_stand(kind, length, first=not last, palette=palette):
            return None
        at, last = end + 4, kind
    return data


def _may_stand(kind: bytes, length: int, *, first: bool, palette: bool) -> bool:
    """Whether a chunk that is neither pixels nor palette is one that changes no label."""
    if kind == b"IHDR":
        return first
    if kind == b"IEND":
        return length == 0
    if kind == b"tRNS":
        return 0 < length <= 256 if palette else length == 2
    return length in _HARMLESS.get(kind, ())


def _starts_unfiltered(compressed: bytes) -> bool:
    """Whether the first row has filter type 0; one byte is inflated."""
    try:
        return zlib.decompressobj().decompress(compressed[:256], 1) == b"\0"
    except zlib.error:
        return False


def _as_stored(compressed: bytes, shape: tuple[int, int], inflater: Any) -> Pixels | None:
    """The rows of a file whose rows are all unfiltered: a view of what was inflated."""
    height, width = shape
    size = height * (width + 1)
    stream = inflater.decompressobj()
    try:
        raw = stream.decompress(compressed, size + 1)
    except (zlib.error, inflater.error):
        return None
    if len(raw) != size or not stream.eof or stream.unused_data:
        return None
    rows = np.frombuffer(raw, np.uint8).reshape(height, width + 1)
    return None if rows[:, 0].any() else rows[:, 1:]


def _unfiltered(
    content: bytes, shape: tuple[int, int], decode: Callable[..., Any]
) -> Pixels | None:
    try:
        found = np.asarray(decode(content, shape, "mono"))
    except Exception:  # noqa: BLE001 - kornia-rs has no error of its own; Pillow says what is wrong
        return None
    fits = found.dtype == np.uint8 and found.shape == (*shape, 1)
    return found.reshape(shape) if fits else None
