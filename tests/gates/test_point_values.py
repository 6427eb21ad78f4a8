"""Rules that decide without an interval, or by one that says little."""

from __future__ import annotations

import pytest

from segmetrics.gates.diagnosis import low_confidence, point_values
from segmetrics.gates.rules import Rule


def rule(name: str, statistic: str | None) -> Rule:
    return Rule(name, "dice", "mean", "pooled", "test", at_least=0.8, statistic=statistic)


RULES = (rule("own", None), rule("point", "point"), rule("safe", "conservative"))


@pytest.mark.parametrize(
    ("usual", "names"), [("point", ["own", "point"]), ("conservative", ["point"])]
)
def test_rules_on_the_value_alone_are_named(usual, names):
    (found,) = point_values(RULES, usual)
    assert (found.severity, found.data) == ("note", {"rules": names})
    assert not point_values(RULES[2:], usual)


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.89])
def test_a_narrow_interval_is_a_warning(confidence):
    (found,) = low_confidence(RULES, "conservative", confidence)
    assert found.severity == "warn"
    assert found.data == {"confidence": confidence, "rules": ["own", "safe"]}
    assert f"up to {(1 - confidence) / 2:.1%}" in found.text


def test_a_usual_interval_or_no_interval_at_all_is_none():
    assert not low_confidence(RULES, "conservative", 0.9)
    assert not low_confidence(RULES[1:2], "conservative", 0.5)
