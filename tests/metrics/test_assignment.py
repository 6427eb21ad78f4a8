"""Pairs of largest total weight: against brute force and a dense assignment, and how much is done.

The number of looks is counted, not the time: it must grow like the number of overlaps.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmetrics.metrics import assignment
from segmetrics.metrics.assignment import heaviest_pairs

SEEDS = st.integers(0, 2**32 - 1)
KINDS = st.sampled_from(["equal", "few", "any"])


def random_graph(seed: int, kind: str, most: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Possible pairs in any order, of few or many competitors, with weights that tie or do not."""
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random(rng.integers(1, most, 2)) < rng.random())
    order = rng.permutation(rows.size)
    weights = {
        "equal": np.ones(rows.size),
        "few": rng.integers(1, 4, rows.size) + 2.0**-9,
        "any": rng.random(rows.size) + 1e-3,
    }
    return rows[order], columns[order], weights[kind]


def brute_force(i: np.ndarray, j: np.ndarray, weight: np.ndarray) -> float:
    """The largest total over all ways to pair: every subset without a repeated object."""
    edges = list(zip(i.tolist(), j.tolist(), weight.tolist(), strict=True))
    totals = [0.0]
    for n in range(1, min(len(set(i)), len(set(j))) + 1):
        for some in itertools.combinations(edges, n):
            if len({a for a, _, _ in some}) == len({b for _, b, _ in some}) == n:
                totals.append(sum(w for _, _, w in some))
    return max(totals)


def total(i: np.ndarray, j: np.ndarray, weight: np.ndarray) -> float:
    """The total of the pairs taken, which are one to one."""
    taken = heaviest_pairs(i, j, weight)
    assert taken.dtype == np.bool_
    assert np.unique(i[taken]).size == np.unique(j[taken]).size == taken.sum()
    return float(weight[taken].sum())


@settings(deadline=None)
@given(SEEDS, KINDS)
def test_the_total_is_the_largest_of_all_ways_to_pair(seed, kind):
    graph = random_graph(seed, kind, most=5)
    assert total(*graph) == pytest.approx(brute_force(*graph), abs=1e-12)


@pytest.mark.parametrize("looks", [-1, 0, 1, 4])
@settings(deadline=None, max_examples=200)
@given(SEEDS, KINDS)
def test_the_total_equals_a_dense_assignment_whoever_solves(looks, seed, kind):
    from scipy.optimize import linear_sum_assignment

    i, j, weight = random_graph(seed, kind, most=16)
    dense = np.zeros((20, 20))
    dense[i, j] = weight
    best = dense[linear_sum_assignment(dense, maximize=True)].sum()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "_MOST_LOOKS", looks)
        assert total(i, j, weight) == pytest.approx(best, abs=1e-9)


def chain(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Row k may have columns k and k + 1."""
    return np.repeat(np.arange(n), 2), np.add.outer(np.arange(n), [0, 1]).ravel()


def ring(n: int) -> tuple[np.ndarray, np.ndarray]:
    """As `chain`, and the last column is the first: no ends to begin at."""
    i, j = chain(n)
    return i, j % n


def hub(n: int) -> tuple[np.ndarray, np.ndarray]:
    """One column over all rows, each of which has one of its own."""
    rows = np.arange(n)
    return np.concatenate((rows, rows)), np.concatenate((rows * 0, rows + 1))


def tiles(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Square tiles against tiles moved by half: each overlaps four; the edges are joined."""
    k = int(n**0.5)
    at = np.arange(k * k)
    moved = [(at // k + a) % k * k + (at + b) % k for a in (0, 1) for b in (0, 1)]
    return np.tile(at, 4), np.concatenate(moved)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("shape", [chain, ring, hub, tiles])
def test_a_large_group_of_competitors_is_looked_at_a_few_times_each(shape, ties, monkeypatch):
    looks = 0
    living = assignment._Assignment._living

    def counted(self, node):
        nonlocal looks
        edges = living(self, node)
        looks += 1 + len(edges)
        return edges

    def never(*_):
        raise AssertionError("SciPy was asked, whose time grows with the square")

    monkeypatch.setattr(assignment._Assignment, "_living", counted)
    monkeypatch.setattr(assignment, "_general", never)
    i, j = shape(10_000)
    weight = np.ones(i.size) if ties else np.random.default_rng(1).random(i.size) + 0.1
    taken = heaviest_pairs(i, j, weight)
    assert looks < 15 * i.size
    if ties:
        assert taken.sum() == 10_000


def test_weights_that_lure_are_seen_through():
    # 3 + 3 beats 5 alone; then a longer chain, where each step of a greedy choice is wrong.
    assert total(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 3.0, 3.0])) == 6.0
    i, j = chain(1000)
    weight = np.where(np.arange(i.size) % 2, 1.01, 1.0)
    assert total(i, j, weight) == pytest.approx(1010)


def test_nothing_to_pair():
    nothing = np.zeros(0, np.int64)
    assert heaviest_pairs(nothing, nothing, np.zeros(0)).shape == (0,)


@settings(deadline=None, max_examples=50)
@given(SEEDS, KINDS)
def test_the_same_pairs_every_time(seed, kind):
    graph = random_graph(seed, kind, most=20)
    assert heaviest_pairs(*graph).tolist() == heaviest_pairs(*graph).tolist()
