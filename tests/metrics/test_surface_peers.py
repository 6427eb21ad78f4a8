"""Surface distances against other libraries, where they are installed."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.metrics import SurfaceDistances, assd, hd, hd95, masd, nsd, surface_distances

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the peers

CASES = [
    ((40, 50), (1.0, 1.0)), ((40, 50), (2.0, 0.5)),
    ((12, 20, 16), (1.0, 1.0, 1.0)), ((12, 20, 16), (3.0, 0.7, 1.2)),
]  # fmt: skip


def blobs(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Two masks of some ellipsoids, the same but for their size and one that only one has."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"))
    masks = np.zeros((2, *shape), bool)
    for index in range(4):
        centre, size = (
            np.array([rng.uniform(a * n, b * n) for n in shape]).reshape(-1, *(1,) * len(shape))
            for a, b in ((0.1, 0.9), (0.1, 0.25))
        )
        inside = (((grid - centre) / size) ** 2).sum(axis=0)
        masks[0] |= inside < 1
        if index:
            masks[1] |= inside < rng.uniform(0.6, 1.4)
    assert masks.any(axis=tuple(range(1, masks.ndim))).all()
    return masks


def measure(masks: np.ndarray, spacing: tuple[float, ...]) -> SurfaceDistances:
    return surface_distances(reference=masks[0], prediction=masks[1], spacing=spacing)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shape", "spacing"), CASES)
def test_monai_has_the_same_values(shape, spacing, seed):
    monai = pytest.importorskip("monai.metrics", reason="MONAI is not installed")
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    masks = blobs(shape, seed)
    found = measure(masks, spacing)
    pair = {
        "y": torch.from_numpy(masks[0])[None, None],
        "y_pred": torch.from_numpy(masks[1])[None, None],
        "include_background": True,
        "spacing": list(spacing),
    }
    ours = [hd(found), assd(found), *(nsd(found, tolerance=t) for t in (1.0, 2.05))]
    theirs = [
        monai.compute_hausdorff_distance(**pair),
        monai.compute_average_surface_distance(**pair, symmetric=True),
        *(monai.compute_surface_dice(**pair, class_thresholds=[t]) for t in (1.0, 2.05)),
    ]
    assert ours == pytest.approx([float(value) for value in theirs], rel=1e-6, abs=1e-6)
    directed = [
        float(monai.compute_average_surface_distance(**{**pair, "y": a, "y_pred": b}))
        for a, b in ((pair["y"], pair["y_pred"]), (pair["y_pred"], pair["y"]))
    ]
    assert masd(found) == pytest.approx(np.mean(directed), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shape", "spacing"), CASES)
def test_monai_has_the_same_distances_and_hd95(shape, spacing, seed):
    """Its percentile is placed in single precision, up to some 1e-5 of a step off.

    So its own distances (float32) are compared, one by one, and hd95 from them in double precision.
    """
    utils = pytest.importorskip("monai.metrics.utils", reason="MONAI is not installed")
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    masks = blobs(shape, seed)
    found = measure(masks, spacing)
    reference, prediction = map(torch.from_numpy, masks)
    _, theirs, _ = utils.get_edge_surface_distance(
        prediction, reference, spacing=list(spacing), symmetric=True
    )
    to_reference, to_prediction = (one.numpy().astype(np.float64) for one in theirs)
    assert found.prediction_to_reference == pytest.approx(to_reference, rel=1e-6, abs=1e-6)
    assert found.reference_to_prediction == pytest.approx(to_prediction, rel=1e-6, abs=1e-6)
    expected = max(np.percentile(to_reference, 95), np.percentile(to_prediction, 95))
    assert hd95(found) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shape", "spacing"), CASES)
def test_medpy_has_the_same_hd_and_assd(shape, spacing, seed):
    """Its hd95 pools both directions, so it is another number."""
    medpy = pytest.importorskip("medpy.metric.binary", reason="MedPy is not installed")
    masks = blobs(shape, seed)
    found = measure(masks, spacing)
    pair = {"result": masks[1], "reference": masks[0], "voxelspacing": spacing}
    assert hd(found) == pytest.approx(medpy.hd(**pair), abs=1e-6)
    pooled = np.concatenate((found.reference_to_prediction, found.prediction_to_reference))
    assert np.percentile(pooled, 95) == pytest.approx(medpy.hd95(**pair), abs=1e-6)
    assert assd(found) == pytest.approx(medpy.assd(**pair), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shape", "spacing"), CASES)
def test_surface_distance_is_within_an_element(shape, spacing, seed):
    """Its surface runs between elements and is weighed by area: near, not equal."""
    theirs = pytest.importorskip("surface_distance", reason="surface-distance is not installed")
    masks = blobs(shape, seed)
    found = theirs.compute_surface_distances(masks[0], masks[1], spacing)
    element = float(np.linalg.norm(spacing))
    ours = measure(masks, spacing)
    assert hd(ours) == pytest.approx(theirs.compute_robust_hausdorff(found, 100), abs=element)


def test_surface_distance_has_the_same_value_for_two_elements():
    theirs = pytest.importorskip("surface_distance", reason="surface-distance is not installed")
    reference, prediction = np.zeros((2, 128, 128), bool)
    reference[50, 70] = prediction[53, 74] = True
    found = theirs.compute_surface_distances(reference, prediction, (1.0, 2.0))
    assert hd(measure(np.stack((reference, prediction)), (1.0, 2.0))) == pytest.approx(
        theirs.compute_robust_hausdorff(found, 100), abs=1e-9
    )
