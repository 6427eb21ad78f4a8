"""The catalogue: every metric is described, computed and kept within its range."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.metrics import ConfusionCounts
from segmetrics.metrics.catalog import AGGREGATES, CATALOG

RNG = np.random.default_rng(11)
COUNTS = ConfusionCounts(*RNG.integers(0, 4, (4, 200, 3)))
EMPTY = ConfusionCounts.zeros(1)


def test_the_names_are_those_that_rules_and_files_rely_on():
    assert list(CATALOG) == [
        "dice", "iou", "precision", "recall", "f2", "f0.5", "specificity", "balanced_accuracy",
        "mcc", "volume_error", "fp_on_empty", "accuracy",
    ]  # fmt: skip
    assert AGGREGATES == ("pooled", "image_mean", "group_mean")


@pytest.mark.parametrize("name", CATALOG)
def test_values_stay_in_the_range_that_is_promised(name):
    metric = CATALOG[name]
    values = metric.values(COUNTS, both_empty_is_one=False)
    defined = values[~np.isnan(values)]
    assert metric.name == name
    assert defined.size
    assert defined.min() >= metric.low
    assert defined.max() <= metric.high


def test_accuracy_alone_is_refused_as_a_rule():
    assert [name for name, metric in CATALOG.items() if not metric.rule] == ["accuracy"]


def test_false_alarms_on_empty_references_have_no_pooled_value():
    assert CATALOG["fp_on_empty"].aggregates == ("image_mean", "group_mean")
    assert all(m.aggregates == AGGREGATES for n, m in CATALOG.items() if n != "fp_on_empty")


def test_both_empty_is_one_changes_dice_and_iou_and_nothing_else():
    for name, metric in CATALOG.items():
        undefined = metric.values(EMPTY, both_empty_is_one=False)
        one = metric.values(EMPTY, both_empty_is_one=True)
        if name in ("dice", "iou"):
            assert np.isnan(undefined)
            assert one == 1
        else:
            assert np.array_equal(undefined, one, equal_nan=True)


def test_f2_leans_to_recall_and_f_half_to_precision():
    recalled = ConfusionCounts(*(np.array([v]) for v in (50, 50, 0, 0)))
    values = {n: CATALOG[n].values(recalled, both_empty_is_one=False)[0] for n in ("f2", "f0.5")}
    assert values == {"f2": pytest.approx(5 / 6), "f0.5": pytest.approx(5 / 9)}


def test_which_way_is_better():
    unusual = {name: metric.better for name, metric in CATALOG.items() if metric.better != "higher"}
    assert unusual == {"volume_error": "zero", "fp_on_empty": "lower"}
