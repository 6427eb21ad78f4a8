"""What a bound on one overlap metric says about others: known values, then any counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.gates.algebra import dice_of_iou, f_beta, implied_floors, iou_of_dice
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts

METRICS = ("dice", "iou", "precision", "recall", "f2", "f0.5")


def test_iou_070_is_dice_08235_for_one_set_of_counts():
    assert dice_of_iou(0.7) == pytest.approx(0.8235, abs=5e-5)
    assert implied_floors({"iou": 0.7}, pooled=True)["dice"][0] == pytest.approx(14 / 17)


def test_of_means_iou_says_less_and_dice_as_much():
    assert implied_floors({"iou": 0.7}, pooled=False)["dice"] == (0.7, "iou")
    assert implied_floors({"dice": 0.8}, pooled=False)["iou"][0] == pytest.approx(2 / 3)


def test_means_that_reach_the_iou_and_miss_the_dice():
    # Two images, one perfect: IoU 1 and 0.4, Dice 1 and 0.571.
    iou, dice = np.mean([1, 0.4]), np.mean([1, dice_of_iou(0.4)])
    assert iou == pytest.approx(0.7)
    assert dice < dice_of_iou(iou)


def test_precision_and_recall_together():
    found = implied_floors({"precision": 0.9, "recall": 0.8}, pooled=True)
    assert found["dice"][0] == pytest.approx(2 * 0.9 * 0.8 / 1.7)
    assert found["iou"][0] == pytest.approx(0.72 / 0.98)
    assert found["f2"] == (pytest.approx(5 * 0.72 / (4 * 0.9 + 0.8)), "precision and recall")
    assert "dice" not in implied_floors({"precision": 0.9, "recall": 0.8}, pooled=False)


def counts(draw_list: list[tuple[int, int, int]]) -> ConfusionCounts:
    tp, fp, fn = (
        np.array(column, np.int64)[:, np.newaxis] for column in zip(*draw_list, strict=True)
    )
    return ConfusionCounts(tp=tp, fp=fp, fn=fn, tn=np.zeros_like(tp))


def values(of: ConfusionCounts) -> dict[str, np.ndarray]:
    return {m: CATALOG[m].values(of, both_empty_is_one=False)[..., 0] for m in METRICS}


NUMBERS = st.tuples(*[st.integers(0, 50)] * 3)


@given(st.lists(NUMBERS, min_size=1, max_size=1))
def test_what_is_implied_holds_for_any_counts(numbers):
    found = {m: float(v[0]) for m, v in values(counts(numbers)).items() if np.isfinite(v[0])}
    for metric, (floor, source) in implied_floors(found, pooled=True).items():
        if metric in found:
            assert found[metric] >= floor - 1e-9, (metric, source)


@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_what_is_implied_of_means_holds_for_any_images(numbers):
    with np.errstate(invalid="ignore"):
        per_image = values(counts(numbers))
    found = {m: float(np.nanmean(v)) for m, v in per_image.items() if np.isfinite(v).any()}
    for metric, (floor, source) in implied_floors(found, pooled=False).items():
        assert found[metric] >= floor - 1e-9, (metric, source)


@given(st.floats(0, 1), st.sampled_from([0.5, 1.0, 2.0]))
def test_one_of_two_at_its_best_is_the_floor_of_the_other(f, beta):
    name = {0.5: "f0.5", 1.0: "dice", 2.0: "f2"}[beta]
    found = implied_floors({name: f}, pooled=True)
    assert f_beta(1.0, found["recall"][0], beta) == pytest.approx(f, abs=1e-9)
    assert f_beta(found["precision"][0], 1.0, beta) == pytest.approx(f, abs=1e-9)


@given(st.floats(0, 1))
def test_dice_and_iou_are_inverse(x):
    assert iou_of_dice(dice_of_iou(x)) == pytest.approx(x, abs=1e-12)
