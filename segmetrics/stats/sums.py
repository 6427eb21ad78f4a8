"""Every aggregate as a ratio of two sums over groups, which is what resampling weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.catalog import Aggregate, MetricInfo
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.scores import ScoreHistogram
from segmetrics.stats.observations import Observations

Values = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

_COUNTS = ("tp", "fp", "fn", "tn")
# metric -> numerator and denominator, as what each count weighs.
_POOLED: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "dice": ({"tp": 2}, {"tp": 2, "fp": 1, "fn": 1}),
    "iou": ({"tp": 1}, {"tp": 1, "fp": 1, "fn": 1}),
    "precision": ({"tp": 1}, {"tp": 1, "fp": 1}),
    "recall": ({"tp": 1}, {"tp": 1, "fn": 1}),
    "f2": ({"tp": 5}, {"tp": 5, "fn": 4, "fp": 1}),
    "f0.5": ({"tp": 1.25}, {"tp": 1.25, "fn": 0.25, "fp": 1}),
    "specificity": ({"tn": 1}, {"tn": 1, "fp": 1}),
    "volume_error": ({"fp": 1, "fn": -1}, {"tp": 1, "fn": 1}),
    "accuracy": ({"tp": 1, "tn": 1}, {"tp": 1, "fp": 1, "fn": 1, "tn": 1}),
    "object_precision": ({"tp": 1}, {"tp": 1, "fp": 1}),
    "object_recall": ({"tp": 1}, {"tp": 1, "fn": 1}),
    "object_f1": ({"tp": 2}, {"tp": 2, "fp": 1, "fn": 1}),
    "sq": ({"pq_sum_iou": 1}, {"pq_tp": 1}),
    "rq": ({"pq_tp": 2}, {"pq_tp": 2, "pq_fp": 1, "pq_fn": 1}),
    "pq": ({"pq_sum_iou": 2}, {"pq_tp": 2, "pq_fp": 1, "pq_fn": 1}),
}


@dataclass(frozen=True, slots=True, eq=False)
class GroupSums:
    """One metric and aggregate of G groups and R classes: `above.sum(0) / below.sum(0)`.

    Attributes
    ----------
    above, below
        Shape (G, R); `below` >= 0, and 0 where the metric is undefined in a group.
    low, high
        Range of the metric; infinite where it has no end.
    """

    above: Values
    below: Values
    low: float
    high: float

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """Shape (R,): in how many groups the metric is defined."""
        defined: npt.NDArray[np.int64] = (self.below > 0).sum(axis=0)
        return defined


def group_sums(
    metric: MetricInfo,
    observed: Observations,
    groups: Index,
    aggregate: Aggregate,
    *,
    both_empty_is_one: bool = False,
) -> GroupSums:
    """The sums of a metric; parameters as in `aggregate.estimates`.

    Metrics of pooled counts that are no ratio of sums (MCC, areas under curves) are linearised:
    `above` holds jackknife pseudo-values, moved so that their mean is the metric itself, and
    `below` is 1 (Efron and Tibshirani 1993, chapter 11).
    """
    n_groups = int(groups.max()) + 1 if groups.size else 0
    if aggregate == "pooled" and metric.name in _POOLED:
        above, below = _pooled(metric, observed, groups, n_groups)
    elif aggregate == "pooled":
        above, below = _linearised(metric, observed, groups, n_groups)
    else:
        units = observed.per_image(metric, both_empty_is_one=both_empty_is_one)
        finite = np.isfinite(units)
        above = by_group(np.where(finite, units, 0.0), groups, n_groups)
        below = by_group(finite.astype(np.float64), groups, n_groups)
        if aggregate == "group_mean":
            above = above / np.maximum(below, 1)
            below = np.minimum(below, 1)
    return GroupSums(above, below, metric.low, metric.high)


def by_group(values: npt.NDArray[np.generic], groups: Index, n_groups: int) -> Values:
    """Sums of the rows of each group, (n, ...) -> (G, ...), float64."""
    sums = np.zeros((n_groups, *values.shape[1:]))
    np.add.at(sums, groups, values)
    return sums


def _pooled(
    metric: MetricInfo, observed: Observations, groups: Index, n_groups: int
) -> tuple[Values, Values]:
    source = observed.objects if metric.family == "objects" else observed.counts
    above, below = (
        by_group(
            sum(weight * getattr(source, name).astype(np.float64) for name, weight in w.items()),
            groups,
            n_groups,
        )
        for w in _POOLED[metric.name]
    )
    return above, below


def _linearised(
    metric: MetricInfo, observed: Observations, groups: Index, n_groups: int
) -> tuple[Values, Values]:
    value = observed.pooled(metric)
    others = np.full((n_groups, value.size), np.nan)
    if metric.family == "scores" and observed.histograms is not None:
        h = observed.histograms
        sums = [by_group(a, groups, n_groups) for a in (h.positives, h.negatives)]
        rest = ScoreHistogram(*(s.sum(axis=0) - s for s in sums))
        others[:, list(observed.scored)] = metric.values(rest, both_empty_is_one=False)
    else:
        c = observed.counts
        sums = [by_group(getattr(c, name), groups, n_groups) for name in _COUNTS]
        rest_counts = ConfusionCounts(*(s.sum(axis=0) - s for s in sums))
        others = metric.values(rest_counts, both_empty_is_one=False)
    defined = np.isfinite(others).all(axis=0) & np.isfinite(value) & (n_groups > 1)
    pseudo = (n_groups - 1) * (np.where(defined, others.mean(axis=0), 0.0) - others) + value
    return np.where(defined, pseudo, 0.0), np.broadcast_to(defined, pseudo.shape) * 1.0
