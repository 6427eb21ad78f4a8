"""The search of near-duplicates against an exhaustive one, and its ordering."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.data.fingerprints import (
    FLAT,
    NAMES,
    RECORD,
    fingerprint,
    hash_bits,
    oriented_words,
    pack_words,
    turned,
)
from segmetrics.leakage import search
from segmetrics.leakage.search import Hits, bit_count, close_pairs, find_similar


def records(pictures) -> np.ndarray:
    rows = []
    for picture in pictures:
        found = fingerprint(picture, ndim=2)
        raw = np.frombuffer(found.pixels, np.uint8)
        rows.append((np.zeros(32, np.uint8), raw, found.words, found.thumb, found.kind))
    return np.array(rows, RECORD)


def gathered(judged, others, workers=1) -> tuple[Hits, Hits]:
    similar = review = Hits.none()
    for near, doubtful in find_similar(judged, others, workers=workers):
        similar, review = similar.plus(near), review.plus(doubtful)
    return similar, review


def pairs(hits: Hits) -> list[tuple[int, ...]]:
    columns = (hits.judged, hits.other, hits.orientation, hits.distance)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def test_bits_are_counted_as_python_counts_them():
    words = np.random.default_rng(0).integers(0, 2**64, (3, 50), np.uint64)
    expected = [[int(w).bit_count() for w in row] for row in words]
    assert bit_count(words).tolist() == expected
    assert search._bit_count_by_table(words).tolist() == expected


@pytest.mark.parametrize("seed", range(3))
def test_close_pairs_are_those_of_every_comparison(seed):
    rng = np.random.default_rng(seed)
    base = rng.random((40, 16, 16)) < 0.5
    base[:, 0, 0] = False
    near = base[rng.integers(0, 40, 90)] ^ (rng.random((90, 16, 16)) < 0.09)
    near[:, 0, 0] = False
    rows, columns, whole, low = close_pairs(pack_words(base), pack_words(near))
    far = (base[:, None] != near[None]).sum((2, 3))
    corner = (base[:, None, :8, :8] != near[None, :, :8, :8]).sum((2, 3))
    wanted = {(i, j) for i, j in np.argwhere((far <= 24) | (corner <= 10)).tolist()}
    assert wanted
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == wanted
    assert whole.tolist() == far[rows, columns].tolist()
    assert low.tolist() == corner[rows, columns].tolist()


def test_a_turned_copy_is_found_with_its_orientation(texture_of):
    picture = texture_of(1)
    others = records([texture_of(9), picture])
    for name in NAMES:
        # A tenth brighter, so that no pixels are identical.
        judged = records([np.minimum(turned(picture, name) * 1.1, 255).astype(np.uint8)])
        similar, review = gathered(judged, others)
        assert similar.count == 1
        assert review.count == 0
        found = turned(turned(picture, name), NAMES[similar.orientation[0]])
        assert (found == picture).all(), name
        assert similar.other.tolist() == [1]
        assert similar.correlation[0] > 0.95


def test_what_the_hash_alone_says_is_for_review(texture_of):
    one, two = records([texture_of(1)]), records([texture_of(2)])
    two["words"] = one["words"]  # a collision: the thumbnails differ
    similar, review = gathered(one, two)
    assert (similar.count, review.count) == (0, 1)


def test_flat_images_and_identical_ones_are_left_out(texture_of):
    one = records([texture_of(1)])
    assert [hits.count for hits in gathered(one, one)] == [0, 0]
    other = one.copy()
    other["pixels"] ^= 1
    assert gathered(one, other)[0].count == 1
    other["kind"] = FLAT
    assert [hits.count for hits in gathered(one, other)] == [0, 0]
    assert [hits.count for hits in gathered(other, one)] == [0, 0]


def test_blocks_workers_and_the_cap_change_nothing_but_what_is_listed(texture_of, monkeypatch):
    picture = texture_of(4).astype(float)
    rng = np.random.default_rng(0)
    judged = records(np.clip(picture + rng.normal(0, 4, (7, *picture.shape)), 0, 255).astype("u1"))
    others = records(np.clip(picture + rng.normal(0, 4, (23, *picture.shape)), 0, 255).astype("u1"))
    whole, _ = gathered(judged, others)
    assert whole.count == 7 * 23
    assert whole.samples.tolist() == list(range(7))
    for name, value in (("_BLOCK", 5), ("_ROWS", 3), ("_JUDGED", 2)):
        monkeypatch.setattr(search, name, value)
    assert pairs(gathered(judged, others)[0]) == pairs(whole)
    assert pairs(gathered(judged, others, workers=3)[0]) == pairs(whole)
    monkeypatch.setattr(search, "LISTED", 10)
    capped, _ = gathered(judged, others, workers=2)
    assert pairs(capped) == pairs(whole)[:10]
    assert (capped.count, capped.samples.tolist()) == (whole.count, list(range(7)))


def test_no_images_no_pairs(texture_of):
    some, none = records([texture_of(1)]), records([])
    for judged, others in ((some, none), (none, some), (none, none)):
        assert [hits.count for hits in gathered(judged, others)] == [0, 0]


def test_random_pictures_are_no_copies(texture_of):
    judged = records([texture_of(s) for s in range(20)])
    others = records([texture_of(s) for s in range(100, 160)])
    assert gathered(judged, others)[0].count == 0
    assert oriented_words(judged["words"]).shape == (20, 8, 4)
    assert (pack_words(hash_bits(np.zeros((64, 64)))) == 0).all()
