"""One rule at a time, by its value: which number it takes, when it passes, and what it says."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.gates.judging import judge_rules
from segmetrics.gates.rules import Finding, Rule, RuleResult
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation
from segmetrics.stats.slice_by import SliceBy

SCORED = ("tumour", "vessel")
SCANNER = SliceBy(("scanner",))


def table(value: float | None, defined: int = 4):
    return {"pooled": {"dice": Estimate(value, None, None, defined, 0)}}


def scope(tumour: float | None, vessel: float | None, samples: int = 4, **more: float) -> Scope:
    known = [v for v in (tumour, vessel) if v is not None]
    mean = table(sum(known) / len(known) if known else None, len(known))
    values = {"tumour": tumour, "vessel": vessel, **more}
    return Scope(samples, 2, {name: table(v) for name, v in values.items()}, mean)


def evaluation(tumour=0.75, vessel=0.5, slices=None, left_out=None, samples=4) -> Evaluation:
    whole = scope(tumour, vessel, samples)
    split = SplitEvaluation(
        samples, 2, whole.classes, whole.mean,
        slices=slices or {}, slices_left_out=left_out or {},
    )  # fmt: skip
    return Evaluation({"test": split}, {})


def rule(class_name: str = "tumour", **bounds) -> Rule:
    defaults = {"metric": "dice", "aggregate": "pooled", "split": "test", "statistic": "point"}
    return Rule(name="r", class_name=class_name, **(defaults | bounds))


def judged(the_rule: Rule, the_evaluation: Evaluation | None = None) -> RuleResult:
    (result,) = judge_rules([the_rule], the_evaluation or evaluation(), SCORED)
    return result


def outcomes(the_rule: Rule, the_evaluation: Evaluation) -> list[tuple[str, str | None, str]]:
    results = judge_rules([the_rule], the_evaluation, SCORED)
    return [(r.class_name, r.slice, r.outcome) for r in results]


@pytest.mark.parametrize(
    ("bounds", "outcome", "margin"),
    [
        ({"at_least": 0.5}, "pass", 0.25),
        ({"at_least": 0.75}, "pass", 0.0),
        ({"at_least": 0.875}, "fail", -0.125),
        ({"at_most": 0.75}, "pass", 0.0),
        ({"at_most": 0.5}, "fail", -0.25),
        ({"at_least": 0.5, "at_most": 0.875}, "pass", 0.125),
        ({"at_least": 0.5, "at_most": 0.625}, "fail", -0.125),
        ({"at_least": 0.875, "at_most": 1.0}, "fail", -0.125),
        ({}, "fail", -math.inf),
        ({"at_least": math.nan}, "fail", -math.inf),
        ({"at_least": 0.0, "at_most": math.nan}, "fail", -math.inf),
    ],
)
def test_bounds_are_inclusive(bounds, outcome, margin):
    result = judged(rule(**bounds))
    assert (result.outcome, result.margin) == (outcome, margin)


def test_the_reason_gives_metric_aggregate_class_value_and_bound():
    met, missed = judged(rule(at_least=0.5)), judged(rule(at_least=0.8, at_most=0.9))
    assert met.reason == "dice (pooled) of tumour is 0.7500 and meets >= 0.5"
    assert missed.reason == "dice (pooled) of tumour is 0.7500 and misses >= 0.8 and <= 0.9"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"split": "tset"}, 'split "tset" was not evaluated'),
        ({"class_name": "tumor"}, "dice (pooled) of tumor was not measured"),
        ({"metric": "hd95"}, "hd95 (pooled) of tumour was not measured"),
        ({"aggregate": "group_mean"}, "dice (group_mean) of tumour was not measured"),
        ({"slice_by": SCANNER}, 'no slices by "scanner" (columns with slices: none)'),
    ],
)
def test_what_is_missing_fails_and_is_named(broken, reason):
    result = judged(dataclasses.replace(rule(at_least=0.0), **broken))
    assert (result.outcome, result.reason) == ("fail", reason)
    assert result.margin == -math.inf


def test_an_undefined_value_fails():
    result = judged(rule(at_least=0.0), evaluation(tumour=None))
    assert result.outcome == "fail"
    assert result.reason == "dice (pooled) of tumour is undefined (0/0) over 4 samples"
    assert result.to_json()["value"] is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("bounds", [{"at_least": 0.5}, {"at_most": 0.5}])
def test_a_value_that_is_no_number_fails(value, bounds):
    assert judged(rule(**bounds), evaluation(tumour=value)).outcome == "fail"


def test_every_judges_each_scored_class_by_itself():
    found = outcomes(rule("every", at_least=0.6), evaluation())
    assert found == [("tumour", None, "pass"), ("vessel", None, "fail")]


def test_every_fails_for_a_scored_class_that_is_not_in_the_evaluation():
    results = judge_rules([rule("every", at_least=0.0)], evaluation(), (*SCORED, "bone"))
    assert [r.outcome for r in results] == ["pass", "pass", "fail"]


def test_no_scored_class_fails_instead_of_judging_nothing():
    for name in ("every", "mean", "tumour"):
        (result,) = judge_rules([rule(name, at_least=0.0)], evaluation(), ())
        assert (result.outcome, result.reason) == ("fail", "every class is excluded")


def test_a_class_mean_passes_only_if_it_is_that_of_all_scored_classes():
    the_rule = rule("mean", at_least=0.625)
    assert judged(the_rule).outcome == "pass"
    left_out = judged(the_rule, evaluation(vessel=None))  # the mean would be 0.75
    assert left_out.outcome == "fail"
    assert left_out.reason == (
        "dice (pooled) of mean would leave out vessel, where it is undefined (0/0)"
    )


def test_a_class_mean_over_other_classes_than_are_scored_fails():
    the_rule = rule("mean", at_least=0.0)
    (result,) = judge_rules([the_rule], evaluation(), ("tumour",))
    assert result.outcome == "fail"
    assert result.reason == (
        "dice (pooled) of mean is not the mean over tumour; run `dvc repro evaluate`"
    )


BY_SCANNER = {"scanner": {"A": scope(0.9, 0.9, 1), "B": scope(0.2, 0.9, 2), "C": scope(0.1, 1, 1)}}


def test_a_slice_column_without_value_holds_for_every_value():
    found = outcomes(rule(slice_by=SCANNER, at_least=0.5), evaluation(slices=BY_SCANNER))
    assert found == [
        ("tumour", "scanner=A", "pass"),
        ("tumour", "scanner=B", "fail"),
        ("tumour", "scanner=C", "fail"),
    ]


def test_one_slice_value():
    one = rule(slice_by=SCANNER, slice_value="B", at_least=0.5)
    result = judged(one, evaluation(slices=BY_SCANNER))
    assert (result.slice, result.outcome) == ("scanner=B", "fail")
    assert result.reason == "dice (pooled) of tumour where scanner=B is 0.2000 and misses >= 0.5"


def test_a_missing_slice_value_fails_and_names_the_values_there_are():
    one = rule(slice_by=SCANNER, slice_value="D", at_least=0.0)
    result = judged(one, evaluation(slices=BY_SCANNER))
    assert (result.outcome, result.reason) == (
        "fail", "no sample has scanner=D (values: A, B, C)",
    )  # fmt: skip


def test_a_column_left_out_says_why():
    why = {"age": "70 different values, at most 50 are sliced"}
    result = judged(rule(slice_by=SliceBy(("age",)), at_least=0.0), evaluation(left_out=why))
    assert result.outcome == "fail"
    assert result.reason == 'no slices by "age" (70 different values, at most 50 are sliced)'


@pytest.mark.parametrize("worst", [True, False])
def test_slices_that_do_not_hold_all_samples_fail(worst):
    some = {"scanner": {"A": BY_SCANNER["scanner"]["A"]}}
    result = judged(rule(slice_by=SCANNER, worst=worst, at_least=0.0), evaluation(slices=some))
    assert result.outcome == "fail"
    assert result.reason == "the slices by scanner hold 1 of 4 samples"


def test_worst_reports_the_one_slice_that_misses_by_most():
    result = judged(rule(slice_by=SCANNER, worst=True, at_least=0.5), evaluation(slices=BY_SCANNER))
    assert (result.slice, result.outcome, result.margin) == ("scanner=C", "fail", -0.4)
    high = rule(slice_by=SCANNER, worst=True, at_most=0.5)
    assert judged(high, evaluation(slices=BY_SCANNER)).slice == "scanner=A"


@pytest.mark.parametrize("nothing", [None, math.nan])
@pytest.mark.parametrize("place", ["A", "B", "C"])
def test_worst_is_the_undefined_slice_wherever_it_stands(nothing, place):
    slices = {"scanner": {v: scope(1.0, 1.0, 1) for v in "ABC"} | {place: scope(nothing, 1, 2)}}
    result = judged(rule(slice_by=SCANNER, worst=True, at_least=0.5), evaluation(slices=slices))
    assert (result.slice, result.outcome) == (f"scanner={place}", "fail")


def test_a_result_as_json():
    the_rule = rule(at_least=0.5, severity="warn", source="preset medical")
    assert judged(the_rule).to_json() == {
        "name": "r", "metric": "dice", "class": "tumour", "slice": None, "split": "test",
        "aggregate": "pooled", "statistic": "point", "bound": {"at_least": 0.5}, "value": 0.75,
        "low": None, "high": None, "groups": 0, "needed_groups": None,
        "images": 0, "undefined_images": 0, "outcome": "pass", "severity": "warn",
        "source": "preset medical",
        "reason": "dice (pooled) of tumour is 0.7500 and meets >= 0.5",
    }  # fmt: skip


def test_a_result_says_in_how_many_images_its_metric_is_undefined():
    """Whatever the aggregate; of a mean for the class with most of them."""

    def tables(undefined: int):
        image = {"dice": Estimate(0.75, None, None, 10 - undefined, undefined)}
        group = {"dice": Estimate(0.75, None, None, 5, 0)}
        return {"image_mean": image, "group_mean": group}

    mean = {"group_mean": {"dice": Estimate(0.75, None, None, 2, 0)}}
    split = SplitEvaluation(10, 5, {"tumour": tables(1), "vessel": tables(4)}, mean)
    whole = Evaluation({"test": split}, {})
    found = {}
    for name in ("tumour", "every", "mean"):
        results = judge_rules([rule(name, at_least=0.5, aggregate="group_mean")], whole, SCORED)
        found[name] = [(r.to_json()["undefined_images"], r.to_json()["images"]) for r in results]
    assert found == {"tumour": [(1, 10)], "every": [(1, 10), (4, 10)], "mean": [(4, 10)]}


def test_a_finding_as_json():
    finding = Finding("leakage", "block", "two patients", {"n": 2})
    expected = {"name": "leakage", "severity": "block", "text": "two patients", "data": {"n": 2}}
    assert finding.to_json() == expected


rates = st.floats(0, 1)
maybe = st.none() | rates
slices = st.dictionaries(st.sampled_from("ABC"), st.tuples(maybe, maybe), min_size=1)


@given(
    values=st.tuples(maybe, maybe), by=slices, low=maybe, high=maybe,
    tighter_low=rates, tighter_high=rates, class_name=st.sampled_from(["tumour", "mean", "every"]),
    by_column=st.sampled_from([None, SCANNER]), worst=st.booleans(),
)  # fmt: skip
def test_tightening_a_rule_never_turns_fail_into_pass(
    values, by, low, high, tighter_low, tighter_high, class_name, by_column, worst
):
    scanner = {value: scope(*two, samples=1) for value, two in by.items()}
    whole = evaluation(*values, slices={"scanner": scanner}, samples=len(scanner))
    loose = rule(class_name, at_least=low, at_most=high, slice_by=by_column, worst=worst)
    tight = dataclasses.replace(
        loose,
        at_least=tighter_low if low is None else max(low, tighter_low),
        at_most=tighter_high if high is None else min(high, tighter_high),
    )
    if low is None and high is None:
        assert {r.outcome for r in judge_rules([loose], whole, SCORED)} == {"fail"}
        return
    before, after = (
        [r.outcome for r in judge_rules([each], whole, SCORED)] for each in (loose, tight)
    )
    if "fail" in before:
        assert "fail" in after
    if not worst:
        assert all(new == "fail" for old, new in zip(before, after, strict=True) if old == "fail")
