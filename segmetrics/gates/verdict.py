"""The verdict: one decision from rules and findings, and verdict.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segmetrics.gates.against import Against
from segmetrics.gates.domains import Domain
from segmetrics.gates.grade import Bands, Grade, grade_scope
from segmetrics.gates.idle import on_excluded
from segmetrics.gates.judging import judge_rules
from segmetrics.gates.rules import MIN_GROUPS, Finding, Outcome, Rule, RuleResult
from segmetrics.stats.evaluation import Evaluation

SCHEMA = 1
OnInconclusive = Literal["block", "warn"]


@dataclass(frozen=True, slots=True)
class Primary:
    """The number that runs are ranked by."""

    split: str
    metric: str
    aggregate: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision with everything that led to it. A failed verdict is a value, not an error."""

    decision: Outcome
    grade: Grade
    domain: str
    primary: Primary
    rules: tuple[RuleResult, ...]
    findings: tuple[Finding, ...]
    inputs: Mapping[str, str]
    samples: int = 0
    groups: int = 0
    on_inconclusive: OnInconclusive = "block"
    confidence: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The whole of verdict.json."""
        return {
            "schema": SCHEMA,
            "decision": self.decision,
            "grade": self.grade,
            "domain": self.domain,
            "primary": self.primary.metric,
            "judged": {
                "split": self.primary.split,
                "samples": self.samples,
                "groups": self.groups,
            },
            "on_inconclusive": self.on_inconclusive,
            "confidence": self.confidence,
            "inputs": dict(self.inputs),
            "rules": [result.to_json() for result in self.rules],
            "findings": [finding.to_json() for finding in self.findings],
        }


def decide(
    results: Sequence[RuleResult],
    findings: Sequence[Finding],
    *,
    on_inconclusive: OnInconclusive = "block",
) -> Outcome:
    """No rules -> fail; any blocking fail -> fail; else any blocking inconclusive; else pass.

    Parameters
    ----------
    on_inconclusive
        `warn` lets an inconclusive rule through where its value meets the bound. Where the value
        misses it, the decision stays inconclusive: the interval must not excuse what the value
        alone would fail.
    """
    blocking = [r for r in results if r.rule.severity == "block"]
    outcomes = {r.outcome for r in blocking}
    if not blocking or "fail" in outcomes or any(f.severity == "block" for f in findings):
        return "fail"
    doubtful = [r for r in blocking if r.outcome != "pass"]
    if on_inconclusive == "warn":
        doubtful = [r for r in doubtful if not r.value_meets]
    return "inconclusive" if doubtful else "pass"


def judge(
    evaluation: Evaluation,
    rules: Sequence[Rule],
    *,
    domain: Domain,
    bands: Bands,
    split: str,
    scored: Sequence[str],
    findings: Sequence[Finding] = (),
    inputs: Mapping[str, str],
    min_groups: int = MIN_GROUPS,
    on_inconclusive: OnInconclusive = "block",
    against: Against | None = None,
    confidence: float | None = None,
) -> Verdict:
    """Judge the evaluation.

    Parameters
    ----------
    split
        The judged split: the one of the grade and of the primary metric.
    scored
        The classes that are not excluded.
    findings
        What is already known (stale inputs, accuracy paradox); the grade's is added here.
    inputs
        Digests of the files that the verdict rests on.
    min_groups
        Of rules that say none: with fewer groups a conservative rule cannot pass.
    on_inconclusive
        See `decide`.
    against
        The comparisons of rules that have `against`.
    confidence
        That of the intervals, to be shown beside them.
    """
    results = judge_rules(
        rules,
        evaluation,
        scored,
        statistic=domain.statistic,
        min_groups=min_groups,
        against=against,
    )
    scope = evaluation.splits.get(split)
    grade, why = grade_scope(scope, domain.aggregate, bands, scored)
    found = [*findings, *_grade_findings(grade, why, domain, bands)]
    deciding = [
        rule for rule in rules
        if rule.severity == "block"
        and not on_excluded(rule, scored, scope.labels if scope else ())
    ]  # fmt: skip
    found += _rule_findings(rules, deciding, split)
    if on_inconclusive == "warn":
        found += _let_through(results)
    estimate = scope.estimate("mean", domain.aggregate, domain.primary) if scope else None
    return Verdict(
        decision=decide(results, found, on_inconclusive=on_inconclusive),
        grade=grade,
        domain=domain.name,
        primary=Primary(
            split, domain.primary, domain.aggregate, estimate.value if estimate else None
        ),
        rules=tuple(results),
        findings=tuple(found),
        inputs=inputs,
        samples=scope.samples if scope else 0,
        groups=scope.groups if scope else 0,
        on_inconclusive=on_inconclusive,
        confidence=confidence,
    )


def _grade_findings(grade: Grade, why: str, domain: Domain, bands: Bands) -> list[Finding]:
    if grade != "bad":
        return []
    text = f"the grade is bad: {why}; bad is Dice < {bands.bad.dice:g} or IoU < {bands.bad.iou:g}"
    return [Finding("bad_grade", "block" if domain.bad_grade_blocks else "warn", text, {})]


def _rule_findings(rules: Sequence[Rule], deciding: Sequence[Rule], judged: str) -> list[Finding]:
    """What keeps the rules, taken together, from saying anything about the judged split."""
    if not rules:
        text = "there are no rules, so nothing can pass: set a domain or add rules to params.yaml"
        return [Finding("no_rules", "block", text, {})]
    if not deciding:
        blocking = [rule for rule in rules if rule.severity == "block"]
        text = "no rule blocks (all are `severity: warn`), so nothing can pass"
        if blocking:
            names = ", ".join(f"{rule.name} ({rule.class_name})" for rule in blocking)
            text = (
                f"the rules that block look at excluded classes alone: {names}. What data.exclude "
                f"names decides nothing, so nothing can pass: add a rule on a class that is scored"
            )
        return [Finding("no_blocking_rule", "block", text, {})]
    if not any(rule.split == judged for rule in deciding):
        splits = sorted({rule.split for rule in deciding})
        text = (
            f"no rule that blocks looks at {judged}, the judged split (they look at "
            f"{', '.join(splits)}), so nothing can pass: remove `split:` from a rule"
        )
        return [Finding("no_rule_on_judged", "block", text, {"splits": splits})]
    return []


def _let_through(results: Sequence[RuleResult]) -> list[Finding]:
    """A warning that names the rules which `on_inconclusive: warn` lets through."""
    through = [
        r for r in results
        if r.rule.severity == "block" and r.outcome == "inconclusive" and r.value_meets
    ]  # fmt: skip
    if not through:
        return []
    names = list(dict.fromkeys(r.rule.name for r in through))
    text = (
        f"inconclusive and let through, because `checks.on_inconclusive` is `warn`: "
        f"{', '.join(names)}. Their values meet the bounds, their intervals do not certify it"
    )
    return [Finding("inconclusive_rules", "warn", text, {"rules": names})]
