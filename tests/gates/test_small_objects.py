"""Small objects that are missed: from object tables by size to a sentence."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.gates.diagnosis import objects_needed, small_objects
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import SizeScope, SplitEvaluation


def estimate(value):
    return Estimate(value, None, None, 1, 0)


def bucket(found: int, there: int, low: int, high: int | None) -> SizeScope:
    recall = found / there if there else None
    return SizeScope(low, high, there, there, {"pooled": {"object_recall": estimate(recall)}})


def split(false_objects=0.4, name="nucleus", **buckets) -> SplitEvaluation:
    table = {"image_mean": {"false_objects": estimate(false_objects)}}
    return SplitEvaluation(9, 9, {name: table}, {}, labels=(name,), sizes={name: buckets})


def found(whole: SplitEvaluation, severity="warn"):
    return small_objects(whole, ["nucleus"], severity)


MISSED = split(
    small=bucket(10, 40, 0, 64), medium=bucket(30, 40, 64, 512), large=bucket(18, 20, 512, None)
)


def test_the_sentence_a_newcomer_understands():
    (finding,) = found(MISSED, "block")
    assert (finding.name, finding.severity) == ("small_objects", "block")
    assert finding.text == (
        "nucleus: 10 of 40 small objects (smaller than 64 pixels) are found, 25%, against 90% of "
        "20 large ones: 65 percentage points fewer. Pixel metrics hardly show it, because "
        "large objects hold most of the pixels. There are 0.4 false objects an image. For an "
        "answer within +-0.05, about 286 small objects are needed."
    )
    assert finding.data == {
        "class": "nucleus", "small": "small", "large": "large", "smaller_than": 64,
        "objects_small": 40, "objects_large": 20, "recall_small": 0.25, "recall_large": 0.9,
        "difference": pytest.approx(0.65), "false_objects": 0.4, "objects_needed": 286,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("small", "large", "reported"),
    [
        (0.49, 0.6, True),
        (0.50, 0.6, False),
        (0.75, 0.95, True),  # 0.20 fewer
        (0.76, 0.95, False),
        (0.9, 0.5, False),
    ],
)
def test_when_it_is_reported(small, large, reported):
    whole = split(
        small=bucket(round(small * 100), 100, 0, 64),
        large=bucket(round(large * 100), 100, 64, None),
    )
    assert len(found(whole)) == reported


def test_nothing_is_said_without_sizes_or_small_objects():
    assert found(split()) == []
    assert found(split(all=bucket(1, 10, 0, None))) == []
    assert found(split(small=bucket(0, 0, 0, 64), large=bucket(1, 10, 64, None))) == []
    assert small_objects(MISSED, ["wall"], "warn") == []


def test_where_only_small_objects_are_there():
    (finding,) = found(split(small=bucket(1, 10, 0, 64), large=bucket(0, 0, 64, None)))
    assert "against" not in finding.text
    assert finding.data["difference"] == 0


def test_enough_objects_ask_for_no_more():
    (finding,) = found(split(small=bucket(100, 400, 0, 64), large=bucket(90, 100, 64, None)))
    assert "are needed" not in finding.text


def wilson(p: float, n: int, z: float = 1.959963984540054) -> float:
    """Half of the distance of the two roots of |p - q| = z sqrt(q (1 - q) / n)."""
    a, b, c = 1 + z * z / n, -(2 * p + z * z / n), p * p
    return math.sqrt(b * b - 4 * a * c) / (2 * a)


def test_the_number_at_one_half_is_that_of_the_formula():
    # Half-width z / (2 sqrt(n + z^2)) = 0.05 at p = 0.5: n = 100 z^2 - z^2 = 380.3.
    assert objects_needed(0.5) == 381
    assert objects_needed(0.5, confidence=0.99) > 600
    assert objects_needed(0.5, within=0.1) < 100


@given(st.floats(0, 1), st.sampled_from([0.03, 0.05, 0.1]))
def test_the_number_is_the_smallest_that_will_do(share, within):
    n = objects_needed(share, within=within)
    assert wilson(share, n) <= within + 1e-9
    assert n == 1 or wilson(share, n - 1) > within - 1e-9
