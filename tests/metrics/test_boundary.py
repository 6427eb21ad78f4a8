"""Boundary IoU: values on paper, the published procedure by iterated erosion, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from segmetrics.errors import ConfigError, DataError
from segmetrics.metrics import boundary
from segmetrics.metrics.boundary import boundary_iou


def published_boundary(mask: np.ndarray, ratio: float) -> np.ndarray:
    """The authors' procedure: pad with one zero, erode `d` times by 3 x 3, subtract."""
    times = int(round(ratio * np.sqrt(sum(side**2 for side in mask.shape))))  # noqa: RUF046
    padded = np.pad(mask, 1)
    eroded = ndimage.binary_erosion(
        padded, np.ones((3,) * mask.ndim), iterations=max(times, 1), border_value=1
    )
    return mask & ~eroded[(slice(1, -1),) * mask.ndim]


def published(reference: np.ndarray, prediction: np.ndarray, ratio: float) -> float:
    r, p = published_boundary(reference, ratio), published_boundary(prediction, ratio)
    return (r & p).sum() / (r | p).sum() if (r | p).any() else math.nan


def square(shape, *ranges):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*pair) for pair in ranges)] = True
    return mask


def test_a_rim_of_one_pixel_on_paper():
    r = square((20, 20), (5, 11), (5, 11))  # rim: 6 x 6 - 4 x 4 = 20 pixels
    p = square((20, 20), (5, 11), (6, 12))  # the same, one to the right
    # Top and bottom rows share 5 pixels each; the vertical sides share none.
    assert boundary_iou(reference=r, prediction=p) == 10 / 30


def test_the_width_follows_the_diagonal_of_the_image_and_not_of_the_object():
    r, p = square((300, 400), (100, 150), (100, 150)), square((300, 400), (100, 150), (110, 160))
    # 2 % of 500 are 10 pixels. Rims: 50**2 - 30**2 = 1600 pixels. Of the 50 x 40 shared pixels
    # the top and bottom bands hold 2 x 10 x 40; between them r's rim ends at column 140 on and
    # p's rim before column 120, and both are 10 wide, so none is in both.
    assert boundary_iou(reference=r, prediction=p) == 800 / (1600 + 1600 - 800)


def test_a_hole_has_a_boundary_and_so_has_the_edge_of_the_image():
    full, holed = np.ones((9, 9), bool), np.ones((9, 9), bool)
    holed[4, 4] = False
    # The frame of 32 pixels is shared, the 8 pixels around the hole are of one only.
    assert boundary_iou(reference=full, prediction=holed) == 32 / 40


@pytest.mark.parametrize(
    ("ratio", "size", "width"),
    [(0.5, (3, 4), 2), (0.7, (3, 4), 4), (0.9, (3, 4), 4), (1e-9, (3, 4), 1), (0.25, (6, 8), 2)],
)
def test_a_half_is_rounded_to_the_even_number(ratio, size, width):
    # 2.5 -> 2, 3.5 -> 4, 4.5 -> 4, and at least 1
    assert boundary.reach_of(size, ratio) == width


def test_undefined_only_where_both_are_empty():
    empty, mask = np.zeros((4, 5), bool), square((4, 5), (1, 3), (1, 3))
    assert math.isnan(boundary_iou(reference=empty, prediction=empty))
    assert boundary_iou(reference=mask, prediction=empty) == 0.0
    assert boundary_iou(reference=empty, prediction=mask) == 0.0


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint16])
def test_what_is_not_zero_is_foreground(dtype):
    r, p = square((9, 9), (2, 7), (2, 7)), square((9, 9), (2, 7), (3, 8))
    expected = boundary_iou(reference=r, prediction=p)
    assert boundary_iou(reference=r.astype(dtype) * 3, prediction=p.astype(dtype)) == expected


def test_arguments_are_left_as_they_are():
    r, p = np.ones((6, 6), bool), np.ones((6, 6), bool)
    boundary_iou(reference=r, prediction=p)
    assert r.all()
    assert p.all()


@pytest.mark.parametrize("ratio", [0.0, -0.1, math.nan, math.inf])
def test_a_ratio_that_is_no_width_is_refused(ratio):
    mask = np.ones((4, 4), bool)
    with pytest.raises(ConfigError, match=r"boundary_iou: dilation_ratio .* is not a positive"):
        boundary_iou(reference=mask, prediction=mask, dilation_ratio=ratio)


def test_what_is_no_pair_of_masks_is_refused():
    mask = np.ones((4, 4), bool)
    with pytest.raises(DataError, match=r"the reference has shape \(4, 4\), the prediction \(4,"):
        boundary_iou(reference=mask, prediction=np.ones((4, 5), bool))
    with pytest.raises(TypeError, match="prediction holds float64"):
        boundary_iou(reference=mask, prediction=np.ones((4, 4)))


masks = st.tuples(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 14), min_size=1, max_size=3),
    st.sampled_from([0.3, 0.9, 0.98, 1.0]),
    st.sampled_from([0.02, 0.1, 0.15, 0.3]),
)


def pair(seed, shape, density):
    rng = np.random.default_rng(seed)
    return rng.random(shape) < density, rng.random(shape) < density


@settings(deadline=None)
@given(masks)
def test_equal_to_the_published_procedure(case):
    seed, shape, density, ratio = case
    r, p = pair(seed, shape, density)
    value = boundary_iou(reference=r, prediction=p, dilation_ratio=ratio)
    np.testing.assert_equal(value, published(r, p, ratio))


@settings(deadline=None)
@given(masks)
def test_flipping_transposing_and_exchanging_change_nothing(case):
    seed, shape, density, ratio = case
    r, p = pair(seed, shape, density)
    value = boundary_iou(reference=r, prediction=p, dilation_ratio=ratio)
    for a, b in ((np.flip(r), np.flip(p)), (r.T, p.T), (p, r)):
        np.testing.assert_equal(
            boundary_iou(reference=a, prediction=b, dilation_ratio=ratio), value
        )
    assert math.isnan(value) or 0 <= value <= 1


@settings(deadline=None)
@given(masks)
def test_a_width_beyond_the_mask_is_plain_iou(case):
    seed, shape, density, _ = case
    r, p = pair(seed, shape, density)
    expected = (r & p).sum() / (r | p).sum() if (r | p).any() else math.nan
    value = boundary_iou(reference=r, prediction=p, dilation_ratio=1.0)
    np.testing.assert_equal(value, expected)
