"""The fast PNG decoder against Pillow: the same pixels, or left to Pillow."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segmetrics.data import png
from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import read_mask
from segmetrics.data.pictures import as_array, decode
from segmetrics.data.png import decode_label_png
from segmetrics.errors import DataError

ANY = LabelScheme(names=("0",), values=((0,),))
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def filtered(pixels: np.ndarray, filters) -> bytes:
    """Rows with the filters of the PNG specification, section 9, one byte a pixel."""
    rows, above = [], np.zeros(pixels.shape[1], np.int64)
    for row, kind in zip(pixels.astype(np.int64), filters, strict=True):
        left, corner = np.r_[0, row[:-1]], np.r_[0, above[:-1]]
        estimate = left + above - corner
        a, b, c = (np.abs(estimate - near) for near in (left, above, corner))
        paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
        guess = (0 * row, left, above, (left + above) // 2, paeth)[kind]
        rows.append(bytes([kind]) + ((row - guess) % 256).astype(np.uint8).tobytes())
        above = row
    return b"".join(rows)


def container(shape, compressed: bytes, *, colour=0, depth=8, before=b"", parts=1, interlace=0):
    header = struct.pack(">IIBBBBB", shape[1], shape[0], depth, colour, 0, 0, interlace)
    step = max(1, -(-len(compressed) // parts))
    data = [compressed[i : i + step] for i in range(0, len(compressed), step)]
    palette = chunk(b"PLTE", bytes(i // 3 for i in range(768))) if colour == 3 else b""
    chunks = [chunk(b"IHDR", header), palette, before, *(chunk(b"IDAT", d) for d in data)]
    return SIGNATURE + b"".join(chunks) + chunk(b"IEND", b"")


def with_pillow(content: bytes):
    return decode(content, "x", lambda picture: (as_array(picture), picture.mode))


def outcome(read, content: bytes):
    try:
        pixels, mode = read(content)
    except DataError as error:
        return str(error)
    return mode, pixels.tolist()


def as_mask(content: bytes):
    mask = read_mask(content, "x", ANY)
    return mask.labels, mask.mode


BEFORE = {
    "nothing": b"",
    "gamma": chunk(b"gAMA", struct.pack(">I", 45455)),
    "resolution": chunk(b"pHYs", struct.pack(">IIB", 1, 1, 0)),
    "text": chunk(b"tEXt", b"Software\0x"),
    "transparent": chunk(b"tRNS", b"\0\1"),
    "orientation": chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0\0\0\0\0"),
    "unknown": chunk(b"abCd", b"123"),
}


@st.composite
def files(draw):
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels = rng.integers(0, draw(st.sampled_from([1, 2, 256])), shape, np.uint8)
    one = draw(st.sampled_from([None, 0, 1, 2, 3, 4]))
    filters = [one] * shape[0] if one is not None else rng.integers(0, 5, shape[0])
    compressed = zlib.compress(filtered(pixels, filters), draw(st.sampled_from([0, 1, 9])))
    options = {
        "colour": draw(st.sampled_from([0, 3])),
        "before": BEFORE[draw(st.sampled_from(sorted(BEFORE)))],
        "parts": draw(st.integers(1, 4)),
    }
    return pixels, container(shape, compressed, **options)


@pytest.fixture(params=["both", "isal", "kornia", "neither"])
def installed(request, monkeypatch):
    """Each set of the optional decoders; both are tested only where both are there."""
    if request.param in ("both", "isal"):
        pytest.importorskip("isal", reason="the optional decoder is not installed")
    if request.param in ("both", "kornia"):
        pytest.importorskip("kornia_rs", reason="the optional decoder is not installed")
    if request.param in ("neither", "kornia"):
        monkeypatch.setattr(png, "_isal", None)
    if request.param in ("neither", "isal"):
        monkeypatch.setattr(png, "_kornia", None)
    return request.param


def test_pixels_are_those_of_pillow_for_every_filter_and_chunk(installed):
    taken = 0

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(files())
    def check(made):
        nonlocal taken
        pixels, content = made
        found, expected = decode_label_png(content), with_pillow(content)
        assert np.array_equal(expected[0], pixels)
        if found is not None:
            taken += 1
            assert found[0].dtype == np.uint8
            assert (found[1], found[0].tolist()) == (expected[1], pixels.tolist())

    check()
    assert taken > 5  # the examples are the same every time


SIX = np.arange(30, dtype=np.uint8).reshape(5, 6)
PICTURES = {
    "1": Image.fromarray(SIX % 2 == 0),
    "L": Image.fromarray(SIX),
    "P": Image.fromarray(SIX).convert("P"),
    "LA": Image.fromarray(SIX).convert("LA"),
    "RGB": Image.fromarray(SIX).convert("RGB"),
    "I;16": Image.fromarray(SIX.astype(np.uint16) * 1000),
}


@pytest.mark.parametrize("mode", PICTURES)
def test_every_mode_is_read_or_left_to_pillow(installed, mode):
    stream = io.BytesIO()
    PICTURES[mode].save(stream, "PNG")
    found, expected = decode_label_png(stream.getvalue()), with_pillow(stream.getvalue())
    if found is not None:
        assert mode in ("L", "P")
        assert (found[1], found[0].tolist()) == (expected[1], expected[0].tolist())
    elif mode in ("L", "P"):
        assert installed in ("isal", "neither")


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("colour", [0, 3])
def test_fewer_bits_than_8_are_left_to_pillow(bits, colour):
    row = b"\0" + b"\x1b" * bits
    content = container((1, 8), zlib.compress(row), colour=colour, depth=bits)
    assert decode_label_png(content) is None
    assert with_pillow(content)[0].shape == (1, 8)


def test_interlaced_files_are_left_to_pillow():
    # Adam7 of a single pixel is that pixel (specification 8.2).
    content = container((1, 1), zlib.compress(b"\0\7"), interlace=1)
    assert decode_label_png(content) is None
    assert with_pillow(content)[0].tolist() == [[7]]


RAW = filtered(SIX, [0, 1, 2, 3, 4])
PLAIN = filtered(SIX, [0] * 5)
Z, ZP = zlib.compress(RAW), zlib.compress(PLAIN)
DAMAGED = {
    "too few pixels": container((5, 6), zlib.compress(PLAIN[:-3])),
    "unknown filter": container((5, 6), zlib.compress(b"\x09" + PLAIN[1:])),
    "later unknown filter": container((5, 6), zlib.compress(PLAIN[:7] + b"\x05" + PLAIN[8:])),
    "compressed data cut": container((5, 6), ZP[:-9]),
    "compressed data cut, palette": container((5, 6), ZP[:-9], colour=3),
    "no compressed data": container((5, 6), b"hello, hello"),
    "one bit of a palette file": container((5, 6), ZP, colour=3).replace(ZP[8:12], b"\0\0\0\0"),
    "end missing": container((5, 6), Z)[:-12],
    "end cut": container((5, 6), Z)[:-1],
    "two headers": container((5, 6), Z, before=chunk(b"IHDR", b"\0" * 13)),
    "short gamma": container((5, 6), Z, before=chunk(b"gAMA", b"\0")),
    "no width": container((5, 0), Z),
    "nothing but the signature": SIGNATURE,
    "empty header": SIGNATURE + chunk(b"IHDR", b"") + chunk(b"IEND", b""),
    "checksum of a chunk that is not pixels": container(
        (5, 6), Z, before=BEFORE["gamma"][:-1] + b"\0"
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_for_pillow_to_refuse(installed, name):
    assert decode_label_png(DAMAGED[name]) is None
    assert outcome(as_mask, DAMAGED[name]) == outcome(with_pillow, DAMAGED[name])


@pytest.mark.parametrize("content", [container((5, 6), Z), container((5, 6), ZP, colour=3)])
def test_a_file_cut_or_changed_anywhere_ends_as_with_pillow(installed, content):
    rng = np.random.default_rng(4)
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << int(rng.integers(8))
        for damaged in (content[:at], bytes(changed)):
            if decode_label_png(damaged) is not None:
                assert outcome(as_mask, damaged) == outcome(with_pillow, damaged)


def test_damage_under_right_checksums_ends_as_with_pillow_but_for_adler(installed):
    """kornia-rs does not compare the Adler-32 of a stream whose CRC-32 is right."""
    rng = np.random.default_rng(5)
    for stream, colour in ((Z, 0), (ZP, 3)):
        for at in range(len(stream)):
            changed = bytearray(stream)
            changed[at] ^= 1 << int(rng.integers(8))
            content = container((5, 6), bytes(changed), colour=colour)
            found = decode_label_png(content)
            if found is None:
                continue
            expected = outcome(with_pillow, content)
            if isinstance(expected, str):
                assert installed in ("both", "kornia")
                with pytest.raises(zlib.error, match="incorrect data check"):
                    zlib.decompress(bytes(changed))
            else:
                assert (found[1], found[0].tolist()) == expected


def test_more_pixels_than_pillow_takes_without_a_warning_are_left_to_it(monkeypatch):
    content = container((5, 6), ZP, colour=3)
    monkeypatch.setattr(png, "_MOST_PIXELS", 29)
    assert decode_label_png(content) is None


def test_unfiltered_rows_are_not_copied():
    pytest.importorskip("isal", reason="the optional decoder is not installed")
    found = decode_label_png(container((5, 6), ZP, colour=3))
    assert found is not None
    assert found[0].base is not None
    assert found[0].strides == (7, 1)
