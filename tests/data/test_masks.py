"""Decoding masks and probability maps."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import (
    LossyMaskWarning,
    check_reference,
    lossy_pixels,
    quantise,
    read_mask,
    threshold_level,
    warn_lossy,
)
from segmetrics.data.reading import read_score_map
from segmetrics.errors import DataError

ANY = LabelScheme.of({"background": 0, "foreground": 1})
SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)

# name: (format, mode, highest label, options)
STORAGE = {
    "grey png": ("PNG", "L", 255, {}),
    "palette png": ("PNG", "P", 255, {}),
    "1-bit png": ("PNG", "1", 1, {}),
    "16-bit png": ("PNG", "I;16", 65535, {}),
    "grey tiff": ("TIFF", "L", 255, {}),
    "palette tiff": ("TIFF", "P", 255, {"compression": "tiff_lzw"}),
    "1-bit tiff": ("TIFF", "1", 1, {"compression": "group4"}),
    "16-bit tiff": ("TIFF", "I;16", 65535, {"compression": "tiff_adobe_deflate"}),
    "32-bit tiff": ("TIFF", "I", 2**31 - 1, {}),
    "grey bmp": ("BMP", "L", 255, {}),
    "palette bmp": ("BMP", "P", 255, {}),
    "1-bit bmp": ("BMP", "1", 1, {}),
}
TYPES = {"L": np.uint8, "P": np.uint8, "1": np.bool_, "I;16": np.uint16, "I": np.int32}


def encode(labels: np.ndarray, file_format: str, mode: str, **options) -> bytes:
    picture = Image.fromarray(labels.astype(TYPES[mode]))
    if mode == "P":
        picture = Image.frombytes("P", picture.size, picture.tobytes())
        picture.putpalette([value // 3 for value in range(768)])
    assert picture.mode == mode
    out = io.BytesIO()
    picture.save(out, file_format, **options)
    return out.getvalue()


@pytest.mark.parametrize("storage", STORAGE)
@given(data=st.data())
def test_labels_come_back_as_they_were_stored(storage, data):
    file_format, mode, highest, options = STORAGE[storage]
    values = st.integers(0, highest)
    labels = data.draw(arrays.arrays(np.int64, SHAPES, elements=values))
    mask = read_mask(encode(labels, file_format, mode, **options), "mask", ANY)
    assert mask.labels.shape == labels.shape
    assert (mask.labels == labels).all()
    assert mask.labels.dtype.kind in "ui"


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_palette_of_few_bits_keeps_its_labels(bits):
    labels = np.arange(24).reshape(4, 6) % 2**bits
    content = encode(labels, "PNG", "P", bits=bits)
    assert (read_mask(content, "mask", ANY).labels == labels).all()


@pytest.mark.parametrize(
    ("pixels", "text"),
    [
        (np.zeros((4, 6, 3), np.uint8), "is a RGB picture (4x6x3)"),
        (np.zeros((4, 6, 4), np.uint8), "is a RGBA picture (4x6x4)"),
        (np.zeros((4, 6, 2), np.uint8), "is a LA picture (4x6x2)"),
    ],
)
def test_a_colour_image_is_no_mask(save, pixels, text):
    content = save("colour.png", pixels).read_bytes()
    with pytest.raises(DataError) as caught:
        read_mask(content, "colour.png", ANY)
    assert str(caught.value) == (
        f"colour.png: {text}, not a mask with one label per pixel; "
        "export class labels as grey or palette PNG, or set data.encoding: rgb for colours "
        "(score: --classes name=#rrggbb,...)"
    )


def test_floating_point_is_no_mask(save):
    content = save("float.tif", np.zeros((4, 6), np.float32)).read_bytes()
    with pytest.raises(DataError, match="is a F picture"):
        read_mask(content, "float.tif", ANY)


def test_encoding_palette_wants_a_palette():
    scheme = LabelScheme.of({"background": 0, "foreground": 1}, encoding="palette")
    labels = np.eye(3)
    assert (read_mask(encode(labels, "PNG", "P"), "m", scheme).labels == labels).all()
    with pytest.raises(DataError, match=r"m: has no palette \(mode L\); set data.encoding"):
        read_mask(encode(labels, "PNG", "L"), "m", scheme)


def test_undeclared_labels_are_named_with_their_pixels(three):
    labels = np.array([[0, 1, 9], [255, 9, 12]])
    mask = read_mask(encode(labels, "PNG", "L"), "m", three)
    with pytest.raises(DataError) as caught:
        check_reference(mask, "m.png", three)
    assert str(caught.value) == (
        "m.png: undeclared label 9 (2 pixels), 12 (1 pixels); declare it in data.classes "
        "({'background': [0], 'cell': [1], 'wall': [2]}) or list it in data.ignore "
        "(score: --classes, --ignore)"
    )


def test_many_undeclared_labels_are_cut_short(two):
    mask = read_mask(encode(np.arange(60).reshape(6, 10), "PNG", "L"), "m", two)
    with pytest.raises(DataError, match=r"9 \(1 pixels\) and 50 more; so many look"):
        check_reference(mask, "m.png", two)


def test_a_resampled_binary_mask_is_told_what_it_is():
    scheme = LabelScheme.of({"background": 0, "cell": 1}, encoding="binary")
    mask = read_mask(encode(np.arange(60).reshape(6, 10), "PNG", "L"), "m", scheme)
    with pytest.raises(DataError, match=r"60 different .*; so many look like a mask that was res"):
        check_reference(mask, "m.png", scheme)


@pytest.mark.parametrize("labels", [[[0, 255, 255]], [[255, 255, 255]]])
def test_a_binary_mask_declared_as_labels_gets_its_own_sentence(two, labels):
    mask = read_mask(encode(np.array(labels), "PNG", "L"), "m", two)
    count = labels[0].count(255)
    with pytest.raises(DataError) as caught:
        check_reference(mask, "m.png", two)
    assert str(caught.value) == (
        f"m.png: holds only 0 and 255 ({count} pixels of 255), which looks like a binary mask "
        "declared as labels; set data.encoding: binary (score: --binary)"
    )


def test_void_of_255_is_fine_where_it_is_ignored(three):
    mask = read_mask(encode(np.array([[0, 255]]), "PNG", "L"), "m", three)
    check_reference(mask, "m.png", three)
    assert three.reference_lookup(mask.labels).tolist() == [[0, 3]]


def test_jpeg_masks_are_counted_and_warned_about(save):
    pixels = np.zeros((32, 32), np.uint8)
    pixels[5:20, 9:25] = 255
    mask = read_mask(save("m.jpg", pixels, quality=80).read_bytes(), "m.jpg", ANY)
    odd = int(((mask.labels != 0) & (mask.labels != 255)).sum())
    assert odd > 0
    assert lossy_pixels(mask) == odd
    assert lossy_pixels(read_mask(encode(pixels, "PNG", "L"), "m.png", ANY)) is None
    with pytest.warns(LossyMaskWarning) as caught:
        warn_lossy([("m.jpg", odd)])
    assert str(caught[0].message).startswith(f"m.jpg ({odd} pixels): JPEG masks are lossy:")


def test_many_jpeg_masks_are_one_warning():
    with pytest.warns(LossyMaskWarning, match=r"4.jpg \(4 pixels\) and 2 more: JPEG") as caught:
        warn_lossy([(f"{i}.jpg", i) for i in range(7)])
    assert len(caught) == 1
    warn_lossy([])  # no warning, which would be an error here


@pytest.mark.parametrize(
    ("threshold", "level"), [(0.5, 128), (1 / 256, 1), (0.501, 129), (0.3, 77)]
)
def test_the_threshold_is_the_smallest_level_that_reaches_it(threshold, level):
    assert threshold_level(threshold) == level
    q = np.arange(256, dtype=np.uint8).reshape(16, 16)
    stored = read_score_map(encode(q, "PNG", "L"), "p").labels
    assert ((stored >= threshold_level(threshold)) == (q >= level)).all()
    assert stored.dtype == np.uint8


def test_one_half_is_exact():
    below, above = np.nextafter(np.float32(0.5), np.float32([0, 1]), dtype=np.float32)
    assert quantise(np.float32([below, 0.5, above])).tolist() == [127, 128, 128]


@given(
    p=arrays.arrays(np.float32, 50, elements=st.floats(0, 1, width=32)), level=st.integers(1, 255)
)
def test_a_threshold_of_whole_levels_acts_as_on_the_probabilities(p, level):
    q = quantise(p)
    assert (q == np.minimum(255, np.floor(256 * p.astype(np.float64)))).all()
    assert ((q >= threshold_level(level / 256)) == (p >= level / 256)).all()


@pytest.mark.parametrize(
    ("mode", "labels"), [("P", np.eye(3)), ("1", np.eye(3)), ("I;16", np.eye(3) * 300)]
)
def test_only_8_bit_grey_is_a_probability_map(mode, labels):
    with pytest.raises(DataError) as caught:
        read_score_map(encode(labels, "PNG", mode), "p.png")
    assert str(caught.value) == (
        f"p.png: is a {mode} picture, not an 8-bit grey probability map; "
        "for label maps set operating_point.decision: argmax"
    )
