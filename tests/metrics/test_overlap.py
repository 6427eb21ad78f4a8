"""Ratios of counts: paper values, 0/0, and the laws between them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, fbeta_score, matthews_corrcoef

from segmetrics import metrics
from segmetrics.metrics import ConfusionCounts, count_confusion, dice, f_beta, iou

NAN = math.nan


def one(tp: int, fp: int, fn: int, tn: int) -> ConfusionCounts:
    return ConfusionCounts(*(np.array([value], np.int64) for value in (tp, fp, fn, tn)))


def beta2(counts: ConfusionCounts):
    return f_beta(counts, beta=2.0)


METRICS = (
    dice, iou, metrics.precision, metrics.recall, beta2, metrics.specificity, metrics.accuracy,
    metrics.balanced_accuracy, metrics.mcc, metrics.volume_error, metrics.fp_on_empty,
)  # fmt: skip
# tp, fp, fn, tn -> the metrics in the order above
PAPER = {
    (6, 2, 4, 88): (
        12 / 18, 6 / 12, 6 / 8, 6 / 10, 30 / 48, 88 / 90, 94 / 100, (0.6 + 88 / 90) / 2,
        520 / math.sqrt(8 * 10 * 90 * 92), -0.2, NAN,
    ),
    (0, 0, 5, 95): (0, 0, NAN, 0, 0, 1, 0.95, 0.5, NAN, -1, NAN),  # nothing predicted
    (0, 5, 0, 95): (0, 0, 0, NAN, 0, 0.95, 0.95, NAN, NAN, NAN, 1),  # nothing there
    (0, 0, 0, 100): (NAN, NAN, NAN, NAN, NAN, 1, 1, NAN, NAN, NAN, 0),  # neither
    (100, 0, 0, 0): (1, 1, 1, 1, 1, NAN, 1, NAN, NAN, 0, NAN),  # everywhere
    (0, 0, 0, 0): (NAN,) * 10 + (0,),  # every pixel ignored
    (10, 0, 0, 90): (1, 1, 1, 1, 1, 1, 1, 1, 1, 0, NAN),  # perfect
    (0, 90, 10, 0): (0, 0, 0, 0, 0, 0, 0, 0, -1, 8, NAN),  # the complement
}  # fmt: skip


@pytest.mark.parametrize("counts", PAPER)
@pytest.mark.parametrize("index", range(len(METRICS)), ids=lambda i: METRICS[i].__name__)
def test_values_on_paper_and_undefined_where_0_by_0(counts, index):
    value = METRICS[index](one(*counts))
    assert value.dtype == np.float64
    np.testing.assert_allclose(value, [PAPER[counts][index]], rtol=1e-15, equal_nan=True)


def test_both_empty_may_be_one_for_dice_and_iou_only_where_both_are_empty():
    counts = ConfusionCounts(*(np.array(a) for a in ([0, 0, 0], [0, 0, 3], [0, 2, 0], [9, 7, 6])))
    for metric in (dice, iou):
        assert metric(counts, both_empty=1.0).tolist() == [1.0, 0.0, 0.0]
        assert np.isnan(metric(counts)).tolist() == [True, False, False]


def test_f_beta_is_dice_for_one_and_leans_to_recall_above():
    counts = one(50, 50, 0, 0)  # precision 0.5, recall 1
    assert f_beta(counts, beta=1.0) == dice(counts)
    assert f_beta(counts, beta=2.0) == pytest.approx(5 / 6)
    assert f_beta(counts, beta=0.5) == pytest.approx(5 / 9)


def test_shapes_are_kept():
    counts = ConfusionCounts(*np.arange(24).reshape(4, 2, 3))
    assert all(metric(counts).shape == (2, 3) for metric in METRICS)


def test_mcc_of_very_many_pixels_does_not_overflow():
    n = 10**9
    assert metrics.mcc(one(n, 0, 0, n)) == pytest.approx(1.0)
    assert metrics.mcc(one(n, n, n, n)) == 0


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_a_perfect_prediction_has_exactly_one(there, elsewhere):
    counts = one(there, 0, 0, elsewhere)
    for metric in (dice, iou, metrics.precision, metrics.recall, beta2, metrics.mcc):
        assert metric(counts) == 1.0


def test_arguments_are_left_as_they_are():
    counts = one(0, 0, 0, 4)
    for metric in METRICS:
        metric(counts)
    assert [int(a[0]) for a in (counts.tp, counts.fp, counts.fn, counts.tn)] == [0, 0, 0, 4]


pixels = st.integers(0, 10**7)


@given(pixels, pixels, pixels, pixels)
def test_dice_follows_from_iou(tp, fp, fn, tn):
    counts = one(tp, fp, fn, tn)
    expected = 2 * iou(counts) / (1 + iou(counts))
    np.testing.assert_allclose(dice(counts), expected, rtol=1e-12, equal_nan=True)


@given(pixels, pixels, pixels, pixels)
def test_exchanging_the_masks_exchanges_precision_and_recall(tp, fp, fn, tn):
    counts, exchanged = one(tp, fp, fn, tn), one(tp, fn, fp, tn)
    same = {"equal_nan": True}
    assert np.array_equal(metrics.precision(counts), metrics.recall(exchanged), **same)
    assert np.array_equal(metrics.recall(counts), metrics.precision(exchanged), **same)
    for symmetric in (dice, iou, metrics.accuracy):
        assert np.array_equal(symmetric(counts), symmetric(exchanged), **same)


@given(pixels, pixels, pixels, pixels)
def test_ranges(tp, fp, fn, tn):
    counts = one(tp, fp, fn, tn)
    for metric in METRICS:
        low = -1 if metric in (metrics.mcc, metrics.volume_error) else 0
        high = math.inf if metric is metrics.volume_error else 1 + 1e-12
        value = metric(counts)[0]
        assert math.isnan(value) or low - 1e-12 <= value <= high


@given(st.integers(0, 2**32 - 1))
def test_values_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    r, p = (np.r_[0, 1, rng.integers(0, 2, 40)] for _ in range(2))  # both classes in both
    counts = count_confusion(reference=r, prediction=p, n_classes=2)
    for beta in (0.5, 1.0, 2.0):
        assert f_beta(counts, beta=beta)[1] == pytest.approx(fbeta_score(r, p, beta=beta))
    assert metrics.mcc(counts)[1] == pytest.approx(matthews_corrcoef(r, p), abs=1e-12)
    assert metrics.balanced_accuracy(counts)[1] == pytest.approx(balanced_accuracy_score(r, p))
