"""Against scikit-learn, class by class; where it decides about 0/0 otherwise, both are held."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segmetrics import metrics
from segmetrics.metrics import count_confusion
from segmetrics.metrics.scores import average_precision, score_histogram

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is a peer")

IGNORED, OTHER = 255, 9


@st.composite
def label_maps(draw):
    """K, a reference with ignored pixels and a prediction that may hold a label of no class."""
    k = draw(st.integers(2, 4))
    shape = draw(st.sampled_from([(1, 1), (3, 4), (2, 3, 4)]))
    # Few labels in some examples, so that classes are absent.
    some = st.sampled_from(draw(st.permutations(range(k)))[: draw(st.integers(1, k))])
    reference = draw(arrays(np.uint8, shape, elements=some | st.just(IGNORED)))
    prediction = draw(arrays(np.uint8, shape, elements=some | st.just(OTHER)))
    return k, reference, prediction


def kept(reference, prediction):
    """The pixels that are not ignored, as scikit-learn wants them: one axis."""
    valid = reference != IGNORED
    return reference[valid], prediction[valid]


def counts_of(k, reference, prediction):
    return count_confusion(
        reference=reference, prediction=prediction, n_classes=k, ignore=(IGNORED,)
    )


def quiet(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


@given(label_maps())
def test_counts(data):
    k, reference, prediction = data
    r, p = kept(reference, prediction)
    if not r.size:
        return
    counts = counts_of(*data)
    # A label of its own for predictions of no class: scikit-learn drops pixels it has no label for.
    matrix = sklearn_metrics.confusion_matrix(r, p, labels=[*range(k), OTHER])[:k]
    assert counts.tp.tolist() == np.diagonal(matrix).tolist()
    assert counts.fn.tolist() == (matrix.sum(axis=1) - np.diagonal(matrix)).tolist()
    assert counts.fp.tolist() == (matrix[:, :k].sum(axis=0) - np.diagonal(matrix)).tolist()
    assert (counts.tp + counts.fp + counts.fn + counts.tn).tolist() == [r.size] * k


@given(label_maps())
def test_precision_recall_and_f1_with_zero_division_nan(data):
    k, *maps = data
    r, p = kept(*maps)
    counts = counts_of(*data)
    for ours, theirs in (
        (metrics.precision, sklearn_metrics.precision_score),
        (metrics.recall, sklearn_metrics.recall_score),
        (metrics.dice, sklearn_metrics.f1_score),
    ):
        if r.size:
            expected = theirs(r, p, labels=range(k), average=None, zero_division=np.nan)
            np.testing.assert_allclose(ours(counts), expected, rtol=1e-12, equal_nan=True)


@given(label_maps())
def test_iou_of_an_absent_class_is_0_there_and_undefined_here(data):
    k, *maps = data
    r, p = kept(*maps)
    if not r.size:
        return
    theirs = sklearn_metrics.jaccard_score(r, p, labels=range(k), average=None, zero_division=0)
    ours = metrics.iou(counts_of(*data))
    np.testing.assert_allclose(np.nan_to_num(ours, nan=0.0), theirs, rtol=1e-12)
    absent = [c not in r and c not in p for c in range(k)]
    assert np.isnan(ours).tolist() == absent


@given(label_maps())
def test_mcc_without_correlation_is_0_there_and_undefined_here(data):
    k, *maps = data
    r, p = kept(*maps)
    ours = metrics.mcc(counts_of(*data))
    for c in range(k if r.size else 0):
        theirs = quiet(sklearn_metrics.matthews_corrcoef, r == c, p == c)
        one_value = len(np.unique(r == c)) < 2 or len(np.unique(p == c)) < 2
        assert math.isnan(ours[c]) == one_value
        assert theirs == pytest.approx(0.0 if one_value else ours[c], abs=1e-12)


@given(label_maps())
def test_balanced_accuracy_drops_the_empty_half_there_and_is_undefined_here(data):
    k, *maps = data
    r, p = kept(*maps)
    counts = counts_of(*data)
    ours, halves = metrics.balanced_accuracy(counts), [
        metrics.recall(counts), metrics.specificity(counts),
    ]  # fmt: skip
    for c in range(k if r.size else 0):
        theirs = quiet(sklearn_metrics.balanced_accuracy_score, r == c, p == c)
        assert theirs == pytest.approx(np.nanmean([half[c] for half in halves]))
        assert math.isnan(ours[c]) or ours[c] == pytest.approx(theirs)
        assert math.isnan(ours[c]) == (len(np.unique(r == c)) < 2)


def test_an_absent_class_pulls_their_mean_down():
    labels = np.array([0, 0, 1, 1])
    theirs = sklearn_metrics.jaccard_score(
        labels, labels, labels=[0, 1, 2], average="macro", zero_division=0
    )
    ours = metrics.iou(count_confusion(reference=labels, prediction=labels, n_classes=3))
    assert theirs == pytest.approx(2 / 3)
    assert np.nanmean(ours) == 1.0


def test_average_precision_without_foreground_is_0_there_and_undefined_here():
    none, scores = np.zeros(4, bool), np.array([10, 20, 30, 40], np.uint8)
    assert quiet(sklearn_metrics.average_precision_score, none, scores) == 0.0
    assert math.isnan(average_precision(score_histogram(reference=none, scores=scores)))
