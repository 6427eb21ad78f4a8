"""Rules on a difference: no worse than a baseline, or than people among themselves, by `margin`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from segmetrics.gates.outcomes import compare
from segmetrics.gates.rules import MIN_GROUPS, Finding, Rule, RuleResult, Shared
from segmetrics.metrics.catalog import CATALOG
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.paired import Difference

OnMissing = Literal["fail", "skip"]
MIN_SHARED = 0.8


@dataclass(frozen=True, slots=True)
class Compared:
    """One difference that a rule asks for.

    Attributes
    ----------
    difference
        Candidate minus baseline, on the shared samples; None where `problem` says why not.
    shared
        None where it did not come to counting them.
    missing
        The baseline has nothing to compare with: `on_missing` decides.
    over
        Of a class mean: the classes, where they are not all of the scored ones.
    """

    class_name: str
    slice: str | None = None
    difference: Difference | None = None
    shared: Shared | None = None
    problem: str = ""
    missing: bool = False
    over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Against:
    """The comparisons of all rules that have `against`, and what is asked of them.

    Attributes
    ----------
    compared
        Name of the rule -> its comparisons. A rule without any fails.
    on_missing
        Whether what the baseline lacks fails or is left out, which a finding then says.
    min_shared
        The least share of samples that has to be compared, in [0, 1].
    """

    compared: Mapping[str, Sequence[Compared]] = field(default_factory=dict)
    on_missing: OnMissing = "fail"
    min_shared: float = MIN_SHARED

    def skips(self, one: Compared) -> bool:
        """Whether a comparison is left out."""
        return one.missing and self.on_missing == "skip"


def difference_bound(metric: str, margin: float) -> dict[str, float]:
    """`at_least` or `at_most` of a difference: worse by at most `margin`; 0.0, never -0.0."""
    lower = metric in CATALOG and CATALOG[metric].better == "lower"
    return {"at_most": margin} if lower else {"at_least": 0.0 - margin}


def judge_against(rule: Rule, against: Against) -> list[RuleResult]:
    """The results of a rule that has `against`; a comparison that is left out has none.

    Parameters
    ----------
    rule
        Its `statistic` and `min_groups` are settled.
    """
    found = against.compared.get(rule.name, ())
    if not found:
        return [_failed(rule, Compared(rule.class_name), f"nothing says what {rule.against} has")]
    return [_judge(rule, one, against) for one in found if not against.skips(one)]


def _judge(rule: Rule, one: Compared, against: Against) -> RuleResult:
    if one.problem:
        return _failed(rule, one, f"{_text(rule, one)} cannot be compared: {one.problem}")
    shared = one.shared
    # Written so that NaN is too few.
    if shared is None or not shared.samples or not shared.share >= against.min_shared:
        few = f"{shared or 'no samples'} can be compared, fewer than {against.min_shared:.0%}"
        return _failed(rule, one, f"{_text(rule, one)}: {few}; {_REMEDY[rule.against or '']}")
    difference = one.difference
    if difference is None or difference.value is None or not math.isfinite(difference.value):
        return _failed(rule, one, f"{_text(rule, one)} is undefined (0/0) over {shared}")
    return _compared(rule, one, difference, difference.value)


def _compared(rule: Rule, one: Compared, difference: Difference, value: float) -> RuleResult:
    margin = rule.margin
    known = margin is not None and math.isfinite(margin) and margin >= 0
    if margin is None or not known or CATALOG[rule.metric].better == "zero":
        return _failed(rule, one, f"{_text(rule, one)} has no margin that it could be judged by")
    bound = difference_bound(rule.metric, margin)
    rule = replace(rule, **{"at_least": None, "at_most": None, **bound})  # type: ignore[arg-type]
    found = compare(
        rule,
        _estimate(difference),
        value,
        statistic=rule.statistic or "conservative",
        min_groups=MIN_GROUPS if rule.min_groups is None else rule.min_groups,
    )
    outcome = found.outcome
    if rule.statistic != "point" and outcome == "pass" and found.margin <= 0:
        outcome = "inconclusive"  # an interval that ends at the margin does not exclude it
    over = f" over {', '.join(one.over)} alone" if one.over else ""
    return RuleResult(
        rule=rule,
        class_name=one.class_name,
        slice=one.slice,
        estimate=_estimate(difference),
        outcome=outcome,
        reason=f"{_text(rule, one)}{over}, on {one.shared}, {found.text}",
        margin=found.margin,
        statistic=rule.statistic or "conservative",
        needed_groups=found.needed_groups,
        value_meets=found.value_meets,
        shared=one.shared,
    )


def _estimate(difference: Difference) -> Estimate:
    return Estimate(
        difference.value,
        difference.low,
        difference.high,
        defined=difference.samples,
        undefined=0,
        groups=difference.groups,
    )


def _failed(rule: Rule, one: Compared, reason: str) -> RuleResult:
    statistic = rule.statistic or "conservative"
    estimate = None if one.difference is None else _estimate(one.difference)
    return RuleResult(
        rule, one.class_name, one.slice, estimate, "fail", reason, statistic=statistic,
        shared=one.shared,
    )  # fmt: skip


def _text(rule: Rule, one: Compared) -> str:
    where = f" where {one.slice}" if one.slice else ""
    minus = {"baseline": "minus the baseline", "annotators": "minus that of people"}
    of = f"{rule.metric} ({rule.aggregate}) of {one.class_name}{where}"
    return f"{of} {minus.get(rule.against or '', '')}"


_REMEDY = {
    "": "",
    "baseline": "evaluate the former model on the samples at hand and set that as the baseline, or "
    "lower checks.min_shared",
    "annotators": "add masks of further annotators, or lower checks.min_shared",
}


def skipped_comparisons(rules: Sequence[Rule], against: Against) -> list[Finding]:
    """A finding that names what `on_missing_baseline: skip` left out, and why."""
    left: dict[str, list[str]] = {}
    for rule in rules:
        for one in against.compared.get(rule.name, ()):
            if against.skips(one):
                where = f" where {one.slice}" if one.slice else ""
                left.setdefault(rule.name, []).append(f"{one.class_name}{where}: {one.problem}")
    if not left:
        return []
    listed = "; ".join(f"{name} ({', '.join(why)})" for name, why in left.items())
    text = (
        f"not compared, because `checks.on_missing_baseline` is `skip`: {listed}. Rules that are "
        f"left out meet nothing: where no other rule blocks, nothing passes"
    )
    return [Finding("baseline_skipped", "warn", text, {"rules": list(left)})]
