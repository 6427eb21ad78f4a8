"""Counts against paper, brute force and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import confusion_matrix as sklearn_matrix
from sklearn.metrics import multilabel_confusion_matrix

from segmetrics.errors import DataError
from segmetrics.metrics import ConfusionCounts, LabelLookup, confusion_matrix, count_confusion
from segmetrics.metrics.label_pairs import BLOCK

FIELDS = ("tp", "fp", "fn", "tn")
DTYPES = (np.uint8, np.int8, np.uint16, np.int64)


def four(counts: ConfusionCounts) -> list[list[int]]:
    return [getattr(counts, name).tolist() for name in FIELDS]


def brute_force(reference, prediction, n_classes: int, ignore=()) -> list[list[int]]:
    """The four counts of each class by four comparisons of whole masks."""
    kept = ~np.isin(reference, list(ignore))
    rows = []
    for k in range(n_classes):
        r, p = (reference == k)[kept], (prediction == k)[kept]
        rows.append([(r & p).sum(), (~r & p).sum(), (r & ~p).sum(), (~r & ~p).sum()])
    return [[int(row[i]) for row in rows] for i in range(4)]


shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=7)


@st.composite
def mask_pairs(draw, labels: tuple[int, ...] = (0, 1, 2, 3)):
    shape, values = draw(shapes), st.sampled_from(labels)
    return tuple(
        draw(hnp.arrays(draw(st.sampled_from(DTYPES)), shape, elements=values)) for _ in range(2)
    )


def test_four_pixels_on_paper():
    counts = count_confusion(
        reference=np.array([[0, 1], [1, 1]]), prediction=np.array([[0, 0], [1, 1]]), n_classes=2
    )
    assert four(counts) == [[1, 2], [1, 0], [0, 1], [2, 1]]
    assert {getattr(counts, name).dtype for name in FIELDS} == {np.dtype(np.int64)}


def test_ignored_reference_pixels_are_counted_nowhere():
    counts = count_confusion(
        reference=np.array([1, 1, 255, 255]),
        prediction=np.array([1, 0, 1, 0]),
        n_classes=2,
        ignore=(255,),
    )
    assert four(counts) == [[0, 1], [1, 0], [0, 1], [1, 0]]


def test_a_predicted_label_that_is_no_class_is_a_miss_and_nobodys_false_positive():
    counts = count_confusion(
        reference=np.array([1, 1, 0]), prediction=np.array([9, 1, 255]), n_classes=2, ignore=(255,)
    )
    assert four(counts) == [[0, 1], [0, 0], [1, 1], [2, 1]]


def test_ignoring_a_class_value_wins_over_the_class():
    counts = count_confusion(
        reference=np.array([0, 1]), prediction=np.array([1, 1]), n_classes=2, ignore=(1,)
    )
    assert four(counts) == [[0, 0], [0, 1], [1, 0], [0, 0]]


def test_booleans_are_two_classes():
    r, p = np.array([True, True, False]), np.array([True, False, False])
    counts = count_confusion(reference=r, prediction=p, n_classes=2)
    assert four(counts) == [[1, 1], [1, 0], [0, 1], [1, 1]]


def test_an_undeclared_reference_label_names_value_and_pixels():
    with pytest.raises(DataError) as caught:
        count_confusion(
            reference=np.array([0, 7, 7, 9]), prediction=np.zeros(4, np.int64), n_classes=2
        )
    assert str(caught.value) == (
        "reference: undeclared label 7 (2 pixels), 9 (1 pixels); "
        "declare it as a class or list it under ignore"
    )


def test_a_negative_reference_label_is_undeclared():
    with pytest.raises(DataError, match=r"undeclared label -1 \(1 pixels\)"):
        count_confusion(reference=np.array([-1]), prediction=np.array([0]), n_classes=1)


def test_another_shape_is_refused_and_never_broadcast_or_resized():
    with pytest.raises(DataError) as caught:
        count_confusion(
            reference=np.zeros((2, 3), np.uint8), prediction=np.zeros(6, np.uint8), n_classes=2
        )
    assert str(caught.value) == (
        "count_confusion: the reference has shape (2, 3), the prediction (6,); "
        "nothing is resized to fit: bring the prediction to the size of the reference"
    )


@pytest.mark.parametrize("name", ["reference", "prediction"])
def test_probabilities_are_no_labels(name):
    masks = {"reference": np.zeros(2, np.uint8), "prediction": np.zeros(2, np.uint8)}
    masks[name] = np.zeros(2, np.float32)
    with pytest.raises(TypeError, match=f"{name} holds float32, not integer labels"):
        count_confusion(**masks, n_classes=2)


def test_masks_cannot_be_exchanged_by_position():
    with pytest.raises(TypeError):
        count_confusion(np.zeros(2, int), np.zeros(2, int), 2)  # type: ignore[misc]


def test_no_pixels_count_nothing():
    empty = np.zeros((0, 4), np.uint8)
    counts = count_confusion(reference=empty, prediction=empty, n_classes=3)
    assert four(counts) == four(ConfusionCounts.zeros(3))


@settings(max_examples=150, deadline=None)
@given(mask_pairs(labels=(0, 1, 2, 3, 100)), st.sets(st.sampled_from([1, 100])))
def test_counts_equal_brute_force(masks, extra):
    reference, prediction = masks
    ignore = tuple(sorted(extra | {100}))
    counts = count_confusion(reference=reference, prediction=prediction, n_classes=4, ignore=ignore)
    assert four(counts) == brute_force(reference, prediction, 4, ignore)


@settings(max_examples=60, deadline=None)
@given(mask_pairs())
def test_counts_equal_scikit_learn(masks):
    r, p = (mask.astype(np.int64).reshape(-1) for mask in masks)
    counts = count_confusion(reference=masks[0], prediction=masks[1], n_classes=4)
    theirs = multilabel_confusion_matrix(r, p, labels=[0, 1, 2, 3])
    tn, fp, fn, tp = theirs.reshape(4, 4).T.tolist()
    assert four(counts) == [tp, fp, fn, tn]
    lookup = LabelLookup({k: k for k in range(4)}, otherwise=4)
    undeclared = LabelLookup({k: k for k in range(4)}, otherwise=5)
    matrix = confusion_matrix(
        reference=masks[0], prediction=masks[1], n_classes=4,
        reference_lookup=undeclared, prediction_lookup=lookup,
    )  # fmt: skip
    assert matrix[:, :4].tolist() == sklearn_matrix(r, p, labels=[0, 1, 2, 3]).tolist()
    assert not matrix[:, 4].any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize("noise", [True, False])
def test_masks_larger_than_one_block(dtype, noise):
    rng = np.random.default_rng(7)
    shape = (3, 311, 331)
    assert np.prod(shape) > BLOCK
    if noise:
        reference, prediction = (rng.integers(0, 5, shape).astype(dtype) for _ in range(2))
    else:  # long runs that cross the border between two blocks
        reference = np.zeros(shape, dtype)
        reference.reshape(-1)[BLOCK - 5 : BLOCK + 9] = 2
        prediction = np.roll(reference.reshape(-1), 3).reshape(shape)
    counts = count_confusion(reference=reference, prediction=prediction, n_classes=4, ignore=(4,))
    assert four(counts) == brute_force(reference, prediction, 4, (4,))
    matrix = np.bincount(reference.reshape(-1) * np.int64(5) + prediction.reshape(-1), minlength=25)
    assert counts.tp.tolist() == matrix.reshape(5, 5).diagonal()[:4].tolist()


def test_booleans_larger_than_one_block():
    rng = np.random.default_rng(8)
    r, p = (rng.random((700, 601)) < 0.3 for _ in range(2))
    counts = count_confusion(reference=r, prediction=p, n_classes=2)
    assert four(counts) == brute_force(r, p, 2)


@settings(max_examples=60, deadline=None)
@given(mask_pairs())
def test_flipping_or_transposing_both_masks_changes_nothing(masks):
    counts = four(count_confusion(reference=masks[0], prediction=masks[1], n_classes=4))
    for change in (np.transpose, np.flip, lambda mask: np.flip(mask, axis=0)):
        r, p = (change(mask) for mask in masks)
        assert four(count_confusion(reference=r, prediction=p, n_classes=4)) == counts


count_arrays = hnp.arrays(np.int64, (4, 3), elements=st.integers(0, 2**40))


@given(count_arrays, count_arrays, count_arrays)
def test_merging_is_associative_with_zeros_neutral(a, b, c):
    x, y, z = (ConfusionCounts(*rows) for rows in (a, b, c))
    assert four((x + y) + z) == four(x + (y + z)) == (a + b + c).tolist()
    assert four(x + ConfusionCounts.zeros(3)) == four(ConfusionCounts.zeros(3) + x) == a.tolist()


def test_counts_of_other_classes_do_not_add():
    with pytest.raises(ValueError, match=r"shape \(2,\) and \(3,\) do not add"):
        ConfusionCounts.zeros(2) + ConfusionCounts.zeros(3)


def test_sum_and_rows_of_several_images():
    counts = ConfusionCounts(*(np.array([[1, 2], [3, 4], [5, 6]]) * f for f in (1, 10, 100, 1000)))
    assert four(counts.sum()) == [[9, 12], [90, 120], [900, 1200], [9000, 12000]]
    assert counts.rows(np.array([2, 0])).tp.tolist() == [[5, 6], [1, 2]]
    assert counts.rows(np.array([False, True, False])).fn.tolist() == [[300, 400]]


def test_counting_an_image_in_parts_changes_nothing():
    rng = np.random.default_rng(3)
    r, p = (rng.integers(0, 3, (10, 10)) for _ in range(2))
    whole = count_confusion(reference=r, prediction=p, n_classes=3)
    parts = [count_confusion(reference=r[s], prediction=p[s], n_classes=3)
             for s in (slice(0, 4), slice(4, 10))]  # fmt: skip
    assert four(parts[0] + parts[1]) == four(whole)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64])
def test_lookup_maps_listed_values_and_everything_else(dtype):
    lookup = LabelLookup({7: 0, 3: 1, 120: 0}, otherwise=9)
    labels = np.array([[3, 7], [120, 4]], dtype)
    assert lookup(labels).tolist() == [[1, 0], [0, 9]]


def test_an_empty_lookup_knows_no_value():
    assert LabelLookup({}, otherwise=2)(np.array([0, 5])).tolist() == [2, 2]
