"""Differences of two evaluations, with intervals.

    paired_differences(metric, candidate=.., baseline=.., groups=.., aggregate=.., targets=..,
                       resampling=..) -> list[Difference]
        The same samples twice, row by row (`candidate - baseline`): against a baseline, or one
        model before and after. Each resample weighs both alike, so what they share cancels.

    independent_differences(metric, first=.., first_groups=.., second=.., second_groups=..,
                            aggregate=.., targets=.., resampling=..) -> list[Difference]
        Two sets of samples that share no group (`first - second`): train minus test.

`targets` are sets of places of classes among the R: `[(1,), (1, 2, 3)]` gives the difference of
class 1 and that of the mean of classes 1, 2 and 3. A mean is undefined where one of its classes is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.catalog import Aggregate, MetricInfo
from segmetrics.stats.intervals import quantile, resampled
from segmetrics.stats.observations import Observations
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.sums import GroupSums, group_sums

Values = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two values of one metric, class (or class mean) and aggregate.

    Attributes
    ----------
    value
        None where one of the two is undefined.
    low, high
        Ends of its confidence interval; None where there is none.
    groups
        In how many groups both are defined; of unrelated sets: of the smaller one.
    samples
        How many images were compared; of unrelated sets: of the smaller one.
    """

    value: float | None
    low: float | None
    high: float | None
    groups: int
    samples: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def paired_differences(
    metric: MetricInfo,
    *,
    candidate: Observations,
    baseline: Observations,
    groups: Index,
    aggregate: Aggregate,
    targets: Sequence[Sequence[int]],
    resampling: Resampling,
    both_empty_is_one: bool = False,
) -> list[Difference]:
    """`candidate - baseline` on the same images, one difference for each of `targets`.

    Parameters
    ----------
    candidate, baseline
        Row i of both is the same image; both have the same R classes.
    groups
        Shape (n,): any integers that tell the groups apart.
    """
    local = _local(groups)
    sums = [
        group_sums(metric, o, local, aggregate, both_empty_is_one=both_empty_is_one)
        for o in (candidate, baseline)
    ]
    return _differences(sums[0], sums[1], (groups.size, groups.size), targets, resampling, True)


def independent_differences(
    metric: MetricInfo,
    *,
    first: Observations,
    first_groups: Index,
    second: Observations,
    second_groups: Index,
    aggregate: Aggregate,
    targets: Sequence[Sequence[int]],
    resampling: Resampling,
    both_empty_is_one: bool = False,
) -> list[Difference]:
    """`first - second` of unrelated samples, one difference for each of `targets`.

    Parameters
    ----------
    first, second
        What was measured of the images of each; both have the same R classes.
    first_groups, second_groups
        Their groups: any integers that tell the groups of one set apart.
    """
    sums = [
        group_sums(metric, o, _local(g), aggregate, both_empty_is_one=both_empty_is_one)
        for o, g in ((first, first_groups), (second, second_groups))
    ]
    sizes = first_groups.size, second_groups.size
    return _differences(sums[0], sums[1], sizes, targets, resampling, False)


def _local(groups: Index) -> Index:
    return np.unique(groups, return_inverse=True)[1].reshape(-1)


def _differences(
    one: GroupSums,
    two: GroupSums,
    sizes: tuple[int, int],
    targets: Sequence[Sequence[int]],
    resampling: Resampling,
    paired: bool,
) -> list[Difference]:
    other = (
        resampling
        if paired
        else Resampling(resampling.confidence, resampling.resamples, resampling.seed + 1)
    )
    with np.errstate(invalid="ignore"):
        values = [s.above.sum(axis=0) / s.below.sum(axis=0) for s in (one, two)]
    a, b = resampled([one], resampling), resampled([two], other)
    tail = (1 - resampling.confidence) / 2
    both = (one.below > 0) & (two.below > 0) if paired else None
    found = []
    for target in targets:
        places = list(target)
        value = float((values[0][places] - values[1][places]).mean()) if places else np.nan
        groups = (
            both[:, places].sum(axis=0).min(initial=sizes[0])
            if both is not None
            else min(s.groups[places].min(initial=max(sizes)) for s in (one, two))
        )
        if not np.isfinite(value):
            found.append(Difference(None, None, None, int(groups), min(sizes)))
            continue
        low = quantile((a[0][places] - b[1][places]).mean(axis=0, keepdims=True), tail)[0]
        high = -quantile((b[0][places] - a[1][places]).mean(axis=0, keepdims=True), tail)[0]
        ends = min(float(low), value), max(float(high), value)
        found.append(Difference(value, *ends, int(groups), min(sizes)))
    return found
