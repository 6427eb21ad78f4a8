"""The pixels near a mask, against distances from pixel to pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segmetrics.metrics.boundary import reach_of
from segmetrics.metrics.histograms import near_histograms, score_histogram
from segmetrics.metrics.near import near_masks


def by_distance(union: np.ndarray, reach: int) -> np.ndarray:
    """Chebyshev distance of every pixel to every pixel of the mask."""
    there = np.argwhere(union)
    if not there.size:
        return np.zeros(union.shape, bool)
    everywhere = np.indices(union.shape).reshape(union.ndim, -1).T
    gaps = np.abs(everywhere[:, np.newaxis] - there).max(axis=2).min(axis=1)
    return (gaps <= reach).reshape(union.shape)


shapes = st.one_of(
    st.tuples(*[st.integers(1, 14)] * 2), st.tuples(*[st.integers(1, 6)] * 3), st.just((40,))
)


@st.composite
def masks(draw):
    shape = draw(shapes)
    sparse = st.integers(0, 12).map(lambda v: v == 0)
    return tuple(draw(arrays(np.bool_, shape, elements=sparse)) for _ in range(2))


@given(masks(), st.sampled_from([0.02, 0.15, 0.4, 3.0]))
def test_near_is_within_the_reach_of_either_mask(pair, ratio):
    reference, prediction = pair
    near = near_masks(reference=reference, prediction=prediction, dilation_ratio=ratio)
    reach = reach_of(reference.shape, ratio)
    assert near.dtype == np.bool_
    assert np.array_equal(near, by_distance(reference | prediction, reach))


def test_the_reach_is_two_per_cent_of_the_diagonal():
    reference = np.zeros((512, 512), bool)
    reference[250, 300] = True
    near = near_masks(reference=reference, prediction=np.zeros_like(reference))
    rows, columns = np.nonzero(near)  # 0.02 x 724.08 = 14.48
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (236, 264, 286, 314)
    assert near.sum() == 29 * 29


def test_the_masks_may_be_exchanged_and_nothing_is_near_nothing():
    rng = np.random.default_rng(4)
    a, b = rng.random((2, 30, 40)) > 0.99
    one, other = near_masks(reference=a, prediction=b), near_masks(reference=b, prediction=a)
    assert np.array_equal(one, other)
    empty = np.zeros((30, 40), bool)
    assert not near_masks(reference=empty, prediction=empty).any()
    assert near_masks(reference=np.zeros((0, 4), bool), prediction=np.zeros((0, 4), bool)).size == 0


@given(masks(), st.data())
def test_both_histograms_are_those_of_selected_pixels(pair, data):
    reference, near = pair
    scores = data.draw(arrays(np.uint8, reference.shape))
    valid = data.draw(st.none() | arrays(np.bool_, reference.shape))
    whole, close = near_histograms(reference=reference, scores=scores, near=near, valid=valid)
    counted = np.ones_like(reference) if valid is None else valid
    for found, wanted in ((whole, counted), (close, counted & (near | reference))):
        expected = score_histogram(reference=reference[wanted], scores=scores[wanted])
        assert np.array_equal(found.positives, expected.positives)
        assert np.array_equal(found.negatives, expected.negatives)


def test_what_is_no_mask_is_refused():
    flat, scores = np.zeros(4, bool), np.zeros(4, np.uint8)
    with pytest.raises(TypeError, match="near holds uint8, not bool"):
        near_histograms(reference=flat, scores=scores, near=scores)
