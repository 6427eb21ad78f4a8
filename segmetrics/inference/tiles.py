"""Sliding windows: an image that is too large for the model at once is predicted in tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, product

import numpy as np

from segmetrics.inference.preprocess import Floats

Window = tuple[slice, ...]


def tiled_scores(
    image: Floats,
    run: Callable[[Floats], Floats],
    *,
    size: tuple[int, ...],
    overlap: int,
    batch: int,
) -> Floats:
    """Scores (K, ...) of an image (C, ...), predicted in windows and blended where they overlap.

    Weights of a window fall linearly to its sides over `overlap` elements, and every element is the
    weighted mean of the windows over it. The mean is kept up to date as windows come
    (`mean += share * (new - mean)`): windows that agree give exactly what they agree on, and
    nothing is held but the scores of one image and one weight per element.

    Parameters
    ----------
    image
        At least as large as a window along every spatial axis.
    run
        The model: (N, C, ...) to (N, K, ...).
    batch
        Windows per call of the model.
    """
    shape = image.shape[1:]
    profile = _profile(size, overlap)
    total = np.zeros(shape, np.float32)
    scores: Floats | None = None
    for group in _batched(windows(shape, size, overlap), batch):
        found = run(np.stack([image[(slice(None), *window)] for window in group]))
        if scores is None:
            scores = np.zeros((found.shape[1], *shape), np.float32)
        for window, planes in zip(group, found, strict=True):
            total[window] += profile
            share = profile / total[window]
            for mean, new in zip(scores, planes, strict=True):
                mean[window] += share * (new - mean[window])
    assert scores is not None  # there is at least one window
    return scores


def windows(shape: tuple[int, ...], size: tuple[int, ...], overlap: int) -> Iterator[Window]:
    """Windows of `size` that cover `shape`, first axis slowest.

    Neighbours share at least `overlap` elements; the last one along an axis moves back to its end.
    """
    starts = []
    for length, side in zip(shape, size, strict=True):
        steps = range(0, length - side, side - overlap)
        starts.append([*steps, length - side])
    for corner in product(*starts):
        yield tuple(slice(at, at + side) for at, side in zip(corner, size, strict=True))


def _profile(size: tuple[int, ...], overlap: int) -> Floats:
    """Weights of a window: 1 in the middle, falling to 1 / (overlap + 1) at its sides."""
    profile = np.ones(size, np.float32)
    for axis, side in enumerate(size):
        place = np.minimum(np.arange(side), np.arange(side)[::-1])
        ramp = np.minimum(1.0, (place + 1) / (overlap + 1)).astype(np.float32)
        profile *= ramp.reshape([-1 if a == axis else 1 for a in range(len(size))])
    return profile


def _batched(items: Iterator[Window], size: int) -> Iterator[list[Window]]:
    while group := list(islice(items, size)):
        yield group
