"""One pass over a pair: regions, distances, objects and scores against plain numpy and scipy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from segmetrics.data.labels import LabelScheme
from segmetrics.metrics import hd95, nsd, surface_distances
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import ObjectOptions, PixelOptions, Question, measure_arrays
from segmetrics.tables import Targets

ARGMAX = OperatingPoint("argmax")
BRATS = LabelScheme.of(
    {"background": 0, "necrosis": 1, "oedema": 2, "enhancing": 4},
    ignore=[255],
    exclude=["background"],
)
REGIONS = (("whole_tumour", (1, 2, 3)), ("tumour_core", (1, 3)), ("enhancing_tumour", (3,)))
BRATS_TARGETS = Targets(BRATS.names, REGIONS)
LABELS = np.array([0, 1, 2, 4, 255], np.uint8)


def measure(reference, prediction, *, scheme, targets=None, point=ARGMAX, spacing=None, **options):
    question = Question(scheme, targets or Targets(scheme.names), point, PixelOptions(**options))
    return measure_arrays(
        reference=reference,
        prediction=prediction,
        question=question,
        spacing=spacing or (1.0,) * reference.ndim,
    )


volumes = arrays.arrays(np.uint8, (2, 5, 6), elements=st.integers(0, 4)).map(lambda a: LABELS[a])


@given(reference=volumes, prediction=volumes)
def test_regions_are_counted_as_numpy_counts_their_union(reference, prediction):
    from segmetrics.tables.measured import count_targets

    found = measure(reference, prediction, scheme=BRATS, targets=BRATS_TARGETS)
    counts = count_targets(found.matrix, BRATS_TARGETS)
    labels = {"whole_tumour": [1, 2, 4], "tumour_core": [1, 4], "enhancing_tumour": [4]}
    valid = reference != 255
    for name, values in labels.items():
        r, p = np.isin(reference, values), np.isin(prediction, values)
        at = BRATS_TARGETS.names.index(name)
        four = [int(a[at]) for a in (counts.tp, counts.fp, counts.fn, counts.tn)]
        expected = [r & p, ~r & p, r & ~p, ~r & ~p]
        assert four == [int((e & valid).sum()) for e in expected]


@given(reference=volumes, prediction=volumes)
def test_distances_of_classes_and_regions_without_the_ignored_pixels(reference, prediction):
    spacing = (3.0, 1.0, 0.5)
    found = measure(
        reference, prediction, scheme=BRATS, targets=BRATS_TARGETS, spacing=spacing,
        surface=("hd95", "nsd"), tolerance=1.0,
    )  # fmt: skip
    assert list(found.columns) == ["hd95", "nsd"]
    whole = BRATS_TARGETS.names.index("whole_tumour")
    distances = surface_distances(
        reference=np.isin(reference, [1, 2, 4]),
        prediction=np.isin(prediction, [1, 2, 4]) & (reference != 255),
        spacing=spacing,
    )
    expected = [hd95(distances), nsd(distances, tolerance=1.0)]
    assert [found.columns[n][whole] for n in ("hd95", "nsd")] == pytest.approx(
        expected, nan_ok=True
    )
    assert found.diagonal == pytest.approx(np.sqrt(6.0**2 + 5.0**2 + 3.0**2))


TWO = LabelScheme.of({"background": 0, "cell": 1}, ignore=[255], exclude=["background"])


def test_objects_of_every_class_with_partners():
    reference = np.zeros((12, 12), np.uint8)
    reference[1:4, 1:4] = reference[6:10, 6:10] = 1
    prediction = np.zeros_like(reference)
    prediction[1:4, 1:4] = 1  # found
    prediction[0:2, 9:12] = 1  # invented
    found = measure(reference, prediction, scheme=TWO, objects=ObjectOptions())
    objects = found.objects
    cells = objects.target == 1
    rows = zip(
        objects.predicted[cells], objects.size[cells], objects.matched[cells] > 0,
        objects.iou[cells], strict=True,
    )  # fmt: skip
    assert sorted(rows) == [
        (False, 9, True, 1.0), (False, 16, False, 0.0), (True, 6, False, 0.0), (True, 9, True, 1.0),
    ]  # fmt: skip


def test_a_predicted_object_mostly_on_ignored_pixels_is_no_false_one():
    reference = np.zeros((8, 8), np.uint8)
    reference[:, 4:] = 255
    prediction = np.zeros_like(reference)
    prediction[2:6, 3:8] = 1
    found = measure(reference, prediction, scheme=TWO, objects=ObjectOptions())
    assert not (found.objects.target == 1).any()


INSTANCES = LabelScheme.of(
    {"background": 0, "cell": 1}, exclude=["background"], encoding="instances"
)


def test_touching_instances_stay_apart_and_pixels_are_binary():
    reference = np.zeros((6, 8), np.uint16)
    reference[1:5, 1:4], reference[1:5, 4:7] = 7, 300
    question = Question(INSTANCES, Targets(INSTANCES.names), ARGMAX, PixelOptions(
        objects=ObjectOptions()))  # fmt: skip
    found = measure_arrays(
        reference=reference, prediction=(reference > 0).astype(np.uint8), question=question,
        spacing=(1.0, 1.0), instances=(True, False),
    )  # fmt: skip
    assert found.matrix.tolist() == [[24, 0, 0], [0, 24, 0]]
    cells = found.objects.target == 1
    assert found.objects.size[cells & ~found.objects.predicted].tolist() == [12, 12]
    assert found.objects.size[cells & found.objects.predicted].tolist() == [24]


def test_scores_are_those_of_the_foreground_without_ignored_pixels():
    reference = np.uint8([[0, 1, 255, 1]])
    levels = np.uint8([[10, 200, 200, 127]])
    half = OperatingPoint("fixed", 0.5)
    found = measure(reference, levels, scheme=TWO, point=half, scores=True)
    assert found.scored == (1,)
    assert np.flatnonzero(found.histograms.positives[0]).tolist() == [127, 200]
    assert np.flatnonzero(found.histograms.negatives[0]).tolist() == [10]
    assert found.matrix.tolist() == [[1, 0, 0], [1, 1, 0]]


def test_nothing_more_is_measured_than_was_asked_for():
    found = measure(np.eye(4, dtype=np.uint8), np.eye(4, dtype=np.uint8), scheme=TWO)
    assert (found.columns, found.diagonal, found.objects, found.histograms) == (
        {},
        None,
        None,
        None,
    )


def test_a_single_slice_of_a_volume_has_the_borders_of_a_picture():
    rng = np.random.default_rng(8)
    flat = (rng.random((2, 20, 20)) > 0.4).astype(np.uint8)
    options = {"surface": ("hd95", "assd"), "boundary": 0.1, "objects": ObjectOptions()}
    picture = measure(flat[0], flat[1], scheme=TWO, spacing=(2.0, 1.0), **options)
    volume = measure(
        flat[0][..., None], flat[1][..., None], scheme=TWO, spacing=(2.0, 1.0, 9.0), **options
    )
    for name, values in picture.columns.items():
        assert volume.columns[name].tolist() == values.tolist()
    assert volume.objects.size.tolist() == picture.objects.size.tolist()


MULTI = LabelScheme.of({"cell": 0, "nucleus": 1}, encoding="channels")


@given(arrays.arrays(np.uint8, (2, 4, 5), elements=st.integers(0, 3)))
def test_classes_that_overlap_are_counted_each_by_itself(bits):
    targets = Targets(MULTI.names, (("any", (0, 1)),), overlapping=True)
    found = measure(bits[0], bits[1], scheme=MULTI, targets=targets)
    assert not found.matrix.any()
    for target, mask in enumerate((1, 2, 3)):
        r, p = (bits[0] & mask) != 0, (bits[1] & mask) != 0
        c = found.counts
        four = [int(a[target]) for a in (c.tp, c.fp, c.fn, c.tn)]
        assert four == [(r & p).sum(), (~r & p).sum(), (r & ~p).sum(), (~r & ~p).sum()]


def test_memory_of_class_masks_does_not_grow_with_the_classes():
    rng = np.random.default_rng(0)
    peaks = []
    for k in (10, 60):
        scheme = LabelScheme.of({f"c{v}": v for v in range(k)})
        labels = np.kron(rng.integers(0, k, (16, 16)), np.ones((32, 32), int)).astype(np.uint8)
        pair = {"reference": labels, "prediction": np.roll(labels, 3, 0)}
        options = {"boundary": 0.02, "surface": ("hd95",), "objects": ObjectOptions()}
        measure(**pair, scheme=scheme, **options)  # what is loaded once is not counted
        tracemalloc.start()
        measure(**pair, scheme=scheme, **options)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 50 classes more, kept, would be 50 masks of a side more.
    assert peaks[1] - peaks[0] < 2 * labels.size, peaks


SCORED = LabelScheme.of({"background": 0, "lesion": 1}, ignore=[255], exclude=["background"])


@given(
    reference=arrays.arrays(np.uint8, (9, 12), elements=st.sampled_from([0, 0, 0, 1, 255])),
    scores=arrays.arrays(np.uint8, (9, 12), elements=st.sampled_from([0, 0, 0, 99, 127, 128, 255])),
)
def test_scores_near_the_masks_are_those_within_one_pixel_of_them(reference, scores):
    found = measure(
        reference, scores, scheme=SCORED, targets=Targets(SCORED.names, scores=True),
        point=OperatingPoint("fixed", 0.5), scores=True,
    )  # fmt: skip
    valid = reference != 255
    masks = ((reference == 1) | (scores >= 128)) & valid
    padded = np.pad(masks, 1)  # 2 % of a diagonal of 15: at least 1
    shifts = [padded[r : r + 9, c : c + 12] for r in range(3) for c in range(3)]
    near = np.any(shifts, axis=0) & valid
    for histogram, chosen in ((found.histograms, valid), (found.near, near)):
        for counted, label in ((histogram.positives, 1), (histogram.negatives, 0)):
            expected = np.bincount(scores[chosen & (reference == label)], minlength=256)
            assert np.array_equal(counted, expected[np.newaxis])
    assert found.scored == (1,)
