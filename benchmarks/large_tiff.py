"""Count the confusion of a 30,000 x 30,000 label TIFF pair and report the peak memory.

    python benchmarks/large_tiff.py [SIDE]

Makes a reference (tiles of 256 x 256, deflate) and a prediction (strips, uncompressed), then counts
in a process of its own, whose peak resident memory it prints.
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

from segmetrics.data.bands import open_bands, walk_pair
from segmetrics.data.labels import LabelScheme
from segmetrics.metrics.counts import ConfusionCounts, confusion_matrix
from segmetrics.metrics.overlap import dice

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


def count(reference: Path, prediction: Path) -> None:
    """Print Dice by class, seconds and peak memory of this process."""
    began = time.perf_counter()
    scheme = LabelScheme.of({f"class {k}": k for k in range(CLASSES)})
    total = np.zeros((CLASSES, CLASSES + 1), np.int64)
    with open_bands(reference) as r, open_bands(prediction) as p:
        for true, found in walk_pair(r, p):
            total += confusion_matrix(
                reference=true,
                prediction=found,
                n_classes=CLASSES,
                reference_lookup=scheme.reference_lookup,
                prediction_lookup=scheme.prediction_lookup,
            )
        assert total.sum() == r.shape[0] * r.shape[1]
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scores = ", ".join(f"{d:.4f}" for d in dice(ConfusionCounts.from_matrix(total)))
    print(f"Dice {scores}; {seconds:.1f} s; peak {peak:.0f} MiB")


def main() -> None:
    """Make the pair, count it in a fresh process."""
    if sys.argv[1:2] == ["--count"]:
        count(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    side = int(sys.argv[1]) if sys.argv[1:] else 30_000
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "reference.tif", Path(folder) / "prediction.tif"
        make(*pair, side)
        sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.0f} MB" for path in pair)
        print(f"{side} x {side}: {sizes}")
        subprocess.run([sys.executable, __file__, "--count", *map(str, pair)], check=True)


if __name__ == "__main__":
    main()
