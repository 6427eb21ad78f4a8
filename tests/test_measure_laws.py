"""Laws of the whole measurement: of one pair of arrays, and of a split of files."""

from __future__ import annotations

import shutil
from dataclasses import fields
from itertools import count

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmetrics import measure, parallel
from segmetrics.data.labels import LabelScheme
from segmetrics.metrics import ObjectCounts, precision, recall
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import Measured, ObjectOptions, PixelOptions, Question, measure_arrays
from segmetrics.tables import Targets, read_measurements

CLASSES = ("background", "cell", "wall")
REGIONS = (("tissue", (1, 2)),)
DISTANCES = ("hd", "hd95", "assd", "masd")
ALL = PixelOptions(
    surface=(*DISTANCES, "nsd"), tolerance=1.5, boundary=0.1, objects=ObjectOptions(min_size=2)
)
QUESTION = Question(
    LabelScheme.of({name: i for i, name in enumerate(CLASSES)}),
    Targets(CLASSES, REGIONS, objects=True),
    OperatingPoint("argmax"),
    ALL,
)
LABELS = st.integers(0, 2)
PAIRS = hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=7).flatmap(
    lambda shape: st.tuples(
        *(hnp.arrays(np.uint8, shape, elements=LABELS) for _ in range(2)),
        st.tuples(*(st.sampled_from([0.5, 1.0, 3.0]) for _ in shape)),
    )
)


def measured(reference, prediction, spacing) -> Measured:
    return measure_arrays(
        reference=np.ascontiguousarray(reference),
        prediction=np.ascontiguousarray(prediction),
        question=QUESTION,
        spacing=spacing,
    )


def counts_of(found: Measured):
    return measure.MeasuredImage("a", "", "", "", found.matrix).counts_of(QUESTION.targets)


def found_objects(found: Measured) -> list[tuple]:
    """Class, side, size and whether matched, of all objects, without their numbers."""
    o = found.objects
    columns = (a.tolist() for a in (o.target, o.predicted, o.size, o.matched > 0))
    return sorted(zip(*columns, strict=True))


def same(one: Measured, other: Measured) -> None:
    assert one.columns.keys() == other.columns.keys()
    for name in one.columns:
        np.testing.assert_allclose(one.columns[name], other.columns[name], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_flipping_and_transposing_both_masks_changes_nothing(pair, random):
    reference, prediction, spacing = pair
    axes = random.sample(range(reference.ndim), reference.ndim)
    flipped = tuple(axis for axis in axes if random.random() < 0.5)
    one = measured(*pair)
    other = measured(
        np.flip(reference, flipped).transpose(axes),
        np.flip(prediction, flipped).transpose(axes),
        [spacing[axis] for axis in axes],
    )
    assert (one.matrix == other.matrix).all()
    same(one, other)
    assert found_objects(one) == found_objects(other)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_exchanging_the_masks_exchanges_precision_and_recall(pair):
    reference, prediction, spacing = pair
    one, other = measured(*pair), measured(prediction, reference, spacing)
    a, b = counts_of(one), counts_of(other)
    assert (a.tp == b.tp).all()
    assert (a.fp == b.fn).all()
    np.testing.assert_array_equal(precision(a), recall(b))
    np.testing.assert_array_equal(recall(a), precision(b))
    same(one, other)
    # min_size leaves out objects and excuses what lies on them, which only references can do
    everything = PixelOptions(objects=ObjectOptions())
    q = Question(QUESTION.scheme, QUESTION.targets, QUESTION.point, everything)
    there, back = (
        measure_arrays(reference=r, prediction=p, question=q, spacing=spacing).objects
        for r, p in ((reference, prediction), (prediction, reference))
    )
    for k in range(len(QUESTION.targets.names)):
        sides = [
            (o.matched > 0)[(o.target == k) & (o.predicted == side)]
            for o, side in ((there, False), (back, True), (there, True), (back, False))
        ]
        n = [(s.sum(), s.size) for s in sides]
        assert n[0] == n[1]
        assert n[2] == n[3]


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.sampled_from([0.25, 2.0, 16.0]))
def test_distances_scale_with_spacing_and_nothing_else_does(pair, factor):
    reference, prediction, spacing = pair
    one = measured(*pair)
    other = measured(reference, prediction, [s * factor for s in spacing])
    assert (one.matrix == other.matrix).all()
    assert other.diagonal == pytest.approx(one.diagonal * factor, rel=1e-12)
    for name in DISTANCES:
        np.testing.assert_allclose(other.columns[name], one.columns[name] * factor, rtol=1e-12)
    np.testing.assert_array_equal(other.columns["boundary_iou"], one.columns["boundary_iou"])


# IoU in 64ths, so that sums are exact
ROWS = st.lists(st.integers(0, 1000), min_size=8, max_size=8)


@given(ROWS, ROWS, ROWS)
def test_merging_object_counts_is_associative_with_zeros_neutral(first, second, third):
    def counts(values):
        names = [f.name for f in fields(ObjectCounts)]
        numbers = [v / 64 if "iou" in n else v for n, v in zip(names, values, strict=True)]
        return ObjectCounts(*map(np.asarray, numbers))

    def numbers(c):
        return [float(getattr(c, f.name)) for f in fields(ObjectCounts)]

    a, b, c = map(counts, (first, second, third))
    assert numbers((a + b) + c) == numbers(a + (b + c))
    assert numbers(a + b) == numbers(b + a)
    assert numbers(ObjectCounts.zeros() + a) == numbers(a) == numbers(a + ObjectCounts.zeros())


def files(folder) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(9)), workers=st.integers(1, 3), size=st.sampled_from([1, 4, 64]))
@pytest.mark.parametrize("processes", [False, True])
def test_order_workers_and_chunks_change_no_byte_of_any_table(
    run_measure, dataset, three, tmp_path, monkeypatch, processes, order, workers, size
):
    monkeypatch.setattr(parallel, "_WORTH_PROCESSES_S", 0.0 if processes else 1e9)
    samples = dataset.samples(three)
    folders = (tmp_path / f"{i}" for i in count() if not (tmp_path / f"{i}").exists())
    asked = {"options": ALL, "regions": REGIONS}
    monkeypatch.setattr(measure, "_CHUNK", 64)
    first = files(run_measure(samples=samples, out=next(folders), **asked))
    assert {"images.parquet", "confusion.parquet", "objects.parquet"} == first.keys()
    monkeypatch.setattr(measure, "_CHUNK", size)
    shuffled = [samples[i] for i in order]
    out = run_measure(samples=shuffled, workers=workers, out=next(folders), **asked)
    assert files(out) == first


def test_measuring_parts_and_adding_is_measuring_the_whole(dataset, predictions, three, tmp_path):
    def measure_some(name, samples):
        folder = tmp_path / f"{name}_predictions"
        folder.mkdir()
        for sample in samples:
            shutil.copy(predictions / f"{sample.id}.png", folder)
        targets = Targets(three.names, REGIONS, objects=True)
        question = Question(three, targets, OperatingPoint("argmax"), ALL)
        out = tmp_path / name
        measure.measure_split(
            samples, predictions=folder, out=out, question=question, spacing=(), workers=1
        )
        return read_measurements(out)

    samples = dataset.samples(three)
    whole = measure_some("whole", samples)
    one, other = measure_some("one", samples[:4]), measure_some("other", samples[4:])
    added = one.counts.sum() + other.counts.sum()
    for name in ("tp", "fp", "fn", "tn"):
        assert (getattr(added, name) == getattr(whole.counts.sum(), name)).all()
    assert (one.confusion + other.confusion == whole.confusion).all()
    objects = one.observations.objects.sum() + other.observations.objects.sum()
    for name in ("tp", "fp", "fn", "pq_tp", "pq_fp", "pq_fn"):
        found = getattr(whole.observations.objects.sum(), name)
        assert found.sum() > 0
        assert (getattr(objects, name) == found).all()
