"""Near-duplicates of 1,000 judged images among 100,000 others: time, memory, and what is found.

    python -m benchmarks.leakage [--judged 1000] [--others 100000] [--workers 2]

Hashes are random bits (the usual case) or share most of their bits, as images of one device do
(the worst case for a search). One in a hundred of the judged is a copy, in a random orientation,
with up to 24 bits changed.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from segmetrics.data.fingerprints import (
    NAMES,
    RECORD,
    hash_bits,
    oriented_words,
    pack_words,
    turned,
    unpack_words,
)
from segmetrics.leakage.search import Hits, find_similar


def records(n: int, rng: np.random.Generator, common: float) -> np.ndarray:
    """`n` fingerprints; `common`: share of the bits that all of them have alike."""
    table = np.zeros(n, RECORD)
    table["thumb"] = rng.integers(0, 256, (n, 32, 32), np.uint8)
    bits = rng.random((n, 16, 16)) < 0.5
    alike = rng.random((16, 16)) < common
    bits[:, alike] = hash_bits(rng.random((64, 64)))[alike]
    bits[:, 0, 0] = False
    table["words"] = pack_words(bits)
    table["pixels"] = rng.integers(0, 256, (n, 32), np.uint8)
    return table


def plant(judged: np.ndarray, others: np.ndarray, rng: np.random.Generator) -> int:
    """Make one in a hundred of the judged a changed copy of another image; how many."""
    copies = range(0, len(judged), 100)
    for q in copies:
        o, way = rng.integers(len(others)), rng.integers(len(NAMES))
        bits = unpack_words(oriented_words(others["words"][o : o + 1])[0, way])
        flips = rng.choice(np.arange(1, 256), rng.integers(0, 25), replace=False)
        bits.reshape(-1)[flips] ^= True
        judged["words"][q] = pack_words(bits)
        judged["thumb"][q] = turned(others["thumb"][o], NAMES[way])
    return len(copies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--judged", type=int, default=1000)
    parser.add_argument("--others", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    for common in (0.0, 0.5):
        rng = np.random.default_rng(0)
        judged = records(arguments.judged, rng, common)
        others = records(arguments.others, rng, common)
        planted = plant(judged, others, rng)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        similar = review = Hits.none()
        for near, doubtful in find_similar(judged, others, workers=arguments.workers):
            similar, review = similar.plus(near), review.plus(doubtful)
        seconds = time.perf_counter() - start
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(
            f"{arguments.judged} x {arguments.others}, {common:.0%} of the bits alike: "
            f"{seconds:.1f} s, {more:.0f} MiB more; {len(similar.samples)} of {planted} copies, "
            f"{review.count} pairs to review"
        )


if __name__ == "__main__":
    main()
