"""Makes the masks of the benchmarks: the same ones from the same numbers, reused if there."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.inference.store import label_map_png

STREET = LabelScheme.of({f"c{i}": i for i in range(19)})
SCENES = 24  # street scenes that are drawn; the others are these, rolled and mirrored


def blobs(n: int, folder: Path, detail: int = 0) -> None:
    """`n` binary pairs, 512 x 512, 0 and 255, grey PNG: `references/`, `predictions/`.

    Parameters
    ----------
    detail
        0: one to four smooth blobs, as lesions and organs are. Above: a field of as many random
        values a side, cut at a height: 8 is about ten blobs, 24 about a hundred.
    """
    _make(partial(_blob_pair, folder=folder, detail=detail), n, folder)


def streets(n: int, folder: Path) -> None:
    """`n` pairs of 2048 x 1024 and 19 classes.

    `references/` grey PNG; `predictions/` as `infer` writes them; `predictions_grey/` the same
    labels as grey PNG.
    """
    _make(partial(_street_pair, folder=folder), n, folder)


def _make(write: partial[None], n: int, folder: Path) -> None:
    for name in ("references", "predictions", "predictions_grey"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    missing = [i for i in range(n) if not (folder / "predictions" / f"{i:06}.png").exists()]
    with ProcessPoolExecutor() as pool:
        list(pool.map(write, missing, chunksize=16))


def _blob_pair(i: int, *, folder: Path, detail: int) -> None:
    rng = np.random.default_rng(i)
    masks = _cut_field(rng, detail) if detail else _round(rng)
    for name, mask in zip(("references", "predictions"), masks, strict=True):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / name / f"{i:06}.png")


def _round(rng: np.random.Generator) -> list[npt.NDArray[np.bool_]]:
    """Blobs whose radius waves with the angle; the prediction waves a little otherwise."""
    y, x = np.ogrid[:512, :512]
    masks = [np.zeros((512, 512), bool) for _ in range(2)]
    for _ in range(rng.integers(1, 5)):
        cy, cx, radius = *rng.uniform(90, 422, 2), rng.uniform(20, 90)
        waves = rng.normal(0, 0.12, (4, 2))
        angle, distance = np.arctan2(y - cy, x - cx), np.hypot(y - cy, x - cx)
        for mask in masks:
            edge = sum(
                a * np.cos(k * angle) + b * np.sin(k * angle)
                for k, (a, b) in enumerate(waves, start=1)
            )
            mask |= distance < radius * (1 + edge)
            waves = waves + rng.normal(0, 0.03, (4, 2))
    return masks


def _cut_field(rng: np.random.Generator, detail: int) -> list[npt.NDArray[np.bool_]]:
    grow = _linear(512, detail)
    heights = rng.normal(size=(detail, detail))
    other = heights + rng.normal(0, 0.15, heights.shape)
    return [grow @ field @ grow.T > 0.5 for field in (heights, other)]


def _street_pair(i: int, *, folder: Path) -> None:
    rng = np.random.default_rng(i)
    reference, prediction = _scene(i % SCENES)
    by, mirrored = int(rng.integers(2048)), bool(rng.integers(2))
    pair = [np.roll(a, by, axis=1)[:, :: -1 if mirrored else 1] for a in (reference, prediction)]
    name = f"{i:06}.png"
    Image.fromarray(np.ascontiguousarray(pair[0])).save(folder / "references" / name)
    Image.fromarray(np.ascontiguousarray(pair[1])).save(folder / "predictions_grey" / name)
    (folder / "predictions" / name).write_bytes(label_map_png(pair[1].astype(np.intp), STREET))


_scenes: dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]] = {}


def _scene(i: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The highest of 19 smooth fields: about 25 changes of label a row, as in real streets."""
    if i not in _scenes:
        rng = np.random.default_rng(i)
        down, across = _linear(1024, 9), _linear(2048, 18)
        fields = rng.normal(size=(19, 9, 18)).astype(np.float32)
        other = fields + rng.normal(0, 0.1, fields.shape).astype(np.float32)
        pair = [np.argmax([down @ f @ across.T for f in fs], axis=0) for fs in (fields, other)]
        _scenes[i] = (pair[0].astype(np.uint8), pair[1].astype(np.uint8))
    return _scenes[i]


def _linear(n: int, k: int) -> npt.NDArray[np.float32]:
    """The matrix (n, k) that draws lines between k values."""
    at = np.linspace(0, k - 1, n)
    left = np.minimum(at.astype(int), k - 2)
    matrix = np.zeros((n, k), np.float32)
    matrix[np.arange(n), left] = 1 - (at - left)
    matrix[np.arange(n), left + 1] = at - left
    return matrix
