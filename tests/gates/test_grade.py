"""good, fair, bad."""

from __future__ import annotations

import math

import pytest

from segmetrics.gates.grade import Band, Bands, grade_scope
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Scope


@pytest.mark.parametrize(
    ("dice", "iou", "grade"),
    [
        (0.81, 0.71, "good"),
        (0.80, 0.71, "fair"),  # good lies above, not at
        (0.81, 0.70, "fair"),
        (0.50, 0.40, "fair"),  # bad lies below, not at
        (0.4999, 0.9, "bad"),
        (0.9, 0.3999, "bad"),
        (None, 0.9, "bad"),
        (0.9, None, "bad"),
        (math.nan, 0.9, "bad"),
        (0.9, math.nan, "bad"),
    ],
)
def test_grade_of_two_values(dice, iou, grade):
    assert Bands().grade(dice=dice, iou=iou) == grade


def test_the_bands_are_parameters():
    bands = Bands(good=Band(dice=0.9, iou=0.8), bad=Band(dice=0.7, iou=0.6))
    assert bands.grade(dice=0.85, iou=0.75) == "fair"
    assert bands.grade(dice=0.65, iou=0.75) == "bad"


def scope(dice: float | None, iou: float | None, defined: int = 2, undefined: int = 0) -> Scope:
    values = {"dice": dice, "iou": iou}
    mean = {m: Estimate(v, None, None, defined, undefined) for m, v in values.items()}
    return Scope(4, 4, {}, {"pooled": mean})


SCORED = ("tumour", "vessel")


def test_the_grade_is_that_of_the_class_mean_and_says_so():
    grade, text = grade_scope(scope(0.75, 0.6), "pooled", Bands(), SCORED)
    assert (grade, text) == ("fair", "class mean of Dice 0.750 and IoU 0.600 (pooled)")


UNDEFINED = "class mean of Dice undefined and IoU undefined"


@pytest.mark.parametrize(
    ("found", "aggregate"),
    [
        (None, "pooled"),  # the judged split is missing
        (scope(0.9, 0.9), "group_mean"),  # an aggregate that was not computed
        (scope(0.9, 0.9, defined=1, undefined=1), "pooled"),  # a class without a value
        (scope(0.9, 0.9, defined=1), "pooled"),  # a class that is not there
        (scope(0.9, 0.9, defined=3), "pooled"),  # a class too many
        (scope(None, None, defined=0, undefined=2), "pooled"),
    ],
)
def test_a_class_mean_that_is_not_whole_is_graded_bad(found, aggregate):
    grade, text = grade_scope(found, aggregate, Bands(), SCORED)
    assert (grade, text) == ("bad", f"{UNDEFINED} ({aggregate})")
