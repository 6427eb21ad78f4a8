"""Object matching on hand-made masks: the rules, sizes, what is left out, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from segmetrics.errors import ConfigError, DataError
from segmetrics.metrics.components import label_components
from segmetrics.metrics.object_scores import (
    ObjectCounts,
    false_objects,
    matched_iou,
    object_f1,
    object_precision,
    object_recall,
    panoptic_quality,
    recall_by_size,
    recognition_quality,
    segmentation_quality,
    size_buckets,
)
from segmetrics.metrics.objects import match_objects

REDUCERS = (
    object_precision, object_recall, object_f1, matched_iou, false_objects, segmentation_quality,
    recognition_quality, panoptic_quality,
)  # fmt: skip


def labels(*runs: tuple[int, int, int], length: int = 100) -> np.ndarray:
    """A line of instance labels from (id, start, stop); one row, so that sizes are lengths."""
    line = np.zeros((1, length), np.uint16)
    for value, start, stop in runs:
        line[0, start:stop] = value
    return line


def matched(reference: np.ndarray, prediction: np.ndarray, **options):
    return match_objects(
        reference=reference,
        prediction=prediction,
        reference_instances=True,
        prediction_instances=True,
        **options,
    )


def test_every_object_with_its_size_partner_and_iou():
    r = labels((7, 0, 10), (3, 20, 30), (900, 40, 50))
    p = labels((2, 2, 10), (5, 25, 35), (60, 70, 75))
    found = matched(r, p)
    assert found.reference.id.tolist() == [3, 7, 900]
    assert found.reference.size.tolist() == [10, 10, 10]
    assert found.reference.match.tolist() == [0, 2, 0]
    np.testing.assert_equal(found.reference.iou, [math.nan, 0.8, math.nan])
    assert found.prediction.id.tolist() == [2, 5, 60]
    assert found.prediction.size.tolist() == [8, 10, 5]
    assert found.prediction.match.tolist() == [7, 0, 0]
    np.testing.assert_equal(found.prediction.iou, [0.8, math.nan, math.nan])
    assert {a.dtype for a in (found.reference.id, found.reference.size, found.reference.match)} == {
        np.dtype(np.int64)
    }
    assert [object_precision(found), object_recall(found), object_f1(found)] == [1 / 3] * 3
    assert false_objects(found) == 2.0
    assert matched_iou(found) == 0.8


def test_panoptic_quality_on_paper():
    # IoU 0.8 and 0.6; one missed, one invented and one with IoU 0.5, which is neither.
    r = labels((1, 0, 10), (2, 20, 30), (3, 40, 50), (4, 60, 64))
    p = labels((1, 0, 8), (2, 20, 26), (3, 40, 45), (4, 80, 90))
    found = matched(r, p)
    assert segmentation_quality(found) == pytest.approx(0.7)
    assert recognition_quality(found) == 2 / (2 + 2 / 2 + 2 / 2)
    assert panoptic_quality(found) == pytest.approx(1.4 / 4)
    # 0.5 is enough for the rule `iou`, and not for PQ.
    assert object_f1(found) == 0.75
    assert found.reference.match.tolist() == [1, 2, 3, 0]
    assert found.reference.pq_match.tolist() == [1, 2, 0, 0]


def test_panoptic_quality_is_the_same_under_every_rule():
    r, p = labels((1, 0, 10), (2, 20, 30)), labels((1, 0, 8), (2, 24, 40))
    values = {
        (panoptic_quality(found), segmentation_quality(found), recognition_quality(found))
        for found in (
            matched(r, p),
            matched(r, p, at_least=0.9),
            matched(r, p, match="coverage", at_least=0.1),
            matched(r, p, match="any_overlap"),
        )
    }
    assert values == {(0.4, 0.8, 0.5)}


@pytest.mark.parametrize(
    ("options", "tp"),
    [
        ({}, 1),
        ({"at_least": 0.8}, 1),
        ({"at_least": 0.81}, 0),
        ({"match": "coverage"}, 2),  # covered by 0.8 and 0.6
        ({"match": "coverage", "at_least": 0.6}, 2),
        ({"match": "coverage", "at_least": 0.61}, 1),
        ({"match": "any_overlap"}, 3),
        ({"match": "any_overlap", "at_least": 1.0}, 3),  # has no bound
    ],
)
def test_the_rules(options, tp):
    r = labels((1, 0, 10), (2, 20, 30), (3, 40, 50))
    p = labels((1, 0, 8), (2, 24, 60 - 22), (3, 49, 80))
    assert matched(r, p, **options).counts().tp == tp


def test_one_blob_over_five_lesions_finds_one():
    r = labels(*((k, 10 * k, 10 * k + 5) for k in range(1, 6)))
    found = matched(r, labels((1, 5, 60)), match="any_overlap")
    assert (found.counts().tp, found.counts().fp, found.counts().fn) == (1, 0, 4)
    covered = matched(r, labels((1, 5, 60)), match="coverage")
    assert covered.counts().tp == 1


def test_a_split_object_is_found_once_and_invented_once():
    found = matched(labels((1, 0, 20)), labels((1, 0, 12), (2, 13, 20)), match="any_overlap")
    assert found.reference.match.tolist() == [1]
    assert found.prediction.match.tolist() == [1, 0]
    assert found.counts().fp == 1


def test_the_pairing_with_the_largest_total_is_taken_not_the_greedy_one():
    # IoU: 1-1 is 0.5 and taken first by a greedy search, which leaves 0.5; 1-2 and 2-1 give more.
    r, p = labels((1, 0, 20), (2, 20, 36)), labels((1, 4, 30), (2, 0, 4))
    found = matched(r, p, at_least=0.1)
    ious = {(1, 1): 16 / 30, (1, 2): 4 / 20, (2, 1): 10 / 32}
    assert ious[1, 1] > ious[2, 1] > ious[1, 2]
    assert ious[1, 2] + ious[2, 1] < ious[1, 1]
    assert found.reference.match.tolist() == [1, 0]
    longer = matched(labels((1, 0, 20), (2, 20, 36)), labels((1, 4, 36), (2, 0, 4)), at_least=0.1)
    # 16/36 against 4/20 + 16/32
    assert longer.reference.match.tolist() == [2, 1]


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("other", [1, 2])
def test_among_equal_totals_more_pairs_are_taken(first, other):
    # The first two share 4 pixels; each shares 2 with what else there is of the other side.
    r = labels((first, 0, 8), (3 - first, 8, 12))
    p = labels((other, 4, 10), (3 - other, 0, 2))
    found = matched(r, p, match="any_overlap")
    assert found.counts().tp == 2
    # IoU 1/2 against 1/4 and 1/4, whatever the numbering.
    r = labels((first, 0, 3), (3 - first, 5, 7))
    p = labels((other, 1, 3), (other, 5, 6), (3 - other, 0, 1), (3 - other, 20, 21))
    assert matched(r, p, match="iou", at_least=0.1).counts().tp == 2


def test_components_touch_over_corners_in_2d_and_3d():
    assert label_components(np.eye(4, dtype=bool)).max() == 1
    corner = np.zeros((2, 2, 2), np.uint8)
    corner[0, 0, 0] = corner[1, 1, 1] = 255
    assert label_components(corner).tolist() == (corner > 0).astype(int).tolist()
    apart = np.zeros((3, 5), bool)
    apart[0, 0] = apart[2, 1] = apart[0, 4] = True
    assert label_components(apart).tolist() == [[1, 0, 0, 0, 2], [0] * 5, [0, 3, 0, 0, 0]]


def test_instances_may_touch_or_lie_apart_and_masks_are_components():
    touching = labels((1, 0, 10), (2, 10, 20))
    apart = labels((1, 0, 10), (1, 30, 40))
    assert matched(touching, touching).counts().tp == 2
    assert matched(apart, apart).counts().tp == 1
    as_masks = {"reference_instances": False, "prediction_instances": False}
    for line, n in ((touching, 1), (apart, 2)):
        found = match_objects(reference=line, prediction=line != 0, **as_masks)
        assert found.reference.id.tolist() == list(range(1, n + 1))
        assert found.counts().tp == n


def test_smaller_objects_are_left_out_on_both_sides():
    r = labels((1, 0, 9), (2, 20, 30), (3, 40, 50))
    p = labels((1, 60, 69), (2, 20, 30), (3, 40, 49))
    found = matched(r, p, min_size=10)
    assert found.reference.id.tolist() == [2, 3]
    assert found.prediction.id.tolist() == [2]
    assert (found.counts().tp, found.counts().fp, found.counts().fn) == (1, 0, 1)


@pytest.mark.parametrize(("start", "fp"), [(0, 0), (2, 0), (4, 1), (5, 1), (50, 1)])
def test_a_prediction_mostly_on_what_was_left_out_is_no_false_positive(start, fp):
    # 10 pixels, of which 8, 7, 5 (just half), 4 and 0 lie on the object that was left out.
    r, p = labels((1, 1, 9), (2, 30, 45)), labels((1, start, start + 10))
    assert matched(r, p, min_size=10).counts().fp == fp
    assert matched(r, p, min_size=10).counts().pq_fp == fp
    assert matched(r, p, min_size=10).counts().fn == 1


def test_a_prediction_with_a_partner_stays_and_is_no_panoptic_false_positive():
    r, p = labels((1, 1, 9), (2, 9, 20)), labels((1, 0, 12))
    found = matched(r, p, min_size=10, match="any_overlap")
    assert found.prediction.match.tolist() == [2]
    assert found.prediction.excused.tolist() == [True]
    counts = found.counts()
    assert (counts.tp, counts.fp, counts.fn) == (1, 0, 0)
    assert (counts.pq_tp, counts.pq_fp, counts.pq_fn) == (0, 0, 1)


def test_an_excused_prediction_may_be_a_panoptic_match_only():
    r, p = labels((1, 0, 10)), labels((1, 4, 30))
    ignored = labels((1, 10, 30)) > 0
    counts = matched(r, p, ignored=ignored, at_least=0.75).counts()
    assert (counts.tp, counts.fp, counts.fn) == (0, 0, 1)
    assert (counts.pq_tp, counts.pq_fp, counts.pq_fn, counts.pq_sum_iou) == (1, 0, 0, 0.6)


def test_ignored_pixels_count_nowhere_and_cut_nothing():
    r, p = labels((1, 0, 10), (2, 40, 50)), labels((1, 0, 20), (2, 60, 80), (3, 40, 60))
    ignored = np.zeros(r.shape, bool)
    ignored[0, 10:20] = ignored[0, 60:71] = ignored[0, 45:48] = True
    found = match_objects(reference=r, prediction=p != 0, ignored=ignored)
    # 0..20 without 10..20 is a match of IoU 1; 40..80 is one component of 26 counted pixels.
    assert found.prediction.size.tolist() == [10, 26]
    assert found.reference.size.tolist() == [10, 7]
    np.testing.assert_equal(found.reference.iou, [1.0, math.nan])
    whole = matched(r, p, ignored=ignored)
    # As instances, 60..80 lies on ignored pixels by 11 of 20 and is left out.
    assert whole.prediction.id.tolist() == [1, 3]
    assert whole.counts().fp == 1
    ignored[0, 70] = False
    assert matched(r, p, ignored=ignored).counts().fp == 2


def test_buckets_are_half_open_and_follow_the_reference():
    assert size_buckets(np.array([1, 63, 64, 511, 512, 9999]), (64, 512)).tolist() == [
        0, 0, 1, 1, 2, 2
    ]  # fmt: skip
    r = labels((1, 0, 10), (2, 20, 30), (3, 40, 60), length=200)
    p = labels((1, 0, 8), (3, 40, 60), (4, 100, 105), (5, 110, 160), length=200)
    found = matched(r, p)
    np.testing.assert_equal(recall_by_size(found, edges=(10, 20)), [math.nan, 0.5, 1.0])
    counts = found.counts_by_size(edges=(10, 20))
    assert counts.tp.tolist() == [0, 1, 1]  # the prediction of 8 pixels is with its reference
    assert counts.fp.tolist() == [1, 0, 1]
    assert counts.fn.tolist() == [0, 1, 0]
    assert counts.sum_iou.tolist() == [0.0, 0.8, 1.0]


@pytest.mark.parametrize("edges", [(64, 64), (512, 64), (0, 5), (-1,), (math.nan,)])
def test_edges_that_are_none_are_refused(edges):
    with pytest.raises(ConfigError, match="do not ascend from above zero; give pixels in"):
        size_buckets(np.array([5]), edges)


def test_undefined_is_nan_and_only_where_0_by_0():
    empty, line = labels(), labels((1, 0, 10))
    nan = math.nan
    values = {
        (0, 0): (nan, nan, nan, nan, 0, nan, nan, nan),
        (1, 0): (nan, 0, 0, nan, 0, nan, 0, 0),
        (0, 1): (0, nan, 0, nan, 1, nan, 0, 0),
        (1, 1): (1, 1, 1, 1, 0, 1, 1, 1),
    }
    for (in_r, in_p), expected in values.items():
        found = matched(line if in_r else empty, line if in_p else empty)
        results = [reduce(found) for reduce in REDUCERS]
        assert all(type(value) is float for value in results)
        np.testing.assert_equal(results, expected)


def test_counts_add_and_pool():
    a = matched(labels((1, 0, 10), (2, 20, 30)), labels((1, 0, 8))).counts()
    b = matched(labels((1, 0, 10)), labels((1, 0, 10), (2, 50, 60))).counts()
    pooled = ObjectCounts.zeros() + a + b
    assert (pooled.tp, pooled.fp, pooled.fn, pooled.sum_iou) == (2, 1, 1, 1.8)
    assert panoptic_quality(pooled) == pytest.approx(1.8 / 3)
    assert object_f1(pooled).shape == ()
    by_size = ObjectCounts.zeros((3,))
    assert object_recall(by_size).shape == (3,)
    with pytest.raises(ValueError, match=r"counts of shape \(3,\) and \(\) do not add"):
        by_size + a


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"match": "dice"}, 'match: unknown rule "dice"; rules: iou, coverage, any_overlap'),
        ({"at_least": 0.0}, "at_least: 0.0 is not a bound; give one above 0, at most 1"),
        ({"at_least": 1.1}, "at_least: 1.1 is not a bound; give one above 0, at most 1"),
        ({"at_least": math.nan}, "at_least: nan is not a bound; give one above 0, at most 1"),
        ({"min_size": 0}, "min_size: 0 is not a size; 1 keeps every object"),
    ],
)
def test_rules_that_are_none_are_refused(options, text):
    with pytest.raises(ConfigError) as caught:
        matched(labels(), labels(), **options)
    assert str(caught.value) == f"match_objects: {text}"


def test_arrays_that_are_none_are_refused():
    line = labels((1, 0, 10))
    with pytest.raises(DataError, match="nothing is resized to fit"):
        matched(line, line[:, 1:])
    with pytest.raises(TypeError, match="prediction holds float64"):
        matched(line, line * 1.0)
    with pytest.raises(DataError, match="reference: instance labels from -1 to 0; label"):
        matched(-line.astype(int), line)
    with pytest.raises(DataError, match="instance labels from 0 to 18446744073709551615"):
        matched(line, line * np.uint64(2**64 - 1))
    with pytest.raises(DataError, match=r"ignored: uint16 of shape .* give a boolean array"):
        matched(line, line, ignored=line)
    with pytest.raises(DataError, match=r"ignored: bool of shape \(1, 99\)"):
        matched(line, line, ignored=line[:, 1:] > 0)
