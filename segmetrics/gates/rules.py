"""A rule bounds one metric of one class, aggregate, slice and split; what became of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from segmetrics.metrics.catalog import Aggregate
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.slice_by import SliceBy

Severity = Literal["block", "warn"]
Outcome = Literal["pass", "fail", "inconclusive"]
Statistic = Literal["conservative", "point"]
Against = Literal["baseline", "annotators"]
EVERY = "every"
MEAN = "mean"
# Below this many groups the coverage of an interval is not what it says.
MIN_GROUPS = 30


@dataclass(frozen=True, slots=True)
class Rule:
    """A bound on one number of the evaluation.

    Attributes
    ----------
    class_name
        A class, `mean` (of the classes that are not excluded) or `every` (each of them by itself).
    at_least, at_most
        The bounds, both inclusive; at least one is given.
    slice_by, slice_value
        Restrict the rule to the samples of one slice; without a value it holds for every one, or
        with `worst` for the worst one, reported as one result.
    size
        Restrict an object metric to a size bucket.
    statistic
        `conservative`: the confidence interval decides; `point`: the value; None: as the domain
        says.
    min_groups
        With fewer groups a conservative rule cannot pass; None: as for all rules.
    against, margin
        What the value is compared with: the rule is then about the difference, and `at_least` is
        `-margin` (`at_most` is `margin` where lower is better); None: with its bounds.
    source
        Where the rule comes from: `params.yaml` or the name of a preset.
    """

    name: str
    metric: str
    class_name: str
    aggregate: Aggregate
    split: str
    at_least: float | None = None
    at_most: float | None = None
    slice_by: SliceBy | None = None
    slice_value: str | None = None
    worst: bool = False
    size: str | None = None
    statistic: Statistic | None = None
    min_groups: int | None = None
    against: Against | None = None
    margin: float | None = None
    severity: Severity = "block"
    source: str = "params.yaml"
    rationale: str = ""

    @property
    def bound(self) -> dict[str, float]:
        """The bounds that are set, by name."""
        bounds = {"at_least": self.at_least, "at_most": self.at_most}
        return {name: value for name, value in bounds.items() if value is not None}

    @property
    def bound_text(self) -> str:
        """For people: `>= 0.85`."""
        signs = {"at_least": ">=", "at_most": "<="}
        return " and ".join(f"{signs[name]} {value:g}" for name, value in self.bound.items())


@dataclass(frozen=True, slots=True)
class Shared:
    """How many samples two evaluations share, of how many each of them has."""

    samples: int
    candidate: int
    baseline: int

    @property
    def share(self) -> float:
        """Of the larger one: leaving samples out of either must not help."""
        most = max(self.candidate, self.baseline)
        return self.samples / most if most else 0.0

    def __str__(self) -> str:
        of = f"{self.samples} of {self.candidate} samples"
        more = f" ({self.baseline} in the baseline)" if self.baseline != self.candidate else ""
        return of + more


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of a rule for one class and slice, with the reason in words.

    Attributes
    ----------
    margin
        How far what decides (the value, or the worse end of its interval) clears the bounds;
        negative: misses; -inf: there is nothing to compare.
    statistic
        What decided.
    needed_groups
        Of an inconclusive result: about how many groups would settle it, at the present value and
        spread, in two digits, at most 10,000; as a fail where the value misses the bounds. None: no
        realistic number would, or nothing says how many.
    value_meets
        Whether the value itself meets the bounds, whatever its interval says.
    shared
        Of a rule against a baseline or annotators: the samples that could be compared.
    images, undefined_images
        Where the rule looks, and in how many of them its metric is undefined (0/0), so that they
        count nowhere in a mean; of a class mean, for the class with most of them. 0: not known.
    """

    rule: Rule
    class_name: str
    slice: str | None
    estimate: Estimate | None
    outcome: Outcome
    reason: str
    margin: float = float("-inf")
    statistic: Statistic = "conservative"
    needed_groups: int | None = None
    value_meets: bool = False
    shared: Shared | None = None
    images: int = 0
    undefined_images: int = 0

    def to_json(self) -> dict[str, Any]:
        """One entry of `rules` in verdict.json."""
        estimate = self.estimate or Estimate(None, None, None, 0, 0)
        against: dict[str, Any] = {}
        if self.rule.against is not None:
            shared = asdict(self.shared) if self.shared else None
            against = {"against": self.rule.against, "margin": self.rule.margin, "shared": shared}
        return {
            "name": self.rule.name,
            "metric": self.rule.metric,
            "class": self.class_name,
            "slice": self.slice,
            "split": self.rule.split,
            "aggregate": self.rule.aggregate,
            "statistic": self.statistic,
            "bound": self.rule.bound,
            "value": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "groups": estimate.groups,
            "needed_groups": self.needed_groups,
            "images": self.images,
            "undefined_images": self.undefined_images,
            "outcome": self.outcome,
            "severity": self.rule.severity,
            "source": self.rule.source,
            "reason": self.reason,
            **against,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the user should know, with numbers in `data`; `block` counts as a failed rule."""

    name: str
    severity: Literal["block", "warn", "note"]
    text: str
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """One entry of `findings` in verdict.json."""
        return asdict(self)
