"""The sample of a split that is worked on: the same for everybody, and stable."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from segmetrics.data.sample_list import Sample
from segmetrics.data.subset import SEED, Subset, chosen

DRAWN = Subset("train", 5)


def samples(names) -> list[Sample]:
    return [Sample(name, Path("i"), Path("m"), (4, 4), "a", "b") for name in names]


def ids(found) -> list[str]:
    return [sample.id for sample in found.samples]


NAMES = [f"s{i:02}" for i in range(40)]


def test_the_smallest_digests_of_seed_and_id_are_taken():
    ranked = sorted(NAMES, key=lambda n: hashlib.sha256(f"{SEED}\n{n}".encode()).hexdigest())
    found = chosen(samples(NAMES), "train", DRAWN)
    assert ids(found) == sorted(ranked[:5])
    assert found.others == set(ranked[5:])
    assert str(found) == "5 of 40"


def test_other_splits_and_small_ones_are_whole():
    for split, subset in (("test", DRAWN), ("train", Subset("train", 40)), ("train", Subset())):
        found = chosen(samples(NAMES), split, subset)
        assert (ids(found), found.others, str(found)) == (NAMES, frozenset(), "40")
    assert ids(chosen(samples(NAMES), "train", Subset("train", None))) == NAMES


@given(st.permutations(NAMES))
def test_the_order_of_the_list_does_not_matter(names):
    assert chosen(samples(names), "train", DRAWN) == chosen(samples(NAMES), "train", DRAWN)


@given(st.sets(st.text("abc", min_size=1, max_size=5), max_size=8))
def test_added_samples_exchange_no_more_than_they_are(more):
    before = set(ids(chosen(samples(NAMES), "train", DRAWN)))
    after = set(ids(chosen(samples({*NAMES, *more}), "train", DRAWN)))
    assert after - before <= more
    assert len(after) == 5
