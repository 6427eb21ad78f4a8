"""Aggregates of a metric over images and groups, with what was undefined counted beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.catalog import Aggregate, MetricInfo
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.observations import Observations

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One aggregated value.

    Attributes
    ----------
    value
        None where undefined (0/0).
    low, high
        Ends of its confidence interval; None where none was computed.
    defined, undefined
        How many units have and lack a value: images for `pooled` and `image_mean`, groups for
        `group_mean`, classes for a class mean.
    replaced
        How many infinite distances (exactly one of two masks is empty) stand as the diagonal of
        their image.
    groups
        In how many groups (patients, slides, drives; what is resampled) it is defined. Of a class
        mean: in how many groups the rarest of its classes is.
    """

    value: float | None
    low: float | None
    high: float | None
    defined: int
    undefined: int
    replaced: int = 0
    groups: int = 0

    def to_json(self) -> dict[str, Any]:
        """As in evaluation.json; `replaced` only where it happened."""
        fields = asdict(self)
        if not self.replaced:
            del fields["replaced"]
        return fields

    @classmethod
    def of(
        cls, value: float, defined: int, total: int, replaced: int = 0, groups: int = 0
    ) -> Estimate:
        """An estimate without interval; NaN and infinity become None."""
        finite = float(value) if np.isfinite(value) else None
        undefined = int(total) - int(defined)
        return cls(finite, None, None, int(defined), undefined, int(replaced), int(groups))

    def within(self, low: float, high: float) -> Estimate:
        """The same with an interval; without one where an end is not finite."""
        if self.value is None or not (np.isfinite(low) and np.isfinite(high)):
            return replace(self, low=None, high=None)
        return replace(self, low=min(float(low), self.value), high=max(float(high), self.value))


def estimates(
    metric: MetricInfo,
    observed: Observations | ConfusionCounts,
    groups: npt.NDArray[np.intp],
    aggregate: Aggregate,
    *,
    both_empty_is_one: bool = False,
) -> list[Estimate]:
    """One estimate per class and region.

    Parameters
    ----------
    observed
        What was measured of the images, or their counts of shape (n, R).
    groups
        Shape (n,): the index of each image's group (patient, slide, drive), `0 .. G - 1`.
    aggregate
        `pooled`: counts summed over images, then the ratio (the definition of Cityscapes and VOC).
        `image_mean`: mean of the images where the metric is defined. `group_mean`: mean over groups
        of the mean of their defined images.
    """
    if isinstance(observed, ConfusionCounts):
        observed = Observations(observed)
    # A total is informed by no image that lacks the class, whatever such an image is worth alone.
    alone = both_empty_is_one and aggregate != "pooled"
    units = observed.per_image(metric, both_empty_is_one=alone)
    in_groups = n_finite(group_values(units, groups))
    if aggregate == "pooled" and len(units):
        value = observed.pooled(metric)
    else:
        units = group_values(units, groups) if aggregate == "group_mean" else units
        value = mean_of_defined(units)
    defined = n_finite(units)
    rows = zip(value, defined, observed.replaced(metric), in_groups, strict=True)
    return [Estimate.of(v, d, units.shape[0], r, g) for v, d, r, g in rows]


def n_finite(values: Values) -> npt.NDArray[np.intp]:
    """How many entries of each column of (n, K) are finite."""
    # Column by column: NumPy sums many short rows some ten times slower.
    finite = np.isfinite(values)
    return np.array([np.count_nonzero(column) for column in finite.T], np.intp)


def mean_of_defined(values: Values) -> Values:
    """Column means over the finite entries of (n, K); NaN where there are none."""
    finite = np.isfinite(values)
    n = n_finite(values)
    total = np.where(finite, values, 0.0).sum(axis=0)
    mean: Values = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return mean


def group_values(values: Values, groups: npt.NDArray[np.intp]) -> Values:
    """Mean of the defined images of each group, (n, K) -> (G, K); NaN where a group has none."""
    n_groups = int(groups.max()) + 1 if groups.size else 0
    result = np.full((n_groups, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        finite = np.isfinite(values[:, column])
        n = np.bincount(groups[finite], minlength=n_groups)
        total = np.bincount(groups[finite], weights=values[finite, column], minlength=n_groups)
        result[:, column] = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return result


def class_mean(per_class: Sequence[Estimate]) -> Estimate:
    """Mean over the classes that have a value; `undefined` counts those that have none.

    A rule on a mean with undefined classes fails: leaving a class out must not help.
    """
    values = [e.value for e in per_class if e.value is not None]
    mean = float(np.mean(values)) if values else np.nan
    replaced = sum(e.replaced for e in per_class)
    groups = min((e.groups for e in per_class), default=0)
    return Estimate.of(mean, len(values), len(per_class), replaced, groups)


def group_keys(names: Sequence[str]) -> npt.NDArray[np.intp]:
    """Numbers of groups that follow from their names alone: the first 63 bits of SHA-256.

    A group keeps its number, and with it its random weights, whatever other groups there are.
    (Two names with one number would be one group: among 10,000 with a chance of 1 in 10^11.)
    """
    known = {name: _key(name) for name in dict.fromkeys(names)}
    return np.array([known[name] for name in names], dtype=np.intp)


def _key(name: str) -> int:
    # Lone surrogates are no UTF-8, but file names may hold them.
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def group_index(names: Sequence[str]) -> npt.NDArray[np.intp]:
    """Indices `0 .. G - 1` of group names, in sorted order of the names."""
    return np.unique(np.asarray(names, dtype=str), return_inverse=True)[1].reshape(-1)
