"""Score a 30,000 x 30,000 label TIFF pair and report the peak memory.

    python benchmarks/large_tiff.py [SIDE]

Makes a reference (tiles of 256 x 256, deflate) and a prediction (strips, uncompressed), then runs
`segmetrics score` on them and prints the peak resident memory of that process.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

CLASSES = 5
TILE = 256


def make(reference: Path, prediction: Path, side: int) -> None:
    """Blocky labels; the prediction is the reference moved 3 pixels to the right."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, CLASSES, (side // 64 + 1, side // 64 + 1)).astype(np.uint8)

    def rows(start: int, stop: int) -> np.ndarray:
        return coarse[np.arange(start, stop) // 64].repeat(64, axis=1)[:, :side]

    def tiles() -> Iterator[np.ndarray]:
        for start in range(0, side, TILE):
            band = rows(start, min(side, start + TILE))
            for left in range(0, side, TILE):
                yield np.ascontiguousarray(band[:, left : left + TILE])

    shape = (side, side)
    tifffile.imwrite(
        reference, tiles(), shape=shape, dtype=np.uint8, tile=(TILE, TILE), compression="zlib",
        photometric="minisblack",
    )  # fmt: skip
    bands = (np.roll(rows(i, min(side, i + 64)), 3, axis=1) for i in range(0, side, 64))
    tifffile.imwrite(
        prediction, bands, shape=shape, dtype=np.uint8, rowsperstrip=64, photometric="minisblack"
    )


def main() -> None:
    """Make the pair, score it with the command, print seconds and peak memory of that process."""
    side = int(sys.argv[1]) if sys.argv[1:] else 30_000
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "references" / "a.tif", Path(folder) / "predictions" / "a.tif"
        for path in pair:
            path.parent.mkdir()
        make(*pair, side)
        sizes = ", ".join(f"{path.parent.name} {path.stat().st_size / 1e6:.0f} MB" for path in pair)
        print(f"{side} x {side}: {sizes}", flush=True)
        classes = ",".join(f"class_{k}={k}" for k in range(CLASSES))
        folders = [f"--{path.parent.name}={path.parent}" for path in pair]
        command = [sys.executable, "-m", "segmetrics.cli", "score", *folders, "--classes", classes]
        began = time.perf_counter()
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{seconds:.1f} s; peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
