"""Published values: written here, and again from the shared vectors where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from segmetrics.metrics import (
    ConfusionCounts,
    accuracy,
    count_confusion,
    dice,
    iou,
    precision,
    recall,
)
from segmetrics.metrics.catalog import CATALOG
from segmetrics.stats.aggregate import Estimate, class_mean, estimates, mean_of_defined

VECTORS = Path(__file__).parents[2].parent / "shared" / "conformance" / "vectors.json"
TO = 1e-9
METRICS = {"dice": dice, "iou": iou, "precision": precision, "recall": recall, "accuracy": accuracy}

# id: shape, reference, prediction (slices), values
PUBLISHED = {
    # MetricsReloaded test_pairwise_measures, SN2.10 (left)
    "contained": ((14, 14), ["5:9,5:9"], ["6:8,6:8"], {
        "tp": 4, "fp": 0, "fn": 12, "tn": 180, "dice": 0.4, "iou": 0.25, "precision": 1.0,
        "recall": 0.25,
    }),
    # MetricsReloaded test_pairwise_measures, SN2.10 (right)
    "containing": ((14, 14), ["5:9,5:9"], ["4:10,4:10"], {
        "tp": 16, "fp": 20, "fn": 0, "tn": 160, "dice": 8 / 13, "iou": 4 / 9,
    }),
    # MetricsReloaded test_pairwise_measures, Fig. 5c
    "far_speck": ((14, 14), ["9:12,9:12", "1:2,1:2"], ["9:12,9:12"], {"dice": 18 / 19}),
    # Accuracy paradox: an object of 64 of 4096 pixels, missed
    "missed_object": ((64, 64), ["10:18,10:18"], [], {
        "accuracy": 0.984375, "dice": 0.0, "iou": 0.0, "recall": 0.0, "precision": None,
    }),
    # deepmind surface-distance tests
    "anisotropic_lines": ((128, 128), ["50:51,70:71"], ["50:51,72:73"], {"dice": 0.0}),
}  # fmt: skip


def mask(shape: tuple[int, ...], boxes: list[str]) -> np.ndarray:
    drawn = np.zeros(shape, np.uint8)
    for box in boxes:
        drawn[tuple(slice(*map(int, side.split(":"))) for side in box.split(","))] = 1
    return drawn


def check(shape, reference: list[str], prediction: list[str], expect: dict) -> int:
    """Compare every value that counts alone give; how many there were."""
    counts = count_confusion(
        reference=mask(shape, reference), prediction=mask(shape, prediction), n_classes=2
    )
    found = {name: int(getattr(counts, name)[1]) for name in ("tp", "fp", "fn", "tn")}
    found |= {name: float(metric(counts)[1]) for name, metric in METRICS.items()}
    known = {name: value for name, value in expect.items() if name in found}
    for name, value in known.items():
        wanted = np.nan if value is None else value
        assert found[name] == pytest.approx(wanted, abs=TO, nan_ok=True), name
    return len(known)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_masks(name):
    *masks, expect = PUBLISHED[name]
    assert check(*masks, expect) == len(expect)


# torchmetrics issue 3047: intersection and union of six classes on 9 x 10 pixels
INTERSECTIONS = [44, 6, 9, 9, 9, 5]
UNIONS = [49, 9, 9, 9, 9, 13]
# The reference and the predicted class of the pixels that differ
CONFUSED = [(0, 5), (0, 5), (5, 0), (5, 0), (5, 0), (1, 5), (1, 5), (5, 1)]


def label_map() -> tuple[np.ndarray, np.ndarray]:
    pairs = [(k, k) for k, n in enumerate(INTERSECTIONS) for _ in range(n)]
    pairs += CONFUSED
    reference, prediction = (np.array(side, np.uint8) for side in zip(*pairs, strict=True))
    return reference.reshape(9, 10), prediction.reshape(9, 10)


def test_label_map_of_torchmetrics():
    reference, prediction = label_map()
    counts = count_confusion(reference=reference, prediction=prediction, n_classes=6)
    assert counts.tp.tolist() == INTERSECTIONS
    assert (counts.tp + counts.fp + counts.fn).tolist() == UNIONS
    expected = [44 / 49, 6 / 9, 1, 1, 1, 5 / 13]
    assert iou(counts).tolist() == pytest.approx(expected, abs=TO)
    mean = class_mean([Estimate.of(value, 1, 1) for value in iou(counts)])
    assert mean.value == pytest.approx(0.8248735392, abs=TO)


# MONAI tests/metrics: rows images, columns classes; Dice of each pair of masks
ROWS = [[6 / 7, None, None], [0.5, 0.4, 2 / 3]]
# TP, FP, FN that have these Dice values
TP = [[3, 0, 0], [1, 1, 1]]
FP = [[1, 0, 0], [1, 2, 1]]
FN = [[0, 0, 0], [1, 1, 0]]


def reductions() -> dict[str, float]:
    tp, fp, fn = (np.array(a) for a in (TP, FP, FN))
    counts = ConfusionCounts(tp, fp, fn, np.full((2, 3), 9))
    values = CATALOG["dice"].values(counts, both_empty_is_one=False)
    wanted = np.array([[np.nan if v is None else v for v in row] for row in ROWS])
    np.testing.assert_allclose(values, wanted, atol=TO, equal_nan=True)
    ours = class_mean(estimates(CATALOG["dice"], counts, np.arange(2), "image_mean"))
    assert ours.value is not None
    return {
        "image_then_class_mean": float(mean_of_defined(values.T).mean()),
        "class_then_image_mean": ours.value,
        "mean_of_all_defined": float(mean_of_defined(values.reshape(-1, 1))[0]),
    }


def test_three_ways_to_take_a_mean_are_three_numbers_and_ours_is_named():
    assert reductions() == pytest.approx(
        {
            "image_then_class_mean": 0.6896825397,
            "class_then_image_mean": 0.5817460317,
            "mean_of_all_defined": 0.605952381,
        },
        abs=TO,
    )


@pytest.fixture(scope="module")
def vectors() -> dict[str, dict]:
    if not VECTORS.is_file():
        pytest.skip(f"the shared vectors are not beside the checkout ({VECTORS})")
    return {entry["id"]: entry for entry in json.loads(VECTORS.read_text("utf-8"))}


def test_all_shared_masks(vectors):
    masks = [e for e in vectors.values() if "reference" in e and "prediction" in e]
    compared = [
        check(tuple(e["shape"]), e["reference"], e["prediction"], e["expect"]) for e in masks
    ]
    assert set(PUBLISHED) <= {e["id"] for e in masks}
    assert sum(compared) >= 21


def test_shared_label_map(vectors):
    reference, prediction = label_map()
    values = iou(count_confusion(reference=reference, prediction=prediction, n_classes=6))
    expect = vectors["label_map_9x10"]["expect"]
    assert values.tolist() == pytest.approx(expect["iou_per_class"], abs=TO)
    assert values.mean() == pytest.approx(expect["mean_iou"], abs=TO)


def test_shared_aggregation(vectors):
    assert reductions() == pytest.approx(vectors["aggregation"]["expect"], abs=TO)
