"""Differences of two evaluations: of the same samples and of unrelated ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmetrics.metrics.catalog import AGGREGATES, CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.observations import Observations
from segmetrics.stats.paired import Difference, independent_differences, paired_differences
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.scopes import EvaluationOptions, evaluate_counts

FEW = Resampling(resamples=1000, seed=7)
DICE = CATALOG["dice"]
TARGETS = [(0,), (1,), (0, 1)]


def of_dice(*columns) -> Observations:
    """Images of 1,000 pixels of the class and as many predicted, with the Dice values given."""
    tp = np.rint(1000 * np.array(columns).T).astype(np.int64)
    return Observations(ConfusionCounts(tp, 1000 - tp, 1000 - tp, 5000 - 2000 + tp))


def random(seed: int, n: int = 40) -> Observations:
    return of_dice(*np.random.default_rng(seed).beta(4, 1, (2, n)))


def paired(one, two, groups=None, aggregate="image_mean", targets=TARGETS, how=FEW, metric=DICE):
    groups = np.arange(one.n_images) if groups is None else groups
    return paired_differences(
        metric, candidate=one, baseline=two, groups=groups, aggregate=aggregate, targets=targets,
        resampling=how,
    )  # fmt: skip


def independent(one, two, aggregate="image_mean", targets=TARGETS):
    return independent_differences(
        DICE, first=one, first_groups=np.arange(one.n_images), second=two,
        second_groups=np.arange(two.n_images), aggregate=aggregate, targets=targets,
        resampling=FEW,
    )  # fmt: skip


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("compare", [paired, independent])
def test_the_value_is_the_difference_of_the_values(aggregate, compare):
    one, two = random(1), random(2)
    scopes = [
        evaluate_counts(o, np.arange(40), ("a", "b"), EvaluationOptions(("a", "b")))
        for o in (one, two)
    ]
    for name, found in zip(("a", "b", "mean"), compare(one, two, aggregate=aggregate), strict=True):
        a, b = (s.estimate(name, aggregate, "dice").value for s in scopes)
        assert found.value == pytest.approx(a - b, abs=1e-12)
        assert found.low < found.value < found.high
        assert (found.groups, found.samples) == (40, 40)


@pytest.mark.parametrize(("n", "reach"), [(1, 0.0975), (30, 0.0116), (100, 0.0036)])
def test_equal_predictions_may_differ_on_groups_not_seen(n, reach):
    """By 0.1 on what no difference in n groups leaves open: `0.1 (1 - 0.025 ** (1 / n))`."""
    one = random(1, n)
    (found,) = paired(one, one, targets=[(0,)], how=Resampling(resamples=20_000))
    assert found == Difference(
        0.0, pytest.approx(-reach, rel=0.05), pytest.approx(reach, rel=0.05), n, n
    )


def test_what_both_share_cancels():
    """A difference of 0.05 on every image, which vary much more than that."""
    base = np.random.default_rng(0).uniform(0.2, 0.9, (2, 100))
    found = paired(of_dice(*(base + 0.05)), of_dice(*base))[2]
    alone = independent(of_dice(*(base + 0.05)), of_dice(*base))[2]
    assert found.value == pytest.approx(0.05, abs=1e-3)
    assert found.low > 0.043
    assert alone.low < 0 < alone.high


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(1, 40), st.sampled_from(AGGREGATES))
def test_exchanging_the_two_turns_the_interval_around(seed, n_groups, aggregate):
    one, two = random(seed), random(seed + 1)
    groups = np.random.default_rng(seed).integers(0, n_groups, 40)
    for a, b in zip(
        paired(one, two, groups, aggregate), paired(two, one, groups, aggregate), strict=True
    ):
        assert a.low <= a.value <= a.high
        assert (a.value, a.low, a.high) == pytest.approx((-b.value, -b.high, -b.low), abs=2e-9)
        assert -1 <= a.low < a.high <= 1


def test_groups_are_weighed_whole():
    """Four images that repeat one another are one group's worth."""
    one, two = random(1, 10), random(2, 10)
    alone = paired(one, two)
    four = np.repeat(np.arange(10), 4)
    together = paired(one.rows(four), two.rows(four), four)
    for a, b in zip(alone, together, strict=True):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=2e-9)
        assert (b.groups, b.samples) == (10, 40)


def test_unrelated_sets_draw_weights_of_their_own():
    one = random(1)
    found = independent(one, one)[0]
    assert found.value == 0
    assert found.low < -0.03
    assert found.high > 0.03


def test_the_groups_are_those_in_which_both_are_defined():
    one, two = random(1, 5), random(2, 5)
    for part in (two.counts.tp, two.counts.fp, two.counts.fn):
        part[0, 1] = 0
    assert [found.groups for found in paired(one, two)] == [5, 4, 4]


@pytest.mark.parametrize("compare", [paired, independent])
def test_a_class_that_one_of_them_lacks_has_no_difference_and_neither_has_the_mean(compare):
    one, two = random(1, 5), random(2, 5)
    for part in (two.counts.tp, two.counts.fp, two.counts.fn):
        part[:, 1] = 0
    found = compare(one, two)
    assert found[0].value is not None
    for missing in found[1:]:
        assert (missing.value, missing.low, missing.high, missing.groups) == (None, None, None, 0)


@pytest.mark.parametrize("compare", [paired, independent])
def test_no_samples_have_no_difference(compare):
    nothing = random(1).rows(np.zeros(0, int))
    assert compare(nothing, nothing) == [Difference(None, None, None, 0, 0)] * 3


@pytest.mark.parametrize("compare", [paired, independent])
def test_no_classes_have_no_difference(compare):
    (found,) = compare(random(1), random(2), targets=[()])
    assert (found.value, found.low, found.high) == (None, None, None)


def test_any_integers_tell_groups_apart_and_their_order_decides_nothing():
    one, two = random(1, 12), random(2, 12)
    groups = np.array([5, 5, 9, 9, 1, 1, 0, 0, 7, 7, 7, 3])
    order = np.random.default_rng(0).permutation(12)
    a = paired(one, two, groups)
    b = paired(one.rows(order), two.rows(order), groups[order])
    for x, y in zip(a, b, strict=True):
        assert x.to_json() == pytest.approx(y.to_json(), abs=1e-9)


@pytest.mark.parametrize("name", ["mcc", "volume_error", "precision"])
def test_any_metric_can_be_compared(name):
    (found,) = paired(
        random(1), random(2), aggregate="pooled", targets=[(0,)], metric=CATALOG[name]
    )
    assert found.low < found.value < found.high


def test_non_inferiority_at_the_margin_is_rarely_shown():
    """400 test sets of 100 groups, truly worse by exactly the margin of 0.02."""
    rng = np.random.default_rng(11)
    base = rng.beta(8, 2, (400, 100))
    other = np.clip(base + rng.normal(-0.02, 0.05, (400, 100)), 0, 1)
    found = paired(of_dice(*other), of_dice(*base), targets=[(k,) for k in range(400)])
    truth = np.mean(other - base)
    assert np.mean([d.low >= truth for d in found]) < 0.035
    assert np.mean([d.low >= truth - 0.04 for d in found]) > 0.9
