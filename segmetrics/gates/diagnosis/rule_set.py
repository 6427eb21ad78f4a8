"""What the set of rules, and the number of groups they are judged by, can and cannot decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from segmetrics.gates.domains import LeftOut
from segmetrics.gates.lint import lint_rules
from segmetrics.gates.rules import Finding, Rule

# Needless rules do no harm: only `segmetrics rules` shows those.
_MATTER = ("contradictory", "unreachable")


def rule_lint(rules: Sequence[Rule]) -> list[Finding]:
    """A note that names the rules which nothing can satisfy, or perfection alone."""
    remarks = [remark for remark in lint_rules(rules) if remark.kind in _MATTER]
    if not remarks:
        return []
    text = "; ".join(f"{remark.rule} is {remark.kind}: {remark.text}" for remark in remarks)
    data = {"rules": [{"rule": r.rule, "kind": r.kind, "text": r.text} for r in remarks]}
    return [Finding("rule_lint", "note", text, data)]


def rules_left_out(left_out: Iterable[LeftOut]) -> list[Finding]:
    """A note for each rule of the preset that needs a measurement which is not made."""
    return [
        Finding(
            "rule_left_out",
            "note",
            f"the rule {one.rule.name} of the {one.rule.source} is not in force: {one.reason}; "
            f"{one.remedy}",
            {"rule": one.rule.name},
        )
        for one in left_out
    ]


def few_groups(groups: int, split: str, min_groups: int) -> list[Finding]:
    """A note where the judged split has fewer groups than certify anything.

    Conservative rules are inconclusive then by themselves; rules that compare the value alone
    decide all the same, so that a pass says little.
    """
    if groups >= min_groups:
        return []
    text = (
        f"{split} is too few to certify ({groups} of {min_groups} groups): its numbers describe "
        f"these images, not what the model will do on others"
    )
    return [Finding("few_groups", "note", text, {"groups": groups, "min_groups": min_groups})]
