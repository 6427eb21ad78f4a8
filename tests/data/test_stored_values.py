"""Labels and colours are as stored, or refused: nothing is rescaled in silence."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.folders import files_by_stem
from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import read_mask
from segmetrics.data.pictures import SUFFIXES
from segmetrics.errors import DataError
from segmetrics.inference.images import read_image

ANY = LabelScheme(names=("0",), values=((0,),))


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(rows: list[bytes], width: int, depth: int, colour: int) -> bytes:
    """A PNG written by hand, as its specification says."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def test_labels_of_a_2_bit_png():
    content = png([bytes([0b00011011]), bytes([0b11100100])], width=4, depth=2, colour=0)
    assert read_mask(content, "m.png", ANY).labels.tolist() == [[0, 1, 2, 3], [3, 2, 1, 0]]


def test_labels_of_a_4_bit_png():
    content = png([bytes([0x0F, 0x25])], width=4, depth=4, colour=0)
    assert read_mask(content, "m.png", ANY).labels.tolist() == [[0, 15, 2, 5]]


def test_labels_of_an_8_bit_png_stay():
    content = png([bytes([0, 85, 170, 255])], width=4, depth=8, colour=0)
    assert read_mask(content, "m.png", ANY).labels.tolist() == [[0, 85, 170, 255]]


def test_colour_of_16_bits_is_refused_and_grey_of_16_bits_read_as_stored():
    content = png([struct.pack(">6H", *([300] * 6))], width=2, depth=16, colour=2)
    with pytest.raises(DataError) as caught:
        read_image(content, "x.png", 3)
    assert str(caught.value) == (
        "x.png: stores colours with more than 8 bits, which would be cut down to 8; convert it to "
        "8-bit colour, or to 16-bit grey"
    )
    grey = png([struct.pack(">2H", 300, 7)], width=2, depth=16, colour=0)
    assert read_image(grey, "x.png", 1).tolist() == [[[300.0, 7.0]]]


def test_colour_of_8_bits_is_read():
    out = io.BytesIO()
    Image.fromarray(np.full((2, 2, 3), 9, np.uint8)).save(out, "TIFF")
    assert (read_image(out.getvalue(), "x.tif", 3) == 9).all()


@pytest.mark.parametrize("name", ["b.gif", "b.csv.gz", "b.mha", "b.WEBP"])
def test_pictures_of_a_format_that_is_not_read_do_not_vanish(save, tmp_path, name):
    save("a.png", np.eye(3, dtype=np.uint8))
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "README.md").write_text("not a picture")
    with pytest.raises(DataError, match=r"which is not read; convert it to PNG, or move it away$"):
        files_by_stem(tmp_path, SUFFIXES, "mask")
