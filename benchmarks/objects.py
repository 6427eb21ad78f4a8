"""Object matching in large groups of competitors: ours against SciPy's general assignment.

    python benchmarks/objects.py [--quick]

Makes lists of possible pairs as overlapping objects give them, checks that both find the same
total weight, and prints the time of each (one run each, in this one process) and their ratio.
SciPy's time grows with the square of the number of objects: without `--quick` it takes minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from segmetrics.metrics.assignment import _general, heaviest_pairs

Pairs = tuple[np.ndarray, np.ndarray]


def chain(n: int) -> Pairs:
    """A row of objects, each over the ends of two."""
    return np.repeat(np.arange(n), 2), np.add.outer(np.arange(n), [0, 1]).ravel()


def tiles(n: int) -> Pairs:
    """Touching objects, each over the corners of four."""
    k = int(n**0.5)
    at = np.arange(k * k)
    over = [(at // k + a) * (k + 1) + at % k + b for a in (0, 1) for b in (0, 1)]
    return np.tile(at, 4), np.concatenate(over)


def lesions(n: int) -> Pairs:
    """Small groups: every third predicted object covers three reference objects."""
    return np.arange(n), np.arange(n) // 3


def seconds(solve: Callable[..., np.ndarray], i: np.ndarray, j: np.ndarray, weight: np.ndarray):
    start = time.perf_counter()
    taken = solve(i, j, weight)
    return time.perf_counter() - start, float(weight[taken].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="16,384 objects at most")
    sizes = (1 << 8, 1 << 14) if parser.parse_args().quick else (1 << 8, 1 << 14, 1 << 18)
    rng = np.random.default_rng(0)
    print(f"{'pairs':10}{'weights':10}{'objects':>9}{'ours':>11}{'SciPy':>11}{'ratio':>8}")
    for n in sizes:
        for shape in (chain, tiles, lesions):
            for name in ("equal", "random"):
                i, j = shape(n)
                weight = np.ones(i.size) if name == "equal" else rng.random(i.size) + 0.1
                (ours, a), (scipy, b) = (
                    seconds(solve, i, j, weight) for solve in (heaviest_pairs, _general)
                )
                assert abs(a - b) < 1e-9 * n, "different totals"
                what = f"{shape.__name__:10}{name:10}{n:9}"
                print(f"{what}{ours:9.3f} s{scipy:9.3f} s{scipy / ours:7.1f}x", flush=True)


if __name__ == "__main__":
    main()
