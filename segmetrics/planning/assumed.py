"""A plan from a spread that is assumed, before there is any data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.errors import ConfigError
from segmetrics.gates.rules import EVERY, MEAN, Rule
from segmetrics.metrics.catalog import CATALOG
from segmetrics.planning.plan import (
    LEVELS,
    LeftOut,
    Plan,
    Ready,
    make_plan,
    population,
    true_value,
)
from segmetrics.policy import Policy

_GROUPS = 20_000  # that test sets are drawn from
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Assumed:
    """A spread that is assumed instead of measured.

    Attributes
    ----------
    sd
        Standard deviation of the values of single images, such as 0.19.
    per_group, icc
        Images of each group, and their intra-class correlation, in [0, 1].
    """

    sd: float
    per_group: int = 1
    icc: float = 0.0

    @property
    def of_groups(self) -> float:
        """Standard deviation of the means of groups."""
        return self.sd * math.sqrt(self.icc + (1 - self.icc) / self.per_group)

    @property
    def text(self) -> str:
        """For people."""
        text = f"an assumed standard deviation of {self.sd:g}"
        if self.per_group > 1:
            text += f" ({self.per_group} images a group, correlation {self.icc:g})"
        return text


class _Quantiles:
    """Beta-distributed values of the synthetic groups: one class ranks them alike at any mean."""

    def __init__(self, sd: float, seed: int) -> None:
        self._sd, self._rng = sd, np.random.default_rng(seed)
        self._sorted: dict[float, Values] = {}
        self._order: dict[str, npt.NDArray[np.intp]] = {}

    def of(self, name: str, mean: float) -> Values:
        """Shape (20000,), of one class."""
        if mean not in self._sorted:
            self._sorted[mean] = np.sort(_beta(mean, self._sd, self._rng))
        if name not in self._order:
            self._order[name] = self._rng.permutation(_GROUPS)
        return self._sorted[mean][self._order[name]]


def plan_from_assumption(
    policy: Policy,
    assumed: Assumed,
    *,
    groups: int,
    levels: Sequence[float] = LEVELS,
    search: bool = True,
) -> Plan:
    """Plan with Beta-distributed values of groups, of the assumed spread.

    All metrics of one class move together, classes are independent.

    Parameters
    ----------
    groups
        Of the test sets.
    search
        Whether to look for the groups needed, which takes most of the time.

    Raises
    ------
    ConfigError
        No value has such a spread, or no rule is left to plan with.
    """
    ready: list[Ready] = []
    left_out: list[LeftOut] = []
    drawn = _Quantiles(assumed.of_groups, policy.resampling.seed % 2**63)
    for rule in policy.rules:
        reason = _unplanned(rule)
        if reason:
            left_out.append((rule.name, reason))
            continue
        floor = rule.at_least if rule.at_least is not None else 1 - (rule.at_most or 0.0)
        targets = [true_value(floor, above, 0.0, 1.0) for above in levels]
        for names in _parts(rule, policy.scored):
            above = np.stack([np.stack([drawn.of(n, t) for n in names], axis=1) for t in targets])
            below = np.ones(above.shape[1:])
            ready.append((rule, population(rule, policy, above, below, 0.0, floor)))
    return make_plan(policy, ready, left_out, groups, assumed.text, levels, search=search)


def _parts(rule: Rule, scored: Sequence[str]) -> list[Sequence[str]]:
    if rule.class_name == EVERY:
        return [[name] for name in scored]
    return [scored if rule.class_name == MEAN else [rule.class_name]]


def _unplanned(rule: Rule) -> str:
    metric = CATALOG[rule.metric]
    if rule.severity == "warn":
        return "only warns"
    if rule.against is not None:
        return f"is about the difference to the {rule.against}"
    if metric.unit != "1" or metric.better == "zero" or (metric.low, metric.high) != (0.0, 1.0):
        return f"{rule.metric} is no rate from 0 to 1"
    if rule.at_least is not None and rule.at_most is not None:
        return "has two bounds"
    if rule.slice_by is not None or rule.size is not None:
        return "how many groups a slice or size has is not assumed"
    return ""


def _beta(mean: float, sd: float, rng: np.random.Generator) -> Values:
    """Values in [0, 1] with that mean and standard deviation: left-skewed where the mean is high.

    Mean 0.895 and standard deviation 0.19 give skewness -2.3.
    """
    shape = mean * (1 - mean) / sd**2 - 1
    if not shape > 0:
        most = math.sqrt(mean * (1 - mean))
        what = f"no values from 0 to 1 with mean {mean:.3g} spread by {sd:.3g}"
        raise ConfigError("--sd", what, f"give less than {most:.3g}")
    drawn: Values = rng.beta(mean * shape, (1 - mean) * shape, _GROUPS)
    # Of exactly that mean: a tenth of a point off moves every chance by one or two points.
    lacking: Values = (1 - drawn) * ((1 - mean) / (1 - drawn).mean())
    exact: Values = 1 - np.minimum(lacking, 1)
    return exact
