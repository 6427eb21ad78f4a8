"""Published values: written here, and again from the shared vectors where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from segmetrics.data.labels import LabelScheme
from segmetrics.data.schemes import named_scheme
from segmetrics.metrics import (
    ConfusionCounts,
    accuracy,
    assd,
    count_confusion,
    dice,
    hd,
    hd95,
    iou,
    masd,
    nsd,
    precision,
    recall,
    surface_distances,
)
from segmetrics.metrics.catalog import CATALOG
from segmetrics.stats.aggregate import Estimate, class_mean, estimates, mean_of_defined

VECTORS = Path(__file__).parents[2].parent / "shared" / "conformance" / "vectors.json"
TO = 1e-9
METRICS = {"dice": dice, "iou": iou, "precision": precision, "recall": recall, "accuracy": accuracy}
DISTANCES = {
    "hd": hd, "hd95": hd95, "assd": assd, "masd": masd, "nsd@1": lambda sd: nsd(sd, tolerance=1.0)
}  # fmt: skip
ROOT = 2**0.5

# id: shape, spacing, reference, prediction (slices), values
PUBLISHED = {
    # MetricsReloaded test_pairwise_measures, SN2.10 (left): 2 x 2 within 4 x 4. Of the 12 border
    # pixels of the outer square 4 are a diagonal step away, of the 4 of the inner one none.
    "contained": ((14, 14), None, ["5:9,5:9"], ["6:8,6:8"], {
        "tp": 4, "fp": 0, "fn": 12, "tn": 180, "dice": 0.4, "iou": 0.25, "precision": 1.0,
        "recall": 0.25, "hd": ROOT, "assd": (12 + 4 * ROOT) / 16,
        "masd": ((8 + 4 * ROOT) / 12 + 1) / 2, "nsd@1": 12 / 16,
    }),
    # MetricsReloaded test_pairwise_measures, SN2.10 (right)
    "containing": ((14, 14), None, ["5:9,5:9"], ["4:10,4:10"], {
        "tp": 16, "fp": 20, "fn": 0, "tn": 160, "dice": 8 / 13, "iou": 4 / 9, "hd": ROOT,
        "assd": (28 + 4 * ROOT) / 32, "masd": ((16 + 4 * ROOT) / 20 + 1) / 2, "nsd@1": 28 / 32,
    }),
    # MetricsReloaded test_pairwise_measures, Fig. 5c: of 9 distances one is 8 diagonal steps, and
    # the 95th percentile lies 0.6 of the way to it.
    "far_speck": ((14, 14), None, ["9:12,9:12", "1:2,1:2"], ["9:12,9:12"], {
        "dice": 18 / 19, "hd": 8 * ROOT, "hd95": 0.6 * 8 * ROOT, "assd": 8 * ROOT / 17,
    }),
    # Accuracy paradox: an object of 64 of 4096 pixels, missed
    "missed_object": ((64, 64), None, ["10:18,10:18"], [], {
        "accuracy": 0.984375, "dice": 0.0, "iou": 0.0, "recall": 0.0, "precision": None,
    }),
    # deepmind surface-distance tests: two columns apart, which are 1 wide and 2 high
    "anisotropic_lines": ((128, 128), (2, 1), ["50:51,70:71"], ["50:51,72:73"], {
        "hd": 2.0, "hd95": 2.0, "assd": 2.0, "dice": 0.0,
    }),
}  # fmt: skip


def mask(shape: tuple[int, ...], boxes: list[str]) -> np.ndarray:
    drawn = np.zeros(shape, np.uint8)
    for box in boxes:
        drawn[tuple(slice(*map(int, side.split(":"))) for side in box.split(","))] = 1
    return drawn


def check(shape, spacing, reference: list[str], prediction: list[str], expect: dict) -> None:
    """Compare every value; one that nobody here computes is a KeyError."""
    drawn = {"reference": mask(shape, reference), "prediction": mask(shape, prediction)}
    counts = count_confusion(**drawn, n_classes=2)
    distances = surface_distances(**drawn, spacing=spacing)
    found = {name: int(getattr(counts, name)[1]) for name in ("tp", "fp", "fn", "tn")}
    found |= {name: float(metric(counts)[1]) for name, metric in METRICS.items()}
    found |= {name: metric(distances) for name, metric in DISTANCES.items()}
    for name, value in expect.items():
        wanted = np.nan if value is None else value
        assert found[name] == pytest.approx(wanted, abs=TO, rel=0, nan_ok=True), name


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_masks(name):
    check(*PUBLISHED[name])


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
    assert iou(counts).tolist() == pytest.approx(expected, abs=TO, rel=0)
    mean = class_mean([Estimate.of(value, 1, 1) for value in iou(counts)])
    assert mean.value == pytest.approx(0.8248735392, abs=TO, rel=0)


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
        rel=0,
    )


# cityscapesScripts, helpers/labels.py: the ids whose trainId is not 255 (or -1)
TRAIN_IDS = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12,
    26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip


def check_cityscapes(train_ids: dict[int, int]) -> None:
    """Compare what becomes of every value that a label file can hold."""
    classes, ignore = named_scheme("cityscapes")
    scheme = LabelScheme.of(classes, ignore=ignore)
    assert scheme.n_classes == 19
    ids = np.arange(256, dtype=np.uint8)
    ignored = 19
    wanted = [train_ids.get(i, ignored) for i in range(256)]
    assert scheme.reference_lookup(ids).tolist() == wanted
    # Masks of train ids have the same classes in the same order.
    train, names = named_scheme("cityscapes_train_ids"), list(classes)
    assert list(train[0].items()) == [(name, i) for i, name in enumerate(names)]
    assert train[1] == (255,)


def test_cityscapes_ids():
    check_cityscapes(TRAIN_IDS)


@pytest.fixture(scope="module")
def vectors() -> dict[str, dict]:
    if not VECTORS.is_file():
        pytest.skip(f"the shared vectors are not beside the checkout ({VECTORS})")
    return {entry["id"]: entry for entry in json.loads(VECTORS.read_text("utf-8"))}


def test_all_shared_entries_are_checked_here(vectors):
    masks = {name for name, entry in vectors.items() if "prediction" in entry}
    assert masks == set(PUBLISHED)
    assert set(vectors) - masks == {"aggregation", "label_map_9x10", "cityscapes_ids"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_shared_masks(vectors, name):
    e = vectors[name]
    shape, spacing, *_, written = PUBLISHED[name]
    assert (tuple(e["shape"]), e.get("spacing")) == (shape, list(spacing) if spacing else None)
    assert set(e["expect"]) == set(written)
    check(shape, spacing, e["reference"], e["prediction"], e["expect"])


def test_shared_label_map(vectors):
    reference, prediction = label_map()
    values = iou(count_confusion(reference=reference, prediction=prediction, n_classes=6))
    expect = vectors["label_map_9x10"]["expect"]
    assert values.tolist() == pytest.approx(expect["iou_per_class"], abs=TO, rel=0)
    assert values.mean() == pytest.approx(expect["mean_iou"], abs=TO, rel=0)


def test_shared_aggregation(vectors):
    assert reductions() == pytest.approx(vectors["aggregation"]["expect"], abs=TO, rel=0)


def test_shared_cityscapes_ids(vectors):
    expect = vectors["cityscapes_ids"]["expect"]["id_to_train_id"]
    check_cityscapes({int(key): value for key, value in expect.items()})
