"""Peak memory of `segmetrics score` for few and for many pairs: it should hardly differ.

The many pairs are hard links to the few. Printed is the largest resident set of the process
that prints the table (its workers hold one pair of images each), and what it grew by per pair: the
names, counts and digests that are the table.

    python benchmarks/memory.py --folder /tmp/masks                  # 1,000 and 100,000 pairs
    python benchmarks/memory.py --folder /tmp/masks --pairs 20000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pairs

FEW = 1000


def peak_mb(folder: Path) -> float:
    """Peak resident set of a score process, in MB (POSIX)."""
    words = [f"--{name}={folder / name}" for name in ("references", "predictions")]
    command = [sys.executable, "-m", "segmetrics.cli", "score", "--binary", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"score ended with {process.returncode}")
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Make what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="for the masks; reused")
    parser.add_argument("--pairs", type=int, default=100_000)
    arguments = parser.parse_args()
    folder, n = arguments.folder / "blobs0", arguments.pairs
    pairs.blobs(FEW, folder)
    peaks = []
    for many in (FEW, n):
        part = arguments.folder / f"memory{many}"
        pairs.link(folder, part, range(many), FEW)
        peaks.append(peak_mb(part))
        print(f"{many} pairs: peak {peaks[-1]:.1f} MB", flush=True)
    print(f"per further pair: {(peaks[1] - peaks[0]) * 1e6 / (n - FEW):.0f} bytes")


if __name__ == "__main__":
    main()
