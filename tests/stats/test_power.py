"""Simulated test sets: against exact chances, the intervals that judge, and their own laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from segmetrics.stats.intervals import intervals
from segmetrics.stats.power import (
    Population,
    _passes,
    flipped,
    groups_for,
    moved,
    pass_chances,
    two_digits,
)
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.sums import GroupSums

FEW = Resampling(resamples=500)


def population(values, bound: float, **more) -> Population:
    """Equally large groups of one model, one class."""
    above = np.asarray(values, float)[np.newaxis, :, np.newaxis]
    usual = {"low": 0.0, "bound": bound, "point": False, "min_groups": 30}
    return Population(above, np.ones(above.shape[1:]), **usual | more)


def chance(*populations: Population, groups: int = 60, test_sets: int = 200, seed: int = 0):
    rng = np.random.default_rng(seed)
    return pass_chances(
        populations, groups=groups, test_sets=test_sets, resampling=FEW, rng=rng
    )  # fmt: skip


def test_zeros_and_ones_pass_as_often_as_clopper_and_pearson_say():
    """Of values 0 and 1 the interval is theirs, so the chance is a sum of the binomial."""
    n, p, bound = 100, 0.95, 0.85
    k = np.arange(n + 1)
    lows = np.where(k > 0, beta.ppf(0.025, np.maximum(k, 1), n - k + 1), 0.0)
    exact = binom.pmf(k, n, p)[lows >= bound].sum()
    values = np.repeat([1.0, 0.0], [950, 50])
    rng = np.random.default_rng(1)
    found = pass_chances(
        [population(values, bound)], groups=n, test_sets=1500,
        resampling=Resampling(resamples=4000), rng=rng,
    )[0][0]  # fmt: skip
    assert 0.2 < exact < 0.98
    assert found == pytest.approx(exact, abs=0.06)


@pytest.mark.parametrize("classes", [1, 3])
def test_the_end_that_decides_is_that_of_the_evaluation(classes):
    rng = np.random.default_rng(2)
    below = rng.integers(1, 50, (40, classes)).astype(float)
    above = below * rng.beta(8, 1, (40, classes))
    sums = GroupSums(above, below, 0.0, 1.0, 0.1, 1.0)
    (ends,) = intervals([sums], np.arange(40), range(classes), FEW)
    weights = np.concatenate([w for _, w in FEW.weights(np.arange(40))])
    for bound, passes in ((ends.mean_low, True), (ends.mean_low + 2e-9, False)):
        one = Population(above[np.newaxis], below, 0.0, bound, False, 30)
        found = _passes(one, np.arange(40)[np.newaxis], weights, FEW.unseen(), FEW.tail)
        assert found.tolist() == [[passes]]


def test_point_rules_pass_what_lies_at_the_bound_half_the_time():
    values = np.random.default_rng(3).normal(0.8, 0.05, 2000)
    values += 0.8 - values.mean()
    point, cautious = population(values, 0.8, point=True), population(values, 0.8)
    _, each = chance(point, cautious, test_sets=400)
    assert each[0, 0] == pytest.approx(0.5, abs=0.08)
    assert each[1, 0] <= 0.04


def test_all_rules_pass_as_often_as_the_strictest_at_most():
    values = np.random.default_rng(4).beta(9, 1, 300)
    together, each = chance(population(values, 0.8), population(values[::-1], 0.82))
    assert together[0] <= each.min()
    # The same groups decide both, so that equal rules pass together.
    together, each = chance(population(values, 0.8), population(values, 0.8))
    assert together[0] == each[0, 0] == each[1, 0]


def test_too_few_groups_and_nothing_defined_never_pass():
    perfect = np.ones(50)
    assert chance(population(perfect, 0.5), groups=29)[0][0] == 0
    assert chance(population(perfect, 0.5), groups=30)[0][0] == 1
    nothing = Population(np.zeros((1, 50, 1)), np.zeros((50, 1)), 0.0, 0.5, True, 1)
    assert chance(nothing)[0][0] == 0
    rare = Population(np.ones((1, 50, 1)), np.eye(50)[:, :1], 0.0, 0.5, False, 30)
    assert chance(rare)[0][0] == 0


def test_the_seed_alone_decides():
    values = np.random.default_rng(5).beta(9, 1, 100)
    first, again = (chance(population(values, 0.8), seed=1)[0] for _ in range(2))
    assert first.tobytes() == again.tobytes()


tables = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(deadline=None, max_examples=60)
@given(tables, st.floats(0.02, 0.98), st.integers(1, 3))
def test_a_moved_model_has_the_true_value_asked_for(rng, target, classes):
    below = rng.integers(0, 9, (30, classes)).astype(float)
    below[0] = 5
    above = below * rng.beta(2, 1, below.shape)
    found = moved(above, below, target, low=0.0, high=1.0)
    value = (found.sum(axis=0) / below.sum(axis=0)).mean()
    assert value == pytest.approx(target, abs=1e-9)
    assert (found >= -1e-12).all()
    assert (found <= below + 1e-12).all()
    # Better everywhere where the model is better as a whole.
    better = moved(above, below, min(target + 0.01, 0.99), low=0.0, high=1.0)
    assert (better >= found - 1e-9).all()


def test_what_cannot_be_moved():
    ones = np.ones((20, 1))
    assert moved(ones, ones, 0.5, low=0.0, high=1.0) is None
    assert not moved(0 * ones, 0 * ones, 0.5, low=0.0, high=1.0).any()


def test_a_ceiling_is_a_floor_of_what_is_flipped():
    below = np.array([[2.0], [4.0]])
    turned = flipped(below * 0.3, below, low=0.0, high=1.0)
    assert turned == pytest.approx(below * 0.7)


@pytest.mark.parametrize("wanted", [30, 31, 137, 1999, 5000])
def test_the_groups_needed(wanted):
    asked: list[int] = []

    def step(n: int) -> float:
        asked.append(n)
        return float(n >= wanted)

    found = groups_for(step, 0.8, first=30)
    assert wanted <= found <= max(1.16 * wanted, wanted + 2)
    assert len(asked) < 20
    assert groups_for(step, 0.8, first=30, most=wanted - 1) is None or wanted == 30


def test_two_digits():
    assert [two_digits(n) for n in (7, 30, 99, 101, 137, 2611)] == [7, 30, 99, 110, 140, 2700]
