"""Images as model input, and scores back at the size of the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.errors import ConfigError
from segmetrics.inference.preprocess import (
    Preprocessing,
    _resize_axis,
    best_class,
    resize,
    restore,
    to_input,
)


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


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_volumes_are_resized_as_pillow_resizes_pictures(shape, size):
    plane = np.random.default_rng(0).random(shape, dtype=np.float32)
    # Pillow resizes rows first; the two steps commute but for rounding.
    ours = _resize_axis(_resize_axis(plane, 1, size[1]), 0, size[0])
    assert ours.dtype == np.float32
    assert ours == pytest.approx(resize(plane, size), abs=2e-6)


def test_trilinear_resizing_keeps_a_constant_and_a_ramp():
    assert resize(np.full((7, 9, 4), 0.25, np.float32), (20, 5, 4)) == pytest.approx(0.25)
    ramp = np.tile(np.arange(8, dtype=np.float32), (3, 4, 1))
    doubled = resize(ramp, (3, 4, 16))
    assert doubled[1, 2, 1:-1] == pytest.approx(np.arange(1, 15) / 2 - 0.25)
    turned = resize(ramp.transpose(2, 0, 1), (16, 3, 4))
    assert (turned == doubled.transpose(2, 0, 1)).all()
    # Antialiased: every element has its share.
    noise = np.random.default_rng(1).random((8, 8, 8), dtype=np.float32)
    assert resize(noise, (1, 1, 1)).item() == pytest.approx(noise.mean(), abs=0.1)


def test_volumes_are_normalised_per_channel_and_padded_along_every_axis():
    image = np.stack([np.full((5, 6, 7), 51.0), np.full((5, 6, 7), 102.0)]).astype(np.float32)
    how = Preprocessing(mean=(0.1, 0.2), std=(1.0, 2.0), multiple=4)
    padded = to_input(image, how)
    assert padded.shape == (2, 8, 8, 8)
    assert (padded == padded[:, :1, :1, :1]).all()
    assert padded[:, 0, 0, 0] == pytest.approx([0.1, 0.1], abs=1e-6)
    counted = np.arange(5 * 6 * 7, dtype=np.float32).reshape(1, 5, 6, 7)
    padded = to_input(counted, Preprocessing(scale=1.0, multiple=4))
    assert (padded[0, 5, :6, :7] == counted[0, 3]).all()  # reflected
    assert (restore(padded[0], (5, 6, 7), how) == counted[0]).all()


def test_tiles_need_an_image_of_their_size_at_least():
    image = np.arange(30, dtype=np.float32).reshape(1, 5, 6)
    how = Preprocessing(scale=1.0, tile_size=(8, 4), tile_overlap=1)
    padded = to_input(image, how)
    assert padded.shape == (1, 8, 6)  # and not to a multiple
    assert (restore(padded[0], (5, 6), how) == image[0]).all()
    resized = to_input(image, Preprocessing(scale=1.0, size=(7, 9), tile_size=(8, 4)))
    assert resized.shape == (1, 8, 9)
    back = restore(resized[0], (5, 6), Preprocessing(size=(7, 9), tile_size=(8, 4)))
    assert back == pytest.approx(resize(resize(image[0], (7, 9)), (5, 6)))


def test_settings_without_tiles_are_those_of_before_there_were_tiles():
    expected = {"scale": 255.0, "mean": (0.0,), "std": (1.0,), "size": None, "multiple": 16}
    assert Preprocessing().settings() == expected
    assert Preprocessing(tile_overlap=3).settings() == expected
    tiled = Preprocessing(tile_size=(32, 32), tile_overlap=8).settings()
    assert tiled == expected | {"tile_size": (32, 32), "tile_overlap": 8}


@pytest.mark.parametrize(
    ("how", "ndim", "text"),
    [
        (
            Preprocessing(size=(8, 8)),
            3,
            "infer.size: [8, 8] has 2 entries, the images of the model 3 axes; give 3 numbers",
        ),
        (
            Preprocessing(tile_size=(16, 16, 16)),
            2,
            "infer.tile.size: [16, 16, 16] has 3 entries, the images of the model 2 axes; "
            "give 2 numbers",
        ),
        (
            Preprocessing(tile_size=(16, 32), tile_overlap=16),
            2,
            "infer.tile.overlap: 16 leaves nothing of a tile of [16, 32]; give at most half of "
            "the smallest side",
        ),
        (
            Preprocessing(tile_size=(24, 32), tile_overlap=4),
            2,
            "infer.tile.size: [24, 32] is no multiple of infer.multiple (16); tiles are not "
            "padded: change one of them",
        ),
    ],
)
def test_sizes_and_tiles_that_do_not_fit(how, ndim, text):
    with pytest.raises(ConfigError) as caught:
        how.check(ndim, fixed=False)
    assert str(caught.value) == text


def test_the_multiple_says_nothing_of_a_model_with_a_fixed_size():
    Preprocessing(tile_size=(24, 24), tile_overlap=4).check(2, fixed=True)
