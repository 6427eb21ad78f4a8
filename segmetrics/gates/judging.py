"""Finding the number that a rule is about, in a split, slice or size; missing numbers fail."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from segmetrics.gates.against import Against, judge_against
from segmetrics.gates.outcomes import compare
from segmetrics.gates.rules import EVERY, MEAN, MIN_GROUPS, Outcome, Rule, RuleResult, Statistic
from segmetrics.metrics.catalog import CATALOG
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation
from segmetrics.stats.slice_by import SliceBy

_FROM_WORST: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")


def judge_rules(
    rules: Iterable[Rule],
    evaluation: Evaluation,
    scored: Sequence[str],
    *,
    statistic: Statistic = "conservative",
    min_groups: int = MIN_GROUPS,
    against: Against | None = None,
) -> list[RuleResult]:
    """Judge every rule; one that cannot be judged fails.

    Parameters
    ----------
    scored
        The classes that are not excluded: those of `every` and of `mean`.
    statistic, min_groups
        Of rules that say none.
    against
        The comparisons of rules that have `against`; those without one fail.
    """
    results = []
    for rule in rules:
        settled = replace(
            rule,
            statistic=rule.statistic or statistic,
            min_groups=min_groups if rule.min_groups is None else rule.min_groups,
        )
        if rule.against is None:
            results += _judge(settled, evaluation, scored)
        else:
            compared = judge_against(settled, against or Against())
            results += [_worst(compared)] if rule.worst and compared else compared
    return results


@dataclass(frozen=True, slots=True)
class _Place:
    """A class and, where there is one, a slice or size: where a rule looks."""

    class_name: str
    slice: str | None = None

    def text(self, rule: Rule) -> str:
        where = f" where {self.slice}" if self.slice else ""
        return f"{rule.metric} ({rule.aggregate}) of {self.class_name}{where}"


def _judge(rule: Rule, evaluation: Evaluation, scored: Sequence[str]) -> list[RuleResult]:
    split = evaluation.splits.get(rule.split)
    whole = _Place(rule.class_name)
    if split is None:
        return [_unjudged(rule, whole, f'split "{rule.split}" was not evaluated')]
    if not scored:
        return [_unjudged(rule, whole, "every class is excluded")]
    classes = scored if rule.class_name == EVERY else (rule.class_name,)
    return [result for name in classes for result in _judge_class(rule, name, split, scored)]


def _judge_class(
    rule: Rule, class_name: str, split: SplitEvaluation, scored: Sequence[str]
) -> list[RuleResult]:
    if rule.size is not None:
        return [_judge_size(rule, _Place(class_name, f"size={rule.size}"), split)]
    if rule.slice_by is None:
        return [_judge_scope(rule, _Place(class_name), split, scored)]
    by = rule.slice_by
    problem = unusable_slices(by, rule.slice_value, split)
    if problem:
        shown = by.text if rule.slice_value is None else f"{by.text}={rule.slice_value}"
        return [_unjudged(rule, _Place(class_name, shown), problem)]
    scopes = split.slices[by.key]
    results = []
    for value in wanted_slices(by, rule.slice_value, scopes):
        place = _Place(class_name, f"{by.text}={value}")
        if value in scopes:
            results.append(_judge_scope(rule, place, scopes[value], scored))
        else:
            reason = f"no sample has {place.slice} (values: {', '.join(scopes)})"
            results.append(_unjudged(rule, place, reason))
    return [_worst(results)] if rule.worst else results


def unusable_slices(by: SliceBy, value: str | None, split: SplitEvaluation) -> str:
    """Why a split has no such slices; empty where it has them."""
    scopes = split.slices.get(by.key, {})
    if not scopes:
        known = f"columns with slices: {', '.join(split.slices) or 'none'}"
        return f'no slices by "{by.text}" ({split.slices_left_out.get(by.key, known)})'
    held = sum(scope.samples for scope in scopes.values())
    if held != split.samples and (value is None or value in scopes):
        return f"the slices by {by.text} hold {held} of {split.samples} samples"
    return ""


def wanted_slices(by: SliceBy, value: str | None, scopes: Mapping[str, Scope]) -> Sequence[str]:
    """The slices of a rule: bins are named by their edges, whether or not they hold a sample."""
    if value is not None:
        return (value,)
    return (*by.bins, *(found for found in scopes if found not in by.bins))


def _worst(results: Sequence[RuleResult]) -> RuleResult:
    """The result with the worst outcome, then one whose value misses, then the smallest margin.

    (Where inconclusive rules are let through, a value that misses must not hide behind a wider
    interval around one that meets.)
    """
    worst = min(results, key=lambda r: (_FROM_WORST.index(r.outcome), r.value_meets, r.margin))
    if len(results) == 1:
        return worst
    counts = Counter(result.outcome for result in results)
    shares = ", ".join(f"{counts[name]} {name}" for name in _FROM_WORST if counts[name])
    return replace(worst, reason=f"{worst.reason} (the worst of {len(results)}: {shares})")


def _judge_size(rule: Rule, place: _Place, split: SplitEvaluation) -> RuleResult:
    bucket = split.sizes.get(place.class_name, {}).get(rule.size or "")
    if bucket is None:
        return _unjudged(rule, place, f"no objects of {place.class_name} by size {rule.size}")
    estimate = bucket.table.get(rule.aggregate, {}).get(rule.metric)
    if estimate is None or estimate.value is None or not math.isfinite(estimate.value):
        reason = (
            f"{place.text(rule)} is undefined: {bucket.references} reference objects of this size"
        )
        return _unjudged(rule, place, reason, estimate)
    return _compared(rule, place, estimate, estimate.value)


def _judge_scope(rule: Rule, place: _Place, scope: Scope, scored: Sequence[str]) -> RuleResult:
    what = place.text(rule)
    estimate = scope.estimate(place.class_name, rule.aggregate, rule.metric)
    if estimate is None:
        return _unjudged(rule, place, f"{what} was not measured")
    if estimate.value is None or not math.isfinite(estimate.value):
        return _unjudged(
            rule, place, f"{what} is undefined (0/0) over {scope.samples} samples", estimate
        )
    doubt = _doubt(rule, scope, scored, estimate.value) if place.class_name == MEAN else ""
    if doubt:
        return _unjudged(rule, place, f"{what} {doubt}", estimate)
    result = _compared(rule, place, estimate, estimate.value)
    undefined, images = _undefined(rule, place, scope, scored)
    return replace(result, images=images, undefined_images=undefined)


def _undefined(rule: Rule, place: _Place, scope: Scope, scored: Sequence[str]) -> tuple[int, int]:
    """In how many images the metric is undefined, of how many; of a mean, for the worst class."""
    names = scored if place.class_name == MEAN else (place.class_name,)
    found = [scope.estimate(name, "image_mean", rule.metric) for name in names]
    counts = [(e.undefined, e.defined + e.undefined) for e in found if e is not None]
    return max(counts, default=(0, 0))


def _compared(rule: Rule, place: _Place, estimate: Estimate, value: float) -> RuleResult:
    statistic = rule.statistic or "conservative"
    min_groups = MIN_GROUPS if rule.min_groups is None else rule.min_groups
    found = compare(
        rule, estimate, value, statistic=statistic, min_groups=min_groups, span=_span(rule.metric)
    )
    return RuleResult(
        rule=rule,
        class_name=place.class_name,
        slice=place.slice,
        estimate=estimate,
        outcome=found.outcome,
        reason=f"{place.text(rule)} {found.text}",
        margin=found.margin,
        statistic=statistic,
        needed_groups=found.needed_groups,
        value_meets=found.value_meets,
    )


def _span(metric: str) -> tuple[float, float]:
    """Range of a metric; infinite where it is not known."""
    known = CATALOG.get(metric)
    return (known.low, known.high) if known else (-math.inf, math.inf)


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
    rule: Rule, place: _Place, reason: str, estimate: Estimate | None = None
) -> RuleResult:
    statistic = rule.statistic or "conservative"
    return RuleResult(
        rule, place.class_name, place.slice, estimate, "fail", reason, statistic=statistic
    )
