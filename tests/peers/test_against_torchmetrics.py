"""Against torchmetrics on label maps; equal wherever both define a value, other empties held."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from segmetrics import metrics
from segmetrics.metrics import ConfusionCounts, count_confusion

torch = pytest.importorskip("torch", reason="a peer: needs torch and torchmetrics")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    segmentation = pytest.importorskip("torchmetrics.segmentation", reason="a peer")
    classification = pytest.importorskip("torchmetrics.classification", reason="a peer")

pytestmark = pytest.mark.filterwarnings("ignore")  # a peer's warnings are its own

K = 4

# torchmetrics issue 3047: intersections/unions 44/49, 6/9, 9/9, 9/9, 9/9 and 5/13.
REFERENCE = np.array(
    [[0] * 10, *[[0, 1, 1, 1, 0, 0, 3, 3, 3, 0]] * 3, [5] * 10]
    + [[0, 2, 2, 2, 0, 0, 4, 4, 4, 0]] * 3
    + [[0] * 10]
)
PREDICTION = REFERENCE.copy()
PREDICTION[3, 1:4] = 5
PREDICTION[4, 5:] = 0


@pytest.fixture(params=range(25))
def batch(request):
    """Four pairs of label maps of which the later classes are often absent."""
    rng = np.random.default_rng(request.param)
    return tuple(rng.integers(0, rng.integers(1, K + 1), (4, 5, 6)) for _ in range(2))


def counts_by_image(references, predictions) -> ConfusionCounts:
    each = [
        count_confusion(reference=r, prediction=p, n_classes=K)
        for r, p in zip(references, predictions, strict=True)
    ]
    return ConfusionCounts(
        *(np.stack([getattr(c, n) for c in each]) for n in ("tp", "fp", "fn", "tn"))
    )


def run(metric, references, predictions):
    metric.update(torch.as_tensor(predictions), torch.as_tensor(references))
    return metric.compute().numpy().astype(float)


def mean_of_defined(values, axis):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=axis)


def test_issue_3047_label_map():
    ours = metrics.iou(count_confusion(reference=REFERENCE, prediction=PREDICTION, n_classes=6))
    published = [0.8979591837, 0.6666666667, 1, 1, 1, 0.3846153846]
    np.testing.assert_allclose(ours, published, atol=1e-10)
    assert ours.mean() == pytest.approx(0.8248735392)
    metric = segmentation.MeanIoU(num_classes=6, input_format="index")
    assert run(metric, REFERENCE[np.newaxis], PREDICTION[np.newaxis]) == pytest.approx(ours.mean())


def test_mean_iou_is_a_mean_over_images_and_minus_1_where_nothing_is_defined(batch):
    values = metrics.iou(counts_by_image(*batch))
    per_class = run(segmentation.MeanIoU(K, per_class=True, input_format="index"), *batch)
    expected = np.nan_to_num(mean_of_defined(values, 0), nan=-1.0)
    np.testing.assert_allclose(per_class, expected, rtol=1e-6)


def test_mean_iou_without_classes_is_image_then_class(batch):
    values = metrics.iou(counts_by_image(*batch))
    both = run(segmentation.MeanIoU(K, input_format="index"), *batch)
    assert both == pytest.approx(mean_of_defined(values, 1).mean(), rel=1e-6)


def test_dice_score_samplewise_is_ours_by_image_and_global_is_pooled(batch):
    counts = counts_by_image(*batch)
    options = {"num_classes": K, "average": "none", "input_format": "index"}
    samplewise = run(segmentation.DiceScore(**options), *batch)
    expected = mean_of_defined(metrics.dice(counts), 0)
    np.testing.assert_allclose(samplewise, expected, rtol=1e-6, equal_nan=True)
    pooled = run(segmentation.DiceScore(aggregation_level="global", **options), *batch)
    np.testing.assert_allclose(pooled, metrics.dice(counts.sum()), rtol=1e-6, equal_nan=True)


def test_jaccard_index_pools_ignores_and_has_0_for_an_absent_class(batch):
    references, predictions = batch
    references = references.copy()
    references[:, 0] = 255
    theirs = run(
        classification.MulticlassJaccardIndex(K, average=None, ignore_index=255),
        references, predictions,
    )  # fmt: skip
    ours = metrics.iou(
        count_confusion(reference=references, prediction=predictions, n_classes=K, ignore=(255,))
    )
    np.testing.assert_allclose(np.nan_to_num(ours, nan=0.0), theirs, rtol=1e-6)


def test_mean_iou_has_no_ignored_label():
    with pytest.raises(RuntimeError, match="smaller than num_classes"):
        run(
            segmentation.MeanIoU(2, input_format="index"),
            np.array([[[0, 255]]]),
            np.array([[[0, 1]]]),
        )
