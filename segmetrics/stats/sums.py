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


# What each group of a metric that is no ratio of sums weighs: pixels of the reference, or all.
_BY_REFERENCE = frozenset({"mcc", "balanced_accuracy", "average_precision", "roc_auc"})


@dataclass(frozen=True, slots=True, eq=False)
class GroupSums:
    """One metric and aggregate of G groups and R classes: `above.sum(0) / below.sum(0)`.

    Attributes
    ----------
    above, below
        Shape (G, R); `below` >= 0, and 0 where the metric is undefined in a group.
    low, high
        Range of the metric; `high` is infinite where it has no end.
    step
        A change that may always be unseen, in the unit of the metric, one for all classes or of
        shape (R,): see `intervals`, `paired`.
    most
        The largest value there can be: `high`, or the largest diagonal of an image.
    """

    above: Values
    below: Values
    low: float
    high: float
    step: float | Values
    most: float

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """Shape (R,): in how many groups the metric is defined."""
        defined: npt.NDArray[np.int64] = (self.below > 0).sum(axis=0)
        return defined

    @property
    def value(self) -> Values:
        """Shape (R,): the metric; NaN where undefined."""
        total = self.below.sum(axis=0)
        value: Values = self.above.sum(axis=0) / np.where(total > 0, total, np.nan)
        return value

    @property
    def mean_size(self) -> Values:
        """Shape (R,): mean of `below` over the groups in which the metric is defined."""
        size: Values = self.below.sum(axis=0) / np.maximum(self.groups, 1)
        return size

    @property
    def unseen_size(self) -> Values:
        """Shape (R,): root mean square of `below` over those groups; of equal groups, their size.

        Where sizes differ much, an unseen group of mean size would be too small to matter.
        """
        size: Values = np.sqrt((self.below**2).sum(axis=0) / np.maximum(self.groups, 1))
        return size

    def influence(self) -> Values:
        """Shape (G, R): how far each group pulls; of equal groups, value of the group - value."""
        size = self.mean_size
        pull = self.above - np.nan_to_num(self.value) * self.below
        influence: Values = pull / np.where(size > 0, size, 1.0)
        return influence


def group_sums(
    metric: MetricInfo,
    observed: Observations,
    groups: Index,
    aggregate: Aggregate,
    *,
    both_empty_is_one: bool = False,
) -> GroupSums:
    """The sums of a metric; parameters as in `aggregate.estimates`.

    Metrics of pooled counts that are no ratio of sums (MCC, areas under curves) are linearised by
    the jackknife (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 11).
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
    return GroupSums(above, below, metric.low, metric.high, *_step(metric, observed))


def _step(metric: MetricInfo, observed: Observations) -> tuple[float | Values, float]:
    """`step` and `most`: a tenth of a rate, one object, a hundredth of the mean diagonal.

    The mean is over the images in which the metric is defined: a small image without the class
    must not make an interval narrower.
    """
    if metric.unit == "objects":
        return 1.0, np.inf
    if metric.unit == "1":
        span = metric.high - metric.low
        return (0.1 * span, metric.high) if np.isfinite(span) else (0.1, np.inf)
    diagonals = observed.diagonals
    if diagonals is None or not diagonals.size:
        return 0.0, np.inf
    defined = np.isfinite(observed.per_image(metric, both_empty_is_one=False))
    order = np.argsort(diagonals, kind="stable")  # sums of one order, whatever that of the images
    total = np.where(defined, diagonals[:, np.newaxis], 0.0)[order].sum(axis=0)
    return 0.01 * total / np.maximum(defined.sum(axis=0), 1), float(diagonals.max())


def by_group(values: npt.NDArray[np.number], groups: Index, n_groups: int) -> Values:
    """Sums of the rows of each group, (n, ...) -> (G, ...), float64."""
    sums = np.zeros((n_groups, *values.shape[1:]))
    if groups.size:
        order = np.argsort(groups, kind="stable")
        present, first = np.unique(groups[order], return_index=True)
        sums[present] = np.add.reduceat(values[order], first, axis=0)
    return sums


def _pooled(
    metric: MetricInfo, observed: Observations, groups: Index, n_groups: int
) -> tuple[Values, Values]:
    source = observed.objects if metric.family == "objects" else observed.counts
    above, below = (
        by_group(
            np.sum([weight * getattr(source, name) for name, weight in w.items()], axis=0),
            groups,
            n_groups,
        )
        for w in _POOLED[metric.name]
    )
    return above, below


def _linearised(
    metric: MetricInfo, observed: Observations, groups: Index, n_groups: int
) -> tuple[Values, Values]:
    """`value * size + influence`, and the size of each group: its pixels, or the reference's."""
    value = observed.pooled(metric)
    if metric.family in ("scores", "near"):
        without, reference, pixels = _without_scores(metric, observed, groups, n_groups)
    else:
        c = observed.counts
        own = ConfusionCounts(
            *(by_group(getattr(c, n), groups, n_groups).astype(np.int64) for n in _COUNTS)
        )
        total = own.sum()
        rest = ConfusionCounts(*(getattr(total, n) - getattr(own, n) for n in _COUNTS))
        without = metric.values(rest, both_empty_is_one=False)
        reference = (own.tp + own.fn).astype(np.float64)
        pixels = reference + own.fp + own.tn
    size = reference if metric.name in _BY_REFERENCE else pixels
    defined = np.isfinite(without).all(axis=0) & np.isfinite(value) & (size.sum(axis=0) > 0)
    # A group without pixels (all are ignored) is none: it must not change what the others pull.
    there = pixels > 0
    n = np.maximum(there.sum(axis=0), 1)
    pull = np.where(defined & there, without, 0.0)
    pull = np.where(there, (n - 1) * (pull.sum(axis=0) / n - pull), 0.0)
    n_defined = np.maximum((size > 0).sum(axis=0), 1)
    # In units of the mean size, and so that influences are those of the mean over these groups.
    size = size * n_defined / np.where(defined, size.sum(axis=0), 1.0)
    above = np.where(defined, value, 0.0) * size + pull * n_defined / n
    return np.where(defined, above, 0.0), np.where(defined, size, 0.0)


def _without_scores(
    metric: MetricInfo, observed: Observations, groups: Index, n_groups: int
) -> tuple[Values, Values, Values]:
    """The metric without each group; pixels of the reference and all pixels of each group."""
    h = observed.near if metric.family == "near" else observed.histograms
    if h is None:
        raise TypeError(f"{metric.name} needs histograms of scores")
    own = [by_group(a, groups, n_groups).astype(np.int64) for a in (h.positives, h.negatives)]
    rest = ScoreHistogram(*(part.sum(axis=0) - part for part in own))
    parts = (
        metric.values(rest, both_empty_is_one=False),
        own[0].sum(axis=-1).astype(np.float64),
        (own[0] + own[1]).sum(axis=-1).astype(np.float64),
    )
    full = np.zeros((3, n_groups, observed.counts.tp.shape[1]))
    full[0] = np.nan
    for to, part in zip(full, parts, strict=True):
        to[:, list(observed.scored)] = part
    return full[0], full[1], full[2]
