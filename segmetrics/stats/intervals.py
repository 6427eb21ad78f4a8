"""Confidence intervals of every metric, class and aggregate at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.stats.resampling import Resampling
from segmetrics.stats.sums import GroupSums

Values = npt.NDArray[np.float64]

# Resampled values that are in memory at once (128 MB an end).
_MOST = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Ends by class, shape (R,), and those of the class mean; NaN where there is none."""

    low: Values
    high: Values
    mean_low: float
    mean_high: float


def intervals(
    sums: Sequence[GroupSums], scored: Sequence[int], resampling: Resampling
) -> list[Intervals]:
    """The intervals of some metrics of the same groups and classes.

    Parameters
    ----------
    scored
        The places of the classes that class means are over.
    """
    found: list[Intervals] = []
    while len(found) < len(sums):
        per_metric = resampling.resamples * max(1, sums[len(found)].above.shape[1])
        block = sums[len(found) : len(found) + max(1, _MOST // per_metric)]
        found += _block(block, list(scored), resampling)
    return found


def _block(sums: Sequence[GroupSums], scored: list[int], resampling: Resampling) -> list[Intervals]:
    low, high = resampled(sums, resampling)
    n_classes = sums[0].above.shape[1]
    tail = (1 - resampling.confidence) / 2
    found = []
    for i, one in enumerate(sums):
        with np.errstate(invalid="ignore"):
            value = one.above.sum(axis=0) / one.below.sum(axis=0)
        own = slice(i * n_classes, (i + 1) * n_classes)
        there = [k for k in scored if np.isfinite(value[k])]
        rows = [np.vstack((x[own], x[own][there].mean(axis=0, keepdims=True) if there
                           else np.full((1, resampling.resamples), np.nan)))
                for x in (low, high)]  # fmt: skip
        ends = [
            quantile(rows[0], tail),
            -quantile(-rows[1], tail),
        ]
        center = np.append(value, value[there].mean() if there else np.nan)
        lower = np.clip(np.minimum(ends[0], center), one.low, one.high)
        upper = np.clip(np.maximum(ends[1], center), one.low, one.high)
        found.append(Intervals(lower[:-1], upper[:-1], float(lower[-1]), float(upper[-1])))
    return found


def quantile(values: Values, tail: float) -> Values:
    """The order statistic below which at most the share `tail` lies, row by row."""
    place = min(int(tail * values.shape[1]), values.shape[1] - 1)
    ordered: Values = np.partition(values, place, axis=1)[:, place]
    return ordered


def resampled(sums: Sequence[GroupSums], resampling: Resampling) -> tuple[Values, Values]:
    """Resampled values for the lower and the upper end, shape (metrics x R, B) each.

    A further group, as large as the one that a random unit belongs to, has the worst value for
    that end: what n groups did not show may still exist.
    """
    above = np.concatenate([s.above for s in sums], axis=1)
    below = np.concatenate([s.below for s in sums], axis=1)
    n_classes = sums[0].above.shape[1]
    total = below.sum(axis=0)
    size = np.where(total > 0, (below**2).sum(axis=0) / np.where(total > 0, total, 1), 0.0)
    seen = np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)
    worst = [np.repeat([getattr(s, end) for s in sums], n_classes) for end in ("low", "high")]
    most = np.where(np.isfinite(seen), seen, -np.inf).max(axis=0, initial=-np.inf)
    worst[1] = np.where(np.isfinite(worst[1]), worst[1], most)
    shape = (above.shape[1], resampling.resamples)
    ends = np.empty(shape), np.empty(shape)
    start = 0
    for weights in resampling.weights(above.shape[0] + 1):
        here = slice(start, start + weights.shape[0])
        start += weights.shape[0]
        own, extra = weights[:, :-1], weights[:, -1] * size[:, np.newaxis]
        a, b = above.T @ own.T, below.T @ own.T + extra
        with np.errstate(invalid="ignore", divide="ignore"):
            for end, value in zip(ends, worst, strict=True):
                end[:, here] = (a + value[:, np.newaxis] * extra) / b
    return ends
