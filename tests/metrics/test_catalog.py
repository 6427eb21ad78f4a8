"""The catalogue: every metric is described, computed and kept within its range."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.metrics import ConfusionCounts
from segmetrics.metrics.catalog import AGGREGATES, CATALOG, COLUMNS, LENGTHS
from segmetrics.metrics.object_scores import ObjectCounts
from segmetrics.metrics.scores import ScoreHistogram

RNG = np.random.default_rng(11)
COUNTS = ConfusionCounts(*RNG.integers(0, 4, (4, 200, 3)))
_IOUS = RNG.random((2, 200, 3)) / 2 + 0.5
_TP, _FP, _FN = RNG.integers(0, 4, (3, 200, 3))
OBJECTS = ObjectCounts(_TP, _FP, _FN, _TP * _IOUS[0], _TP, _FP, _FN, _TP * _IOUS[1])
HISTOGRAMS = ScoreHistogram(*RNG.integers(0, 3, (2, 200, 3, 256)))
OBSERVED = {"counts": COUNTS, "objects": OBJECTS, "scores": HISTOGRAMS, "near": HISTOGRAMS}
EMPTY = ConfusionCounts.zeros(1)
BY_COUNTS = {name: metric for name, metric in CATALOG.items() if metric.family == "counts"}


def test_the_names_are_those_that_rules_and_files_rely_on():
    assert list(CATALOG) == [
        "dice", "iou", "precision", "recall", "f2", "f0.5", "specificity", "balanced_accuracy",
        "mcc", "volume_error", "fp_on_empty", "accuracy", "hd", "hd95", "assd", "masd", "nsd",
        "boundary_iou", "cldice", "object_precision", "object_recall", "object_f1", "sq", "rq",
        "pq", "false_objects", "average_precision", "roc_auc", "brier", "calibration_error",
    ]  # fmt: skip
    assert AGGREGATES == ("pooled", "image_mean", "group_mean")


def test_what_is_measured_image_by_image_has_a_column_and_no_formula():
    assert [n for n, m in CATALOG.items() if m.compute is None] == list(COLUMNS)
    assert {"hd", "hd95", "assd", "masd"} == LENGTHS
    with pytest.raises(TypeError, match="measured image by image"):
        CATALOG["hd95"].values(COUNTS, both_empty_is_one=False)


@pytest.mark.parametrize("name", [n for n, m in CATALOG.items() if m.compute is not None])
def test_values_stay_in_the_range_that_is_promised(name):
    metric = CATALOG[name]
    values = metric.values(OBSERVED[metric.family], both_empty_is_one=False)
    defined = values[~np.isnan(values)]
    assert metric.name == name
    assert defined.size
    assert defined.min() >= metric.low
    assert defined.max() <= metric.high


def test_what_looks_good_where_a_class_is_rare_is_refused_as_a_rule():
    shown = ["accuracy", "roc_auc", "brier", "calibration_error"]
    assert [name for name, metric in CATALOG.items() if not metric.rule] == shown


def test_false_alarms_on_empty_references_have_no_pooled_value():
    without = {n for n, m in CATALOG.items() if "pooled" not in m.aggregates}
    assert without == {"fp_on_empty", "false_objects", *COLUMNS}
    assert all(m.aggregates[-2:] == AGGREGATES[1:] for m in CATALOG.values())


def test_both_empty_is_one_changes_dice_and_iou_and_nothing_else():
    for name, metric in BY_COUNTS.items():
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
    lower = {"fp_on_empty", "false_objects", "brier", "calibration_error", *LENGTHS}
    assert unusual == {"volume_error": "zero", **dict.fromkeys(lower, "lower")}
