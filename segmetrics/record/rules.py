"""The rules of a verdict, one name each: several classes or slices may share one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segmetrics.record.keys import key_part, whole_key

_WORST_FIRST = ("fail", "inconclusive", "pass")


def rule_outcomes(verdict: Mapping[str, Any]) -> dict[str, str]:
    """The worst outcome of each rule by its name."""
    found: dict[str, list[str]] = {}
    for rule in verdict["rules"]:
        found.setdefault(rule["name"], []).append(rule["outcome"])
    return {name: min(outcomes, key=_WORST_FIRST.index) for name, outcomes in found.items()}


def rule_margins(verdict: Mapping[str, Any]) -> dict[str, float]:
    """`rules/<name>`: how far the value is on the good side of its bound; below 0: it misses it.

    The smallest one where a rule is about several classes or slices; absent where any of its values
    is undefined.
    """
    found: dict[str, float | None] = {}
    for rule in verdict["rules"]:
        key = whole_key(f"rules/{key_part(rule['name'])}")
        margin = _margin(rule)
        before = found.get(key, margin)
        found[key] = None if margin is None or before is None else min(margin, before)
    return {key: margin for key, margin in found.items() if margin is not None}


def _margin(rule: Mapping[str, Any]) -> float | None:
    value, bound = rule["value"], rule["bound"]
    if value is None:
        return None
    margins = [value - bound["at_least"]] if "at_least" in bound else []
    margins += [bound["at_most"] - value] if "at_most" in bound else []
    return min(margins, default=None)
