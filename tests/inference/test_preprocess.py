"""Images as model input, and scores back at the size of the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.errors import DataError
from segmetrics.inference.preprocess import (
    Preprocessing,
    best_class,
    read_image,
    resize,
    restore,
    to_input,
)

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


@pytest.mark.parametrize(("mode", "channels"), [(np.uint16, 4), (np.uint8, 2)])
def test_channels_that_cannot_be_made(save, mode, channels):
    content = save("a.png", RAMP.astype(mode)).read_bytes()
    with pytest.raises(DataError) as caught:
        read_image(content, "a.png", channels)
    assert str(caught.value) == f"a.png: cannot be brought to the model's {channels} channels"


def test_normalisation_is_scale_then_mean_then_std():
    image = np.full((3, 16, 16), 51, np.float32)
    how = Preprocessing(scale=255.0, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    expected = [(0.2 - 0.1) / 0.5, 0.0, (0.2 - 0.3) / 2.0]
    assert to_input(image, how)[:, 0, 0] == pytest.approx(expected, abs=1e-6)
    assert to_input(image, how).dtype == np.float32


def test_padding_reflects_at_the_bottom_and_right():
    image = np.arange(30, dtype=np.float32).reshape(1, 5, 6)
    padded = to_input(image, Preprocessing(scale=1.0, multiple=4))
    assert padded.shape == (1, 8, 8)
    assert (padded[:, :5, :6] == image).all()
    assert (padded[0, :5, 6] == image[0, :, 4]).all()
    assert (padded[0, 5] == padded[0, 3]).all()


def test_an_image_smaller_than_its_padding_repeats_its_edge():
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    padded = to_input(image, Preprocessing(scale=1.0, multiple=16))
    assert padded.shape == (1, 16, 16)
    assert (padded[0, 1:, 2:] == 5).all()


@given(height=st.integers(1, 40), width=st.integers(1, 40), multiple=st.sampled_from([1, 2, 16]))
def test_padding_is_undone(height, width, multiple):
    image = np.random.default_rng(0).random((1, height, width), dtype=np.float32)
    how = Preprocessing(scale=1.0, multiple=multiple)
    padded = to_input(image, how)
    assert padded.shape[1] % multiple == 0
    assert padded.shape[2] % multiple == 0
    assert (restore(padded[0], (height, width), how) == image[0]).all()


def test_resizing_goes_to_height_and_width_in_this_order():
    image = np.ones((3, 10, 20), np.float32)
    how = Preprocessing(scale=1.0, size=(8, 32))
    assert to_input(image, how).shape == (3, 8, 32)
    assert restore(np.ones((8, 32), np.float32), (10, 20), how).shape == (10, 20)


def test_resizing_keeps_a_constant_and_a_ramp():
    assert (resize(np.full((7, 9), 0.25, np.float32), (20, 5)) == 0.25).all()
    ramp = np.tile(np.arange(8, dtype=np.float32), (4, 1))
    doubled = resize(ramp, (4, 16))
    # Pixel centres: the k-th of 16 lies at k / 2 - 1 / 4.
    assert doubled[0, 1:-1] == pytest.approx(np.arange(1, 15) / 2 - 0.25)
    assert resize(ramp, (4, 8)) is ramp


def test_the_best_class_at_native_size_is_the_first_highest():
    scores = np.float32([[[1, 2, 9]], [[3, 2, 9]], [[2, 2, 9]]])
    assert best_class(scores, (1, 2), Preprocessing()).tolist() == [[1, 0]]


def test_the_best_class_at_full_size_is_that_of_the_interpolated_scores():
    rng = np.random.default_rng(3)
    scores = rng.random((4, 8, 8), dtype=np.float32)
    how = Preprocessing(size=(8, 8))
    planes = np.stack([resize(plane, (21, 13)) for plane in scores])
    assert (best_class(scores, (21, 13), how) == planes.argmax(axis=0)).all()
    assert (best_class(scores, (8, 8), how) == scores.argmax(axis=0)).all()
