"""The verdict: one decision from rules and findings, and verdict.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmetrics.gates.domains import Domain
from segmetrics.gates.grade import Bands, Grade, grade_scope
from segmetrics.gates.rules import Finding, Outcome, Rule, RuleResult, judge_rules
from segmetrics.stats.evaluation import Evaluation

SCHEMA = 1


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
            "inputs": dict(self.inputs),
            "rules": [result.to_json() for result in self.rules],
            "findings": [finding.to_json() for finding in self.findings],
        }


def decide(results: Sequence[RuleResult], findings: Sequence[Finding]) -> Outcome:
    """No rules -> fail; any blocking fail -> fail; else any blocking inconclusive; else pass."""
    blocking = [r.outcome for r in results if r.rule.severity == "block"]
    if not blocking or "fail" in blocking or any(f.severity == "block" for f in findings):
        return "fail"
    return "inconclusive" if "inconclusive" in blocking else "pass"


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
    """
    results = judge_rules(rules, evaluation, scored)
    scope = evaluation.splits.get(split)
    grade, why = grade_scope(scope, domain.aggregate, bands, scored)
    found = list(findings)
    if grade == "bad":
        severity = "block" if domain.bad_grade_blocks else "warn"
        text = (
            f"the grade is bad: {why}; bad is Dice < {bands.bad.dice:g} or IoU < {bands.bad.iou:g}"
        )
        found.append(Finding("bad_grade", severity, text, {}))  # type: ignore[arg-type]
    if not rules:
        text = "there are no rules, so nothing can pass: set a domain or add rules to params.yaml"
        found.append(Finding("no_rules", "block", text, {}))
    elif not any(rule.severity == "block" for rule in rules):
        text = "no rule blocks (all are `severity: warn`), so nothing can pass"
        found.append(Finding("no_blocking_rule", "block", text, {}))
    estimate = scope.estimate("mean", domain.aggregate, domain.primary) if scope else None
    return Verdict(
        decision=decide(results, found),
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
    )
