"""What people reach, beside the bounds: given in params.yaml, or shown by the annotators."""

from __future__ import annotations

import dataclasses

import pytest

from segmetrics.gates.diagnosis import Ceiling, annotator_agreement, human_ceiling
from segmetrics.gates.grade import Bands
from segmetrics.gates.rules import Rule
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Scope
from segmetrics.stats.slice_by import SliceBy

RULE = Rule("dice", "dice", "mean", "image_mean", "test", at_least=0.80)
STARE = Ceiling({"dice": 0.74}, "STARE, second observer")


def found(ceiling=STARE, rules=(RULE,), model=None, scored=("vessel",)):
    (finding,) = human_ceiling(ceiling, rules, Bands(), model=model or {}, scored=scored)
    return finding


def test_a_human_fails_the_rule_and_the_grade():
    finding = found(model={"dice": 0.76})
    assert (finding.name, finding.severity) == ("human_ceiling", "warn")
    assert finding.text == (
        "people reach dice 0.74 (STARE, second observer); the model reaches dice 0.76. The rule "
        "dice asks for dice >= 0.8: a second human, at 0.74, fails it. A human fails the grade "
        "'good' (Dice > 0.8). Above the ceiling (dice) a higher value says that the model copies "
        "the habits of one annotator, not that it is better"
    )
    assert finding.data == {
        "ceiling": {"dice": 0.74}, "source": "STARE, second observer", "model": {"dice": 0.76},
        "rules_above": ["dice"], "human_is_good": False,
    }  # fmt: skip


def test_a_ceiling_above_every_bound_is_a_note():
    finding = found(Ceiling({"dice": 0.9, "iou": 0.82}, "two pathologists"), model={"dice": 0.85})
    assert finding.severity == "note"
    assert finding.text == (
        "people reach dice 0.90, iou 0.82 (two pathologists); the model reaches dice 0.85"
    )


@pytest.mark.parametrize(
    ("change", "scored", "compared"),
    [
        ({"class_name": "every"}, ("vessel",), True),
        ({"class_name": "vessel"}, ("vessel",), True),
        ({"class_name": "every"}, ("vessel", "disc"), False),
        ({"class_name": "vessel"}, ("vessel", "disc"), False),
        ({"metric": "iou"}, ("vessel",), False),
        ({"at_least": 0.74}, ("vessel",), False),
        ({"at_least": None, "at_most": 0.9}, ("vessel",), False),
        ({"slice_by": SliceBy(("scanner",))}, ("vessel",), False),
        ({"size": "small"}, ("vessel",), False),
    ],
)
def test_which_rules_it_is_compared_with(change, scored, compared):
    finding = found(rules=[dataclasses.replace(RULE, **change)], scored=scored)
    assert (finding.severity == "warn") == compared


def scope(dice, iou, undefined=0) -> Scope:
    def estimate(value):
        return Estimate(value, None, None, 1, undefined)

    return Scope(20, 20, {}, {"image_mean": {"dice": estimate(dice), "iou": estimate(iou)}})


def agreement(humans, model=None):
    return annotator_agreement(
        humans, [RULE], Bands(), aggregate="image_mean", model=model or {}, scored=("vessel",)
    )


def test_the_mean_of_all_pairs_of_annotators():
    humans = {"mask vs anna": scope(0.7, 0.54), "anna vs ben": scope(0.8, 0.66)}
    (finding,) = agreement(humans, {"dice": 0.6, "iou": 0.5})
    assert finding.name == "annotator_agreement"
    assert finding.data["ceiling"] == {"dice": pytest.approx(0.75), "iou": pytest.approx(0.6)}
    assert finding.data["source"] == "mask vs anna, anna vs ben on 20 images"
    assert finding.data["rules_above"] == ["dice"]


def test_agreement_that_is_undefined_anywhere_is_no_ceiling():
    assert agreement({"a vs b": scope(0.7, 0.5, undefined=1)}) == []
    assert agreement({"a vs b": scope(None, None), "a vs c": scope(0.7, 0.5)}) == []
    (finding,) = agreement({"a vs b": scope(0.7, None)})
    assert finding.data["ceiling"] == {"dice": 0.7}
