"""Rules on slices: every value, one value, combinations, bins, and the worst of them."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from segmetrics.gates.judging import judge_rules
from segmetrics.gates.rules import Rule, RuleResult
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation, Table
from segmetrics.stats.slice_by import SliceBy

SCANNER, CROSSED = SliceBy(("scanner",)), SliceBy(("weather", "city"))
AGE = SliceBy(("age",), (40.0, 60.0))
RULE = Rule("r", "dice", "tumour", "pooled", "test", at_least=0.7, slice_by=SCANNER)
PASS, DOUBT, FAIL = (0.8, 0.75, 0.85), (0.75, 0.65, 0.85), (0.6, 0.55, 0.65)
FEW = 12


def table(value: float | None, low: float | None, high: float | None, groups: int) -> Table:
    return {"pooled": {"dice": Estimate(value, low, high, groups, 0, groups=groups)}}


def evaluated(by: SliceBy, values: dict[str, tuple], left_out=None, samples=None) -> Evaluation:
    """A split of slices of 40 groups, unless a fourth number says otherwise."""
    scopes = {}
    for name, (value, low, high, *groups) in values.items():
        own = table(value, low, high, *(groups or [40]))
        scopes[name] = Scope(10, 10, {"tumour": own}, own)
    whole = table(0.8, 0.75, 0.85, 40)
    n = 10 * len(scopes) if samples is None else samples
    slices = {by.key: scopes} if scopes else {}
    split = SplitEvaluation(
        n, n, {"tumour": whole}, whole, slices=slices, slices_left_out=left_out or {}
    )
    return Evaluation({"test": split}, {})


def judged(evaluation: Evaluation, **changes) -> list[RuleResult]:
    return judge_rules([dataclasses.replace(RULE, **changes)], evaluation, ("tumour",))


def outcomes(evaluation: Evaluation, **changes) -> dict[str | None, str]:
    return {result.slice: result.outcome for result in judged(evaluation, **changes)}


def test_every_combination_that_occurs_is_judged():
    whole = evaluated(CROSSED, {"rain x Bern": PASS, "rain x Basel": DOUBT, "sun x Bern": FAIL})
    assert outcomes(whole, slice_by=CROSSED) == {
        "weather x city=rain x Bern": "pass",
        "weather x city=rain x Basel": "inconclusive",
        "weather x city=sun x Bern": "fail",
    }
    one = {"slice_by": CROSSED, "slice_value": "rain x Bern"}
    assert outcomes(whole, **one) == {"weather x city=rain x Bern": "pass"}
    (missing,) = judged(whole, slice_by=CROSSED, slice_value="sun x Basel")
    assert missing.outcome == "fail"
    assert missing.reason == (
        "no sample has weather x city=sun x Basel "
        "(values: rain x Bern, rain x Basel, sun x Bern)"
    )  # fmt: skip


def test_every_bin_is_judged_in_ascending_order():
    whole = evaluated(AGE, {"40 to 60": PASS, "60 and above": PASS, "below 40": PASS})
    assert outcomes(whole, slice_by=AGE) == {
        "age=below 40": "pass", "age=40 to 60": "pass", "age=60 and above": "pass",
    }  # fmt: skip


@pytest.mark.parametrize("worst", [True, False])
def test_a_bin_without_samples_fails(worst):
    whole = evaluated(AGE, {"below 40": PASS, "60 and above": PASS})
    missed = [r for r in judged(whole, slice_by=AGE, worst=worst) if r.outcome == "fail"]
    assert [r.slice for r in missed] == ["age=40 to 60"]
    assert missed[0].reason.startswith(
        "no sample has age=40 to 60 (values: below 40, 60 and above)"
    )


def test_samples_without_a_number_fail_the_rule():
    why = '1 of 40 samples hold no number in age, but "n/a"'
    (result,) = judged(evaluated(AGE, {}, {AGE.key: why}), slice_by=AGE)
    assert (result.outcome, result.reason) == ("fail", f'no slices by "age" ({why})')


@pytest.mark.parametrize("value", [None, "A"])
def test_slices_that_lost_a_sample_fail_also_for_one_value(value):
    (result,) = judged(evaluated(SCANNER, {"A": PASS}, samples=11), slice_value=value)
    assert result.outcome == "fail"
    assert result.reason == "the slices by scanner hold 10 of 11 samples"


RANK = {"fail": 0, "inconclusive": 1, "pass": 2}


@pytest.mark.parametrize("statistic", ["conservative", "point"])
def test_worst_is_never_better_than_any_of_its_slices(statistic):
    kinds = (
        PASS, (*PASS, FEW), DOUBT, (0.75, 0.1, 0.9), (0.69, 0.6, 0.9), FAIL, (None, None, None),
        (0.99, None, None), (0.99, 0.69, 1.0),
    )  # fmt: skip
    for chosen in itertools.product(kinds, repeat=3):
        whole = evaluated(SCANNER, dict(zip("ABC", chosen, strict=True)))
        each = judged(whole, statistic=statistic)
        (worst,) = judged(whole, statistic=statistic, worst=True)
        assert worst.outcome == min((r.outcome for r in each), key=RANK.__getitem__)
        alike = [r for r in each if r.outcome == worst.outcome]
        assert worst.value_meets == all(r.value_meets for r in alike)
        alike = [r for r in alike if r.value_meets == worst.value_meets]
        assert worst.margin == min(r.margin for r in alike)
        assert worst.slice in [r.slice for r in alike]


def test_worst_by_interval_has_the_lowest_lower_end_and_says_what_became_of_the_others():
    whole = evaluated(SCANNER, {"A": (0.8, 0.71, 0.9), "B": (0.78, 0.75, 0.8), "C": PASS})
    (worst,) = judged(whole, worst=True)
    assert (worst.slice, worst.outcome) == ("scanner=A", "pass")
    assert worst.reason == (
        "dice (pooled) of tumour where scanner=A is 0.8000 [0.7100, 0.9000]: the whole interval "
        "meets >= 0.7 (the worst of 3: 3 pass)"
    )
    whole = evaluated(SCANNER, {"A": (0.99, 0.98, 1.0, FEW), "B": (0.78, 0.75, 0.8), "C": PASS})
    (worst,) = judged(whole, worst=True)
    assert (worst.slice, worst.outcome) == ("scanner=A", "inconclusive")
    assert worst.reason.endswith(
        "but the groups are too few to certify (12 of 30) (the worst of 3: 1 inconclusive, 2 pass)"
    )


def test_a_rule_may_take_fewer_groups_than_the_others():
    whole = evaluated(SCANNER, {"A": (*PASS, FEW), "B": PASS})
    assert outcomes(whole) == {"scanner=A": "inconclusive", "scanner=B": "pass"}
    assert set(outcomes(whole, min_groups=FEW).values()) == {"pass"}
    assert outcomes(whole, min_groups=FEW + 1)["scanner=A"] == "inconclusive"
    (result,) = judge_rules(
        [dataclasses.replace(RULE, worst=True)], whole, ("tumour",), min_groups=5
    )
    assert result.outcome == "pass"
