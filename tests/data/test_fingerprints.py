"""Fingerprints: what leaves them alike, what does not, and the eight orientations."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from segmetrics.data.fingerprints import (
    CONSTANT,
    FLAT,
    NAMES,
    TEXTURED,
    details,
    fingerprint,
    hash_bits,
    oriented_words,
    pack_words,
    turned,
    unpack_words,
)
from segmetrics.data.image_pixels import grey_plane, pixels_digest, read_pixels
from segmetrics.errors import DataError

RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 256, (24, 32)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8)


def stored(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def of(content: bytes, where: str = "x.png", ndim: int = 2) -> bytes:
    return pixels_digest(read_pixels(content, where, ndim=ndim))


def test_the_digest_is_that_of_type_shape_and_values():
    known = hashlib.sha256(b"|u1(2, 2)" + bytes([1, 2, 3, 4])).digest()
    assert pixels_digest(np.array([[1, 2], [3, 4]], np.uint8)) == known


@pytest.mark.parametrize(
    "content",
    [
        stored(Image.fromarray(GREY), "TIFF"),
        stored(Image.fromarray(GREY), "BMP"),
        stored(Image.fromarray(GREY).convert("RGB")),
        stored(Image.fromarray(GREY).convert("RGBA")),
        stored(Image.fromarray(GREY).convert("LA")),
        stored(Image.fromarray(GREY.astype(np.uint16)), "TIFF"),
        npy(GREY),
        npy(GREY.astype(np.int64)),
        npy(GREY.astype(np.float32)),
        npy(GREY[..., np.newaxis]),
    ],
)
def test_the_same_pixels_in_another_file_are_the_same(content):
    where = "x.npy" if content.startswith(b"\x93") else "x.png"
    assert of(content, where) == of(stored(Image.fromarray(GREY)))


def test_palettes_are_colours():
    picture = Image.fromarray(COLOUR).quantize(16)
    assert of(stored(picture)) == of(stored(picture.convert("RGB")))


def test_exif_orientation_is_followed():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    lying = Image.fromarray(np.rot90(GREY).copy())
    assert of(stored(lying, exif=exif)) == of(stored(Image.fromarray(GREY)))


@pytest.mark.parametrize("change", ["pixel", "shape", "transposed"])
def test_other_pixels_are_others(change):
    other = GREY.copy()
    other[3, 4] ^= 1
    arrays = {"pixel": other, "shape": GREY.reshape(32, 24), "transposed": GREY.T}
    assert of(npy(arrays[change]), "x.npy") != of(npy(GREY), "x.npy")


def test_a_volume_is_the_same_as_array_and_as_tiff():
    volume = RNG.integers(0, 256, (5, 20, 30)).astype(np.uint8)
    pages = [Image.fromarray(page) for page in volume]
    tiff = stored(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert of(tiff, "x.tif", 3) == of(npy(volume), "x.npy", 3)
    with pytest.raises(DataError, match="expected numbers in 2 axes"):
        read_pixels(npy(np.zeros((2, 3, 4, 5))), "x.npy", ndim=2)


def test_the_middle_of_a_volume_is_cut_across_its_shortest_axis():
    volume = np.zeros((30, 4, 20), np.float32)
    volume[:, 1], volume[:, 2], volume[:, 3] = 1, 3, 9
    assert (grey_plane(volume, ndim=3) == 2).all()
    assert grey_plane(volume, ndim=3).shape == (30, 20)
    assert grey_plane(np.array([[np.nan, np.inf]]), ndim=2).tolist() == [[0, 0]]


@given(st.integers(0, 2**32 - 1))
def test_packing_loses_nothing(seed):
    bits = np.random.default_rng(seed).random((3, 16, 16)) < 0.5
    words = pack_words(bits)
    assert words.dtype == np.uint64
    assert (unpack_words(words) == bits).all()
    low = np.packbits(bits[:, :8, :8].reshape(3, 64), axis=1, bitorder="little")
    assert (words[:, 0] == low.view("<u8")[:, 0]).all()


@pytest.mark.parametrize("seed", range(5))
def test_hashes_of_turned_images_are_those_of_the_bits(seed, texture_of):
    small = texture_of(seed, (64, 64)).astype(float)
    ways = oriented_words(pack_words(hash_bits(small))[np.newaxis])[0]
    for name, words in zip(NAMES, ways, strict=True):
        assert (words == pack_words(hash_bits(turned(small, name)))).all(), name


def test_the_orientations_are_the_eight_different_ones():
    array = np.arange(6).reshape(2, 3)
    assert len({turned(array, n).tobytes() + bytes(turned(array, n).shape) for n in NAMES}) == 8
    named = {
        "mirrored left to right": np.fliplr(array),
        "mirrored top to bottom": np.flipud(array),
        "turned by 180 degrees": np.rot90(array, 2),
        "turned by 90 degrees clockwise": np.rot90(array, -1),
        "turned by 90 degrees counter-clockwise": np.rot90(array),
        "mirrored along the diagonal": array.T,
    }
    for name, expected in named.items():
        assert turned(array, name).tolist() == expected.tolist(), name


def test_the_hash_against_an_independent_cosine_transform(texture_of):
    fft = pytest.importorskip("scipy.fft")
    small = texture_of(1, (64, 64)).astype(float)
    expected = fft.dctn(small - small.mean(), norm="ortho")[:16, :16] > 1e-9
    assert (hash_bits(small)[1:, 1:] == expected[1:, 1:]).all()
    assert not hash_bits(small)[0, 0]


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        (np.full((40, 50), 7, np.uint8), CONSTANT),
        (np.full((40, 50), 7, np.uint8) + (np.indices((40, 50)).sum(0) == 30), FLAT),
        (np.full((90, 90), 1000.0) + np.eye(90) * 1e-3 * (np.arange(90) == 45), FLAT),
    ],
)
def test_images_of_one_grey(pixels, kind):
    assert fingerprint(pixels, ndim=2).kind == kind


def test_dark_and_deep_images_are_no_flat_ones(texture_of):
    dark = texture_of(1) // 12
    assert dark.max() <= 20
    for pixels in (dark, texture_of(1).astype(np.uint16) * 100, texture_of(1) / 1e6):
        assert fingerprint(pixels, ndim=2).kind == TEXTURED


def test_details_leave_out_what_images_of_a_device_share(texture_of):
    y, x = np.mgrid[:32, :32] / 31
    shading = 200 * np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2))
    one, two = (np.clip(shading + texture_of(s, (32, 32)) / 16, 0, 255) for s in (1, 2))
    units = details(np.stack([one, two, np.full((32, 32), 9)]).astype(np.uint8))
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.9
    assert abs(units[0] @ units[1]) < 0.3
    assert units[0] @ units[0] == pytest.approx(1)
    assert not units[2].any()
