"""Sliding windows: every element is covered, and blending follows the definition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.inference.tiles import tiled_scores, windows


def pixel_wise(batch: np.ndarray) -> np.ndarray:
    """A model that looks at one element at a time: two classes."""
    return np.stack([np.tanh(batch[:, 0] * 3), batch[:, 0] ** 2 - 0.1], axis=1).astype(np.float32)


@given(data=st.data(), ndim=st.sampled_from([2, 3]))
def test_windows_cover_everything_and_share_the_overlap(data, ndim):
    size = tuple(data.draw(st.lists(st.integers(1, 7), min_size=ndim, max_size=ndim)))
    shape = tuple(n + data.draw(st.integers(0, 15)) for n in size)
    overlap = data.draw(st.integers(0, min(size) - 1))
    covered = np.zeros(shape, np.int64)
    for window in windows(shape, size, overlap):
        assert covered[window].shape == size
        covered[window] += 1
    assert covered.min() >= 1
    for axis in range(ndim):
        starts = sorted({w[axis].start for w in windows(shape, size, overlap)})
        assert all(size[axis] - (b - a) >= overlap for a, b in pairwise(starts))


@given(
    seed=st.integers(0, 99),
    shape=st.sampled_from([(13, 9), (8, 8), (21, 5), (6, 7, 9)]),
    side=st.integers(2, 5),
    batch=st.integers(1, 4),
    data=st.data(),
)
def test_tiles_of_a_pixel_wise_model_equal_the_whole_image(seed, shape, side, batch, data):
    image = np.random.default_rng(seed).random((1, *shape), dtype=np.float32)
    found = tiled_scores(
        image,
        pixel_wise,
        size=(side,) * len(shape),
        overlap=data.draw(st.integers(0, side - 1)),
        batch=batch,
    )
    # Equal, not nearly equal, but for what numpy itself computes otherwise on other shapes.
    whole = pixel_wise(image[np.newaxis])[0]
    assert found == pytest.approx(whole, abs=1e-6)
    assert (found[1] == whole[1]).all()


def test_where_windows_disagree_the_weight_moves_over_the_overlap():
    calls = []

    def numbered(batch: np.ndarray) -> np.ndarray:
        calls.append(len(batch))
        return np.full_like(batch, len(calls) - 1)

    image = np.zeros((1, 3, 10), np.float32)
    (scores,) = tiled_scores(image, numbered, size=(3, 6), overlap=0, batch=1)
    assert scores[1].tolist() == [0, 0, 0, 0, 0.5, 0.5, 1, 1, 1, 1]  # the last one moved back by 2
    calls.clear()
    (scores,) = tiled_scores(image, numbered, size=(3, 6), overlap=2, batch=1)
    # Weights of the second window rise 1/3, 2/3 where those of the first fall 2/3, 1/3.
    assert scores[1] == pytest.approx([0, 0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1, 1])


def test_an_image_of_one_window_is_run_once_as_it_is():
    image = np.random.default_rng(0).random((2, 5, 6), dtype=np.float32)
    seen = []

    def run(batch: np.ndarray) -> np.ndarray:
        seen.append(batch)
        return batch * np.float32(1.1)

    found = tiled_scores(image, run, size=(5, 6), overlap=3, batch=8)
    assert (found == image * np.float32(1.1)).all()
    assert len(seen) == 1


def test_windows_are_run_in_batches():
    sizes = []

    def run(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        return batch

    tiled_scores(np.zeros((1, 4, 10), np.float32), run, size=(4, 2), overlap=0, batch=3)
    assert sizes == [3, 2]
