"""Thresholds of stored scores: counts against pixels, the best one against trying them all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_scores import histogram, pixels

from segmetrics.metrics import count_confusion, f_beta, precision, recall
from segmetrics.metrics.histograms import ScoreHistogram, score_histogram
from segmetrics.metrics.thresholds import (
    Objective,
    best_level,
    choose_level,
    counts_at,
    f_beta_by_level,
    highest,
    threshold_counts,
)

LEVELS = range(1, 256)


def middle_of_widest_run(best: list[int]) -> int:
    """Of the runs of consecutive levels the widest, level by level; ties as documented."""
    runs: list[list[int]] = []
    for level in best:
        if runs and runs[-1][-1] == level - 1:
            runs[-1].append(level)
        else:
            runs.append([level])
    middles = [(-len(run), run[(len(run) - 1) // 2]) for run in runs]
    return min(middles, key=lambda m: (m[0], abs(m[1] - 128), m[1]))[1]


def by_level(h: ScoreHistogram, metric) -> dict[int, float]:
    rows = ScoreHistogram(h.positives[np.newaxis], h.negatives[np.newaxis])
    return {level: float(metric(counts_at(rows, level=level))[0]) for level in LEVELS}


@given(pixels(), st.integers(0, 256))
def test_counts_equal_thresholding_the_pixels(data, level):
    reference, scores = data
    h = score_histogram(reference=reference, scores=scores)
    expected = count_confusion(
        reference=reference, prediction=scores.astype(int) >= level, n_classes=2
    )
    everything, one = threshold_counts(h), counts_at(h, level=level)
    assert everything.tp.shape == (257,)
    for name in ("tp", "fp", "fn", "tn"):
        assert getattr(everything, name).dtype == np.int64
        wanted = getattr(expected, name)[1]
        assert getattr(everything, name)[level] == getattr(one, name) == wanted


@given(pixels(), st.integers(0, 256))
def test_a_threshold_in_256ths_means_the_same_on_probabilities(data, level):
    _, scores = data
    p = scores / 256  # the smallest probability that is stored so
    assert np.array_equal(p >= level / 256, scores.astype(int) >= level)


@given(pixels(), st.sampled_from([0.5, 1.0, 2.0]))
def test_the_best_level_is_the_middle_of_all_that_are_as_good(data, beta):
    reference, scores = data
    h = score_histogram(reference=reference, scores=scores)
    level = float(best_level(h, beta=beta))
    if not reference.any():
        assert math.isnan(level)
        assert choose_level(h, Objective(beta)) is None
        return
    values = by_level(h, lambda counts: f_beta(counts, beta=beta))
    top = max(values.values())
    assert level == middle_of_widest_run([k for k in LEVELS if values[k] == top])
    chosen = choose_level(h, Objective(beta))
    assert chosen is None if top == 0 else (chosen.level, chosen.value) == (level, top)


@given(pixels(), st.sampled_from(["recall", "precision"]), st.floats(0.01, 1))
def test_a_floor_holds_and_the_other_rate_is_the_highest_above_it(data, floor, at_least):
    h = score_histogram(reference=data[0], scores=data[1])
    rates = {"recall": by_level(h, recall), "precision": by_level(h, precision)}
    other = "precision" if floor == "recall" else "recall"
    fitting = [k for k in LEVELS if rates[floor][k] >= at_least and rates[other][k] > 0]
    chosen = choose_level(h, Objective(floor=floor, at_least=at_least))
    if not fitting:
        assert chosen is None
        return
    top = max(rates[other][k] for k in fitting)
    best = [k for k in fitting if rates[other][k] == top]
    most = max(rates[floor][k] for k in best)
    assert chosen.value == top
    assert chosen.level == middle_of_widest_run([k for k in best if rates[floor][k] == most])


def test_the_best_level_on_paper():
    assert best_level(histogram({200: 1}, {100: 1}), beta=1.0) == 150  # 101 .. 200 are as good
    assert best_level(histogram({120: 1}, {90: 1}), beta=1.0) == 105  # 91 .. 120
    assert best_level(histogram({255: 9}, {0: 9}), beta=1.0) == 128  # 1 .. 255
    assert best_level(histogram({0: 5}, {9: 1}), beta=1.0) == 128  # no level finds any
    # Two pixels more cost six false ones: worth it to F4, not to F0.5.
    costly = histogram({200: 4, 100: 2}, {100: 6})
    assert best_level(costly, beta=4.0) == 50  # 1 .. 100
    assert best_level(costly, beta=0.5) == 150  # 101 .. 200
    # Of two runs that are as good the wider one wins, of two as wide the one nearer to a half.
    tied = histogram({129: 1, 127: 1}, {128: 1, 127: 1})
    assert f_beta_by_level(tied, beta=1.0)[[127, 128, 129]].tolist() == [2 / 3, 0.5, 2 / 3]
    assert best_level(tied, beta=1.0) == 64  # 1 .. 127, and 129 alone


def test_floors_on_paper():
    # Levels 1 .. 50: 4 found, 5 false; 51 .. 150: 3 and 1; 151 .. 200: 3 and none; then 1 and none.
    h = histogram({50: 1, 200: 2, 250: 1}, {50: 4, 150: 1})
    assert choose_level(h, Objective(floor="recall", at_least=0.75)).level == 175  # 151 .. 200
    assert choose_level(h, Objective(floor="recall", at_least=0.75)).value == 1.0
    everything = choose_level(h, Objective(floor="recall", at_least=0.76))
    assert (everything.level, everything.value) == (25, 4 / 9)  # 1 .. 50
    strict = choose_level(h, Objective(floor="precision", at_least=0.8))
    assert (strict.level, strict.value) == (175, 0.75)
    assert choose_level(h, Objective(floor="precision", at_least=0.44)).value == 1.0
    # The level of least loss among those of one recall: 151 .. 200 have fewer false pixels.
    assert choose_level(h, Objective(floor="precision", at_least=0.7)).level == 175
    assert (
        choose_level(histogram({0: 1, 9: 9}, {}), Objective(floor="recall", at_least=0.95)) is None
    )
    assert highest(histogram({0: 1, 9: 9}, {}), "recall").value == 0.9


def test_nothing_there_and_nothing_found_give_no_level():
    for objective in (Objective(), Objective(floor="recall", at_least=0.1)):
        assert choose_level(histogram({}, {9: 4}), objective) is None
        assert choose_level(histogram({0: 4}, {9: 4}), objective) is None
    assert highest(histogram({}, {9: 4}), "recall") is None
    assert highest(histogram({}, {}), "precision") is None


@pytest.mark.parametrize(
    ("objective", "text", "metric"),
    [
        (Objective(2.0), "f2", "f2"),
        (Objective(0.5), "f0.5", "f0.5"),
        (Objective(), "f1", "f1"),
        (Objective(floor="recall", at_least=0.95), "precision where recall >= 0.95", "precision"),
        (Objective(floor="precision", at_least=0.9), "recall where precision >= 0.9", "recall"),
    ],
)
def test_objectives_have_names(objective, text, metric):
    assert (str(objective), objective.metric) == (text, metric)


@given(pixels(), st.integers(0, 256))
def test_counts_of_a_row_are_counts_of_the_curve(data, level):
    h = score_histogram(reference=data[0], scores=data[1])
    assert threshold_counts(h).tp[level] == counts_at(h, level=level).tp
