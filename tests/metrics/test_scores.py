"""Score histograms: hand examples, scikit-learn on the same scores, and the laws of merging."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sklearn_metrics
from stored_scores import histogram, pixels, store

from segmetrics.errors import DataError
from segmetrics.metrics import dice
from segmetrics.metrics.scores import (
    ScoreHistogram,
    average_precision,
    brier,
    calibration_error,
    precision_recall_curve,
    roc_auc,
    score_histogram,
)
from segmetrics.metrics.thresholds import (
    best_level,
    counts_at,
    threshold_counts,
)

REDUCERS = (average_precision, roc_auc, brier, calibration_error)
NAN = math.nan


def same(a: ScoreHistogram, b: ScoreHistogram) -> bool:
    return np.array_equal(a.positives, b.positives) and np.array_equal(a.negatives, b.negatives)


# Four pixels of scikit-learn's own example: scores .1 .4 .35 .8, labels 0 0 1 1.
FOUR = histogram({store([0.35])[0]: 1, store([0.8])[0]: 1}, {store([0.1])[0]: 1, 102: 1})


def test_values_published_by_scikit_learn():
    assert average_precision(FOUR) == pytest.approx(0.8333333333333333, rel=1e-15)
    assert roc_auc(FOUR) == 0.75
    curve = precision_recall_curve(FOUR)
    for level, precision, recall in ((0, 0.5, 1), (80, 2 / 3, 1), (100, 0.5, 0.5), (200, 1, 0.5)):
        assert curve.precision[level] == precision
        assert curve.recall[level] == recall
    assert math.isnan(curve.precision[256])
    assert curve.recall[256] == 0


def test_brier_and_calibration_error_on_paper():
    h = histogram({255: 3, 0: 1}, {0: 6})
    low, high = 0.5 / 256, 255.5 / 256
    assert brier(h) == pytest.approx((3 * low**2 + (1 - low) ** 2 + 6 * low**2) / 10)
    # The lowest bin says `low` on seven pixels of which one is there; the highest is nearly right.
    assert calibration_error(h) == pytest.approx((abs(7 * low - 1) + abs(3 * high - 3)) / 10)


def test_calibration_error_lets_gaps_cancel_within_a_bin_only():
    h = histogram({0: 1}, {255: 1})
    assert calibration_error(h, n_bins=1) == pytest.approx(0.0, abs=1e-15)
    assert calibration_error(h, n_bins=2) == pytest.approx(255.5 / 256)
    # Scores 15 and 16 fall on both sides of an edge of 16 bins.
    apart, together = histogram({15: 1}, {16: 1}), histogram({16: 1}, {31: 1})
    assert calibration_error(apart) == pytest.approx((1 - 15.5 / 256 + 16.5 / 256) / 2)
    assert calibration_error(together) == pytest.approx((1 - 16.5 / 256 - 31.5 / 256) / 2)


@pytest.mark.parametrize(
    ("positives", "negatives", "ap", "auc", "certain"),
    [
        ({}, {}, NAN, NAN, NAN),  # nothing at all
        ({}, {0: 5, 200: 1}, NAN, NAN, None),  # nothing there
        ({0: 2, 9: 1}, {}, 1.0, NAN, None),  # everywhere: every prediction is right
        ({200: 4}, {100: 9}, 1.0, 1.0, None),  # separated
        ({100: 4}, {200: 6}, 0.4, 0.0, None),  # the wrong way round
        ({7: 3}, {7: 9}, 0.25, 0.5, None),  # constant: the share of the foreground
        ({255: 3}, {0: 9}, 1.0, 1.0, 2**-18),  # certain and right
    ],
)
def test_areas_on_paper_and_undefined(positives, negatives, ap, auc, certain):
    h = histogram(positives, negatives)
    np.testing.assert_equal(float(average_precision(h)), ap)
    np.testing.assert_equal(float(roc_auc(h)), auc)
    if certain is not None:
        np.testing.assert_equal(float(brier(h)), certain)
        np.testing.assert_allclose(calibration_error(h), math.sqrt(certain), equal_nan=True)


@given(pixels(both=True))
def test_areas_and_brier_equal_scikit_learn_on_the_stored_scores(data):
    reference, scores = data
    h = score_histogram(reference=reference, scores=scores)
    p = (scores + 0.5) / 256
    ap = sklearn_metrics.average_precision_score(reference, scores)
    assert average_precision(h) == pytest.approx(ap, abs=1e-13)
    assert roc_auc(h) == pytest.approx(sklearn_metrics.roc_auc_score(reference, scores), abs=1e-13)
    assert brier(h) == pytest.approx(sklearn_metrics.brier_score_loss(reference, p), abs=1e-13)


@given(pixels(both=True))
def test_curve_equals_scikit_learn(data):
    reference, scores = data
    curve = precision_recall_curve(score_histogram(reference=reference, scores=scores))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        precision, recall, levels = sklearn_metrics.precision_recall_curve(reference, scores)
    np.testing.assert_allclose(curve.precision[levels], precision[:-1], rtol=1e-14)
    np.testing.assert_allclose(curve.recall[levels], recall[:-1], rtol=1e-14)


@given(pixels(both=True))
def test_roc_auc_is_the_share_of_pairs_in_order(data):
    reference, scores = data
    there, elsewhere = scores[reference].astype(int), scores[~reference].astype(int)
    signs = np.sign(there[:, np.newaxis] - elsewhere)
    h = score_histogram(reference=reference, scores=scores)
    assert roc_auc(h) == pytest.approx(((signs + 1) / 2).mean(), abs=1e-14)


@given(pixels(), st.integers(1, 8).map(lambda power: 2**power))
def test_calibration_error_bin_by_bin(data, n_bins):
    reference, scores = data
    p = (scores + 0.5) / 256
    bins = np.minimum(np.floor(p * n_bins), n_bins - 1)
    expected = sum(
        np.mean(bins == b) * abs(p[bins == b].mean() - reference[bins == b].mean())
        for b in np.unique(bins)
    )
    h = score_histogram(reference=reference, scores=scores)
    assert calibration_error(h, n_bins=n_bins) == pytest.approx(expected, abs=1e-13)


@given(
    arrays(np.float64, 40, elements=st.floats(0, 1)),
    arrays(np.bool_, 40),
)
@example(np.ones(40), np.ones(40, bool))
@example(np.full(40, np.nextafter(1 / 256, 0)), np.zeros(40, bool))
def test_quantised_values_stay_within_the_stated_bounds(p, reference):
    h = score_histogram(reference=reference, scores=store(p))
    value, exact = float(brier(h)), float(np.mean((p - reference) ** 2))
    assert abs(value - exact) <= math.sqrt(value) / 256 + 2**-18 + 1e-12
    assert abs(value - exact) <= 1 / 256
    bins = np.minimum(np.floor(p * 16), 15)
    gaps = [abs((p - reference)[bins == b].sum()) for b in range(16)]
    assert abs(calibration_error(h) - sum(gaps) / 40) <= 1 / 512 + 1e-12


@given(st.lists(pixels(), min_size=1, max_size=4))
def test_merging_adds_pixels(parts):
    each = [score_histogram(reference=r, scores=s) for r, s in parts]
    whole = score_histogram(
        reference=np.concatenate([r for r, _ in parts]),
        scores=np.concatenate([s for _, s in parts]),
    )
    merged = sum(each, ScoreHistogram.zeros())
    assert same(merged, whole)
    stacked = ScoreHistogram(
        np.stack([h.positives for h in each]), np.stack([h.negatives for h in each])
    )
    assert same(stacked.sum(), whole)
    assert same(stacked.rows(np.array([0])).sum(), each[0])


@given(st.tuples(pixels(), pixels(), pixels()))
def test_merging_is_associative_and_commutative_with_zeros_neutral(parts):
    a, b, c = (score_histogram(reference=r, scores=s) for r, s in parts)
    assert same((a + b) + c, a + (b + c))
    assert same(a + b, b + a)
    assert same(a + ScoreHistogram.zeros(), a)


@given(pixels(), st.randoms(use_true_random=False))
def test_the_order_of_pixels_does_not_matter(data, random):
    reference, scores = data
    order = random.sample(range(scores.size), scores.size)
    moved = score_histogram(reference=reference[order], scores=scores[order])
    assert same(moved, score_histogram(reference=reference, scores=scores))


@given(pixels())
def test_exchanging_foreground_and_scores_mirrors_the_roc(data):
    reference, scores = data
    h = score_histogram(reference=reference, scores=scores)
    mirrored = score_histogram(reference=~reference, scores=255 - scores)
    for reducer in (roc_auc, brier, calibration_error):
        np.testing.assert_allclose(reducer(h), reducer(mirrored), rtol=1e-12, atol=1e-15)


@given(pixels())
def test_ranges(data):
    h = score_histogram(reference=data[0], scores=data[1])
    for reducer in REDUCERS:
        value = float(reducer(h))
        assert math.isnan(value) or 0 <= value <= 1 + 1e-12


def test_leading_axes_are_kept_and_values_are_those_of_each_row():
    rng = np.random.default_rng(0)
    h = ScoreHistogram(*rng.integers(0, 9, (2, 3, 4, 256)))
    h.positives[1, 2] = 0
    assert threshold_counts(h).tp.shape == (3, 4, 257)
    assert counts_at(h, level=9).tp.shape == (3, 4)
    assert dice(threshold_counts(h)).shape == (3, 4, 257)
    assert h.sum().positives.shape == (256,)
    assert h.sum(axis=0).positives.shape == (4, 256)
    for reducer in (*REDUCERS, lambda h: best_level(h, beta=1.0)):
        assert reducer(h).shape == (3, 4)
        assert reducer(h).dtype == np.float64
        one = reducer(ScoreHistogram(h.positives[2, 1], h.negatives[2, 1]))
        assert reducer(h)[2, 1] == one
    assert np.isnan(average_precision(h)[1, 2])
    assert np.isnan(best_level(h, beta=1.0)[1, 2])
    assert np.isnan(average_precision(h)).sum() == 1


@given(pixels(), st.data())
def test_pixels_that_are_not_valid_are_counted_nowhere(data, draw):
    reference, scores = data
    valid = draw.draw(arrays(np.bool_, scores.size))
    kept = score_histogram(reference=reference[valid], scores=scores[valid])
    assert same(score_histogram(reference=reference, scores=scores, valid=valid), kept)


@pytest.mark.parametrize("shape", [(3, 700, 400), (1, 2**18), (2**18 + 1,), (7, 0)])
def test_large_and_strided_arrays_are_counted_whole(shape):
    rng = np.random.default_rng(1)
    scores, reference = rng.integers(0, 256, shape, np.uint8), rng.random(shape) < 0.3
    h = score_histogram(reference=reference, scores=scores)
    assert np.array_equal(h.positives, np.bincount(scores[reference], minlength=256))
    assert np.array_equal(h.negatives, np.bincount(scores[~reference], minlength=256))
    turned = score_histogram(reference=reference.T, scores=scores.T)
    assert same(turned, h)


def test_areas_of_very_many_pixels_do_not_overflow():
    n = 10**11
    h = histogram({200: n, 100: n}, {200: n, 50: n})
    assert roc_auc(h) == 0.625  # of four pairings one ties and two are in order
    assert average_precision(h) == pytest.approx(0.5 * 0.5 + 0.5 * 2 / 3)


def test_what_does_not_fit_is_refused():
    flat, scores = np.zeros(4, bool), np.zeros(4, np.uint8)
    with pytest.raises(DataError, match=r"score_histogram: reference has shape \(5,\), the scores"):
        score_histogram(reference=np.zeros(5, bool), scores=scores)
    with pytest.raises(DataError, match=r"valid has shape \(2, 2\)"):
        score_histogram(reference=flat, scores=scores, valid=flat.reshape(2, 2))
    with pytest.raises(TypeError, match="reference holds uint8, not bool"):
        score_histogram(reference=scores, scores=scores)
    with pytest.raises(TypeError, match="scores holds float64, not uint8"):
        score_histogram(reference=flat, scores=np.zeros(4))
    with pytest.raises(TypeError, match="valid holds uint8, not bool"):
        score_histogram(reference=flat, scores=scores, valid=scores)
    with pytest.raises(ValueError, match="do not add"):
        ScoreHistogram.zeros() + ScoreHistogram.zeros(1)
    with pytest.raises(ValueError, match=r"not \(\.\.\., 256\)"):
        ScoreHistogram(np.zeros(255, np.int64), np.zeros(255, np.int64))
    with pytest.raises(ValueError, match=r"not \(\.\.\., 256\)"):
        ScoreHistogram.zeros(3).sum(axis=1)
    for level in (-1, 257):
        with pytest.raises(ValueError, match="is not in 0"):
            counts_at(FOUR, level=level)
    for n_bins in (0, 15, 512):
        with pytest.raises(ValueError, match="equal bins"):
            calibration_error(FOUR, n_bins=n_bins)
