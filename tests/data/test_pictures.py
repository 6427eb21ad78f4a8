"""Every way in which a picture cannot be read ends in one sentence."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.pictures import MAX_PIXELS, as_array, decode, read_bytes
from segmetrics.errors import DataError

LABELS = (np.add.outer(np.arange(40) // 7, np.arange(50) // 9) % 4).astype(np.uint8)
FORMATS = {
    "png": ("PNG", {}),
    "tiff": ("TIFF", {}),
    "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff packbits": ("TIFF", {"compression": "packbits"}),
    "bmp": ("BMP", {}),
}


def encode(file_format: str, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(LABELS).save(out, file_format, **options)
    return out.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A tiny PNG whose header claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 100)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def message(content: bytes) -> str:
    with pytest.raises(DataError) as caught:
        decode(content, "x.png", as_array)
    return str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png: there is no such file$"):
        read_bytes(tmp_path / "gone.png")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)$"):
        read_bytes(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_plain_file_is_read_to_its_end(tmp_path):
    """Its size says nothing, and a call gives what is there by then."""
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    content = os.urandom(300_000)
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    assert read_bytes(path) == content
    writer.join()


def test_a_file_that_several_calls_read(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(os.urandom(1000))
    read = os.read
    monkeypatch.setattr(os, "read", lambda handle, size: read(handle, min(size, 300)))
    assert read_bytes(path) == path.read_bytes()


def test_an_empty_file():
    assert message(b"") == "x.png: the file is empty"


@pytest.mark.parametrize(
    "content", [b"id,image\n", b"\0" * 500, b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0"]
)
def test_what_is_no_picture(content):
    expected = "x.png: not a picture that can be read; expected", "x.png: damaged or truncated ("
    assert message(content).startswith(expected)


# Pillow may warn about a TIFF's directory before it gives up.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_an_error_or_loses_nothing(name):
    file_format, options = FORMATS[name]
    content = encode(file_format, **options)
    errors = 0
    for length in range(0, len(content), 1 + len(content) // 300):
        try:
            pixels = decode(content[:length], "x", as_array)
        except DataError:
            errors += 1
        else:
            assert (pixels == LABELS).all()
    assert errors > 100


def test_half_a_png_is_truncated():
    content = encode("PNG")
    text = message(content[: len(content) // 2])
    assert text.startswith("x.png: damaged or truncated (")
    assert text.endswith("; export it again")


def test_half_a_jpeg_is_truncated():
    content = encode("JPEG")
    assert message(content[: len(content) // 2]).startswith("x.png: damaged or truncated (")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_a_tiff_whose_next_page_is_nowhere_is_damaged():
    content = bytearray(encode("TIFF"))
    (entries,) = struct.unpack_from("<H", content, 8)
    next_page = 10 + 12 * entries
    assert content[next_page : next_page + 4] == b"\0\0\0\0"
    struct.pack_into("<I", content, next_page, len(content) - 60)
    assert message(bytes(content)).startswith("x.png: damaged or truncated (")


def test_a_tiny_file_that_claims_billions_of_pixels():
    text = message(claiming(60_000, 60_000))
    assert text.startswith("x.png: decompression bomb: ")
    assert "3600000000 pixels" in text


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_large_header_over_little_data_is_truncated_not_filled_up():
    width = MAX_PIXELS // 10_000
    assert message(claiming(width, 10_000)).startswith("x.png: damaged or truncated (")


def test_the_limit_is_ours_also_where_pillow_has_none(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    content = claiming(60_000, 60_000)
    assert message(content) == (
        f"x.png: decompression bomb: {len(content)} bytes claim 60000 x 60000 pixels, more than "
        f"{MAX_PIXELS}; cut the image into tiles if it really is that large"
    )


@pytest.mark.parametrize("file_format", ["TIFF", "PNG"])
def test_several_pages_are_refused(file_format):
    out = io.BytesIO()
    pages = [Image.fromarray(LABELS + i) for i in range(3)]
    pages[0].save(out, file_format, save_all=True, append_images=pages[1:])
    assert message(out.getvalue()) == (
        "x.png: holds 3 pages, expected one; write one file per page"
    )


def test_pixels_are_as_stored():
    pixels = decode(encode("PNG"), "x", as_array)
    assert (pixels == LABELS).all()
    assert pixels.flags.writeable


def test_a_flipped_bit_of_a_png_is_noticed():
    """Pillow decodes most of these without a word, to other labels."""
    out = io.BytesIO()
    rng = np.random.default_rng(3)
    Image.fromarray(rng.integers(0, 3, (16, 16)).astype(np.uint8)).save(out, "PNG")
    whole = out.getvalue()
    start = whole.index(b"IDAT") + 4
    end = whole.index(b"IEND") - 8
    for at in range(start, end):
        broken = bytearray(whole)
        broken[at] ^= 4
        with pytest.raises(DataError, match="damaged or truncated"):
            decode(bytes(broken), "m.png", as_array)
    assert decode(whole, "m.png", as_array).shape == (16, 16)


@pytest.mark.parametrize("cut", [1, 8, 12, 13, 20])
def test_a_png_without_its_end_is_refused(cut):
    out = io.BytesIO()
    Image.fromarray(np.eye(9, dtype=np.uint8)).save(out, "PNG")
    with pytest.raises(DataError, match=r"damaged or truncated \(it ends "):
        decode(out.getvalue()[:-cut], "m.png", as_array)
