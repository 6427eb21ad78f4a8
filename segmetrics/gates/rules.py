"""A rule bounds one metric of one class, aggregate, slice and split; judging it gives a result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from segmetrics.metrics.catalog import Aggregate
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation

Severity = Literal["block", "warn"]
Outcome = Literal["pass", "fail", "inconclusive"]
EVERY = "every"
MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Rule:
    """A bound on one number of the evaluation.

    Attributes
    ----------
    class_name
        A class, `mean` (of the classes that are not excluded) or `every` (each of them by itself).
    at_least, at_most
        The bounds, both inclusive; at least one is given.
    slice_column, slice_value
        Restrict the rule to samples with that value; without a value it holds for every value of
        the column, or with `worst` for the worst one, reported as one result.
    size
        Restrict an object metric to a size bucket.
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
    slice_column: str | None = None
    slice_value: str | None = None
    worst: bool = False
    size: str | None = None
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
class RuleResult:
    """What became of a rule for one class and slice, with the reason in words.

    Attributes
    ----------
    margin
        How far the value clears its bounds; negative: misses; -inf: there is nothing to compare.
    """

    rule: Rule
    class_name: str
    slice: str | None
    estimate: Estimate | None
    outcome: Outcome
    reason: str
    margin: float = float("-inf")
    statistic: str = "point"

    def to_json(self) -> dict[str, Any]:
        """One entry of `rules` in verdict.json."""
        estimate = self.estimate or Estimate(None, None, None, 0, 0)
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
            "outcome": self.outcome,
            "severity": self.rule.severity,
            "source": self.rule.source,
            "reason": self.reason,
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


def judge_rules(
    rules: Iterable[Rule], evaluation: Evaluation, scored: Sequence[str]
) -> list[RuleResult]:
    """Judge every rule; one that cannot be judged fails.

    Parameters
    ----------
    scored
        The classes that are not excluded: those of `every` and of `mean`.
    """
    return [result for rule in rules for result in _judge(rule, evaluation, scored)]


def _judge(rule: Rule, evaluation: Evaluation, scored: Sequence[str]) -> list[RuleResult]:
    split = evaluation.splits.get(rule.split)
    if split is None:
        return [_unjudged(rule, rule.class_name, None, f'split "{rule.split}" was not evaluated')]
    if not scored:
        return [_unjudged(rule, rule.class_name, None, "every class is excluded")]
    classes = scored if rule.class_name == EVERY else (rule.class_name,)
    return [result for name in classes for result in _judge_class(rule, name, split, scored)]


def _judge_class(
    rule: Rule, class_name: str, split: SplitEvaluation, scored: Sequence[str]
) -> list[RuleResult]:
    column = rule.slice_column
    if rule.size is not None:
        return [_judge_size(rule, class_name, split)]
    if column is None:
        return [_judge_scope(rule, class_name, split, None, scored)]
    scopes = split.slices.get(column, {})
    if rule.slice_value is not None and scopes:
        scopes = {value: s for value, s in scopes.items() if value == rule.slice_value}
        if not scopes:
            known = ", ".join(split.slices[column])
            reason = f"no sample has {column}={rule.slice_value} (values: {known})"
            return [_unjudged(rule, class_name, f"{column}={rule.slice_value}", reason)]
    if not scopes:
        known = f"columns with slices: {', '.join(split.slices) or 'none'}"
        reason = f'no slices by "{column}" ({split.slices_left_out.get(column, known)})'
        return [_unjudged(rule, class_name, column, reason)]
    held = sum(scope.samples for scope in scopes.values())
    if rule.slice_value is None and held != split.samples:
        reason = f"the slices by {column} hold {held} of {split.samples} samples"
        return [_unjudged(rule, class_name, column, reason)]
    results = [
        _judge_scope(rule, class_name, scope, f"{column}={value}", scored)
        for value, scope in scopes.items()
    ]
    return [min(results, key=lambda result: result.margin)] if rule.worst else results


def _judge_size(rule: Rule, class_name: str, split: SplitEvaluation) -> RuleResult:
    size = f"size={rule.size}"
    bucket = split.sizes.get(class_name, {}).get(rule.size or "")
    if bucket is None:
        return _unjudged(rule, class_name, size, f"no objects of {class_name} by size {rule.size}")
    what = f"{rule.metric} ({rule.aggregate}) of {class_name} where {size}"
    estimate = bucket.table.get(rule.aggregate, {}).get(rule.metric)
    if estimate is None or estimate.value is None:
        reason = f"{what} is undefined: {bucket.references} reference objects of this size"
        return _unjudged(rule, class_name, size, reason, estimate)
    return _compared(rule, class_name, size, estimate, estimate.value, what)


def _judge_scope(
    rule: Rule, class_name: str, scope: Scope, slice_name: str | None, scored: Sequence[str]
) -> RuleResult:
    what = f"{rule.metric} ({rule.aggregate}) of {class_name}"
    what += f" where {slice_name}" if slice_name else ""
    estimate = scope.estimate(class_name, rule.aggregate, rule.metric)
    if estimate is None:
        return _unjudged(rule, class_name, slice_name, f"{what} was not measured")
    if estimate.value is None or not math.isfinite(estimate.value):
        reason = f"{what} is undefined (0/0) over {scope.samples} samples"
        return _unjudged(rule, class_name, slice_name, reason, estimate)
    doubt = _doubt(rule, scope, scored, estimate.value) if class_name == MEAN else ""
    if doubt:
        return _unjudged(rule, class_name, slice_name, f"{what} {doubt}", estimate)
    return _compared(rule, class_name, slice_name, estimate, estimate.value, what)


def _compared(
    rule: Rule,
    class_name: str,
    slice_name: str | None,
    estimate: Estimate,
    value: float,
    what: str,
) -> RuleResult:
    margin = _margin(rule, value)
    verb = "meets" if margin >= 0 else "misses"
    return RuleResult(
        rule=rule,
        class_name=class_name,
        slice=slice_name,
        estimate=estimate,
        outcome="pass" if margin >= 0 else "fail",
        reason=f"{what} is {value:.4f} and {verb} {rule.bound_text}",
        margin=margin,
    )


def _margin(rule: Rule, value: float) -> float:
    gaps = []
    if rule.at_least is not None:
        gaps.append(value - rule.at_least)
    if rule.at_most is not None:
        gaps.append(rule.at_most - value)
    # A bound that is NaN is met by nothing; `min` would pass over it.
    nothing = not gaps or any(math.isnan(gap) for gap in gaps)
    return -math.inf if nothing else min(gaps)


def _doubt(rule: Rule, scope: Scope, scored: Sequence[str], mean: float) -> str:
    """Why a class mean is not that of all scored classes; empty where it is."""
    found = {name: scope.estimate(name, rule.aggregate, rule.metric) for name in scored}
    values = {name: e.value for name, e in found.items() if e is not None and e.value is not None}
    missing = [name for name in scored if name not in values]
    if missing:
        return f"would leave out {', '.join(missing)}, where it is undefined (0/0)"
    if not math.isclose(mean, math.fsum(values.values()) / len(values), abs_tol=1e-9):
        return f"is not the mean over {', '.join(scored)}; run `dvc repro evaluate`"
    return ""


def _unjudged(
    rule: Rule,
    class_name: str,
    slice_name: str | None,
    reason: str,
    estimate: Estimate | None = None,
) -> RuleResult:
    return RuleResult(rule, class_name, slice_name, estimate, "fail", reason)
