"""Aggregates on paper: pooled, mean of images, mean of groups, mean of classes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from segmetrics.metrics import ConfusionCounts
from segmetrics.metrics.catalog import AGGREGATES, CATALOG
from segmetrics.stats.aggregate import (
    Estimate,
    class_mean,
    estimates,
    group_index,
    group_keys,
    group_values,
    mean_of_defined,
)

NAN = math.nan


def counts(tp, fp, fn, tn) -> ConfusionCounts:
    """One class, one column: a value an image."""
    return ConfusionCounts(*(np.array(column, np.int64)[:, None] for column in (tp, fp, fn, tn)))


# Image: Dice 1, 0.5, undefined, 0.4; recall 1, 1, undefined, 0.25
FOUR = counts([8, 1, 0, 1], [0, 2, 0, 0], [0, 0, 0, 3], [2, 7, 10, 6])
ONE_GROUP_EACH = np.arange(4)
PAIRS = np.array([0, 0, 1, 1])


def value(metric: str, aggregate: str, groups=ONE_GROUP_EACH, **options) -> Estimate:
    (estimate,) = estimates(CATALOG[metric], FOUR, groups, aggregate, **options)
    return estimate


@pytest.mark.parametrize(
    ("aggregate", "groups", "expected", "defined", "undefined"),
    [
        ("pooled", ONE_GROUP_EACH, 20 / 25, 3, 1),  # (2 * 10) / (2 * 10 + 2 + 3)
        ("image_mean", ONE_GROUP_EACH, (1 + 0.5 + 0.4) / 3, 3, 1),
        ("group_mean", ONE_GROUP_EACH, (1 + 0.5 + 0.4) / 3, 3, 1),
        ("group_mean", PAIRS, ((1 + 0.5) / 2 + 0.4) / 2, 2, 0),
        ("group_mean", np.array([0, 0, 1, 0]), (1 + 0.5 + 0.4) / 3, 1, 1),
        ("pooled", PAIRS, 20 / 25, 3, 1),
    ],
)
def test_dice_on_paper(aggregate, groups, expected, defined, undefined):
    estimate = value("dice", aggregate, groups)
    assert estimate.value == pytest.approx(expected, abs=1e-15)
    assert (estimate.defined, estimate.undefined) == (defined, undefined)
    assert estimate.low is None
    assert estimate.high is None


def test_the_three_aggregates_are_different_numbers():
    found = [value("recall", aggregate, PAIRS).value for aggregate in AGGREGATES]
    assert found == pytest.approx([10 / 13, 2.25 / 3, (1 + 0.25) / 2])


def test_both_empty_as_one_counts_the_empty_image():
    estimate = value("dice", "image_mean", both_empty_is_one=True)
    assert estimate.value == pytest.approx((1 + 0.5 + 1 + 0.4) / 4)
    assert (estimate.defined, estimate.undefined) == (4, 0)


def test_both_empty_as_one_adds_no_group_to_a_total():
    """Groups without the class say nothing about a total: they must not reach `min_groups`."""
    with_one = value("dice", "pooled", both_empty_is_one=True)
    assert with_one == value("dice", "pooled")
    assert (with_one.defined, with_one.groups) == (3, 3)


def test_false_alarms_are_a_rate_over_the_empty_references():
    alarm = counts([0, 0, 5], [3, 0, 1], [0, 0, 0], [7, 10, 4])
    (estimate,) = estimates(CATALOG["fp_on_empty"], alarm, np.arange(3), "image_mean")
    assert estimate == Estimate(0.5, None, None, defined=2, undefined=1, groups=2)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_a_class_that_never_occurs_is_undefined_and_counted(aggregate):
    never = counts([0, 0], [0, 0], [0, 0], [4, 4])
    (estimate,) = estimates(CATALOG["dice"], never, np.arange(2), aggregate)
    assert estimate == Estimate(None, None, None, defined=0, undefined=2)


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("both_empty_is_one", [True, False])
def test_no_images_have_no_value(aggregate, both_empty_is_one):
    nothing = ConfusionCounts(*(np.zeros((0, 2), np.int64) for _ in range(4)))
    found = estimates(
        CATALOG["dice"], nothing, np.zeros(0, np.intp), aggregate,
        both_empty_is_one=both_empty_is_one,
    )  # fmt: skip
    assert found == [Estimate(None, None, None, 0, 0)] * 2


def test_classes_are_kept_apart():
    two = ConfusionCounts(*(np.array(a) for a in ([[1, 0]], [[0, 1]], [[0, 1]], [[0, 0]])))
    found = estimates(CATALOG["dice"], two, np.zeros(1, np.intp), "pooled")
    assert [estimate.value for estimate in found] == [1.0, 0.0]


def test_shuffled_images_and_renumbered_groups_change_nothing():
    order = np.array([3, 1, 0, 2])
    for aggregate in AGGREGATES:
        (shuffled,) = estimates(CATALOG["dice"], FOUR.rows(order), 1 - PAIRS[order], aggregate)
        assert shuffled == value("dice", aggregate, PAIRS)


def test_mean_of_defined():
    values = np.array([[1.0, NAN, NAN], [0.0, 0.5, NAN]])
    np.testing.assert_array_equal(mean_of_defined(values), [0.5, 0.5, NAN])


def test_group_values():
    values = np.array([[1.0, NAN], [0.0, 0.5], [NAN, NAN]])
    result = group_values(values, np.array([1, 1, 0]))
    np.testing.assert_array_equal(result, [[NAN, NAN], [0.5, 0.5]])


@pytest.mark.parametrize("undefined", [NAN, math.inf, -math.inf])
def test_an_estimate_that_is_not_finite_is_none(undefined):
    assert Estimate.of(undefined, 2, 5) == Estimate(None, None, None, defined=2, undefined=3)


def test_an_estimate_as_json():
    assert Estimate.of(np.float64(0.5), 2, 5).to_json() == {
        "value": 0.5, "low": None, "high": None, "defined": 2, "undefined": 3, "groups": 0,
    }  # fmt: skip


def test_class_mean_counts_the_classes_it_leaves_out():
    none, half, one = (Estimate.of(v, 1, 1) for v in (NAN, 0.5, 1.0))
    assert class_mean([one, half]) == Estimate(0.75, None, None, defined=2, undefined=0)
    assert class_mean([one, none]) == Estimate(1.0, None, None, defined=1, undefined=1)
    assert class_mean([none]) == Estimate(None, None, None, defined=0, undefined=1)
    assert class_mean([]) == Estimate(None, None, None, defined=0, undefined=0)


def test_the_number_of_a_group_follows_from_its_name_alone():
    # printf %s a | sha256sum, the first 8 bytes, without the last bit
    a, b = 0xCA978112CA1BBDCA >> 1, 0x3E23E8160039594A >> 1
    assert group_keys(["b", "a", "b"]).tolist() == [b, a, b]
    assert group_keys(["a"]).tolist() == [a]
    assert group_keys([]).tolist() == []
    assert group_keys(["\udcff", "é"]).min() >= 0  # a file name that is no UTF-8


def test_group_index():
    assert group_index(["b", "a", "b", "10"]).tolist() == [2, 1, 2, 0]
    assert group_index([]).tolist() == []
