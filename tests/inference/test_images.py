"""Images of every kind as channels of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmetrics.errors import DataError
from segmetrics.inference.images import image_shape, read_image, read_input
from segmetrics.inference.preprocess import Preprocessing, to_input

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8)
COLOUR = np.dstack([RAMP, RAMP + 50, RAMP + 100])


def test_a_grey_image_for_a_grey_model(save):
    image = read_image(save("a.png", RAMP).read_bytes(), "a", 1)
    assert image.dtype == np.float32
    assert (image == RAMP[np.newaxis]).all()


def test_a_grey_image_for_a_colour_model_is_repeated(save):
    image = read_image(save("a.png", RAMP).read_bytes(), "a", 3)
    assert image.shape == (3, 6, 8)
    assert (image == RAMP).all()


def test_a_colour_image_keeps_its_channel_order(save):
    image = read_image(save("a.png", COLOUR).read_bytes(), "a", 3)
    assert (image == COLOUR.transpose(2, 0, 1)).all()


def test_a_colour_image_for_a_grey_model_is_its_luma(save):
    image = read_image(save("a.png", COLOUR).read_bytes(), "a", 1)
    luma = COLOUR @ np.array([0.299, 0.587, 0.114])
    assert image.shape == (1, 6, 8)
    assert np.abs(image[0] - luma).max() <= 1


def test_an_alpha_channel_is_kept_for_four_channels_and_dropped_for_three(save):
    pixels = np.dstack([COLOUR, np.full_like(RAMP, 7)])
    content = save("a.png", pixels).read_bytes()
    assert (read_image(content, "a", 4)[3] == 7).all()
    assert (read_image(content, "a", 3) == COLOUR.transpose(2, 0, 1)).all()
    opaque = read_image(save("b.png", COLOUR).read_bytes(), "b", 4)
    assert (opaque[3] == 255).all()


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_not_clipped_to_8(save, ending, channels):
    deep = RAMP.astype(np.uint16) * 1000
    image = read_image(save(f"a.{ending}", deep).read_bytes(), "a", channels)
    assert image.shape == (channels, 6, 8)
    assert (image == deep).all()
    whole = to_input(image, Preprocessing(scale=65535.0, multiple=1))
    assert whole.max() == pytest.approx(47_000 / 65_535)


def test_floating_point_images_are_taken_as_they_are(save):
    pixels = RAMP.astype(np.float32) / 7
    assert (read_image(save("a.tif", pixels).read_bytes(), "a", 1) == pixels).all()


def test_palette_and_1_bit_images_are_seen_as_a_person_sees_them(save):
    palette = read_image(save("a.png", RAMP, mode="P").read_bytes(), "a", 3)
    assert (palette == RAMP).all()  # the entry of index i is the grey i
    bits = read_image(save("b.png", RAMP > 20).read_bytes(), "b", 1)
    assert (bits[0] == np.where(RAMP > 20, 255, 0)).all()


@pytest.mark.parametrize(
    ("mode", "channels", "remedy"),
    [(np.uint16, 4, ""), (np.uint8, 2, "; list one file a channel: image, image:<name>, ...")],
)
def test_channels_that_cannot_be_made(save, mode, channels, remedy):
    content = save("a.png", RAMP.astype(mode)).read_bytes()
    with pytest.raises(DataError) as caught:
        read_image(content, "a.png", channels)
    text = f"a.png: cannot be brought to the model's {channels} channels{remedy}"
    assert str(caught.value) == text


def files(*paths: Path) -> list[tuple[bytes, Path]]:
    return [(path.read_bytes(), path) for path in paths]


@pytest.mark.parametrize(
    ("tag", "turned"),
    [
        (1, RAMP),
        (2, RAMP[:, ::-1]),
        (3, RAMP[::-1, ::-1]),
        (4, RAMP[::-1]),
        (5, RAMP.T),
        (6, np.rot90(RAMP, -1)),
        (7, RAMP[::-1, ::-1].T),
        (8, np.rot90(RAMP)),
    ],
)
def test_images_are_turned_as_their_exif_orientation_says(tmp_path, tag, turned):
    exif = Image.Exif()
    exif[0x0112] = tag
    path = tmp_path / "a.png"
    Image.fromarray(RAMP).save(path, exif=exif)
    assert (read_image(path.read_bytes(), "a.png", 1)[0] == turned).all()


def test_channels_of_several_files_follow_one_another(save, tmp_path):
    grey, colour = save("g.png", RAMP), save("c.png", COLOUR)
    deep = save("d.tif", RAMP.astype(np.uint16) * 1000)
    image = read_input(files(grey, colour, deep), channels=5, ndim=2)
    assert image.header is None
    assert (image.pixels[0] == RAMP).all()
    assert (image.pixels[1:4] == COLOUR.transpose(2, 0, 1)).all()
    assert (image.pixels[4] == RAMP * 1000.0).all()
    with pytest.raises(DataError) as caught:
        read_input(files(colour, grey), channels=2, ndim=2)
    assert str(caught.value) == (
        f"{colour}: the files of this sample give 4 channels (c.png 3, g.png 1), the model takes "
        "2; list in samples.csv the files that it was trained with, in this order"
    )


def test_files_of_one_sample_have_one_shape(save):
    wide, high = save("wide.png", RAMP), save("high.png", RAMP.T)
    with pytest.raises(DataError, match=r"high\.png: has shape \(8, 6\), .*wide\.png has \(6, 8\)"):
        read_input(files(wide, high), channels=2, ndim=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64, np.bool_])
def test_arrays_are_images(tmp_path, dtype):
    path = tmp_path / "a.npy"
    pixels = np.dstack([RAMP, RAMP * 2]).astype(dtype)
    np.save(path, pixels)
    assert (read_image(path.read_bytes(), "a.npy", 2) == pixels.transpose(2, 0, 1)).all()
    np.save(path, pixels[..., 0])
    content = path.read_bytes()
    assert (read_image(content, "a.npy", 3) == pixels[..., 0]).all()  # as grey pictures are
    assert read_image(content, "a.npy", 3).shape == (3, 6, 8)
    with pytest.raises(DataError, match=r"a\.npy: has shape \(6, 8\), which is no 3-D image"):
        read_image(content, "a.npy", 1, ndim=3)


@pytest.mark.parametrize(
    ("pixels", "text"),
    [
        (np.full((6, 8), np.nan), "holds NaN or infinite values; replace them by a number"),
        (RAMP.astype(np.complex64), "holds complex64, not pixels; save numbers"),
    ],
)
def test_arrays_that_are_no_pixels(tmp_path, pixels, text):
    np.save(tmp_path / "a.npy", pixels)
    with pytest.raises(DataError) as caught:
        read_image((tmp_path / "a.npy").read_bytes(), "a.npy", 1)
    assert str(caught.value) == f"a.npy: {text}"


def test_nifti_axes_stay_as_they_are_stored(tmp_path, nifti):
    array = np.arange(4 * 5 * 6 * 2, dtype=np.int16).reshape(4, 5, 6, 2)
    several = nifti(tmp_path / "several.nii.gz", array)
    image = read_input(files(several), channels=2, ndim=3)
    assert (image.pixels == np.moveaxis(array, -1, 0)).all()
    one = nifti(tmp_path / "one.nii", array[..., 0])
    image = read_input(files(one, several), channels=3, ndim=3)
    assert (image.pixels[0] == array[..., 0]).all()
    assert image.header is not None
    assert image_shape(one.read_bytes(), "one.nii", ndim=3) == (4, 5, 6)


def test_pages_of_a_tiff_are_a_volume(tmp_path):
    pages = [Image.fromarray(RAMP + n) for n in range(3)]
    path = tmp_path / "a.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    volume = read_image(path.read_bytes(), "a.tif", 1, ndim=3)
    assert (volume[0] == np.stack([RAMP, RAMP + 1, RAMP + 2])).all()
    assert image_shape(path.read_bytes(), "a.tif", ndim=3) == (3, 6, 8)
    with pytest.raises(DataError, match="holds 3 pages, expected one"):
        read_image(path.read_bytes(), "a.tif", 1)
    other = Image.fromarray(RAMP.T)
    pages[0].save(path, save_all=True, append_images=[other])
    with pytest.raises(DataError, match=r"a\.tif: damaged or truncated"):
        read_image(path.read_bytes(), "a.tif", 1, ndim=3)


def test_a_picture_is_no_volume(save):
    content = save("a.png", RAMP).read_bytes()
    with pytest.raises(DataError, match=r"a\.png: is a 2-D picture, volumes are expected; write"):
        read_image(content, "a.png", 1, ndim=3)
