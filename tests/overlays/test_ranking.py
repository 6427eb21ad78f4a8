"""Which images are shown: by hand, then laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.errors import DataError
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.overlays.ranking import Wanted, rank_images

TOTAL = 1000


def counts(*rows: list[tuple[int, int, int]]) -> ConfusionCounts:
    """(tp, fp, fn) of each class of each image."""
    array = np.array(rows, np.int64).reshape(len(rows), -1, 3)
    tp, fp, fn = (array[..., k] for k in range(3))
    return ConfusionCounts(tp, fp, fn, TOTAL - tp - fp - fn)


def ranked(table: ConfusionCounts, wanted: Wanted, metric: str = "recall", scored=(0,)):
    ids = [f"s{i}" for i in range(len(table.tp))]
    picks, n = rank_images(ids, table, list(scored), metric=metric, wanted=wanted)
    return [(p.kind, ids[p.row]) for p in picks], n, picks


def test_worst_first_then_the_middle_then_the_best():
    recalls = (5, 1, 9, 3, 7, 2, 8, 4, 6)  # of 10
    table = counts(*([(r, 0, 10 - r)] for r in recalls))
    found, n, picks = ranked(table, Wanted(2, 1, 2))
    assert n == 9
    assert found == [("worst", "s1"), ("worst", "s5"), ("median", "s0"), ("best", "s2"),
                     ("best", "s6")]  # fmt: skip
    assert [p.value for p in picks] == [0.1, 0.2, 0.5, 0.9, 0.8]


def test_the_primary_metric_ranks():
    table = counts([(5, 0, 5)], [(5, 5, 0)])
    assert ranked(table, Wanted(1, 0, 0), "recall")[0] == [("worst", "s0")]
    assert ranked(table, Wanted(1, 0, 0), "precision")[0] == [("worst", "s1")]


def test_ties_go_to_the_lower_dice_then_to_more_wrong_pixels_then_to_the_id():
    table = counts([(0, 0, 3)], [(0, 9, 3)], [(0, 0, 3)], [(5, 0, 5)], [(5, 4, 5)])
    found = ranked(table, Wanted(5, 0, 0))[0]
    assert [i for _, i in found] == ["s1", "s0", "s2", "s4", "s3"]


def test_the_order_of_the_samples_does_not_matter():
    rng = np.random.default_rng(1)
    table = counts(*([tuple(map(int, rng.integers(0, 3, 3)))] for _ in range(30)))
    ids = [f"s{i}" for i in range(30)]
    order = rng.permutation(30)
    wanted = Wanted(6, 3, 3)
    here, _ = rank_images(ids, table, [0], metric="recall", wanted=wanted)
    there, _ = rank_images([ids[i] for i in order], table.rows(order), [0], metric="recall",
                           wanted=wanted)  # fmt: skip
    assert [ids[p.row] for p in here] == [ids[order[p.row]] for p in there]


def test_false_alarms_get_a_third_of_the_worst_places_and_no_more():
    """Recall is undefined where the class is not there: what is predicted has to be seen."""
    alarms = [[(0, n, 0)] for n in (5, 50, 1)]
    table = counts(*([(k, 0, 10 - k)] for k in range(1, 7)), *alarms)
    found, n, picks = ranked(table, Wanted(3, 0, 0))
    assert n == 6
    assert [i for _, i in found] == ["s0", "s1", "s7"]
    assert picks[2].value is None
    assert picks[2].dice == 0
    # Where images with a value do not fill the places, alarms do.
    found = ranked(table, Wanted(12, 0, 0))[0]
    assert [i for _, i in found][-3:] == ["s7", "s6", "s8"]


def test_an_image_without_anything_is_not_shown():
    found, n, _ = ranked(counts([(0, 0, 0)], [(1, 0, 0)]), Wanted(9, 9, 9))
    assert (found, n) == ([("worst", "s1")], 1)


def test_of_several_classes_the_one_with_the_lowest_dice_is_shown():
    # Most wrong pixels are of class 1, but class 2 is missed whole.
    table = counts([(100, 0, 0), (500, 40, 60), (0, 0, 4)])
    _, _, (pick,) = ranked(table, Wanted(1, 0, 0), scored=(1, 2))
    assert pick.target == 2
    assert pick.dice == 0
    assert pick.value == pytest.approx((500 / 560 + 0) / 2)
    # An undefined class is never the worst, an excluded one is not looked at.
    table = counts([(0, 0, 9), (5, 0, 5), (0, 0, 0)])
    assert ranked(table, Wanted(1, 0, 0), scored=(1, 2))[2][0].target == 1


def test_no_scored_class():
    with pytest.raises(DataError, match="no class is scored"):
        rank_images(["a"], counts([(1, 0, 0)]), [], metric="dice", wanted=Wanted(1, 1, 1))


ROWS = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=25)
SOME = st.integers(0, 8)


@given(rows=ROWS, worst=SOME, median=SOME, best=SOME)
def test_laws(rows, worst, median, best):
    found, n, picks = ranked(counts(*([row] for row in rows)), Wanted(worst, median, best))
    shown = [i for _, i in found]
    assert len(set(shown)) == len(shown), "each once"
    held = {kind: [p for p in picks if p.kind == kind] for kind in ("worst", "median", "best")}
    assert [len(held[k]) for k in held] <= [worst, median, best]
    alarms = sum(1 for tp, fp, fn in rows if tp + fn == 0 and fp)
    assert len(found) <= n + alarms
    if worst + median + best >= n:
        assert len([p for p in picks if p.value is not None]) >= min(
            n, worst - min(worst // 3, alarms)
        )
    values = [p.value for p in held["worst"] if p.value is not None]
    assert values == sorted(values)
    others = [p.value for p in picks if p.kind != "worst" and p.value is not None]
    assert all(v <= o for v in values for o in others)
    assert all(p.value is not None for p in held["median"] + held["best"])
