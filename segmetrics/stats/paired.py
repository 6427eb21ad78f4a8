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
from segmetrics.stats.intervals import (
    farther,
    joined,
    lower_end,
    resampled,
    unseen_high,
    unseen_low,
)
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
    numbers, local = np.unique(groups, return_inverse=True)
    one, two = (
        group_sums(metric, o, local.reshape(-1), aggregate, both_empty_is_one=both_empty_is_one)
        for o in (candidate, baseline)
    )
    both = ((one.below > 0) & (two.below > 0)).sum(axis=0)
    samples = groups.size
    if not samples:
        return [Difference(None, None, None, 0, 0) for _ in targets]
    ends = paired_ends(one, two, numbers, targets, resampling)
    found = []
    for places, (low, high) in zip(map(list, targets), ends, strict=True):
        value = float(np.mean((one.value - two.value)[places])) if places else np.nan
        n = int(both[places].min(initial=samples))
        found.append(_difference(value, (low, high), n, samples, one))
    return found


def paired_ends(
    one: GroupSums,
    two: GroupSums,
    numbers: Index,
    targets: Sequence[Sequence[int]],
    resampling: Resampling,
) -> list[tuple[float, float]]:
    """Ends of `one - two`, which are sums of the same groups; NaN where undefined.

    An unseen group joins the others that changed, for the worse or the better, `farther` than any
    of them did in either direction. (The whole range, as `intervals` takes, would need hundreds of
    groups to show that anything is no worse by 0.02.)
    """
    change = _Change.of(one, two, numbers, resampling)
    return [change.ends(places, resampling.tail) for places in targets]


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """Resampled changes of each class, shape (R, B), and what an unseen group adds to them."""

    resampled: Values
    share: Values
    most: Values

    @classmethod
    def of(cls, one: GroupSums, two: GroupSums, numbers: Index, resampling: Resampling) -> _Change:
        (a, b), (c, d) = resampled([one, two], resampling.weights(numbers))
        with np.errstate(invalid="ignore", divide="ignore"):
            change = a / b - c / d
            groups = one.mean_size[:, np.newaxis] / b
            groups += two.mean_size[:, np.newaxis] / d
        # The share of one more group of mean size, after weighing.
        extra = resampling.unseen() * groups / 2
        pull = one.influence() - two.influence() + np.nan_to_num(one.value - two.value)
        most = farther(np.abs(pull), one)
        return cls(change, extra / (1 + extra), most)

    def ends(self, places: Sequence[int], tail: float) -> tuple[float, float]:
        """Lower and upper end of the mean change of some classes."""
        rows = list(places)
        if not rows:
            return np.nan, np.nan
        kept = (1 - self.share[rows]) * self.resampled[rows]
        unseen = self.share[rows] * self.most[rows, np.newaxis]
        low, high = (
            lower_end((sign * kept - unseen).mean(axis=0, keepdims=True), tail)[0]
            for sign in (1, -1)
        )
        return float(low), -float(high)


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
    samples = min(first_groups.size, second_groups.size)
    if not samples:
        return [Difference(None, None, None, 0, 0) for _ in targets]
    sides = []
    for stream, (observed, groups) in enumerate(((first, first_groups), (second, second_groups))):
        numbers, local = np.unique(groups, return_inverse=True)
        one = group_sums(
            metric, observed, local.reshape(-1), aggregate, both_empty_is_one=both_empty_is_one
        )
        ((above, below),) = resampled([one], resampling.weights(numbers, stream))
        unseen = resampling.unseen(stream)
        sides.append(
            (
                one,
                joined(above, below, unseen, *unseen_low(one)),
                joined(above, below, unseen, *unseen_high(one)),
            )
        )
    (one, low_one, high_one), (two, low_two, high_two) = sides
    found = []
    for places in map(list, targets):
        if not places:
            found.append(Difference(None, None, None, 0, samples))
            continue
        value = float(np.mean((one.value - two.value)[places]))
        n = int(min(s.groups[places].min(initial=samples) for s in (one, two)))
        low, high = (
            lower_end(x[places].mean(axis=0, keepdims=True), resampling.tail)[0]
            for x in (low_one - high_two, low_two - high_one)
        )
        found.append(_difference(value, (float(low), -float(high)), n, samples, one))
    return found


def _difference(
    value: float, ends: tuple[float, float], groups: int, samples: int, sums: GroupSums
) -> Difference:
    if not np.isfinite([value, *ends]).all():
        return Difference(value if np.isfinite(value) else None, None, None, groups, samples)
    span = sums.most - sums.low
    low, high = (min(max(round(end, 9), -span), span) for end in ends)
    return Difference(value, min(low, value), max(high, value), groups, samples)
