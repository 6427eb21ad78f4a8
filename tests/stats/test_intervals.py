"""Intervals against published ones, a resampling written out by hand, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from segmetrics.metrics.catalog import AGGREGATES, CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.object_scores import ObjectCounts
from segmetrics.metrics.scores import ScoreHistogram
from segmetrics.stats import intervals as module
from segmetrics.stats import resampling as resampling_module
from segmetrics.stats.intervals import intervals, lower_end, upper_end
from segmetrics.stats.observations import Observations
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.scopes import EvaluationOptions, evaluate_counts
from segmetrics.stats.sums import GroupSums, group_sums

FEW = Resampling(resamples=400, seed=7)
CLASSES = ("background", "cell", "nucleus")
OPTIONS = EvaluationOptions(scored=("cell", "nucleus"), resampling=FEW)


def mean_of(values: np.ndarray, high: float = 1.0) -> GroupSums:
    """One value a group; a column a class."""
    return GroupSums(values, np.ones_like(values), 0.0, high, 0.1, high)


def interval(values, resampling=FEW, **more):
    column = np.asarray(values, float)[:, None]
    found = intervals([mean_of(column, **more)], np.arange(len(column)), (0,), resampling)[0]
    return float(found.low[0]), float(found.high[0])


def observed(rng: np.random.Generator, n: int = 12, absent: float = 0.3) -> Observations:
    """Counts, distances, objects and score histograms of n images and three classes."""
    shape = (n, len(CLASSES))
    there = rng.random(shape) > absent
    tp, fp, fn = (rng.integers(0, 30, shape) * there for _ in range(3))
    counts = ConfusionCounts(tp, fp, fn, 100 - tp - fp - fn)
    distance = np.where(rng.random(shape) < 0.1, np.inf, rng.lognormal(1, 1, shape))
    columns = {"hd95": np.where(there, distance, np.nan), "nsd": rng.random(shape)}
    o = [rng.integers(0, 5, shape) * there for _ in range(6)]
    objects = ObjectCounts(*o[:3], o[0] * 0.7, *o[3:], o[3] * 0.8)
    histograms = ScoreHistogram(*rng.integers(0, 4, (2, n, 2, 256)))
    near = ScoreHistogram(*rng.integers(0, 3, (2, n, 2, 256)))
    return Observations(
        counts, columns, np.full(n, 142.0), objects, histograms, near=near, scored=(1, 2)
    )


def estimates_of(scope):
    for table in (*scope.classes.values(), scope.mean):
        for aggregate, metrics in table.items():
            for name, estimate in metrics.items():
                yield aggregate, CATALOG[name], estimate


# --- published values and independent references -------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [(10, 7), (30, 29), (100, 50), (20, 0), (20, 20)])
def test_zeros_and_ones_have_the_interval_of_clopper_and_pearson(n, k):
    low, high = interval([1.0] * k + [0.0] * (n - k), Resampling(resamples=40_000))
    expected = (
        stats.beta.ppf(0.025, k, n - k + 1) if k else 0.0,
        stats.beta.ppf(0.975, k + 1, n - k) if k < n else 1.0,
    )
    assert (low, high) == pytest.approx(expected, abs=0.004)


@pytest.mark.parametrize(("n", "low"), [(1, 0.025), (10, 0.6915), (30, 0.8843), (100, 0.9638)])
def test_perfect_groups_are_not_certain(n, low):
    """0.025 ** (1 / n): what no failure in n leaves open (the rule of three, at 97.5 %)."""
    assert interval([1.0] * n, Resampling(resamples=40_000)) == (pytest.approx(low, abs=0.004), 1.0)


@pytest.mark.parametrize("n", [30, 100])
def test_skewed_values_are_covered(n):
    """400 test sets of left-skewed Dice; benchmarks/coverage.py has the whole table."""
    values = np.random.default_rng(5).beta(1.4, 0.165, (n, 400))
    found = intervals([mean_of(values)], np.arange(n), (), Resampling(resamples=2000))[0]
    truth = 1.4 / 1.565
    assert np.mean((found.low <= truth) & (truth <= found.high)) > 0.95
    assert np.mean(found.low >= truth) < 0.025  # t has 0.083 at 30
    assert np.mean(found.low >= truth - 0.1) > 0.25  # and they are no wider than useful


# --- a resampling by hand ------------------------------------------------------------------------


def by_hand(o, groups, metric, aggregate, how) -> tuple[float, float]:
    """Loops over resamples: weighted counts or weighted means, with one more group."""
    names = np.unique(groups)
    weights = np.concatenate([w for _, w in how.weights(names)])
    parts = []
    for g in names:
        own = o.rows(np.flatnonzero(groups == g))
        values = own.per_image(metric, both_empty_is_one=False)[:, 1]
        defined = values[np.isfinite(values)]
        if aggregate == "pooled":
            c = own.counts.sum()
            parts.append((2.0 * c.tp[1], float(2 * c.tp[1] + c.fp[1] + c.fn[1])))
        elif aggregate == "image_mean":
            parts.append((defined.sum(), float(defined.size)))
        else:
            parts.append((defined.mean() if defined.size else 0.0, float(defined.size > 0)))
    sizes = [b for _, b in parts]
    size = math.sqrt(sum(b * b for b in sizes) / sum(b > 0 for b in sizes))
    lows, highs = [], []
    for b, u in enumerate(how.unseen()):
        above = sum(w * p[0] for w, p in zip(weights[:, b], parts, strict=True))
        below = sum(w * p[1] for w, p in zip(weights[:, b], parts, strict=True)) + u * size
        lows.append(above / below)
        highs.append((above + u * size) / below)
    place = int(0.025 * how.resamples)
    return sorted(lows)[place], sorted(highs)[-1 - place]


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_resampling_written_out(aggregate):
    rng = np.random.default_rng(3)
    o, groups = observed(rng), np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 5, 6, 7])
    scope = evaluate_counts(o, groups, CLASSES, OPTIONS)
    estimate = scope.estimate("cell", aggregate, "dice")
    expected = by_hand(o, groups, CATALOG["dice"], aggregate, FEW)
    assert (estimate.low, estimate.high) == pytest.approx(expected, abs=1e-9)


def test_a_class_mean_weighs_the_classes_of_a_resample_alike():
    o, groups = observed(np.random.default_rng(3), absent=0.0), np.arange(12)
    scope = evaluate_counts(o, groups, CLASSES, OPTIONS)
    sums = group_sums(CATALOG["dice"], o, groups, "image_mean")
    ((above, below),) = module.resampled([sums], FEW.weights(groups))
    unseen = FEW.unseen()
    resampled = (above / (below + unseen))[[1, 2]].mean(axis=0)
    assert scope.mean["image_mean"]["dice"].low == pytest.approx(np.sort(resampled)[10], abs=1e-9)


def test_the_ratios_are_those_of_the_catalogue():
    o, groups = observed(np.random.default_rng(1)), np.arange(12) // 2
    for metric in o.metrics:
        for aggregate in metric.aggregates:
            sums = group_sums(metric, o, groups, aggregate)
            scope = evaluate_counts(o, groups, CLASSES, EvaluationOptions(CLASSES))
            expected = [scope.classes[c][aggregate][metric.name].value for c in CLASSES]
            expected = [math.nan if value is None else value for value in expected]
            np.testing.assert_allclose(sums.value, expected, rtol=1e-12, err_msg=metric.name)


def test_influences_of_what_is_no_ratio_are_those_of_the_jackknife():
    o, groups = observed(np.random.default_rng(1), n=8), np.arange(8)
    for name in ("mcc", "balanced_accuracy", "average_precision", "roc_auc", "brier"):
        sums = group_sums(CATALOG[name], o, groups, "pooled")
        rest = [o.rows(groups != g).pooled(CATALOG[name])[1] for g in groups]
        pull = 7 * (np.mean(rest) - np.array(rest))
        scale = sums.groups[1] / 8
        np.testing.assert_allclose(sums.influence()[:, 1] / scale, pull, atol=1e-12)


def test_a_linearised_ratio_has_nearly_the_interval_of_the_ratio(monkeypatch):
    o, groups = observed(np.random.default_rng(2), n=60), np.arange(60)
    ratio = evaluate_counts(o, groups, CLASSES, OPTIONS).estimate("cell", "pooled", "recall")
    monkeypatch.delitem(module_pooled(), "recall")
    other = evaluate_counts(o, groups, CLASSES, OPTIONS).estimate("cell", "pooled", "recall")
    assert (other.low, other.high) == pytest.approx((ratio.low, ratio.high), abs=0.02)


def module_pooled():
    from segmetrics.stats import sums

    return sums._POOLED


# --- laws ----------------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)
units = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.9]))
def test_ends_hold_the_value_and_stay_in_the_range(seed, n_groups, absent):
    rng = np.random.default_rng(seed)
    scope = evaluate_counts(
        observed(rng, absent=absent), rng.integers(0, n_groups, 12), CLASSES, OPTIONS
    )
    for _, metric, e in estimates_of(scope):
        assert (e.low is None) == (e.high is None)
        assert e.value is not None or e.low is None
        if e.low is not None:
            assert metric.low <= e.low <= e.value <= e.high <= metric.high
            assert e.low < e.high
            assert e.groups > 0 or e.undefined  # a class mean that lacks a class


@settings(max_examples=40, deadline=None)
@given(units)
def test_few_groups_are_never_certain(values):
    low, high = interval(values)
    n = len(values)
    assert low <= 1 - 1.5 / (n + 1.5) or low == 0  # 3.69 / n at 97.5 %, less the random error
    assert high >= 1.5 / (n + 1.5)
    assert low < high


@settings(max_examples=40, deadline=None)
@given(units, st.integers(0, 19), st.floats(0, 1))
def test_a_worse_group_raises_neither_end(values, place, factor):
    worse = list(values)
    worse[place % len(values)] *= factor
    before, after = interval(values), interval(worse)
    assert after[0] <= before[0] + 1e-9
    assert after[1] <= before[1] + 1e-9


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_the_order_of_the_samples_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    o, groups, order = observed(rng), rng.integers(0, 5, 12), rng.permutation(12)
    one = evaluate_counts(o, groups, CLASSES, OPTIONS)
    two = evaluate_counts(o.rows(order), groups[order], CLASSES, OPTIONS)
    for (*_, a), (*_, b) in zip(estimates_of(one), estimates_of(two), strict=True):
        assert (a.low, a.high) == (b.low, b.high)
        assert (a.value is None) or a.value == pytest.approx(b.value, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_a_further_group_without_the_class_changes_no_end(seed):
    rng = np.random.default_rng(seed)
    o = observed(rng, n=13)
    for part in (o.counts.tp, o.counts.fp, o.counts.fn, o.columns["hd95"]):
        part[12, 1] = 0
    o.columns["hd95"][12, 1] = np.nan
    groups = np.arange(13)
    one = evaluate_counts(o.rows(groups[:12]), groups[:12], CLASSES, OPTIONS)
    two = evaluate_counts(o, groups, CLASSES, OPTIONS)
    for aggregate, name in (
        ("pooled", "dice"), ("image_mean", "recall"), ("group_mean", "iou"), ("image_mean", "hd95")
    ):  # fmt: skip
        a, b = (s.estimate("cell", aggregate, name) for s in (one, two))
        assert (a.low, a.high, a.groups) == (b.low, b.high, b.groups)
        assert b.undefined == a.undefined + 1


def test_memory_chunks_change_nothing(monkeypatch):
    o, groups = observed(np.random.default_rng(4)), np.arange(12)
    whole = evaluate_counts(o, groups, CLASSES, OPTIONS)
    monkeypatch.setattr(resampling_module, "_CHUNK", 5 * FEW.resamples)
    monkeypatch.setattr(module, "_MOST", 1)
    assert evaluate_counts(o, groups, CLASSES, OPTIONS) == whole


def test_a_slice_draws_the_weights_its_groups_have_in_the_whole():
    all_groups, some = np.arange(9), np.array([2, 5, 8])
    whole = np.concatenate([w for _, w in FEW.weights(all_groups)])
    sliced = np.concatenate([w for _, w in FEW.weights(some)])
    np.testing.assert_array_equal(sliced, whole[some])


def test_seeds_and_streams_draw_other_numbers():
    groups = np.arange(3)
    sets = [
        np.concatenate([w for _, w in how.weights(groups, stream)])
        for how, stream in ((FEW, 0), (FEW, 1), (Resampling(0.95, 400, -7), 0))
    ]
    sets.append(np.tile(FEW.unseen(), (3, 1)))
    assert len({s[0].tobytes() for s in sets}) == 4
    again = np.concatenate([w for _, w in FEW.weights(groups)])
    np.testing.assert_array_equal(again, sets[0])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-5, 5) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=300),
    st.floats(0, 0.5),
)
def test_ends_are_order_statistics(values, tail):
    rows = np.array([values, [-v for v in values]])
    place = min(int(tail * len(values)), len(values) - 1)
    assert lower_end(rows, tail).tolist() == np.sort(rows, axis=1)[:, place].tolist()
    assert upper_end(rows, tail).tolist() == np.sort(rows, axis=1)[:, -1 - place].tolist()


def test_an_end_of_many_resamples_is_that_of_sorting():
    rows = np.random.default_rng(0).lognormal(size=(5, 10_000))
    rows[4] = np.sort(rows[4])[::-1]  # the sample that guesses is not random
    assert lower_end(rows, 0.025).tolist() == np.sort(rows, axis=1)[:, 250].tolist()
    assert upper_end(rows, 0.025).tolist() == np.sort(rows, axis=1)[:, -251].tolist()


def test_numbers_of_63_bits_draw_numbers_of_their_own():
    """Words of a large number must not run into those of the stream or of another group."""
    groups = np.array([0, 1, 2**32, 2**33, (1 << 63) - 2, (1 << 63) - 1])
    drawn = np.concatenate([w for _, w in FEW.weights(groups)])
    assert len({row.tobytes() for row in (*drawn, FEW.unseen())}) == 7


def test_a_group_without_a_pixel_changes_no_interval():
    """All of its pixels are ignored; metrics that are no ratio of sums leave it out, too."""
    o, groups = observed(np.random.default_rng(8), absent=0.0), np.arange(12)
    parts = (o.counts.tp, o.counts.fp, o.counts.fn, o.counts.tn)
    more = ConfusionCounts(*(np.vstack([part, np.zeros((1, 3), int)]) for part in parts))
    before = evaluate_counts(o.counts, groups, CLASSES, OPTIONS)
    after = evaluate_counts(more, np.append(groups, 77), CLASSES, OPTIONS)
    for old, new in zip(estimates_of(before), estimates_of(after), strict=True):
        if old[1].name != "fp_on_empty":  # that nothing is predicted where nothing counts
            one, two = ((e.value, e.low, e.high, e.groups) for *_, e in (old, new))
            assert two == pytest.approx(one, abs=2e-9), old[1].name


def test_a_small_image_without_the_class_makes_no_distance_more_certain():
    o, groups = observed(np.random.default_rng(3), n=6, absent=0.0), np.arange(6)
    o.columns["hd95"][:] = 1.0  # all alike: only the least step is left
    before = evaluate_counts(o, groups, CLASSES, OPTIONS).estimate("cell", "image_mean", "hd95")
    o, groups = observed(np.random.default_rng(3), n=9, absent=0.0), np.arange(9)
    o.columns["hd95"][:] = 1.0
    o.columns["hd95"][6:] = np.nan
    o.diagonals[6:] = 1.0
    after = evaluate_counts(o, groups, CLASSES, OPTIONS).estimate("cell", "image_mean", "hd95")
    assert (after.low, after.high) == (before.low, before.high)


# --- what has no interval, and ranges without an end ---------------------------------------------


def test_what_is_undefined_has_no_interval():
    o = observed(np.random.default_rng(0))
    for part in (o.counts.tp, o.counts.fp, o.counts.fn):
        part[:, 1] = 0
    scope = evaluate_counts(o, np.arange(12), CLASSES, OPTIONS)
    missing = scope.estimate("cell", "pooled", "dice")
    assert (missing.value, missing.low, missing.high, missing.groups) == (None, None, None, 0)
    assert scope.estimate("mean", "pooled", "dice").groups == 0


def test_one_group_says_nothing_of_what_is_no_ratio():
    o = observed(np.random.default_rng(0), absent=0.0)
    scope = evaluate_counts(o, np.zeros(12, int), CLASSES, OPTIONS)
    estimate = scope.estimate("cell", "pooled", "mcc")
    assert estimate.value is not None
    assert (estimate.low, estimate.high) == (None, None)


def test_without_resampling_there_are_no_intervals():
    o = observed(np.random.default_rng(0))
    scope = evaluate_counts(o, np.arange(12), CLASSES, EvaluationOptions(CLASSES))
    assert all(e.low is None and e.high is None for *_, e in estimates_of(scope))


def test_no_images_have_no_intervals():
    o = observed(np.random.default_rng(0)).rows(np.zeros(0, int))
    scope = evaluate_counts(o, np.zeros(0, int), CLASSES, OPTIONS)
    assert all(e.low is None and e.high is None for *_, e in estimates_of(scope))


def test_the_groups_of_a_class_mean_are_those_of_its_rarest_class():
    o = observed(np.random.default_rng(0), absent=0.0)
    for part in (o.counts.tp, o.counts.fp, o.counts.fn):
        part[3:, 2] = 0
    scope = evaluate_counts(o, np.arange(12), CLASSES, OPTIONS)
    groups = [scope.estimate(c, "image_mean", "dice").groups for c in ("cell", "nucleus", "mean")]
    assert groups == [12, 3, 3]


def test_groups_count_once_however_many_images_they_have():
    o = observed(np.random.default_rng(0), absent=0.0)
    scope = evaluate_counts(o, np.arange(12) // 4, CLASSES, OPTIONS)
    for aggregate in AGGREGATES:
        estimate = scope.estimate("cell", aggregate, "dice")
        assert estimate.groups == 3
    assert scope.estimate("cell", "image_mean", "dice").defined == 12


@pytest.mark.parametrize("n", [1, 5, 50])
def test_a_number_without_upper_end_is_not_certain_where_all_are_equal(n):
    """No false object in n images: there may be one in some of the others."""
    column = np.zeros((n, 1))
    sums = GroupSums(column, np.ones_like(column), 0.0, math.inf, 1.0, math.inf)
    found = intervals([sums], np.arange(n), (0,), Resampling(resamples=20_000))[0]
    assert found.low[0] == 0
    assert found.high[0] == pytest.approx(1 - 0.025 ** (1 / n), abs=0.005)


def test_a_distance_is_at_most_the_largest_diagonal():
    o, groups = observed(np.random.default_rng(0), n=3), np.arange(3)
    o.columns["hd95"][:] = np.inf
    scope = evaluate_counts(o, groups, CLASSES, OPTIONS)
    estimate = scope.estimate("cell", "image_mean", "hd95")
    assert (estimate.value, estimate.high) == (142.0, 142.0)
    assert estimate.low < 142
    assert estimate.replaced == 3
