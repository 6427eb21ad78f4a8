"""Counting stored scores: two histograms hold all that curves, areas and calibration need.

A stored probability is 8 bits, `q = min(255, floor(256 p))`. Histograms of `q`, one of the pixels
that are foreground in the reference and one of the rest, add exactly over images, and no pixel is
read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError

BINS = 256

# Pixels per block (what `bincount` makes of them stays in the cache), and histograms that take
# turns: neighbours mostly have equal scores, and counting into one bin twice in a row waits for the
# first addition.
_BLOCK = 1 << 16
_LANES = 4

# What a pixel is, in the bits above its score. Foreground is never far from foreground.
_FOREGROUND, _NEAR, _INVALID = 1 << 8, 2 << 8, 3 << 8


@dataclass(frozen=True, slots=True, eq=False)
class ScoreHistogram:
    """Pixels (voxels) by stored score, foreground of the reference and the rest.

    Attributes
    ----------
    positives, negatives : int64, shape (..., 256)
        Pixels with score `q` that are, or are not, foreground in the reference. Leading axes, where
        there are any, are images or classes. Ignored pixels are in neither.

    Raises
    ------
    ValueError
        The shapes differ or do not end in 256.
    """

    positives: npt.NDArray[np.int64]
    negatives: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        shapes = self.positives.shape, self.negatives.shape
        if shapes[0] != shapes[1] or shapes[0][-1:] != (BINS,):
            raise ValueError(f"histograms of shape {shapes[0]} and {shapes[1]}, not (..., {BINS})")

    @classmethod
    def zeros(cls, *shape: int) -> ScoreHistogram:
        """The neutral element of `+`, of shape (*shape, 256)."""
        return cls(np.zeros((*shape, BINS), np.int64), np.zeros((*shape, BINS), np.int64))

    def __add__(self, other: ScoreHistogram) -> ScoreHistogram:
        mine, others = self.positives.shape, other.positives.shape
        if mine != others:
            raise ValueError(f"histograms of shape {mine} and {others} do not add")
        return ScoreHistogram(self.positives + other.positives, self.negatives + other.negatives)

    def sum(self, axis: int | tuple[int, ...] | None = None) -> ScoreHistogram:
        """Summed over leading axes: all of them (shape (256,)), or those in `axis`.

        Raises
        ------
        ValueError
            `axis` names the axis of the scores.
        """
        axes = tuple(range(self.positives.ndim - 1)) if axis is None else axis
        return ScoreHistogram(self.positives.sum(axis=axes), self.negatives.sum(axis=axes))

    def rows(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> ScoreHistogram:
        """The histograms of some images (first axis)."""
        return ScoreHistogram(self.positives[index], self.negatives[index])


def score_histogram(
    *,
    reference: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.uint8],
    valid: npt.NDArray[np.bool_] | None = None,
) -> ScoreHistogram:
    """Count the scores of the foreground and of the rest.

    Parameters
    ----------
    reference
        Whether each pixel is foreground; bool, any number of axes.
    scores
        Stored scores `q = min(255, floor(256 p))`; uint8, same shape.
    valid
        Pixels to count; bool, same shape. The rest are counted nowhere. All of them if None.

    Returns
    -------
    ScoreHistogram
        int64, shape (256,), in pixels (voxels).

    Raises
    ------
    DataError
        The shapes differ.
    TypeError
        An array has another dtype.
    """
    positives, far, _ = _count(reference, scores, None, valid)
    return ScoreHistogram(positives, far)


def near_histograms(
    *,
    reference: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.uint8],
    near: npt.NDArray[np.bool_],
    valid: npt.NDArray[np.bool_] | None = None,
) -> tuple[ScoreHistogram, ScoreHistogram]:
    """`score_histogram` of all pixels and of those near the foreground, in one pass.

    Parameters
    ----------
    near
        Pixels near a mask, see `near_masks`; bool, same shape. Foreground counts as near.

    Returns
    -------
    ScoreHistogram, ScoreHistogram
        Of all pixels, and of the near ones: their positives are the same.

    Raises
    ------
    DataError, TypeError
        As `score_histogram`.
    """
    positives, far, close = _count(reference, scores, near, valid)
    return ScoreHistogram(positives, far + close), ScoreHistogram(positives, close)


def _count(
    reference: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.uint8],
    near: npt.NDArray[np.bool_] | None,
    valid: npt.NDArray[np.bool_] | None,
) -> tuple[npt.NDArray[np.int64], ...]:
    """Histograms of the foreground, of the rest that is not near, and of the rest that is."""
    given = {"reference": reference, "near": near, "valid": valid}
    _check("scores", scores, np.uint8, scores.shape)
    flat: dict[str, npt.NDArray[np.bool_]] = {}
    for name, array in given.items():
        if array is not None:
            _check(name, array, np.bool_, scores.shape)
            flat[name] = array.reshape(-1)
    flat_scores = scores.reshape(-1)
    counts = np.zeros(_LANES * 4 * BINS, np.int64)
    lanes = (np.arange(min(_BLOCK, scores.size), dtype=np.uint16) % _LANES) << 10
    for start in range(0, scores.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        code = flat["reference"][block] * np.uint16(_FOREGROUND)
        if near is not None:
            rest = flat["near"][block] & ~flat["reference"][block]
            code |= rest * np.uint16(_NEAR)
        if valid is not None:
            code |= ~flat["valid"][block] * np.uint16(_INVALID)
        code |= flat_scores[block]
        code |= lanes[: code.size]
        counts += np.bincount(code, minlength=counts.size)
    far, positives, close, _ = counts.reshape(_LANES, 4, BINS).sum(axis=0)
    return positives, far, close


def _check(name: str, array: npt.NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype:
        raise TypeError(f"{name} holds {array.dtype}, not {np.dtype(dtype)}")
    if array.shape != shape:
        raise DataError(
            "score_histogram",
            f"{name} has shape {array.shape}, the scores {shape}",
            "nothing is resized to fit: bring the prediction to the size of the reference",
        )
