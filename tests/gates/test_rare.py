"""Rare classes: at most one note, and only where nothing would notice that they are missed."""

from __future__ import annotations

import dataclasses

import pytest

from segmetrics.gates.diagnosis import rare_classes
from segmetrics.gates.rules import Rule
from segmetrics.stats.evaluation import SizeScope, SplitEvaluation

MEAN_RULE = Rule("dice", "dice", "mean", "pooled", "test", at_least=0.8)
OWN_RULE = dataclasses.replace(MEAN_RULE, class_name="sign")
SIZES = {"sign": {"small": SizeScope(0, None, 1, 1, {})}}


def split(road=9000, sign=20, sizes=None) -> SplitEvaluation:
    return SplitEvaluation(
        1, 1, {}, {}, labels=("road", "sign"), reference_pixels=(road, sign), pixels=10000,
        sizes=sizes or {},
    )  # fmt: skip


def found(whole, rules=(MEAN_RULE,), scored=("road", "sign")):
    return rare_classes(whole, scored, rules)


def test_both_hints_in_one_note():
    (note,) = found(split())
    assert note.severity == "note"
    assert note.text == (
        "rare: sign (0.20% of the pixels). Pixels of large objects can hide that small ones are "
        "missed: `measure.objects: {match: iou, at_least: 0.5}` counts objects and how many are "
        "found, by size. No rule looks at sign alone, and missing it whole costs a class mean 50% "
        "at most: add a rule on recall or Dice with `class: sign`"
    )
    assert note.data == {"shares": {"sign": 0.002}, "no_objects": ["sign"], "no_rule": ["sign"]}


@pytest.mark.parametrize(
    ("sign", "sizes", "rules", "no_objects", "no_rule"),
    [
        (20, SIZES, (MEAN_RULE,), [], ["sign"]),
        (20, None, (OWN_RULE,), ["sign"], []),
        (20, None, (dataclasses.replace(MEAN_RULE, class_name="every"),), ["sign"], []),
        (20, SIZES, (dataclasses.replace(OWN_RULE, metric="specificity"),), [], ["sign"]),
        (60, None, (MEAN_RULE,), ["sign"], []),  # 0.6 %
    ],
)
def test_each_hint_by_itself(sign, sizes, rules, no_objects, no_rule):
    (note,) = found(split(sign=sign, sizes=sizes), rules)
    assert (note.data["no_objects"], note.data["no_rule"]) == (no_objects, no_rule)


def test_silence_where_there_is_nothing_to_say():
    assert found(split(), scored=("road",)) == []  # excluded
    assert found(split(sign=100)) == []
    assert found(split(sign=0)) == []  # absent: that blocks already
    assert found(split(sizes=SIZES), (OWN_RULE,)) == []


def test_the_only_class_needs_no_rule_of_its_own():
    (note,) = found(split(), scored=("sign",))
    assert note.data["no_rule"] == []
