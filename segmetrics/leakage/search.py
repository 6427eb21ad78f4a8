"""Pairs of near-duplicates: every judged image, in eight orientations, against all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from segmetrics.data.fingerprints import NAMES, TEXTURED, Words, details, oriented_words, turned
from segmetrics.parallel import ordered_map

Records = npt.NDArray[np.void]
Index = npt.NDArray[np.intp]

SIMILAR = 24  # bits of 256 that near-duplicates may differ by
REVIEW = 10  # bits of 64 below which a person may want to look
CONFIRMED = 0.8  # correlation of the details of two thumbnails
LISTED = 1000  # pairs of a kind that are kept; all are counted

_BLOCK = 4096  # others at a time: their words stay in a processor's cache
_ROWS = 32
_JUDGED = 128


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Pairs of one kind, at most `LISTED` of them, the nearest first.

    Attributes
    ----------
    judged, other, orientation
        Places in the two tables and in `ORIENTATIONS`.
    distance
        Bits: of 256, or of 64 where the pair is for review.
    correlation
        Of the details; NaN where it was not computed.
    count
        How many there are.
    samples
        The places of all judged images among them, ascending.
    """

    judged: Index
    other: Index
    orientation: Index
    distance: npt.NDArray[np.int64]
    correlation: npt.NDArray[np.float64]
    count: int
    samples: Index

    @classmethod
    def none(cls) -> Hits:
        """No pair."""
        empty = np.zeros(0, np.intp)
        return cls(empty, empty, empty, np.zeros(0, np.int64), np.zeros(0), 0, empty)

    def plus(self, more: Hits) -> Hits:
        """Both, where no pair is in both."""
        joined = Hits(
            np.concatenate([self.judged, more.judged]),
            np.concatenate([self.other, more.other]),
            np.concatenate([self.orientation, more.orientation]),
            np.concatenate([self.distance, more.distance]),
            np.concatenate([self.correlation, more.correlation]),
            self.count + more.count,
            np.union1d(self.samples, more.samples),
        )
        return joined._nearest()

    def chosen(self, index: npt.NDArray[np.bool_]) -> Hits:
        """Some of the pairs; all of them are listed."""
        judged = self.judged[index]
        return Hits(
            judged,
            self.other[index],
            self.orientation[index],
            self.distance[index],
            self.correlation[index],
            judged.size,
            np.unique(judged),
        )

    def _nearest(self) -> Hits:
        first = np.lexsort((self.other, self.judged, self.distance))[:LISTED]
        return Hits(
            self.judged[first],
            self.other[first],
            self.orientation[first],
            self.distance[first],
            self.correlation[first],
            self.count,
            self.samples,
        )


def find_similar(
    judged: Records, others: Records, *, workers: int, within: bool = False
) -> Iterator[tuple[Hits, Hits]]:
    """Near-duplicates and pairs to review, a block of the others at a time.

    A near-duplicate differs by at most 24 of the 256 bits of its hash in one of eight orientations,
    and the details of the two thumbnails correlate with 0.8 or more. To review are pairs that only
    the hash says (not confirmed), and those that differ by at most 10 of the 64 lowest bits. Images
    of almost one grey and pairs with identical pixels are left out.

    Parameters
    ----------
    judged, others
        Arrays of `RECORD`.
    within
        Both are one array: every image is compared with those before it alone.
    """
    rows = np.flatnonzero(judged["kind"] == TEXTURED)
    hashes = oriented_words(judged["words"][rows])
    work = partial(_block, judged=judged, others=others, rows=rows, hashes=hashes, within=within)
    yield from ordered_map(work, range(0, len(others), _BLOCK), workers=workers)


def n_blocks(others: Records) -> int:
    """How many blocks `find_similar` gives."""
    return -(-len(others) // _BLOCK)


def _block(
    start: int, *, judged: Records, others: Records, rows: Index, hashes: Words, within: bool
) -> tuple[Hits, Hits]:
    places = np.arange(start, min(start + _BLOCK, len(others)))
    places = places[others["kind"][places] == TEXTURED]
    similar, review = Hits.none(), Hits.none()
    if not places.size:
        return similar, review
    if within:
        hashes, rows = hashes[rows > places[0]], rows[rows > places[0]]
    # Where all images are alike, every pair is a hit: few judged at a time bound the memory.
    for first in range(0, rows.size, _JUDGED):
        some = slice(first, first + _JUDGED)
        near, doubtful = _compare(judged, others, rows[some], hashes[some], places, within=within)
        similar, review = similar.plus(near), review.plus(doubtful)
    return similar, review


def _compare(
    judged: Records,
    others: Records,
    rows: Index,
    hashes: Words,
    places: Index,
    *,
    within: bool,
) -> tuple[Hits, Hits]:
    row, column, whole, low = close_pairs(hashes.reshape(-1, 4), others["words"][places])
    place, orientation = np.divmod(row, len(NAMES))
    q, o = rows[place], places[column]
    different = (judged["pixels"][q] != others["pixels"][o]).any(axis=1)
    different &= (o < q) | (not within)
    near = Hits(q, o, orientation, whole, np.full(q.size, np.nan), q.size, np.unique(q))
    best = _best(near.chosen(different & (whole <= SIMILAR)))
    best = _with_correlation(best, judged, others)
    sure = best.correlation >= CONFIRMED
    similar, doubtful = best.chosen(sure), best.chosen(~sure)
    by_low = Hits(q, o, orientation, low, near.correlation, q.size, near.samples)
    review = _best(by_low.chosen(different & (low <= REVIEW)))
    review = _without(review, similar, len(others))
    review = review.plus(_without(doubtful, review, len(others)))
    return similar, review


def close_pairs(
    queries: Words, others: Words
) -> tuple[Index, Index, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of hashes within 24 of 256 bits or 10 of the 64 lowest.

    Returns
    -------
    rows, columns
        Their places among the queries (n, 4) and the others (m, 4).
    whole, low
        Their distances in 256 and in 64 bits.
    """
    columns = np.ascontiguousarray(others.T)
    crossed = np.empty((min(_ROWS, len(queries)), len(others)), np.uint64)
    found = []
    for start in range(0, len(queries), _ROWS):
        some = queries[start : start + _ROWS]
        cross = crossed[: len(some)]
        # uint8 is enough: the bit of the mean is never set, so distances end at 255.
        np.bitwise_xor(some[:, :1], columns[0], out=cross)
        low = bit_count(cross)
        whole = low.copy()
        for word in range(1, 4):
            np.bitwise_xor(some[:, word : word + 1], columns[word], out=cross)
            whole += bit_count(cross)
        flat = np.flatnonzero((whole <= SIMILAR) | (low <= REVIEW))
        if flat.size:
            r, c = np.divmod(flat, len(others))
            found.append((r + start, c, whole.reshape(-1)[flat], low.reshape(-1)[flat]))
    if not found:
        return (*(np.zeros(0, np.intp),) * 2, *(np.zeros(0, np.int64),) * 2)
    r, c, w, d = (np.concatenate(part) for part in zip(*found, strict=True))
    return r, c, w.astype(np.int64), d.astype(np.int64)


_OF_16_BITS = np.array([i.bit_count() for i in range(1 << 16)], np.uint8)


def _bit_count_by_table(words: Words) -> npt.NDArray[np.uint8]:
    halves = _OF_16_BITS[words.view(np.uint16)]
    counts: npt.NDArray[np.uint8] = halves.reshape(*words.shape, 4).sum(axis=-1, dtype=np.uint8)
    return counts


# numpy 1 has no bitwise_count.
bit_count = getattr(np, "bitwise_count", _bit_count_by_table)


def _best(hits: Hits) -> Hits:
    """Of several orientations of one pair, the nearest (then the first)."""
    order = np.lexsort((hits.orientation, hits.distance, hits.other, hits.judged))
    q, o = hits.judged[order], hits.other[order]
    first = np.ones(q.size, bool)
    first[1:] = (q[1:] != q[:-1]) | (o[1:] != o[:-1])
    keep = np.zeros(q.size, bool)
    keep[order[first]] = True
    return hits.chosen(keep)


def _without(hits: Hits, others: Hits, n: int) -> Hits:
    """The hits whose pair is not among the others."""
    return hits.chosen(~np.isin(hits.judged * n + hits.other, others.judged * n + others.other))


def _with_correlation(hits: Hits, judged: Records, others: Records) -> Hits:
    correlation = np.zeros(hits.judged.size)
    if not correlation.size:
        return hits
    # The details of a thumbnail are computed once, however many pairs it is in.
    sides, mine = np.unique(hits.judged * len(NAMES) + hits.orientation, return_inverse=True)
    places, theirs = np.unique(hits.other, return_inverse=True)
    thumbs = [turned(judged["thumb"][n // len(NAMES)], NAMES[n % len(NAMES)]) for n in sides]
    one, two = details(np.stack(thumbs)), details(others["thumb"][places])
    for start in range(0, correlation.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        correlation[part] = np.einsum("ij,ij->i", one[mine[part]], two[theirs[part]])
    return Hits(
        hits.judged, hits.other, hits.orientation, hits.distance, correlation, hits.count,
        hits.samples,
    )  # fmt: skip
