"""Against MONAI on one-hot label maps; equal wherever both define a value, other empties held."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from segmetrics import metrics
from segmetrics.metrics import count_confusion

torch = pytest.importorskip("torch", reason="a peer: needs torch and monai")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    monai_metrics = pytest.importorskip("monai.metrics", reason="a peer: needs torch and monai")

pytestmark = pytest.mark.filterwarnings("ignore")  # a peer's warnings are its own

K = 4


def one_hot(labels):
    """Label map -> float32 of shape (1, K, ...), as MONAI wants it."""
    return torch.as_tensor((np.arange(K)[:, np.newaxis, np.newaxis] == labels)[np.newaxis]).float()


@pytest.fixture(params=range(40))
def pair(request):
    """Label maps of which the later classes are often absent."""
    rng = np.random.default_rng(request.param)
    return tuple(rng.integers(0, rng.integers(1, K + 1), (6, 7)) for _ in range(2))


def flat(tensor):
    return tensor.numpy().reshape(-1).astype(float)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(metrics.dice, monai_metrics.compute_dice), (metrics.iou, monai_metrics.compute_iou)],
)
def test_overlap_is_equal_where_the_reference_is_not_empty(pair, ours, theirs):
    r, p = pair
    mine = ours(count_confusion(reference=r, prediction=p, n_classes=K))
    there = np.isin(range(K), r)
    predicted = np.isin(range(K), p)
    default = flat(theirs(one_hot(p), one_hot(r)))
    np.testing.assert_allclose(mine[there], default[there], rtol=1e-6)
    # By default a false alarm on an empty reference is left out there and counts as 0 here.
    assert np.isnan(default[~there]).all()
    assert (mine[~there & predicted] == 0).all()
    # With ignore_empty=False two empty masks score 1 there and are undefined here.
    all_counted = flat(theirs(one_hot(p), one_hot(r), ignore_empty=False))
    neither = ~there & ~predicted
    np.testing.assert_allclose(mine[~neither], all_counted[~neither], rtol=1e-6)
    assert (all_counted[neither] == 1).all()
    assert np.isnan(mine[neither]).all()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.precision, "precision"),
        (metrics.recall, "sensitivity"),
        (metrics.specificity, "specificity"),
        (metrics.dice, "f1 score"),
        (metrics.iou, "threat score"),
        (metrics.accuracy, "accuracy"),
        (metrics.balanced_accuracy, "balanced accuracy"),
        (metrics.mcc, "matthews correlation coefficient"),
    ],
)
def test_confusion_matrix_metrics_are_equal_with_undefined_values_too(pair, ours, theirs):
    r, p = pair
    matrix = monai_metrics.get_confusion_matrix(one_hot(p), one_hot(r))
    expected = flat(monai_metrics.compute_confusion_matrix_metric(theirs, matrix))
    mine = ours(count_confusion(reference=r, prediction=p, n_classes=K))
    np.testing.assert_allclose(mine, expected, rtol=2e-6, atol=1e-6, equal_nan=True)


def mask(there: bool):
    labels = np.zeros((1, 1, 8, 8), np.float32)
    labels[..., 2:4, 2:4] = there
    return torch.as_tensor(labels)


def test_their_default_mean_dice_does_not_see_false_alarms():
    metric = monai_metrics.DiceMetric(reduction="mean")
    metric(mask(True), mask(True))
    metric(mask(True), mask(False))
    assert metric.aggregate().item() == 1.0  # ours: mean 0.5 over two defined images


def test_their_mean_of_nothing_is_0():
    metric = monai_metrics.DiceMetric(reduction="mean_batch", get_not_nans=True)
    metric(mask(False), mask(False))
    value, defined = metric.aggregate()
    assert (value.item(), defined.item()) == (0.0, 0.0)  # ours: NaN, defined 0


def test_their_mean_hd95_does_not_see_missed_objects():
    metric = monai_metrics.HausdorffDistanceMetric(include_background=True, percentile=95)
    metric(mask(True), mask(True))
    metric(mask(False), mask(True))
    assert metric.aggregate().item() == 0.0


def test_their_default_mean_is_image_then_class():
    def values():  # do_metric_reduction writes into its argument
        nan = float("nan")
        return torch.tensor([[0.8571428571, nan, nan], [0.5, 0.4, 0.6666666667]])

    reduction = monai_metrics.utils.do_metric_reduction
    assert reduction(values(), "mean")[0].item() == pytest.approx(0.6896825397)
    by_class = reduction(values(), "mean_batch")[0]
    assert by_class.mean().item() == pytest.approx(0.5817460317)
    assert np.nanmean(values().numpy()) == pytest.approx(0.6059523810)
