"""The worst images of a class, against plain Python."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.worst import WorstImages, worst_images


def counts(rows) -> ConfusionCounts:
    """One class from rows of (tp, fp, fn)."""
    tp, fp, fn = (np.array(column, np.int64)[:, np.newaxis] for column in zip(*rows, strict=True))
    return ConfusionCounts(tp, fp, fn, np.full_like(tp, 50))


def worst(rows, ids=None) -> WorstImages:
    ids = ids or [f"i{k:03}" for k in range(len(rows))]
    return worst_images(ids, counts(rows), {"c": 0})["c"]


def test_misses_false_alarms_and_the_worst_share():
    rows = [(9, 1, 1), (0, 0, 7), (0, 5, 0), (0, 0, 0), (1, 9, 19), (5, 5, 0)]
    found = worst(rows)
    assert (found.defined, found.catastrophic, found.missed, found.false_alarms) == (5, 3, 1, 1)
    assert (found.worst_n, found.worst_dice) == (1, 0.0)
    assert [i.id for i in found.images] == ["i001", "i002", "i004"]
    assert [i.dice for i in found.images] == [0, 0, pytest.approx(2 / 30)]
    assert (found.images[1].recall, found.images[0].precision) == (None, None)


def test_dice_of_exactly_a_tenth_is_not_catastrophic():
    assert worst([(1, 0, 18)]).catastrophic == 0  # 2 / 20
    assert worst([(1, 0, 19)]).catastrophic == 1


def test_the_worst_twentieth_of_forty_are_two():
    rows = [(k, 0, 40 - k) for k in range(1, 41)]
    found = worst(rows)
    assert found.worst_n == 2
    assert found.worst_dice == pytest.approx((2 / 41 + 4 / 42) / 2)


def test_without_any_defined_image():
    found = worst([(0, 0, 0)])
    assert (found.defined, found.worst_n, found.worst_dice, found.images) == (0, 0, None, ())
    assert worst_images([], ConfusionCounts.zeros((0, 1)), {"c": 0})["c"].defined == 0


def test_no_more_than_a_hundred_are_listed_and_all_are_counted():
    found = worst([(0, 0, 5)] * 250)
    assert (found.catastrophic, len(found.images)) == (250, 100)


rows = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 60))


def test_the_worst_twentieth_is_no_matter_of_rounding():
    assert worst([(9, 1, 1)] * 140).worst_n == 7  # 0.05 x 140 is 7.000000000000001
    assert worst([(9, 1, 1)] * 141).worst_n == 8


@given(st.lists(rows, min_size=1, max_size=60))
def test_against_plain_python(values):
    found = worst(values)
    dice = sorted(2 * t / (2 * t + p + n) for t, p, n in values if t + p + n)
    assert found.defined == len(dice)
    assert found.catastrophic == sum(d < 0.1 for d in dice)
    assert found.missed == sum(t == 0 and n > 0 for t, _, n in values)
    if dice:
        k = math.ceil(len(dice) / 20)
        assert found.worst_dice == pytest.approx(sum(dice[:k]) / k)
    again = WorstImages.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert again == found


@given(st.permutations(range(12)), st.lists(rows, min_size=12, max_size=12))
def test_the_order_of_the_samples_does_not_matter(order, values):
    ids = [f"s{i}" for i in range(12)]
    assert worst([values[i] for i in order], [ids[i] for i in order]) == worst(values, ids)
