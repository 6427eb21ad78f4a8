"""Pass, fail or inconclusive by the interval, and the number of groups that would settle it."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from segmetrics.gates.judging import judge_rules
from segmetrics.gates.outcomes import compare
from segmetrics.gates.rules import Rule
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, SplitEvaluation


def rule(**bounds) -> Rule:
    return Rule("r", "dice", "tumour", "pooled", "test", **bounds)


def judged(value, low, high, groups=100, min_groups=30, statistic="conservative", **bounds):
    estimate = Estimate(value, low, high, groups, 0, groups=groups)
    return compare(rule(**bounds), estimate, value, statistic=statistic, min_groups=min_groups)


@pytest.mark.parametrize(
    ("low", "high", "bounds", "outcome", "margin"),
    [
        (0.75, 0.875, {"at_least": 0.5}, "pass", 0.25),
        (0.75, 0.875, {"at_least": 0.75}, "pass", 0.0),
        (0.75, 0.875, {"at_least": 0.8125}, "inconclusive", -0.0625),
        (0.75, 0.875, {"at_least": 0.875}, "inconclusive", -0.125),
        (0.75, 0.875, {"at_least": 0.9375}, "fail", -0.1875),
        (0.75, 0.875, {"at_most": 0.875}, "pass", 0.0),
        (0.75, 0.875, {"at_most": 0.8125}, "inconclusive", -0.0625),
        (0.75, 0.875, {"at_most": 0.5}, "fail", -0.375),
        (0.75, 0.875, {"at_least": 0.5, "at_most": 1.0}, "pass", 0.125),
        (0.75, 0.875, {"at_least": 0.5, "at_most": 0.8125}, "inconclusive", -0.0625),
        (0.75, 0.875, {"at_least": 0.78125, "at_most": 0.8125}, "inconclusive", -0.0625),
        (0.75, 0.875, {"at_least": 0.25, "at_most": 0.5}, "fail", -0.375),
        (0.75, 0.875, {"at_least": 0.875, "at_most": 0.75}, "fail", -0.125),
        (0.75, 0.875, {}, "fail", -math.inf),
        (0.75, 0.875, {"at_least": math.nan}, "fail", -math.inf),
        (0.75, 0.875, {"at_least": 0.0, "at_most": math.nan}, "fail", -math.inf),
        (None, None, {"at_least": 0.0}, "inconclusive", -math.inf),
        (0.75, None, {"at_least": 0.0}, "inconclusive", -math.inf),
        (None, 0.875, {"at_least": 0.9}, "inconclusive", -math.inf),
        (math.nan, 0.875, {"at_least": 0.0}, "inconclusive", -math.inf),
        (0.75, math.inf, {"at_least": 0.0}, "inconclusive", -math.inf),
        (0.875, 0.75, {"at_least": 0.0}, "inconclusive", -math.inf),
    ],
)
def test_the_whole_interval_decides(low, high, bounds, outcome, margin):
    found = judged(0.8125, low, high, **bounds)
    assert (found.outcome, found.margin) == (outcome, margin)


def test_the_value_alone_decides_a_point_rule_whatever_the_interval_and_groups_are():
    for low, high in ((0.0, 1.0), (None, None)):
        assert judged(0.75, low, high, 1, statistic="point", at_least=0.75).outcome == "pass"
        assert judged(0.75, low, high, 1, statistic="point", at_least=0.76).outcome == "fail"


def test_a_value_that_misses_never_passes_even_where_its_interval_meets():
    found = judged(0.5, 0.75, 0.875, at_least=0.7)
    assert (found.outcome, found.value_meets, found.needed_groups) == ("inconclusive", False, None)
    assert found.text == (
        "is 0.5000 [0.7500, 0.8750]: the interval meets >= 0.7, the value itself does not"
    )


@pytest.mark.parametrize(
    ("groups", "min_groups", "outcome"),
    [(30, 30, "pass"), (29, 30, "inconclusive"), (5, 5, "pass"), (0, 1, "inconclusive")],
)
def test_too_few_groups_cannot_pass(groups, min_groups, outcome):
    assert judged(0.8, 0.75, 0.85, groups, min_groups, at_least=0.7).outcome == outcome


def test_too_few_groups_can_fail():
    assert judged(0.6, 0.55, 0.65, groups=2, at_least=0.7).outcome == "fail"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        ((0.75, 0.71, 0.79), "is 0.7500 [0.7100, 0.7900]: the whole interval meets >= 0.7"),
        ((0.60, 0.55, 0.65), "is 0.6000 [0.5500, 0.6500]: the whole interval misses >= 0.7"),
        ((0.75, 0.65, 0.82), "is 0.7500 [0.6500, 0.8200]: the interval does not settle >= 0.7; at "
         "this value and spread about 400 groups would (100 now)"),
        ((0.70, 0.65, 0.75), "is 0.7000 [0.6500, 0.7500]: the interval does not settle >= 0.7; the "
         "value lies at the bound: no number of groups settles it"),
        ((0.70001, 0.65, 0.75), "is 0.70001 [0.6500, 0.7500]: the interval does not settle >= 0.7; "
         "the value lies close to the bound: no realistic number of groups settles it"),
        ((0.75, None, None), "is 0.7500 without a confidence interval: nothing says whether it "
         "meets >= 0.7 by luck"),
        ((0.75, 0.69999, 0.8), "is 0.7500 [0.69999, 0.8000]: the interval does not settle >= 0.7; "
         "at this value and spread about 110 groups would (100 now)"),
        ((0.65, 0.60, 0.75), "is 0.6500 [0.6000, 0.7500]: the value misses >= 0.7, the interval "
         "does not settle it; more groups would most likely confirm a fail (at this value and "
         "spread about 400; 100 now): improve the model"),
        ((0.69999, 0.65, 0.75), "is 0.69999 [0.6500, 0.7500]: the value misses >= 0.7, the "
         "interval does not settle it; the value lies close to the bound: no realistic number of "
         "groups settles it"),
    ],
)  # fmt: skip
def test_the_reason_says_interval_bound_and_groups(estimate, text):
    assert judged(*estimate, at_least=0.7).text == text


@pytest.mark.parametrize(
    ("estimate", "text", "needed"),
    [
        ((0.75, 0.71, 0.79), "is 0.7500 [0.7100, 0.7900]: the whole interval meets >= 0.7, but the "
         "groups are too few to certify (10 of 30)", 30),
        ((0.75, 0.65, 0.82), "is 0.7500 [0.6500, 0.8200]: the interval does not settle >= 0.7; too "
         "few to certify (10 of 30); at this value and spread about 40 groups would (10 now)", 40),
    ],
)  # fmt: skip
def test_the_reason_says_that_there_are_too_few_groups(estimate, text, needed):
    found = judged(*estimate, groups=10, at_least=0.7)
    assert (found.text, found.needed_groups) == (text, needed)


@pytest.mark.parametrize(
    ("estimate", "bounds", "needed"),
    [
        ((0.75, 0.65, 0.85), {"at_least": 0.70}, 400),  # twice as narrow: four times as many
        ((0.75, 0.50, 0.80), {"at_least": 0.70}, 2500),  # the lower side matters
        ((0.65, 0.60, 0.75), {"at_least": 0.70}, 400),  # to fail, the upper one
        ((0.65, 0.55, 0.70), {"at_least": 0.70}, 110),  # as many as now did not settle it
        ((0.25, 0.15, 0.35), {"at_most": 0.30}, 400),
        ((0.35, 0.25, 0.40), {"at_most": 0.30}, 400),
        ((0.50, 0.40, 0.60), {"at_least": 0.45, "at_most": 0.525}, 1600),  # the harder of two
        ((0.50, 0.40, 0.60), {"at_least": 0.55, "at_most": 0.9}, 400),
        ((0.50, 0.40, 0.60), {"at_least": 0.50, "at_most": 0.525}, None),
        ((0.70, 0.60, 0.80), {"at_least": 0.70}, None),
        ((0.75, 0.745, 0.80), {"at_least": 0.7496}, None),  # 15,625
        ((0.75, 0.745, 0.80), {"at_least": 0.7494}, 7000),  # 6,945
        ((0.75, 0.69, 0.80), {"at_least": 0.71}, 230),  # 225
    ],
)
def test_the_groups_that_would_settle_it(estimate, bounds, needed):
    found = judged(*estimate, **bounds)
    assert (found.outcome, found.needed_groups) == ("inconclusive", needed)


rates = st.floats(0, 1)
ends = st.tuples(rates, rates, rates).map(sorted)


@given(ends, rates, st.booleans(), st.integers(1, 200))
@example([0.65, 0.65, 0.7], 0.7, True, 100)
@example([0.0, 5e-324, 1.0], 0.0, True, 1)
def test_with_the_groups_that_are_needed_the_shrunken_interval_settles_it(three, bound, up, groups):
    low, value, high = three
    bounds = {"at_least": bound} if up else {"at_most": bound}
    found = judged(value, low, high, groups, min_groups=1, **bounds)
    assume(found.needed_groups is not None)
    assert found.outcome == "inconclusive"
    shrink = math.sqrt(groups / found.needed_groups)
    narrow = judged(
        value, value - (value - low) * shrink * (1 - 1e-9), value + (high - value) * shrink
        * (1 - 1e-9), found.needed_groups, min_groups=1, **bounds
    )  # fmt: skip
    assert narrow.outcome != "inconclusive"
    assert (narrow.outcome == "pass") == found.value_meets


@given(ends, st.none() | rates, st.none() | rates, st.integers(0, 60))
def test_conservative_is_never_better_than_point(three, at_least, at_most, groups):
    low, value, high = three
    bounds = {"at_least": at_least, "at_most": at_most}
    by_interval = judged(value, low, high, groups, **bounds)
    by_value = judged(value, low, high, groups, statistic="point", **bounds)
    if by_interval.outcome == "pass":
        assert by_value.outcome == "pass"
    if by_interval.outcome == "fail":
        assert by_value.outcome == "fail"
    assert by_interval.value_meets == (by_value.outcome == "pass")


def test_a_result_carries_interval_groups_and_what_is_needed():
    estimate = Estimate(0.75, 0.65, 0.82, 50, 0, groups=50)
    table = {"pooled": {"dice": estimate}}
    whole = Evaluation({"test": SplitEvaluation(50, 50, {"tumour": table}, table)}, {})
    (result,) = judge_rules([rule(at_least=0.7)], whole, ("tumour",))
    data = result.to_json()
    kept = ("statistic", "value", "low", "high", "groups", "needed_groups", "outcome")
    assert [data[key] for key in kept] == [
        "conservative", 0.75, 0.65, 0.82, 50, 160, "inconclusive",
    ]  # fmt: skip
    (other,) = judge_rules([rule(at_least=0.7)], whole, ("tumour",), statistic="point")
    assert (other.statistic, other.outcome, other.needed_groups) == ("point", "pass", None)
    own = dataclasses.replace(rule(at_least=0.7), statistic="point")
    assert judge_rules([own], whole, ("tumour",))[0].statistic == "point"
