"""Rules on a difference: pure judging, and what `on_missing_baseline` leaves out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.gates.against import (
    Against,
    Compared,
    difference_bound,
    judge_against,
    skipped_comparisons,
)
from segmetrics.gates.judging import judge_rules
from segmetrics.gates.lint import lint_rules
from segmetrics.gates.rules import Rule, Shared
from segmetrics.stats.evaluation import Evaluation
from segmetrics.stats.paired import Difference

ALL = Shared(50, 50, 50)


def a_rule(margin=0.01, metric="dice", **changes) -> Rule:
    bounds = {} if margin is None else difference_bound(metric, margin)
    values = {
        "name": "r", "metric": metric, "class_name": "cell", "aggregate": "image_mean",
        "split": "test", "against": "baseline", "margin": margin, "statistic": "conservative",
        "min_groups": 30,
    }  # fmt: skip
    return Rule(**(values | bounds | changes))


def outcome(value, low, high, groups=50, shared=ALL, min_shared=0.8, **changes) -> str:
    one = Compared("cell", None, Difference(value, low, high, groups, shared.samples), shared)
    (result,) = judge_against(a_rule(**changes), Against({"r": [one]}, "fail", min_shared))
    return result.outcome


@pytest.mark.parametrize(
    ("value", "low", "high", "wanted"),
    [
        (0.000, -0.005, 0.005, "pass"),
        (-0.005, -0.009, -0.001, "pass"),  # worse for sure, but by less than the margin
        (-0.005, -0.010, 0.000, "inconclusive"),  # ends at the margin
        (-0.005, -0.020, 0.010, "inconclusive"),
        (-0.015, -0.020, -0.011, "fail"),
        (-0.015, -0.020, -0.009, "inconclusive"),
        (None, None, None, "fail"),
        (math.nan, None, None, "fail"),
        (0.0, None, None, "inconclusive"),
    ],
)
def test_non_inferiority_by_interval(value, low, high, wanted):
    assert outcome(value, low, high) == wanted


def test_lower_is_better_may_rise_by_the_margin():
    assert outcome(0.5, 0.1, 0.9, metric="hd95", margin=1.0) == "pass"
    assert outcome(-3.0, -4.0, -2.0, metric="hd95", margin=1.0) == "pass"
    assert outcome(2.0, 1.5, 2.5, metric="hd95", margin=1.0) == "fail"


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": 29},
        {"shared": Shared(39, 50, 50)},
        {"shared": Shared(39, 39, 50)},
        {"shared": Shared(39, 50, 39)},
        {"shared": Shared(0, 0, 0)},
        {"min_shared": math.nan},
        {"margin": math.nan},
        {"margin": -0.01},
        {"margin": None},
        {"metric": "volume_error"},
    ],
)
def test_what_cannot_pass(changes):
    assert outcome(0.0, -0.001, 0.001) == "pass"
    assert outcome(0.0, -0.001, 0.001, **changes) != "pass"


def test_the_point_statistic_compares_the_value():
    assert outcome(-0.01, -0.5, 0.5, statistic="point") == "pass"
    assert outcome(-0.0101, -0.5, 0.5, statistic="point") == "fail"


def test_a_margin_of_zero_passes_what_is_better_for_sure_alone():
    assert difference_bound("dice", 0.0) == {"at_least": 0.0}
    assert math.copysign(1, difference_bound("dice", 0.0)["at_least"]) == 1
    assert outcome(0.0, -0.001, 0.001, margin=0.0) == "inconclusive"
    assert outcome(0.01, 0.001, 0.02, margin=0.0) == "pass"


def test_a_rule_without_a_comparison_fails():
    for against in (None, Against(), Against({"other": []}), Against({"r": []}, "skip")):
        (result,) = judge_rules([a_rule()], Evaluation({}, {}), ["cell"], against=against)
        assert result.outcome == "fail"


def test_what_is_missing_fails_or_is_left_out_and_said():
    new = Compared("wall", problem='the baseline has no class "wall"', missing=True)
    wrong = Compared("cell", problem='split "test" was not evaluated')
    compared = {"r": [new, wrong]}
    found = judge_against(a_rule(), Against(compared, "fail"))
    assert [r.outcome for r in found] == ["fail", "fail"]
    (left,) = judge_against(a_rule(), Against(compared, "skip"))
    assert (left.class_name, left.outcome) == ("cell", "fail")
    (finding,) = skipped_comparisons([a_rule()], Against(compared, "skip"))
    assert (finding.severity, finding.data) == ("warn", {"rules": ["r"]})
    assert 'the baseline has no class "wall"' in finding.text
    assert skipped_comparisons([a_rule()], Against(compared, "fail")) == []


def test_the_result_says_what_was_compared():
    one = Compared(
        "cell", "scanner=A", Difference(0.002, -0.004, 0.009, 40, 48), Shared(48, 50, 48)
    )
    (result,) = judge_against(a_rule(), Against({"r": [one]}))
    data = result.to_json()
    assert data["against"] == "baseline"
    assert data["shared"] == {"samples": 48, "candidate": 50, "baseline": 48}
    assert (data["value"], data["low"], data["high"]) == (0.002, -0.004, 0.009)
    assert (data["bound"], data["margin"], data["groups"]) == ({"at_least": -0.01}, 0.01, 40)
    assert data["reason"] == (
        "dice (image_mean) of cell where scanner=A minus the baseline, on 48 of 50 samples (48 in "
        "the baseline), is 0.0020 [-0.0040, 0.0090]: the whole interval meets >= -0.01"
    )


def test_other_rules_keep_their_entries():
    (result,) = judge_rules(
        [Rule("r", "dice", "cell", "image_mean", "test", 0.5)], Evaluation({}, {}), ["cell"]
    )
    assert not {"against", "margin", "shared"} & result.to_json().keys()


def test_bounds_on_differences_imply_nothing():
    high = Rule("h", "dice", "cell", "image_mean", "test", 0.9, statistic="conservative")
    assert lint_rules([a_rule(), high, a_rule(margin=0.0)]) == []


@given(
    st.floats(-0.1, 0.1), st.floats(0, 0.1), st.floats(0, 0.1), st.floats(0, 0.1),
    st.floats(0, 0.1), st.integers(1, 60), st.sampled_from(["conservative", "point"]),
)  # fmt: skip
def test_a_smaller_margin_never_turns_another_outcome_into_pass(
    value, down, up, margin, more, groups, statistic
):
    ends = value, value - down, value + up
    tight = outcome(*ends, groups=groups, margin=margin, statistic=statistic)
    loose = outcome(*ends, groups=groups, margin=margin + more, statistic=statistic)
    assert tight != "pass" or loose == "pass"
    assert loose != "fail" or tight == "fail"
