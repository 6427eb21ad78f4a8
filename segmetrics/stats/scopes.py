"""From the measurements of some images to their metrics: table algebra alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.catalog import AGGREGATES, Aggregate
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.aggregate import Estimate, class_mean, estimates
from segmetrics.stats.evaluation import Scope, Table
from segmetrics.stats.observations import Observations


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
    level, threshold
        See `summarise_thresholds`.
    """

    scored: tuple[str, ...]
    both_empty_is_one: bool = False
    measured_with: str | None = None
    size_edges: tuple[int, ...] | None = None
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
        Shape (n,): any integers that tell the groups apart.
    """
    if isinstance(observed, ConfusionCounts):
        observed = Observations(observed)
    local = np.unique(groups, return_inverse=True)[1].reshape(-1)
    tables: dict[str, dict[str, dict[str, Estimate]]] = {name: {} for name in classes}
    mean: dict[str, dict[str, Estimate]] = {}
    for aggregate in AGGREGATES:
        by_metric = _aggregate(observed, local, aggregate, options)
        for k, name in enumerate(classes):
            tables[name][aggregate] = {m: values[k] for m, values in by_metric.items()}
        scored = [k for k, name in enumerate(classes) if name in options.scored]
        mean[aggregate] = {
            m: class_mean([values[k] for k in scored]) for m, values in by_metric.items()
        }
    n_groups = int(local.max()) + 1 if local.size else 0
    frozen: dict[str, Table] = dict(tables)
    return Scope(samples=groups.size, groups=n_groups, classes=frozen, mean=mean)


def _aggregate(
    observed: Observations,
    groups: npt.NDArray[np.intp],
    aggregate: Aggregate,
    options: EvaluationOptions,
) -> dict[str, list[Estimate]]:
    return {
        metric.name: estimates(
            metric, observed, groups, aggregate, both_empty_is_one=options.both_empty_is_one
        )
        for metric in observed.metrics
        if aggregate in metric.aggregates
    }
