"""The sentences of a verdict, the same wherever it is shown."""

from __future__ import annotations

import math
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
    few = _few_groups(verdict)
    why += f"; too few to certify ({few['groups']} of {few['min_groups']})" if few else ""
    blocking = sum(f["severity"] == "block" for f in verdict["findings"])
    return why + (f", {blocking} blocking finding{'s' * (blocking > 1)}" if blocking else "")


def _few_groups(verdict: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How many groups there are and have to be, where they are too few."""
    found = [f["data"] for f in verdict["findings"] if f["name"] == "few_groups"]
    return found[0] if found else None


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
    steps += _more_groups(_outcomes(blocking, "inconclusive"), _few_groups(verdict))
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


def _more_groups(rules: list[Mapping[str, Any]], few: Mapping[str, Any] | None = None) -> list[str]:
    """What to do about inconclusive rules: where the value misses, more groups are no remedy."""
    close = dict.fromkeys(str(rule["name"]) for rule in rules if _at_its_bound(rule))
    missed = dict.fromkeys(str(rule["name"]) for rule in rules if _value_misses(rule))
    others = [rule for rule in rules if rule["name"] not in close.keys() | missed.keys()]
    steps = []
    below = [name for name in missed if name not in close]
    if below:
        miss = "misses its bound" if len(below) == 1 else "miss their bounds"
        steps.append(
            f"improve the model: {', '.join(below)} already {miss}, and more groups would most "
            f"likely confirm a fail"
        )
    if few:
        return [
            *steps,
            f"add groups (patients, slides, drives): {few['groups']} are too few to certify, "
            f"{few['min_groups']} are the least, and `segmetrics plan` says how many it takes; "
            f"until then `gate: {{enforce: false}}` lets `dvc repro` go on without promotion",
        ]
    if others:
        steps.append(f"add groups (patients, slides, drives) to decide {_with_numbers(others)}")
    if close:
        lie, them = (
            ("lies at its bound", "it") if len(close) == 1 else ("lie at their bounds", "them")
        )
        steps.append(
            f"{', '.join(close)} {lie}: no realistic number of groups settles {them}; improve the "
            f"model, or change a bound that does not fit your use"
        )
    return steps


def _with_numbers(rules: list[Mapping[str, Any]]) -> str:
    """`a, b (about 80 groups), c (about 120) at the values seen now`, the fewest first.

    Rules without a number come last. Of a rule with several results the largest number counts.
    """
    most: dict[str, float] = {}
    for rule in rules:
        number = rule.get("needed_groups")
        most[rule["name"]] = max(most.get(rule["name"], 0), math.inf if number is None else number)
    named: dict[float, list[str]] = {}
    for name, number in most.items():
        named.setdefault(number, []).append(name)
    parts: list[str] = []
    for number in sorted(named):
        unit = "" if parts else " groups"
        about = f" (about {number}{unit})" if number != math.inf else ""
        parts.append(", ".join(named[number]) + about)
    return ", ".join(parts) + (" at the values seen now" if min(named) != math.inf else "")


def _at_its_bound(rule: Mapping[str, Any]) -> bool:
    """Whether no number of groups settles a rule because a bound lies too close to the value."""
    low, high = rule.get("low"), rule.get("high")
    if rule.get("needed_groups") is not None or low is None or high is None:
        return False
    return any(low <= bound <= high for bound in rule["bound"].values())


def _value_misses(rule: Mapping[str, Any]) -> bool:
    """Whether the value itself lies on the wrong side of a bound."""
    value, bound = rule.get("value"), rule["bound"]
    if value is None:
        return False
    low, high = bound.get("at_least", -math.inf), bound.get("at_most", math.inf)
    return not low <= value <= high


def _names(rules: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(str(rule["name"]) for rule in rules))


def subject(rule: Mapping[str, Any], judged: str) -> str:
    """What a rule is about: `recall (group_mean), tumour, scanner=A`, and of another split, which.

    Parameters
    ----------
    judged
        The judged split, which goes without saying.
    """
    text = f"{rule['metric']} ({rule['aggregate']}), {rule['class']}"
    text += f", {rule['slice']}" if rule["slice"] else ""
    text += f", against {rule['against']}" if rule.get("against") else ""
    return text + elsewhere(rule, judged)


def undefined_text(rule: Mapping[str, Any]) -> str:
    """`, undefined in 5 of 106 images`; empty where it is defined in all, or nothing is known."""
    n = rule.get("undefined_images", 0)
    return f", undefined in {n} of {rule['images']} images" if n else ""


def elsewhere(rule: Mapping[str, Any], judged: str) -> str:
    """`, on train` for a rule about another than the judged split; else empty."""
    split = rule.get("split", judged)
    return "" if split == judged else f", on {split}"


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


def interval_header(verdict: Mapping[str, Any]) -> str:
    """`95 % interval`; without a number where the verdict is of a release that wrote none."""
    confidence = verdict.get("confidence")
    return "interval" if confidence is None else f"{100 * confidence:g} % interval"


def interval_text(rule: Mapping[str, Any]) -> str:
    """`0.812 to 0.901`; empty where there is none."""
    low, high = rule.get("low"), rule.get("high")
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
