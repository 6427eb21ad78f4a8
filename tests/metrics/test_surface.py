"""Surface distances: published values, values on paper, empty masks and refusals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segmetrics.errors import DataError
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

VECTORS = Path(__file__).parents[2].parent / "shared" / "conformance" / "vectors.json"
METRICS: dict[str, Callable[[SurfaceDistances], float]] = {
    "hd": hd, "hd95": hd95, "assd": assd, "masd": masd, "nsd@1": lambda d: nsd(d, tolerance=1.0),
}  # fmt: skip


def mask(shape: tuple[int, ...], boxes: list[str]) -> np.ndarray:
    drawn = np.zeros(shape, bool)
    for box in boxes:
        drawn[tuple(slice(*map(int, side.split(":"))) for side in box.split(","))] = True
    return drawn


def measure(shape, reference: list[str], prediction: list[str], spacing=None) -> SurfaceDistances:
    return surface_distances(
        reference=mask(shape, reference), prediction=mask(shape, prediction), spacing=spacing
    )


# id: shape, spacing, reference, prediction, values
PUBLISHED = {
    # MetricsReloaded test_pairwise_measures, SN2.10 (left and right)
    "contained": ((14, 14), None, ["5:9,5:9"], ["6:8,6:8"], {
        "hd": math.sqrt(2), "assd": 1.1035533906, "masd": 1.0690355937, "nsd@1": 0.75,
    }),
    "containing": ((14, 14), None, ["5:9,5:9"], ["4:10,4:10"], {
        "hd": math.sqrt(2), "assd": 1.0517766953, "masd": 1.0414213562, "nsd@1": 0.875,
    }),
    # MetricsReloaded test_pairwise_measures, Fig. 5c. Pooled it would be 2.26, the mean of the
    # directed percentiles 3.39.
    "far_speck": ((14, 14), None, ["9:12,9:12", "1:2,1:2"], ["9:12,9:12"], {
        "hd": math.sqrt(128), "hd95": 6.7882250994, "assd": 0.6655122646,
    }),
    # deepmind surface-distance tests
    "anisotropic_lines": ((128, 128), (2, 1), ["50:51,70:71"], ["50:51,72:73"], {
        "hd": 2.0, "hd95": 2.0, "assd": 2.0,
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_values(name):
    shape, spacing, reference, prediction, expect = PUBLISHED[name]
    found = measure(shape, reference, prediction, spacing)
    values = {metric: METRICS[metric](found) for metric in expect}
    assert values == pytest.approx(expect, abs=1e-9)


def test_shared_vectors():
    if not VECTORS.is_file():
        pytest.skip(f"the shared vectors are not beside the checkout ({VECTORS})")
    compared = 0
    for entry in json.loads(VECTORS.read_text("utf-8")):
        wanted = {k: v for k, v in entry["expect"].items() if k in METRICS}
        if wanted:
            found = measure(
                tuple(entry["shape"]), entry["reference"], entry["prediction"], entry.get("spacing")
            )
            values = {metric: METRICS[metric](found) for metric in wanted}
            assert values == pytest.approx(wanted, abs=1e-9), entry["id"]
            compared += len(wanted)
    assert compared >= 14


@pytest.mark.parametrize(
    ("one", "other", "spacing", "distance"),
    [
        ((50, 70), (50, 72), (1, 1), 2.0),
        ((50, 70), (50, 72), (2, 1), 2.0),
        ((50, 70), (50, 72), (1, 2), 4.0),
        ((50, 70), (53, 74), (1, 1), 5.0),
        ((0, 0), (99, 99), (1, 1), 99 * math.sqrt(2)),
        ((50, 60, 70), (50, 60, 72), (3, 2, 1), 2.0),
        ((50, 60, 70), (51, 60, 70), (3, 2, 1), 3.0),
        ((5, 6, 7), (6, 8, 9), (1, 1, 1), 3.0),
        ((7,), (3,), (0.5,), 2.0),
        ((1,) * 8, (0,) * 8, (2,) * 8, math.sqrt(32)),
    ],
)
def test_two_elements(one, other, spacing, distance):
    shape = tuple(max(a, b) + 1 for a, b in zip(one, other, strict=True))
    reference, prediction = np.zeros((2, *shape), bool)
    reference[one] = prediction[other] = True
    found = surface_distances(reference=reference, prediction=prediction, spacing=spacing)
    assert found.reference_to_prediction.tolist() == pytest.approx([distance], rel=1e-15)
    assert [metric(found) for metric in (hd, hd95, assd, masd)] == pytest.approx([distance] * 4)
    assert nsd(found, tolerance=distance) == 1
    assert nsd(found, tolerance=distance * 0.999) == 0


def test_the_edge_of_the_image_is_a_border():
    found = measure((4, 4), ["0:4,0:4"], ["0:4,0:4"])
    assert found.reference_to_prediction.tolist() == [0.0] * 12
    # Full against full without its outermost ring: 12 elements against 4.
    found = measure((4, 4), ["0:4,0:4"], ["1:3,1:3"])
    assert sorted(found.reference_to_prediction) == [1.0] * 8 + [math.sqrt(2)] * 4
    assert found.prediction_to_reference.tolist() == [1.0] * 4


def test_a_corner_does_not_open_a_mask():
    # A hole of one pixel: its four faces are border, its four corners are not.
    reference = mask((7, 7), ["1:6,1:6"])
    reference[3, 3] = False
    found = surface_distances(reference=reference, prediction=reference)
    assert found.reference_to_prediction.size == 16 + 4


def test_a_diagonal_counts_by_its_length_not_by_its_steps():
    found = measure((9, 9), ["2:3,2:3"], ["5:6,5:6"])
    assert hd(found) == math.sqrt(18)


@pytest.mark.parametrize("shape", [(5, 6), (3, 4, 5), (4,), (0, 5)])
def test_both_empty_is_undefined(shape):
    empty = np.zeros(shape, bool)
    found = surface_distances(reference=empty, prediction=empty)
    assert found.reference_to_prediction.size == found.prediction_to_reference.size == 0
    assert all(math.isnan(metric(found)) for metric in METRICS.values())


@pytest.mark.parametrize("shape", [(5, 6), (3, 4, 5), (4,)])
@pytest.mark.parametrize("swap", [False, True])
def test_one_empty_is_infinitely_far(shape, swap):
    pair = [np.zeros(shape, bool), np.ones(shape, bool)]
    reference, prediction = pair[::-1] if swap else pair
    found = surface_distances(reference=reference, prediction=prediction)
    assert [metric(found) for metric in METRICS.values()] == [math.inf] * 4 + [0.0]
    assert nsd(found, tolerance=1e300) == 0


def test_percentiles_are_linear_and_the_larger_of_both_directions():
    found = SurfaceDistances(np.array([4.0, 0.0, 1.0, 2.0, 3.0]), np.array([0.0, 0.0]))
    assert hd_percentile(found, percentile=50) == 2.0
    assert hd_percentile(found, percentile=95) == pytest.approx(3.8)
    assert hd_percentile(found, percentile=0) == 0.0
    assert hd_percentile(found, percentile=100) == hd(found) == 4.0
    swapped = SurfaceDistances(found.prediction_to_reference, found.reference_to_prediction)
    assert hd95(swapped) == hd95(found) == pytest.approx(3.8)


def test_assd_pools_and_masd_does_not():
    found = SurfaceDistances(np.array([1.0, 1.0, 1.0]), np.array([5.0]))
    assert assd(found) == 2.0
    assert masd(found) == 3.0


@pytest.mark.parametrize("step", [0.1, 0.7, np.float32(0.3), 1 / 3])
def test_a_tolerance_of_whole_steps_holds_whatever_the_rounding(step):
    reference, prediction = np.zeros((2, 3, 9), bool)
    reference[1, 1] = prediction[1, 4] = True
    found = surface_distances(reference=reference, prediction=prediction, spacing=(step, step))
    assert nsd(found, tolerance=round(3 * float(step), 4) if step != 1 / 3 else 1.0) == 1
    assert nsd(found, tolerance=2.99 * float(step)) == 0


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.int64])
def test_whatever_is_not_zero_is_foreground(dtype):
    rng = np.random.default_rng(4)
    pair = rng.random((2, 20, 30)) < 0.3
    found, expected = (
        surface_distances(reference=r, prediction=p)
        for r, p in (pair.astype(dtype) * dtype(-1 if dtype in (np.int16, np.int64) else 1), pair)
    )
    assert hd(found) == hd(expected)
    assert assd(found) == assd(expected)


def test_256_is_foreground_too():
    reference = np.full((3, 3), 256, np.int32)
    found = surface_distances(reference=reference, prediction=reference)
    assert found.reference_to_prediction.size == 8


def test_masks_are_left_as_they_are():
    pair = np.random.default_rng(1).random((2, 9, 9)) < 0.5
    kept = pair.copy()
    pair.flags.writeable = False
    surface_distances(reference=pair[0], prediction=pair[1])
    assert np.array_equal(pair, kept)


def test_shapes_that_differ_are_refused():
    with pytest.raises(DataError, match=r"shape \(2, 3\), the prediction \(3, 2\); nothing is res"):
        surface_distances(reference=np.zeros((2, 3), bool), prediction=np.zeros((3, 2), bool))


def test_scalars_are_refused():
    with pytest.raises(DataError, match="no axis"):
        surface_distances(reference=np.array(True), prediction=np.array(True))


def test_probabilities_are_refused():
    with pytest.raises(TypeError, match="prediction holds float64, not booleans or integers"):
        surface_distances(reference=np.zeros((2, 3), bool), prediction=np.zeros((2, 3)))


@pytest.mark.parametrize(
    "spacing", [(1.0,), (1.0, 1.0, 1.0), (1.0, 0.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf),
                (1e-200, 1e-200)],
)  # fmt: skip
def test_a_spacing_that_cannot_be_is_refused(spacing):
    with pytest.raises(ValueError, match="spacing"):
        surface_distances(
            reference=np.ones((2, 3), bool), prediction=np.ones((2, 3), bool), spacing=spacing
        )


@pytest.mark.parametrize("tolerance", [-1.0, math.nan, math.inf])
def test_a_tolerance_that_cannot_be_is_refused(tolerance):
    found = SurfaceDistances(np.zeros(1), np.zeros(1))
    with pytest.raises(ValueError, match="tolerance is"):
        nsd(found, tolerance=tolerance)


@pytest.mark.parametrize("percentile", [-1, 100.1, math.nan])
def test_a_percentile_that_cannot_be_is_refused(percentile):
    found = SurfaceDistances(np.zeros(1), np.zeros(1))
    with pytest.raises(ValueError, match="percentile is"):
        hd_percentile(found, percentile=percentile)
