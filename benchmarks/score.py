"""`segmetrics score` against the floor: only decoding the same label maps with Pillow.

The floor is the faster of two threads or two processes that decode the label maps, stored as
ordinary 8-bit grey PNG, with Pillow. Score is the whole process, from start to end. Both run
alternately; the ratio of their medians is printed, and its target.

    python benchmarks/score.py --folder /tmp/masks              # 10,000 and 2,000 pairs
    python benchmarks/score.py --folder /tmp/masks --pairs 1000 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pairs
from PIL import Image

CLASSES = ",".join(f"{name}={v[0]}" for name, v in zip(pairs.STREET.names, pairs.STREET.values,
                                                       strict=True))  # fmt: skip

# An installed package has its bytecode; a checkout has it unless Python is told not to write it.
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def decode(path: str) -> int:
    """What the floor does with a file."""
    with Image.open(path) as picture:
        return np.asarray(picture).shape[0]


def floor(folders: list[Path], n: int, pool: Callable[[int], Executor]) -> float:
    """Seconds to decode `n` label maps of each folder by two workers, warmed up before."""
    paths = [str(folder / f"{i:06}.png") for i in range(n) for folder in folders]
    with pool(2) as workers:
        list(workers.map(decode, paths[:8]))
        start = time.perf_counter()
        list(workers.map(decode, paths, chunksize=64))
        return time.perf_counter() - start


def score(folder: Path, n: int, options: list[str], whole: int) -> float:
    """Seconds of a `segmetrics score` process."""
    if n < whole:
        part = folder / f"first{n}"
        pairs.link(folder, part, range(n), n)
        folder = part
    names = ("references", "predictions")
    words = [w for name in names for w in (f"--{name}", str(folder / name))]
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "segmetrics.cli", "score", *words, *options],
        check=True,
        stdout=subprocess.DEVNULL,
        env=_ENVIRONMENT,
    )
    return time.perf_counter() - start


def compare(title: str, folder: Path, n: int, options: list[str], grey: list[str],
            target: float, rounds: int) -> None:  # fmt: skip
    """Print the medians, the ratio and the target."""
    whole = len(list((folder / "references").iterdir()))
    folders = [folder / name for name in grey]
    times: dict[str, list[float]] = {"threads": [], "processes": [], "score": []}
    for _ in range(rounds):
        times["threads"].append(floor(folders, n, ThreadPoolExecutor))
        times["processes"].append(floor(folders, n, ProcessPoolExecutor))
        times["score"].append(score(folder, n, options, whole))
    middle = {name: statistics.median(values) for name, values in times.items()}
    ratio = middle["score"] / min(middle["threads"], middle["processes"])
    shown = ", ".join(f"{name} {value:.2f} s" for name, value in middle.items())
    print(f"{title}, {n} pairs: {shown}; ratio {ratio:.3f} (target {target})", flush=True)


def main() -> None:
    """Make what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="for the masks; reused")
    parser.add_argument("--pairs", type=int, default=10_000, help="binary; a fifth for streets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--detail", type=int, default=0, help="of binary masks: pairs.blobs")
    parser.add_argument("--only", choices=("binary", "streets"))
    arguments = parser.parse_args()
    n, rounds = arguments.pairs, arguments.rounds
    if arguments.only != "streets":
        folder = arguments.folder / f"blobs{arguments.detail}"
        pairs.blobs(n, folder, arguments.detail)
        both = ["references", "predictions"]
        compare("binary 512 x 512", folder, n, ["--binary"], both, 0.35, rounds)
    if arguments.only != "binary":
        folder, n = arguments.folder / "streets", max(1, n // 5)
        pairs.streets(n, folder)
        grey = ["references", "predictions_grey"]
        compare("19 classes 2048 x 1024", folder, n, ["--classes", CLASSES], grey, 0.6, rounds)


if __name__ == "__main__":
    main()
