"""Findings about the rules themselves, and about too few groups."""

from __future__ import annotations

import pytest

from segmetrics.gates.diagnosis import few_groups, rule_lint, rules_left_out
from segmetrics.gates.domains import DOMAINS, left_out_rules
from segmetrics.gates.rules import Rule
from segmetrics.texts import headline, next_steps


def rule(name: str, metric: str, at_least: float | None = None, **more) -> Rule:
    usual = {"class_name": "tumour", "aggregate": "pooled", "split": "test"}
    return Rule(name=name, metric=metric, at_least=at_least, **usual | more)


def test_what_nothing_or_only_perfection_satisfies_is_a_note():
    low, i, all_of_it = (
        rule("low", "dice", at_most=0.5),
        rule("i", "iou", 0.7),
        rule("r", "recall", 1),
    )
    (found,) = rule_lint([low, i, all_of_it])
    assert (found.name, found.severity) == ("rule_lint", "note")
    assert [(r["rule"], r["kind"]) for r in found.data["rules"]] == [
        ("r", "unreachable"), ("low", "contradictory"),
    ]  # fmt: skip
    assert "low is contradictory: i mean a dice of at least 0.8235" in found.text


def test_what_is_merely_needless_is_none():
    assert rule_lint([rule("d", "dice", 0.8), rule("i", "iou", 0.7)]) == []
    assert rule_lint([rule("s", "specificity", 0.9)]) == []


def test_a_rule_that_is_left_out_is_a_note():
    left_out = left_out_rules(DOMAINS["medical"], {}, judge="test", smallest=None)
    (found,) = rules_left_out(left_out)
    assert (found.name, found.severity) == ("rule_left_out", "note")
    assert found.text.startswith("the rule small_object_recall of the preset medical is not in for")
    assert "set measure.objects" in found.text


@pytest.mark.parametrize(("groups", "said"), [(0, True), (10, True), (29, True), (30, False)])
def test_too_few_groups(groups, said):
    found = few_groups(groups, "test", 30)
    assert [f.severity for f in found] == ["note"] * said
    if said:
        assert f"too few to certify ({groups} of 30 groups)" in found[0].text


@pytest.mark.parametrize("decision", ["pass", "inconclusive"])
def test_the_headline_says_it_once_and_the_next_steps_what_to_do(decision):
    (few,) = few_groups(10, "test", 30)
    one = {"name": "dice", "severity": "block", "outcome": decision, "needed_groups": 80}
    one |= {"value": 0.81, "bound": {"at_least": 0.8}}
    verdict = {
        "decision": decision, "grade": "good", "domain": "medical", "rules": [one],
        "judged": {"split": "test", "samples": 12, "groups": 10}, "findings": [few.to_json()],
    }  # fmt: skip
    assert headline(verdict).count("too few to certify (10 of 30)") == 1
    steps = " ".join(next_steps(verdict))
    if decision == "inconclusive":
        assert "10 are too few to certify, 30 are the least" in steps
        assert "segmetrics plan" in steps
        assert "enforce: false" in steps
