"""Counting pairs of labels by comparisons, runs and codes: always what np.unique counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmetrics.errors import DataError
from segmetrics.metrics import LabelLookup, confusion_matrix
from segmetrics.metrics import label_pairs as module
from segmetrics.metrics.label_pairs import label_pairs

DTYPES = (np.bool_, np.uint8, np.int8, np.uint16, np.int32, np.int64, np.uint64)
# As many values as the dtype has: uint16 and int64 exceed 8 bits, int64 has negative ones.
VALUES = {np.bool_: (0, 1), np.int8: (-3, 0, 1, 127), np.uint8: (0, 1, 2, 255)}
WIDE = (0, 1, 255, 256, 40_000)


def counted(reference, prediction) -> dict[tuple[int, int], int]:
    total: dict[tuple[int, int], int] = {}
    for r, p, n in label_pairs(reference, prediction):
        for key in zip(r.tolist(), p.tolist(), n.tolist(), strict=True):
            total[key[:2]] = total.get(key[:2], 0) + key[2]
    return {key: n for key, n in total.items() if n}


def plainly(reference, prediction) -> dict[tuple[int, int], int]:
    r, p = (np.ravel(a).astype(np.int64) + 1000 for a in (reference, prediction))
    codes, n = np.unique(r * 100_000 + p, return_counts=True)
    counts = dict(zip(codes.tolist(), n.tolist(), strict=True))
    return {(c // 100_000 - 1000, c % 100_000 - 1000): n for c, n in counts.items()}


@st.composite
def masks(draw):
    """Two arrays of any dtypes: noise or long runs, few values or many, in C order or not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    pair = []
    for _ in range(2):
        dtype = draw(st.sampled_from(DTYPES))
        values = np.array(VALUES.get(dtype, WIDE), np.int64)[: draw(st.integers(1, 5))]
        labels = rng.choice(values, shape).astype(dtype)
        if draw(st.booleans()):
            labels = np.sort(labels, axis=None).reshape(shape)
        if draw(st.booleans()):
            padded = np.zeros((*shape[:-1], shape[-1] + 1), dtype)
            padded[..., 1:] = labels
            labels = padded[..., 1:]
        pair.append(labels)
    return pair


@settings(max_examples=300, deadline=None)
@given(masks(), st.sampled_from([1, 4, 7, 1 << 18]))
def test_pairs_are_those_of_a_plain_count(pair, block):
    before, module.BLOCK = module.BLOCK, block
    try:
        assert counted(*pair) == plainly(*pair)
    finally:
        module.BLOCK = before


SHAPE = (600, 700)


def stripes(*values: int) -> np.ndarray:
    return np.repeat(np.resize(values, 30), 20)[:, None] + np.zeros(SHAPE, np.uint8)


NOISE = np.random.default_rng(1).integers(0, 256, SHAPE).astype(np.uint8)


@pytest.mark.parametrize(
    ("reference", "prediction"),
    [
        (stripes(0, 1), stripes(0, 255, 0)),
        (stripes(0), stripes(0)),
        (stripes(3), stripes(7)),
        (stripes(0, 1, 2), np.roll(stripes(0, 1, 2), 5, axis=0)),
        (NOISE, NOISE[::-1]),
        (NOISE, stripes(0, 1)),
        (np.r_[stripes(0, 1), NOISE], np.r_[stripes(0, 9), NOISE[:, ::-1]]),
    ],
    ids=[
        "binary",
        "empty",
        "one value",
        "runs",
        "noise",
        "noise and runs",
        "first calm then noise",
    ],
)
def test_several_blocks_of_every_kind(reference, prediction):
    assert reference.size > module.BLOCK
    reference, prediction = reference.astype(np.uint8), prediction.astype(np.uint8)
    assert counted(reference, prediction) == plainly(reference, prediction)
    for change in (np.transpose, lambda a: a[:, 1:], lambda a: a[::-1, ::2]):
        r, p = change(reference), change(prediction)
        assert counted(r, p) == plainly(r, p)


@pytest.mark.parametrize("zero", [True, False])
def test_the_one_value_of_every_pair_of_values(zero):
    """127 and 128, 1 and 255 lie on both sides of what is negative as a signed byte."""
    for a in (1, 2, 3, 126, 127, 128, 129, 254, 255):
        for b in range(256):
            labels = np.array([a, b, a, *[0] * zero], np.uint8)
            found = {a, b} - {0}
            assert module._one_value(labels) == (a if len(found) == 1 else None), (a, b)
    assert module._one_value(np.zeros(3, np.uint8)) == 0


def test_no_pixels_have_no_pairs():
    assert counted(np.zeros((0, 3), np.uint8), np.zeros((0, 3), np.uint8)) == {}
    assert counted(np.zeros((3, 0), np.int64), np.zeros((3, 0), np.uint8)) == {}


def test_a_single_pixel_without_axes():
    assert counted(np.uint8(3).reshape(()), np.int64(300).reshape(())) == {(3, 300): 1}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize(
    "labels", [stripes(0, 7), stripes(0, 1, 7), NOISE], ids=["two", "runs", "noise"]
)
def test_undeclared_labels_are_named_whatever_way_they_were_counted(labels, dtype):
    lookup = LabelLookup({0: 0, 1: 1}, otherwise=3)
    with pytest.raises(DataError, match=rf"7 \({int((labels == 7).sum())} pixels\)"):
        confusion_matrix(
            reference=labels.astype(dtype), prediction=np.zeros(SHAPE, np.uint8), n_classes=2,
            reference_lookup=lookup, prediction_lookup=LabelLookup({0: 0}, otherwise=2),
        )  # fmt: skip


@pytest.mark.parametrize("odd", [1, 127, 128, 254])
def test_a_third_value_beside_0_and_255_is_seen(odd):
    reference = np.array([0, 255, odd, 255], np.uint8)
    prediction = np.array([255, 255, 0, 0], np.uint8)
    assert counted(reference, prediction) == plainly(reference, prediction)
    assert counted(prediction, reference) == plainly(prediction, reference)
    assert module._one_value(reference) is None
    assert module._one_value(prediction) == 255
