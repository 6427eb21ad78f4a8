"""Surface distances by brute force: the definition, written down with loops over axes only."""

from __future__ import annotations

import numpy as np


def border_points(mask: np.ndarray, spacing) -> np.ndarray:
    """Places of the pixels of a mask with a face neighbour outside it, (n, axes)."""
    padded = np.pad(mask.astype(bool), 1)
    inner = padded.copy()
    for axis in range(mask.ndim):
        inner &= np.roll(padded, 1, axis) & np.roll(padded, -1, axis)
    border = (padded & ~inner)[(slice(1, -1),) * mask.ndim]
    return np.argwhere(border) * np.asarray(spacing, float)


def directed_distances(reference, prediction, spacing) -> tuple[np.ndarray, np.ndarray]:
    """From each border pixel to the nearest of the other mask, both ways; for small masks."""
    a, b = border_points(reference, spacing), border_points(prediction, spacing)
    between = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1))
    return between.min(axis=1), between.min(axis=0)


def hd95(reference, prediction, spacing) -> float:
    """The larger of the two directed 95th percentiles."""
    there, back = directed_distances(reference, prediction, spacing)
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def assd(reference, prediction, spacing) -> float:
    """The mean over both borders together."""
    return float(np.concatenate(directed_distances(reference, prediction, spacing)).mean())
