"""Object matching against brute force on random masks, its laws, and real nuclei."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmetrics.metrics import components
from segmetrics.metrics.components import label_components
from segmetrics.metrics.object_scores import (
    object_f1,
    object_precision,
    object_recall,
    panoptic_quality,
    recognition_quality,
    segmentation_quality,
)
from segmetrics.metrics.objects import match_objects

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.sampled_from([(7, 8), (1, 20), (12, 1), (4, 4, 5), (9,)])
RULES = st.sampled_from(["iou", "coverage", "any_overlap"])
BOUNDS = st.sampled_from([0.05, 0.2, 0.5, 0.6, 1.0])


def random_labels(seed: int, shape: tuple[int, ...], largest: int = 5) -> np.ndarray:
    """Blocky labels that touch one another and the edge; sometimes empty or full."""
    rng = np.random.default_rng(seed)
    array = np.zeros(shape, np.int32)
    for _ in range(rng.integers(0, 7)):
        start = rng.integers(0, shape)
        stop = start + rng.integers(1, 5, len(shape))
        array[tuple(map(slice, start, stop))] = rng.integers(0, largest + 1)
    return array


def flood_fill(mask: np.ndarray) -> list[set[tuple[int, ...]]]:
    left, found = {tuple(at) for at in np.argwhere(mask).tolist()}, []
    steps = list(itertools.product((-1, 0, 1), repeat=mask.ndim))
    while left:
        queue = [min(left)]
        left.discard(queue[0])
        one = set(queue)
        while queue:
            at = queue.pop()
            near = {tuple(a + b for a, b in zip(at, step, strict=True)) for step in steps} & left
            left -= near
            one |= near
            queue += near
        found.append(one)
    return found


def pixels(array: np.ndarray) -> list[set[tuple[int, ...]]]:
    return [{tuple(at) for at in np.argwhere(array == v).tolist()} for v in np.unique(array) if v]


def best_total(weights: dict[tuple[int, int], float]) -> tuple[float, int]:
    """Largest total over all one-to-one choices, and the most pairs that reach it."""
    best = (0.0, 0)
    rows = sorted({i for i, _ in weights})

    def extend(k: int, used: frozenset[int], total: float, n: int) -> None:
        nonlocal best
        if k == len(rows):
            if total > best[0] + 1e-7 or (total > best[0] - 1e-7 and n > best[1]):
                best = (total, n)
            return
        extend(k + 1, used, total, n)
        for (i, j), weight in weights.items():
            if i == rows[k] and j not in used:
                extend(k + 1, used | {j}, total + weight, n + 1)

    extend(0, frozenset(), 0.0, 0)
    return best


@settings(deadline=None)
@given(SEEDS, SHAPES)
def test_components_equal_a_flood_fill(seed, shape):
    mask = random_labels(seed, shape) % 3 == 1
    ours, brute = label_components(mask), flood_fill(mask)
    assert sorted(map(sorted, pixels(ours))) == sorted(map(sorted, brute))
    assert ours.shape == mask.shape
    assert ((ours > 0) == mask).all()


@settings(deadline=None)
@given(SEEDS, SHAPES, RULES, BOUNDS, st.booleans())
def test_matching_equals_brute_force_over_all_pairs(seed, shape, match, at_least, instances):
    r, p = random_labels(seed, shape), random_labels(seed + 1, shape)
    r_objects, p_objects = (pixels(a) if instances else flood_fill(a) for a in (r, p))
    weights, ious = {}, {}
    for (i, a), (j, b) in itertools.product(enumerate(r_objects), enumerate(p_objects)):
        iou = len(a & b) / len(a | b)
        measure = {"iou": iou, "coverage": len(a & b) / len(a), "any_overlap": float(bool(a & b))}
        if a & b and measure[match] >= (at_least if match != "any_overlap" else 1):
            weights[i, j] = iou if match == "iou" else len(a & b)
        if iou > 0.5:
            ious[i, j] = iou
    found = match_objects(
        reference=r,
        prediction=p,
        match=match,
        at_least=at_least,
        reference_instances=instances,
        prediction_instances=instances,
    )
    counts, (total, n) = found.counts(), best_total(weights)
    assert counts.tp == n
    assert counts.fp == len(p_objects) - n
    assert counts.fn == len(r_objects) - n
    if match == "iou":
        assert counts.sum_iou == pytest.approx(total, abs=1e-7)
    assert counts.pq_tp == len(ious)
    assert counts.pq_sum_iou == pytest.approx(sum(ious.values()))
    assert (counts.pq_fp, counts.pq_fn) == (len(p_objects) - len(ious), len(r_objects) - len(ious))


@settings(deadline=None)
@given(SEEDS, SHAPES, RULES, BOUNDS, st.integers(1, 6))
def test_laws(seed, shape, match, at_least, min_size):
    r, p = random_labels(seed, shape), random_labels(seed + 1, shape)
    options = {"match": match, "at_least": at_least, "min_size": min_size}
    found = match_objects(reference=r, prediction=p, **options)
    a, b = found.reference, found.prediction
    # One to one, and both sides say the same.
    partner = dict(zip(a.id.tolist(), a.match.tolist(), strict=True))
    other = dict(zip(b.id.tolist(), b.match.tolist(), strict=True))
    assert {(i, j) for i, j in partner.items() if j} == {(i, j) for j, i in other.items() if i}
    assert (np.isnan(a.iou) == (a.match == 0)).all()
    assert np.nansum(a.iou) == pytest.approx(np.nansum(b.iou))
    assert (a.size >= min_size).all()
    assert (b.size >= min_size).all()
    # PQ = SQ x RQ
    if not math.isnan(segmentation_quality(found)):
        product = segmentation_quality(found) * recognition_quality(found)
        assert panoptic_quality(found) == pytest.approx(product)
    # Flipping and transposing both changes no count.
    counts = found.counts()
    for r2, p2 in ((np.flip(r), np.flip(p)), (r.T, p.T)):
        flipped = match_objects(reference=r2, prediction=p2, **options).counts()
        for name in ("tp", "fp", "fn", "pq_tp", "pq_fp", "pq_fn"):
            assert getattr(flipped, name) == getattr(counts, name), name
        if match == "iou":  # the other rules leave open which of two equals it is
            assert flipped.sum_iou == pytest.approx(counts.sum_iou, abs=1e-6)
    # Buckets add up to the whole.
    by_size = found.counts_by_size(edges=(3, 8))
    assert (by_size.tp.sum(), by_size.fp.sum(), by_size.fn.sum()) == (
        counts.tp, counts.fp, counts.fn
    )  # fmt: skip


@settings(deadline=None)
@given(SEEDS, SHAPES, BOUNDS)
def test_exchanging_the_masks_exchanges_precision_and_recall(seed, shape, at_least):
    r, p = random_labels(seed, shape), random_labels(seed + 1, shape)
    one = match_objects(reference=r, prediction=p, at_least=at_least)
    two = match_objects(reference=p, prediction=r, at_least=at_least)
    np.testing.assert_equal(object_precision(one), object_recall(two))
    np.testing.assert_equal(object_recall(one), object_precision(two))
    for symmetric in (object_f1, recognition_quality):
        np.testing.assert_equal(symmetric(one), symmetric(two))
    np.testing.assert_allclose(panoptic_quality(one), panoptic_quality(two), equal_nan=True)


@settings(deadline=None)
@given(SEEDS, SHAPES)
def test_the_ids_and_their_type_change_nothing_but_the_ids(seed, shape):
    r, p = random_labels(seed, shape), random_labels(seed + 1, shape)
    instances = {"reference_instances": True, "prediction_instances": True}
    plain = match_objects(reference=r, prediction=p, **instances)
    large = match_objects(
        reference=r.astype(np.uint64) * 2**40, prediction=p.astype(np.uint8), **instances
    )
    assert large.reference.id.tolist() == [v * 2**40 for v in plain.reference.id.tolist()]
    assert large.reference.match.tolist() == plain.reference.match.tolist()
    assert large.prediction.size.tolist() == plain.prediction.size.tolist()


@settings(deadline=None)
@given(SEEDS, SHAPES)
def test_ignoring_equals_taking_away_where_objects_are_given(seed, shape):
    r, p = random_labels(seed, shape), random_labels(seed + 1, shape)
    ignored = random_labels(seed + 2, shape) > 2
    instances = {"reference_instances": True, "prediction_instances": True}
    found = match_objects(reference=r, prediction=p, ignored=ignored, **instances)
    less = match_objects(
        reference=np.where(ignored, 0, r), prediction=np.where(ignored, 0, p), **instances
    )
    for name in ("id", "size", "match", "iou", "pq_match"):
        np.testing.assert_equal(getattr(found.reference, name), getattr(less.reference, name))
    whole, out = np.bincount(p.ravel(), minlength=6), np.bincount(p[ignored], minlength=6)
    gone = set(less.prediction.id.tolist()) - set(found.prediction.id.tolist())
    free = less.prediction.match == 0
    assert gone == {v for v in less.prediction.id[free].tolist() if 2 * out[v] > whole[v]}


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    r, p, out = (np.kron(rng.integers(0, 6, (8, 6)), np.ones((5, 5), int)) for _ in range(3))
    p, ignored = np.roll(p, 2, 1), out == 5
    whole = components.count_overlaps(reference=r, prediction=p, ignored=ignored)
    monkeypatch.setattr(components, "_BLOCK", 50)
    parts = components.count_overlaps(reference=r, prediction=p, ignored=ignored)
    assert whole.shared.size > 0
    for name in components.ObjectOverlaps.__slots__:
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()


def test_a_large_group_of_competitors_equals_a_dense_assignment():
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(3)
    r = np.kron(rng.permutation(400).reshape(20, 20) + 1, np.ones((9, 9), int))
    p = np.roll(np.kron(rng.permutation(900).reshape(30, 30) + 1, np.ones((6, 6), int)), 2, 0)
    found = match_objects(
        reference=r,
        prediction=p,
        match="iou",
        at_least=0.01,
        reference_instances=True,
        prediction_instances=True,
    )
    shared = np.histogram2d(r.ravel(), p.ravel(), bins=(np.arange(1, 402), np.arange(1, 902)))[0]
    iou = shared / (shared.sum(1, keepdims=True) + shared.sum(0) - shared)
    rows, columns = linear_sum_assignment(np.where(iou >= 0.01, iou, 0), maximize=True)
    assert found.counts().sum_iou == pytest.approx(iou[rows, columns].sum())


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0,)])
def test_an_array_of_no_pixels_has_no_object(shape):
    empty = np.zeros(shape, bool)
    found = match_objects(reference=empty, prediction=empty)
    assert found.reference.id.size == found.prediction.id.size == 0
    assert label_components(empty).shape == shape


def test_nuclei_against_themselves_and_against_their_components(real_data):
    from PIL import Image

    for path in sorted((real_data("nuclei") / "instances").iterdir())[:12]:
        nuclei = np.asarray(Image.open(path)).astype(np.int32)
        n = np.unique(nuclei[nuclei > 0]).size
        same = match_objects(
            reference=nuclei,
            prediction=nuclei,
            reference_instances=True,
            prediction_instances=True,
        )
        assert same.counts().tp == n
        assert object_f1(same) == panoptic_quality(same) == 1.0
        merged = match_objects(reference=nuclei, prediction=nuclei > 0, reference_instances=True)
        assert merged.prediction.id.size == label_components(nuclei).max()
        # Nuclei that touch are one component, and one component matches one nucleus.
        assert merged.counts().tp <= merged.prediction.id.size


def test_shifted_nuclei_by_size_equal_an_independent_recomputation(real_data):
    from PIL import Image

    measure = pytest.importorskip("skimage.measure", reason="the oracle labels with scikit-image")
    edges = (64, 512)
    for path in sorted((real_data("nuclei") / "instances").iterdir())[12:20]:
        nuclei = np.asarray(Image.open(path)).astype(np.int32)
        mask = np.roll(nuclei, 2, axis=(0, 1)) > 0
        labelled = measure.label(mask, connectivity=2)
        shared = np.histogram2d(
            nuclei.ravel(),
            labelled.ravel(),
            bins=(np.arange(nuclei.max() + 2), np.arange(labelled.max() + 2)),
        )[0]
        real, found = shared.sum(1)[1:], shared.sum(0)[1:]
        iou = shared[1:, 1:] / (real[:, None] + found - shared[1:, 1:]).clip(1)
        good = iou > 0.5
        matches = match_objects(reference=nuclei, prediction=mask, reference_instances=True)
        counts = matches.counts_by_size(edges=edges)
        for bucket, (low, high) in enumerate(itertools.pairwise((1, *edges, np.inf))):
            r, p = (real >= low) & (real < high), (found >= low) & (found < high)
            assert counts.pq_tp[bucket] == good[r].sum()
            assert counts.pq_fn[bucket] == (~good[r].any(1)).sum()
            assert counts.pq_fp[bucket] == (~good[:, p].any(0)).sum()
            assert counts.pq_sum_iou[bucket] == pytest.approx(iou[r][good[r]].sum())
        total = good.sum() + ((~good.any(1)) & (real > 0)).sum() / 2 + (~good.any(0)).sum() / 2
        assert panoptic_quality(matches) == pytest.approx(iou[good].sum() / total)
