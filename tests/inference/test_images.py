"""Images of every kind as channels of a model."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.errors import DataError
from segmetrics.inference.images import read_image
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
