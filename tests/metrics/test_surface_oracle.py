"""Surface distances against all pairs of border elements, by every way, and their laws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmetrics.metrics import (
    SurfaceDistances,
    assd,
    hd,
    hd95,
    hd_percentile,
    masd,
    nsd,
    surface_distances,
)
from segmetrics.metrics._border import bounding_box
from segmetrics.metrics._shells import near_shells
from segmetrics.metrics.surface import _distances

WAYS = [
    {"search": search, "look_around": look_around}
    for search in ("auto", "tree", "transform")
    for look_around in (True, False)
]
PICTURE_WAYS = [
    {"search": search, "look_around": look_around}
    for search in ("rows", "guides")
    for look_around in (True, False)
]


def ways(n_axes: int) -> list[dict]:
    return WAYS + (PICTURE_WAYS if n_axes == 2 else [])


def border_by_hand(mask: np.ndarray) -> list[tuple[int, ...]]:
    """Foreground elements with a face neighbour that is background or outside."""

    def foreground(index: tuple[int, ...]) -> bool:
        inside = all(0 <= i < n for i, n in zip(index, mask.shape, strict=True))
        return inside and bool(mask[index])

    def neighbours(index: tuple[int, ...]):
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            yield (*index[:axis], index[axis] + step, *index[axis + 1 :])

    return [
        index
        for index in np.ndindex(mask.shape)
        if foreground(index) and not all(map(foreground, neighbours(index)))
    ]


def by_hand(reference: np.ndarray, prediction: np.ndarray, spacing: tuple[float, ...]):
    """Both directions from all pairs, in the order of the elements."""
    a, b = border_by_hand(reference), border_by_hand(prediction)

    def far(one: tuple[int, ...], other: tuple[int, ...]) -> float:
        return math.hypot(*(s * (x - y) for s, x, y in zip(spacing, one, other, strict=True)))

    return (
        [min((far(x, y) for y in b), default=math.inf) for x in a],
        [min((far(x, y) for x in a), default=math.inf) for y in b],
    )


def directed(found: SurfaceDistances) -> tuple[list[float], list[float]]:
    return found.reference_to_prediction.tolist(), found.prediction_to_reference.tolist()


@st.composite
def pairs(draw, fewest: int = 1, most: int = 4):
    """Two masks of one small shape, each empty, full, one element, a box or noise; spacing."""
    n_axes = draw(st.integers(fewest, most))
    longest = {1: 30, 2: 12, 3: 6, 4: 4}[n_axes]
    shape = tuple(draw(st.lists(st.integers(1, longest), min_size=n_axes, max_size=n_axes)))
    steps = st.sampled_from([0.1, 0.5, 0.7, 1.0, 1.5, 3.3, 20.0])
    spacing = tuple(draw(st.lists(steps, min_size=n_axes, max_size=n_axes)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def mask() -> np.ndarray:
        kind = draw(st.sampled_from(["empty", "full", "one", "box", "sparse", "dense"]))
        drawn = np.zeros(shape, bool)
        if kind == "full":
            drawn[:] = True
        elif kind == "one":
            drawn[tuple(rng.integers(0, n) for n in shape)] = True
        elif kind == "box":
            ends = [sorted(rng.integers(0, n + 1, 2)) for n in shape]
            drawn[tuple(slice(low, high) for low, high in ends)] = True
        elif kind != "empty":
            drawn = rng.random(shape) < (0.1 if kind == "sparse" else 0.8)
        return drawn

    return mask(), mask(), spacing


@settings(deadline=None)
@given(pairs())
def test_every_way_equals_all_pairs(pair):
    reference, prediction, spacing = pair
    expected = by_hand(reference, prediction, spacing)
    for way in ways(reference.ndim):
        found = directed(
            _distances(reference=reference, prediction=prediction, spacing=spacing, **way)
        )
        for ours, theirs in zip(found, expected, strict=True):
            assert ours == pytest.approx(theirs, rel=1e-12), way


@pytest.mark.parametrize(
    ("shape", "spacing", "way"),
    [
        (shape, spacing, way)
        for shape, spacing in [
            ((70, 90), (1.0, 1.0)),
            ((70, 90), (1.3, 0.4)),
            ((12, 25, 18), (3.0, 0.8, 1.1)),
        ]
        for way in ways(len(shape))
    ],
    ids=str,
)
def test_every_way_equals_all_pairs_on_shapes_with_near_and_far_parts(shape, spacing, way):
    rng = np.random.default_rng(7)
    reference, prediction = np.zeros((2, *shape), bool)
    for _ in range(5):
        low = [rng.integers(0, n // 2) for n in shape]
        box = tuple(slice(i, i + n // 3) for i, n in zip(low, shape, strict=True))
        reference[box] = True
        shifted = tuple(slice(s.start + 1, s.stop + rng.integers(0, 9)) for s in box)
        prediction[shifted] = True
    found = directed(_distances(reference=reference, prediction=prediction, spacing=spacing, **way))
    expected = by_hand(reference, prediction, spacing)
    assert max(expected[0] + expected[1]) > 3 * min(spacing)  # farther than any shell
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("shape", [(700, 800), (5, 400, 400)])
def test_blocks_do_not_show(shape):
    """Larger than a block of the erosion and a chunk of the look-ups; a plane larger than one."""
    rng = np.random.default_rng(3)
    reference, prediction = rng.random((2, *shape)) < 0.7
    whole = _distances(reference=reference, prediction=prediction, spacing=None)
    plain = _distances(
        reference=reference,
        prediction=prediction,
        spacing=None,
        search="transform",
        look_around=False,
    )
    assert directed(whole) == directed(plain)
    padded = np.pad(reference, 1)
    inside = tuple(slice(1, -1) for _ in shape)
    eroded = reference.copy()
    for axis, step in itertools.product(range(len(shape)), (-1, 1)):
        eroded &= np.roll(padded, step, axis)[inside]
    assert whole.reference_to_prediction.size == np.count_nonzero(reference & ~eroded)


@given(pairs())
def test_the_box_holds_the_mask_and_no_more(pair):
    mask = pair[0]
    box = bounding_box(mask)
    if box is None:
        assert not mask.any()
        return
    assert mask[box].sum() == mask.sum()
    for axis in range(mask.ndim):
        faces = np.moveaxis(mask[box], axis, 0)
        assert faces[0].any()
        assert faces[-1].any()


@given(st.lists(st.sampled_from([0.3, 1.0, 1.7, 4.0]), min_size=1, max_size=4))
def test_shells_are_complete_and_rise(spacing):
    shells = near_shells(tuple(spacing))
    radii = [shell.distance for shell in shells]
    assert radii == sorted(radii)
    reach = [int(radii[-1] // s) + 1 for s in spacing]
    everything = itertools.product(*(range(-r, r + 1) for r in reach))
    distance = {
        o: math.hypot(*(x * s for x, s in zip(o, spacing, strict=True))) for o in everything
    }
    near = {o for o, far in distance.items() if 0 < far <= radii[-1] * (1 + 1e-9)}
    listed = [offset for shell in shells for offset in shell.offsets]
    assert set(listed) == near
    assert len(listed) == len(near)


@given(pairs())
def test_exchanging_the_masks_exchanges_the_directions(pair):
    reference, prediction, spacing = pair
    one = surface_distances(reference=reference, prediction=prediction, spacing=spacing)
    other = surface_distances(reference=prediction, prediction=reference, spacing=spacing)
    assert directed(one) == directed(other)[::-1]
    for metric in (hd, hd95, assd, masd):
        assert metric(one) == pytest.approx(metric(other), nan_ok=True)


@given(pairs(), st.randoms(use_true_random=False))
def test_flipping_and_transposing_both_masks_changes_nothing(pair, random):
    reference, prediction, spacing = pair
    axes = list(range(reference.ndim))
    random.shuffle(axes)
    flipped = tuple(axis for axis in axes if random.random() < 0.5)
    one = surface_distances(reference=reference, prediction=prediction, spacing=spacing)
    other = surface_distances(
        reference=np.flip(reference, flipped).transpose(axes),
        prediction=np.flip(prediction, flipped).transpose(axes),
        spacing=[spacing[axis] for axis in axes],
    )
    for a, b in zip(directed(one), directed(other), strict=True):
        assert sorted(a) == pytest.approx(sorted(b), rel=1e-12)


@given(pairs(fewest=3, most=3))
def test_fortran_order_is_the_same_volume(pair):
    reference, prediction, spacing = pair
    one, other = (
        surface_distances(reference=order(reference), prediction=prediction, spacing=spacing)
        for order in (np.ascontiguousarray, np.asfortranarray)
    )
    for a, b in zip(directed(one), directed(other), strict=True):
        assert sorted(a) == pytest.approx(sorted(b), rel=1e-12)


@given(pairs(), st.sampled_from([0.25, 2.0, 8.0]))
def test_distances_scale_with_spacing(pair, factor):
    reference, prediction, spacing = pair
    one = surface_distances(reference=reference, prediction=prediction, spacing=spacing)
    other = surface_distances(
        reference=reference, prediction=prediction, spacing=[s * factor for s in spacing]
    )
    for a, b in zip(directed(one), directed(other), strict=True):
        assert [x * factor for x in a] == b  # powers of two: to the last bit
    assert nsd(one, tolerance=1.5) == pytest.approx(nsd(other, tolerance=1.5 * factor), nan_ok=True)


@given(pairs())
def test_background_around_both_masks_changes_nothing(pair):
    reference, prediction, spacing = pair
    one = surface_distances(reference=reference, prediction=prediction, spacing=spacing)
    other = surface_distances(
        reference=np.pad(reference, 3), prediction=np.pad(prediction, 3), spacing=spacing
    )
    assert directed(one) == directed(other)


@given(pairs())
def test_order_and_ranges(pair):
    reference, prediction, spacing = pair
    found = surface_distances(reference=reference, prediction=prediction, spacing=spacing)
    if not (reference.any() or prediction.any()):
        return
    assert hd(found) >= hd95(found) >= hd_percentile(found, percentile=50) >= 0
    assert hd(found) >= assd(found) * (1 - 1e-12)
    assert hd(found) >= masd(found) * (1 - 1e-12)
    shares = [nsd(found, tolerance=t) for t in (0.0, 0.5, 1.0, 5.0, 1e6)]
    assert shares == sorted(shares)
    assert shares[-1] == (1.0 if math.isfinite(hd(found)) else 0.0)


@given(pairs())
def test_a_mask_against_itself(pair):
    mask, _, spacing = pair
    found = surface_distances(reference=mask, prediction=mask, spacing=spacing)
    assert not np.any(found.reference_to_prediction)
    assert nsd(found, tolerance=0.0) == (
        1.0 if mask.any() else pytest.approx(math.nan, nan_ok=True)
    )


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.floats(0, 100))
def test_percentiles_equal_numpy(values, percentile):
    found = SurfaceDistances(np.array(values), np.array([0.0]))
    expected = np.percentile(values, percentile)
    assert hd_percentile(found, percentile=percentile) == pytest.approx(
        expected, rel=1e-9, abs=1e-9
    )
