"""clDice: lines on paper, the published formula, and what is undefined."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmetrics.errors import ConfigError, DataError
from segmetrics.metrics import centreline
from segmetrics.metrics.centreline import cl_dice

EMPTY = np.zeros((12, 30), bool)


@pytest.fixture(autouse=True)
def _topology():
    pytest.importorskip("skimage", reason="clDice thins with scikit-image")


def line(start: int, stop: int, row: int = 5) -> np.ndarray:
    mask = EMPTY.copy()
    mask[row, start:stop] = True
    return mask


def volume_line(start: int, stop: int) -> np.ndarray:
    mask = np.zeros((5, 6, 30), bool)
    mask[2, 3, start:stop] = True
    return mask


def published(reference, prediction):
    """The authors' formula, where no ratio of it is 0/0."""
    from skimage.morphology import skeletonize

    real, found = skeletonize(reference) > 0, skeletonize(prediction) > 0
    precision = (found & reference).sum() / found.sum()
    sensitivity = (real & prediction).sum() / real.sum()
    return 2 * precision * sensitivity / (precision + sensitivity)


@pytest.mark.parametrize("make", [line, volume_line])
def test_lines_on_paper_in_2d_and_3d(make):
    # 20 pixels real, 10 of them found, nothing invented: precision 1, sensitivity 1/2.
    assert cl_dice(reference=make(5, 25), prediction=make(5, 15)) == 2 / 3
    # 20 real, 20 predicted, 15 shared: both ratios 3/4.
    assert cl_dice(reference=make(2, 22), prediction=make(7, 27)) == 0.75
    assert cl_dice(reference=make(5, 25), prediction=make(5, 25)) == 1.0


def test_thickness_is_forgiven_where_the_centreline_is_whole():
    thin = line(3, 27)
    thick = line(3, 27) | line(3, 27, 4) | line(3, 27, 6)
    dice = 2 * (thin & thick).sum() / (thin.sum() + thick.sum())
    assert dice == 0.5
    # Not quite 1: thinning bends the ends of the thick line.
    assert cl_dice(reference=thin, prediction=thick) > 0.95


def test_a_gap_costs_more_of_a_thin_vessel_than_its_pixels_say():
    thin, wide = line(2, 28), EMPTY.copy()
    wide[8:12, 2:28] = True
    gap = (thin | wide) & ~line(8, 22)
    dice = 2 * (gap & (thin | wide)).sum() / (gap.sum() + (thin | wide).sum())
    assert cl_dice(reference=thin | wide, prediction=gap) < dice - 0.03


def test_undefined_only_where_both_are_empty():
    assert math.isnan(cl_dice(reference=EMPTY, prediction=EMPTY))
    assert cl_dice(reference=line(2, 9), prediction=EMPTY) == 0.0
    assert cl_dice(reference=EMPTY, prediction=line(2, 9)) == 0.0


def test_zero_where_neither_centreline_is_met():
    assert cl_dice(reference=line(2, 9), prediction=line(2, 9, row=8)) == 0.0


def tube(width: int, *, at: int, length: int = 20) -> np.ndarray:
    mask = np.zeros((16, 16, 24), bool)
    mask[at : at + width, at : at + width, 2 : 2 + length] = True
    return mask


@pytest.mark.parametrize("width", [2, 4])
def test_a_tube_that_thinning_erases_still_counts(width):
    from skimage.morphology import skeletonize

    even, odd = tube(width, at=1), tube(3, at=8)
    assert not skeletonize(even).any()  # else this test shows nothing
    assert cl_dice(reference=even, prediction=even) == 1.0
    assert cl_dice(reference=odd, prediction=even) == 0.0
    # Of two tubes of about one length one is missed, or invented: one ratio is about 1/2.
    for reference, prediction in ((even | odd, odd), (odd, even | odd)):
        value = cl_dice(reference=reference, prediction=prediction)
        assert value == pytest.approx(2 / 3, abs=0.03)
        assert published(reference, prediction) == 1.0


def test_every_component_has_a_part_in_the_skeleton():
    ndimage = pytest.importorskip("scipy.ndimage", reason="smooths the masks")
    rng = np.random.default_rng(0)
    for shape, corners in (((30, 30, 30), (3, 3, 3)), ((80, 80), (3, 3))):
        field = ndimage.gaussian_filter(rng.standard_normal(shape), 1.2)
        mask = field > np.quantile(field, 0.93)
        labels, n = ndimage.label(mask, np.ones(corners))
        skeleton = centreline._skeleton(mask)
        assert (skeleton <= mask).all()
        assert set(labels[skeleton]) == set(range(1, n + 1))


def test_what_is_no_pair_of_images_or_volumes_is_refused():
    with pytest.raises(DataError, match=r"cl_dice: the masks have 1 axes; .* 2-D images and 3-D"):
        cl_dice(reference=np.ones(4, bool), prediction=np.ones(4, bool))
    with pytest.raises(DataError, match="nothing is resized"):
        cl_dice(reference=EMPTY, prediction=EMPTY[1:])
    with pytest.raises(TypeError, match="reference holds float32"):
        cl_dice(reference=EMPTY.astype(np.float32), prediction=EMPTY)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.morphology", None)
    with pytest.raises(ConfigError) as caught:
        cl_dice(reference=line(2, 9), prediction=line(2, 9))
    assert str(caught.value) == (
        'cl_dice: scikit-image is not installed; pip install "segmetrics[topology]"'
    )


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(15, 17), (6, 7, 8)]))
def test_equal_to_the_published_formula_wherever_it_is_defined(seed, shape):
    rng = np.random.default_rng(seed)
    r, p = (rng.random(shape) < 0.6 for _ in range(2))
    value = cl_dice(reference=r, prediction=p)
    assert value == pytest.approx(published(r, p), abs=1e-15)
    assert cl_dice(reference=p, prediction=r) == pytest.approx(value, abs=1e-15)
    # Cropping to what is there, and the type of the mask, change nothing.
    padded = [np.pad(mask, 2).astype(np.uint8) for mask in (r, p)]
    assert cl_dice(reference=padded[0], prediction=padded[1]) == value


def turned(mask: np.ndarray) -> list[np.ndarray]:
    """The mask flipped along each axis, turned by half, and transposed."""
    flips = [np.flip(mask, axis) for axis in range(mask.ndim)]
    return [np.ascontiguousarray(m) for m in (*flips, np.rot90(mask, 2), mask.T)]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(15, 17), (6, 7, 8)]))
def test_what_holds_however_the_image_lies(seed, shape):
    rng = np.random.default_rng(seed)
    small = rng.random(shape) < 0.5
    small.flat[0] = True
    large = small | (rng.random(shape) < 0.3)
    for a, b in zip(turned(small), turned(large), strict=True):
        assert cl_dice(reference=a, prediction=a) == 1.0
        assert cl_dice(reference=a, prediction=~a) == 0.0
        assert math.isnan(cl_dice(reference=a & False, prediction=b & False))
        # One mask holds the other: the inner skeleton lies inside whole.
        share = centreline._share_inside(centreline._skeleton(b), a)
        expected = 2 * share / (share + 1)
        assert cl_dice(reference=b, prediction=a) == pytest.approx(expected, abs=1e-15)
        assert cl_dice(reference=a, prediction=b) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("shape", [(60, 64), (20, 22, 24)])
def test_lying_otherwise_changes_the_value_no_more_than_the_page_says(shape):
    ndimage = pytest.importorskip("scipy.ndimage", reason="smooths the masks")
    rng = np.random.default_rng(0)
    moves = []
    for _ in range(20):
        field = ndimage.gaussian_filter(rng.standard_normal(shape), 1.3)
        reference = field > np.quantile(field, 0.85)
        prediction = np.roll(reference, 1, 0)
        value = cl_dice(reference=reference, prediction=prediction)
        moves += [
            abs(cl_dice(reference=a, prediction=b) - value)
            for a, b in zip(turned(reference), turned(prediction), strict=True)
        ]
    assert max(moves) <= 0.07
    assert np.mean(moves) <= 0.02
    # Else thinning has become independent of how the image lies, and the page should say so.
    assert max(moves) > 0


def test_vessels_of_two_annotators(real_data):
    from PIL import Image

    folder = real_data("stare")
    for path in sorted((folder / "masks_ah").iterdir())[:2]:
        mask = np.asarray(Image.open(path)) != 0
        other = np.asarray(Image.open(folder / "masks_vk" / path.name)) != 0
        assert cl_dice(reference=mask, prediction=mask) == 1.0
        value = cl_dice(reference=mask, prediction=other)
        assert value == pytest.approx(published(mask, other), abs=1e-12)
