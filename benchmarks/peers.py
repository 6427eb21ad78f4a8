"""Files to Dice, IoU, precision and recall, per image and in total, against five other libraries.

Each peer gets its masks from a loader of two worker processes that decodes with Pillow; its time
leaves out its imports and the start of the loader; `segmetrics score` is a whole process. The slow
ones measure fewer pairs. Masks: `python benchmarks/score.py --folder F --only binary` makes them.

    python -m venv peers && peers/bin/pip install torch torchmetrics monai scikit-learn miseval \\
        seg-metrics pillow
    peers/bin/python benchmarks/peers.py --folder F --segmetrics .venv/bin/python
"""

from __future__ import annotations

import argparse
import contextlib
import io
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import miseval
import numpy as np
import seg_metrics.seg_metrics as seg
import torch
from monai.metrics import get_confusion_matrix
from PIL import Image
from sklearn.metrics import confusion_matrix
from torch.utils.data import DataLoader, Dataset
from torchmetrics.functional.classification import binary_stat_scores

Four = np.ndarray  # (n, 4): Dice, IoU, precision, recall


class Masks(Dataset):  # type: ignore[misc]
    """Pairs of binary masks as uint8 tensors of 0 and 1, decoded with Pillow."""

    def __init__(self, folder: Path, n: int) -> None:
        self.folder, self.n = folder, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> torch.Tensor:
        pair = [self.folder / name / f"{i:06}.png" for name in ("references", "predictions")]
        return torch.from_numpy(np.stack([np.asarray(Image.open(path)) > 0 for path in pair]))


def ratios(tp: Any, fp: Any, fn: Any) -> Four:
    """The four metrics from counts; 0/0 is NaN."""
    with np.errstate(invalid="ignore"):
        columns = (2 * tp / (2 * tp + fp + fn), tp / (tp + fp + fn), tp / (tp + fp), tp / (tp + fn))
    return np.stack([np.asarray(column) for column in columns], axis=-1)


def from_counts(count: Callable[[torch.Tensor, torch.Tensor], Any]) -> Callable[[Any], Four]:
    """Metrics per image and (last row) in total from a function that gives tp, fp, fn."""

    def measure(batches: Any) -> Four:
        found = [np.asarray(count(b[:, 0], b[:, 1]), float).reshape(3, -1) for b in batches]
        counts = np.concatenate(found, axis=1)
        return ratios(*np.c_[counts, counts.sum(axis=1)])

    return measure


def by_torchmetrics(reference: torch.Tensor, prediction: torch.Tensor) -> Any:
    scores = binary_stat_scores(
        prediction.int(), reference.int(), multidim_average="samplewise", validate_args=False
    )
    return scores[:, 0], scores[:, 1], scores[:, 3]


def by_monai(reference: torch.Tensor, prediction: torch.Tensor) -> Any:
    counts = get_confusion_matrix(prediction[:, None].float(), reference[:, None].float())
    return counts[:, 0, 0], counts[:, 0, 1], counts[:, 0, 3]


def by_sklearn(reference: torch.Tensor, prediction: torch.Tensor) -> Any:
    matrices = np.stack([
        confusion_matrix(r.numpy().ravel(), p.numpy().ravel(), labels=[False, True])
        for r, p in zip(reference, prediction, strict=True)
    ])  # fmt: skip
    return matrices[:, 1, 1], matrices[:, 0, 1], matrices[:, 1, 0]


def by_miseval(batches: Any) -> Four:
    names = ("DSC", "IoU", "PREC", "SENS")
    return np.array([
        [miseval.evaluate(r.numpy(), p.numpy(), metric=name) for name in names]
        for batch in batches for r, p in batch
    ])  # fmt: skip


def by_seg_metrics(batches: Any) -> Four:
    names = ["dice", "jaccard", "precision", "recall"]
    rows = []
    for batch in batches:
        for r, p in batch.numpy().astype(np.uint8):
            with contextlib.redirect_stdout(io.StringIO()):
                found = seg.write_metrics(labels=[1], gdth_img=r, pred_img=p, metrics=names)
            found = found[0] if isinstance(found, list) else found
            rows.append([float(np.ravel(found[name])[0]) for name in names])
    return np.array(rows)


# peer -> how, pairs, times that segmetrics should be faster
PEERS: dict[str, tuple[Callable[[Any], Four], int, int]] = {
    "torchmetrics": (from_counts(by_torchmetrics), 1000, 4),
    "monai": (from_counts(by_monai), 1000, 4),
    "scikit-learn": (from_counts(by_sklearn), 400, 10),
    "miseval": (by_miseval, 400, 10),
    "seg-metrics": (by_seg_metrics, 20, 10),
}


def peer_seconds(folder: Path, n: int, measure: Callable[[Any], Four]) -> tuple[float, Four]:
    """Seconds a pair, and the metrics."""
    loader = DataLoader(Masks(folder, n), batch_size=min(16, n), num_workers=2)
    batches = iter(loader)  # starts its processes, which begin to decode
    start = time.perf_counter()
    found = measure(batches)
    return (time.perf_counter() - start) / n, found


def segmetrics_seconds(python: str, folder: Path, n: int) -> float:
    """Seconds a pair of a whole process over the `n` pairs of the folder."""
    words = [f"--{name}={folder / name}" for name in ("references", "predictions")]
    start = time.perf_counter()
    subprocess.run(
        [python, "-m", "segmetrics.cli", "score", "--binary", *words],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return (time.perf_counter() - start) / n


def main() -> None:
    """Measure, compare the values, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--segmetrics", required=True, help="the Python that has segmetrics")
    parser.add_argument("--scale", type=float, default=1.0, help="of the peers' numbers of pairs")
    arguments = parser.parse_args()
    folder = arguments.folder / "blobs0"
    n = len(list((folder / "references").iterdir()))
    torch.set_num_threads(2)
    expected: Four | None = None
    for name, (measure, pairs, target) in PEERS.items():
        ours = segmetrics_seconds(arguments.segmetrics, folder, n)
        theirs, found = peer_seconds(folder, max(8, int(pairs * arguments.scale)), measure)
        expected = found if expected is None else expected
        same = np.allclose(found[:8], expected[:8], atol=1e-6, equal_nan=True)
        print(
            f"{name} {version(name)}: {theirs * 1e3:.2f} ms a pair, segmetrics {ours * 1e3:.3f} ms "
            f"({n} pairs): {theirs / ours:.1f} times faster (target {target}); "
            f"{'same values' if same else 'OTHER VALUES'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
