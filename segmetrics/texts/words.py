"""The sentences of a verdict, the same wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from segmetrics.gates.domains import DOMAINS

# Findings that say who made the predictions; they bar promotion, not a pass.
_NOT_PROMOTED = {"given_predictions", "source_not_named"}


def headline(verdict: Mapping[str, Any]) -> str:
    """One sentence: decision, grade, domain, and how many rules failed."""
    judged = verdict["judged"]
    priority = DOMAINS[verdict["domain"]].priority if verdict["domain"] in DOMAINS else ""
    what = f"{judged['samples']} samples in {judged['groups']} groups of {judged['split']}"
    return (
        f"{verdict['decision'].upper()}: {_why(verdict)}; grade {verdict['grade']}; {what}; "
        f"domain {verdict['domain']} ({priority})"
    )


def _why(verdict: Mapping[str, Any]) -> str:
    rules = verdict["rules"]
    if not rules:
        why = "there are no rules"
    else:
        failed, open_ = (_outcomes(rules, outcome) for outcome in ("fail", "inconclusive"))
        parts = [f"{len(failed)} of {len(rules)} rules not met"] if failed else []
        if open_:
            parts.append(f"{len(open_)} inconclusive" if parts else _inconclusive(open_, rules))
        why = ", ".join(parts) or "all rules met"
        warned = sum(rule["severity"] == "warn" for rule in failed + open_)
        why += f" ({warned} of them only warn)" if warned else ""
    blocking = sum(f["severity"] == "block" for f in verdict["findings"])
    return why + (f", {blocking} blocking finding{'s' * (blocking > 1)}" if blocking else "")


def _inconclusive(some: list[Mapping[str, Any]], rules: list[Mapping[str, Any]]) -> str:
    return f"{len(some)} of {len(rules)} rules inconclusive"


def _outcomes(rules: Iterable[Mapping[str, Any]], outcome: str) -> list[Mapping[str, Any]]:
    return [rule for rule in rules if rule["outcome"] == outcome]


def next_steps(verdict: Mapping[str, Any]) -> list[str]:
    """What to do after this verdict, most pressing first."""
    if verdict["decision"] == "pass":
        return [_after_a_pass(verdict)]
    blocking = [rule for rule in verdict["rules"] if rule["severity"] == "block"]
    steps = []
    findings = [f["name"] for f in verdict["findings"] if f["severity"] == "block"]
    if findings:
        names = ", ".join(dict.fromkeys(findings))
        steps.append(
            f"mend what the blocking findings name first ({names}): they may change values"
        )
    failed = _names(_outcomes(blocking, "fail"))
    if failed:
        steps.append(
            f"improve the model where it misses its bounds ({failed}), or, if a bound does not fit "
            f"your use, change it in params.yaml: `segmetrics rules` says where each comes from"
        )
    steps += _more_groups(_outcomes(blocking, "inconclusive"))
    if not verdict["rules"]:
        steps.append("set a domain or write rules in params.yaml")
    return [*steps, "run `dvc repro`"]


def _after_a_pass(verdict: Mapping[str, Any]) -> str:
    if {f["name"] for f in verdict["findings"]} & _NOT_PROMOTED:
        return (
            "to promote a model, let segmetrics run it: infer.source, or an infer.command with "
            "{source}"
        )
    return "`segmetrics promote` registers the model and moves the alias"


def _more_groups(rules: list[Mapping[str, Any]]) -> list[str]:
    if not rules:
        return []
    needed = [rule.get("needed_groups") for rule in rules]
    known = [n for n in needed if n is not None]
    if not known:
        how = ""
    elif len(known) == len(needed):
        how = f"; about {max(known)} groups would settle them at the values seen now"
    else:
        how = f"; about {max(known)} groups would settle those that more groups can settle"
    return [f"add groups (patients, slides, drives) to decide {_names(rules)}{how}"]


def _names(rules: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(str(rule["name"]) for rule in rules))


def subject(rule: Mapping[str, Any]) -> str:
    """What a rule is about: `recall (group_mean), tumour, scanner=A, against baseline`."""
    text = f"{rule['metric']} ({rule['aggregate']}), {rule['class']}"
    text += f", {rule['slice']}" if rule["slice"] else ""
    return text + (f", against {rule['against']}" if rule.get("against") else "")


def outcome_text(rule: Mapping[str, Any]) -> str:
    """The outcome, and whether it only warns."""
    warns = rule["severity"] == "warn" and rule["outcome"] != "pass"
    return str(rule["outcome"]) + (" (warns)" if warns else "")


def bound_text(bound: Mapping[str, float]) -> str:
    """`>= 0.85`; a margin against a baseline is `>= -0.01`."""
    signs = {"at_least": ">=", "at_most": "<="}
    return " and ".join(f"{signs[name]} {value:g}" for name, value in bound.items())


def number(value: float | None) -> str:
    """Four decimals; an undefined value is a dash."""
    return "-" if value is None else f"{value:.4f}"


def interval_text(rule: Mapping[str, Any]) -> str:
    """`0.812 to 0.901`; empty where there is none."""
    low, high = rule.get("low"), rule.get("high")
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
