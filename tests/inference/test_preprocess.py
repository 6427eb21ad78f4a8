"""Images as model input, and scores back at the size of the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.inference.preprocess import (
    Preprocessing,
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
