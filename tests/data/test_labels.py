"""How label values become class indices."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.errors import ConfigError

DTYPES = [np.uint8, np.uint16, np.int32, np.dtype(">u2")]


def test_reference_values_become_indices_ignored_and_undeclared(three):
    labels = np.array([[0, 1, 2], [255, 7, 2]], np.uint8)
    assert three.reference_lookup(labels).tolist() == [[0, 1, 2], [3, 4, 2]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_prediction_outside_the_classes_is_no_class_also_where_references_ignore_it(three, dtype):
    labels = np.array([0, 1, 2, 3, 255], dtype)
    assert three.prediction_lookup(labels).tolist() == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_values_are_one_class(dtype):
    scheme = LabelScheme.of({"rest": [0, 9], "lesion": [4, 5]})
    assert scheme.reference_lookup(np.array([9, 5, 4, 0, 1], dtype)).tolist() == [0, 1, 1, 0, 3]


@pytest.mark.parametrize(
    "classes", [{"no": 0, "yes": 1}, {"yes": 1, "no": 0}, {"yes": 255, "no": 0}]
)
def test_binary_takes_anything_but_zero_as_the_other_class(classes):
    scheme = LabelScheme.of(classes, encoding="binary")
    yes, no = list(classes).index("yes"), list(classes).index("no")
    labels = np.array([0, 1, 128, 255, 0], np.uint8)
    expected = [no, yes, yes, yes, no]
    assert scheme.foreground == yes
    assert scheme.reference_lookup(labels).tolist() == expected
    assert scheme.prediction_lookup(labels).tolist() == expected
    assert scheme.threshold_lookup(np.array([0, 1], np.uint8)).tolist() == [no, yes]


def test_binary_may_ignore_a_value():
    scheme = LabelScheme.of({"no": 0, "yes": 1}, ignore=[7], encoding="binary")
    assert scheme.reference_lookup(np.array([0, 7, 8], np.uint8)).tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    "classes", [{"a": 0}, {"a": 0, "b": 1, "c": 2}, {"a": 1, "b": 2}, {"a": [0, 1], "b": 2, "c": 3}]
)
def test_one_probability_needs_two_classes_with_a_background(classes):
    with pytest.raises(ConfigError, match=r"needs two classes, one of them with label 0; found"):
        _ = LabelScheme.of(classes).foreground


def test_class_means_are_over_what_is_not_excluded(three):
    assert three.scored == ("cell", "wall")
    assert three.n_classes == 3


def test_undeclared_labels_are_counted(three):
    labels = np.array([[0, 9, 9], [255, 1, 8]], np.uint8)
    assert three.undeclared(labels) == {8: 1, 9: 2}
    assert three.undeclared(labels.astype(np.uint16)) == {8: 1, 9: 2}
    assert three.undeclared(np.zeros((2, 2), np.uint8)) == {}


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_of_counts_every_value(dtype):
    values, pixels = values_of(np.array([[3, 200], [3, 0]], dtype))
    assert values.tolist() == [0, 3, 200]
    assert pixels.tolist() == [1, 2, 1]
