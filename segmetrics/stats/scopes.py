"""From the measurements of some images to their metrics: table algebra alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.catalog import AGGREGATES, Aggregate, MetricInfo
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.aggregate import Estimate, class_mean, estimates
from segmetrics.stats.evaluation import Scope, Table
from segmetrics.stats.intervals import intervals
from segmetrics.stats.observations import Observations
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy
from segmetrics.stats.sums import group_sums


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What the numbers depend on besides the tables.

    Attributes
    ----------
    scored
        The classes that class means are over.
    both_empty_is_one
        Whether Dice and IoU of an image without the class in both masks are 1 instead of undefined.
    measured_with
        `settings_key` that the tables must have been measured with; None: any.
    size_edges
        See `evaluate_sizes`.
    resampling
        How intervals are computed; None: there are none.
    slices
        Those that rules ask for, besides the columns one by one.
    level, threshold
        See `summarise_thresholds`.
    """

    scored: tuple[str, ...]
    both_empty_is_one: bool = False
    measured_with: str | None = None
    size_edges: tuple[int, ...] | None = None
    resampling: Resampling | None = None
    slices: tuple[SliceBy, ...] = ()
    level: int | None = None
    threshold: float | None = None


class PixelTotals(TypedDict):
    """The fields of the same names of `SplitEvaluation`."""

    reference_pixels: tuple[int, ...]
    pixels: int


def pixel_totals(counts: ConfusionCounts, n_classes: int) -> PixelTotals:
    """Pixels of each of the K classes in the references, and all that were counted."""
    total = counts.sum()
    reference = (total.tp + total.fn)[:n_classes].tolist()
    pixels = int((total.tp + total.fp + total.fn + total.tn)[:1].sum())
    return PixelTotals(reference_pixels=tuple(reference), pixels=pixels)


def evaluate_counts(
    observed: Observations | ConfusionCounts,
    groups: npt.NDArray[np.intp],
    classes: Sequence[str],
    options: EvaluationOptions,
) -> Scope:
    """All metrics of some images.

    Parameters
    ----------
    observed
        What was measured of them, or their counts of shape (n, R).
    classes
        The names of the R classes and regions.
    groups
        Shape (n,): any integers, not negative, that tell the groups apart.
    """
    if isinstance(observed, ConfusionCounts):
        observed = Observations(observed)
    scored = [k for k, name in enumerate(classes) if name in options.scored]
    found = aggregated(observed, groups, scored, options)
    tables: dict[str, Table] = {
        name: {
            aggregate: {m: values[k] for m, values in per_class.items()}
            for aggregate, (per_class, _) in found.items()
        }
        for k, name in enumerate(classes)
    }
    return Scope(
        samples=groups.size,
        groups=_n_distinct(groups),
        classes=tables,
        mean={aggregate: mean for aggregate, (_, mean) in found.items()},
    )


def _n_distinct(numbers: npt.NDArray[np.intp]) -> int:
    """As `np.unique(numbers).size`, which imports masked arrays: 8 ms."""
    ordered = np.sort(numbers)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + min(ordered.size, 1)


PerClass = dict[str, list[Estimate]]
Mean = dict[str, Estimate]


def aggregated(
    observed: Observations,
    groups: npt.NDArray[np.intp],
    scored: Sequence[int],
    options: EvaluationOptions,
    *,
    only: Sequence[MetricInfo] | None = None,
) -> dict[Aggregate, tuple[PerClass, Mean]]:
    """Aggregate -> metric -> estimate of each class, and of the class mean.

    Parameters
    ----------
    groups
        Shape (n,): any integers, not negative, that tell the groups apart (`group_keys`); the
        random weights of a group are those of its number.
    scored
        The places of the classes that means are over.
    only
        These metrics instead of all that were measured.
    """
    numbers, local = np.unique(groups, return_inverse=True)
    local = local.reshape(-1)
    one = options.both_empty_is_one
    asked = [
        (m, aggregate)
        for aggregate in AGGREGATES
        for m in only or observed.metrics
        if aggregate in m.aggregates
    ]
    result: dict[Aggregate, tuple[PerClass, Mean]] = {a: ({}, {}) for a in AGGREGATES}
    for m, aggregate in asked:
        values = estimates(m, observed, local, aggregate, both_empty_is_one=one)
        result[aggregate][0][m.name] = values
        result[aggregate][1][m.name] = class_mean([values[k] for k in scored])
    if options.resampling is None or not numbers.size:
        return result
    sums = (group_sums(m, observed, local, a, both_empty_is_one=one) for m, a in asked)
    ends = intervals(sums, numbers, scored, options.resampling)
    for (m, aggregate), found in zip(asked, ends, strict=True):
        per_class, mean = result[aggregate]
        points = zip(per_class[m.name], found.low, found.high, strict=True)
        per_class[m.name] = [e.within(low, high) for e, low, high in points]
        mean[m.name] = mean[m.name].within(found.mean_low, found.mean_high)
    return result
