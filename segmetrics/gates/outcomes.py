"""A number with its interval against its bounds: pass, fail or inconclusive, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from segmetrics.gates.needed import MOST_GROUPS, groups_needed
from segmetrics.gates.rules import Outcome, Rule, Statistic
from segmetrics.stats.aggregate import Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """How an estimate stands to the bounds of a rule.

    Attributes
    ----------
    text
        Follows the name of what was compared: `is 0.7500 and meets >= 0.5`.
    margin, needed_groups, value_meets
        See `RuleResult`.
    """

    outcome: Outcome
    text: str
    margin: float
    needed_groups: int | None = None
    value_meets: bool = False


def compare(
    rule: Rule,
    estimate: Estimate,
    value: float,
    *,
    statistic: Statistic,
    min_groups: int,
    span: tuple[float, float] = (-math.inf, math.inf),
) -> Comparison:
    """Judge a defined estimate.

    Parameters
    ----------
    value
        That of the estimate: finite.
    statistic
        `point`: the value decides. `conservative`: pass where the whole interval meets the bounds,
        fail where the whole interval misses them, else inconclusive.
    min_groups
        With fewer groups, or without interval, nothing passes conservatively.
    span
        Range of the metric, whose ends the unseen group of an interval has; infinite where it has
        none. Of use for `needed_groups` alone.
    """
    own = margin(rule, value)
    shown = _shown(value, rule)
    if own == -math.inf or statistic == "point":
        verb = "meets" if own >= 0 else "misses"
        outcome: Outcome = "pass" if own >= 0 else "fail"
        return Comparison(outcome, f"is {shown} and {verb} {_bounds(rule)}", own, None, own >= 0)
    interval = _interval(estimate)
    if interval is None:
        text = (
            f"is {shown} without a confidence interval: nothing says whether it meets "
            f"{_bounds(rule)} by luck"
        )
        return Comparison("inconclusive", text, -math.inf, None, own >= 0)
    low, high = interval
    shown += f" [{_shown(low, rule)}, {_shown(high, rule)}]"
    worst = min(margin(rule, low), margin(rule, high))
    if _misses(rule, low, high):
        text = f"is {shown}: the whole interval misses {_bounds(rule)}"
        return Comparison("fail", text, worst, None, own >= 0)
    if worst >= 0 and own >= 0 and estimate.groups >= min_groups:
        return Comparison(
            "pass", f"is {shown}: the whole interval meets {_bounds(rule)}", worst, None, True
        )
    clears = worst >= 0
    if clears and own < 0:
        text = f"is {shown}: the interval meets {_bounds(rule)}, the value itself does not"
        return Comparison("inconclusive", text, own)
    needed = _needed(rule, estimate.groups, value, (low, high), min_groups, span)
    text = f"is {shown}: {_doubt(rule, estimate.groups, min_groups, clears, needed, value)}"
    return Comparison("inconclusive", text, worst, needed, own >= 0)


def margin(rule: Rule, value: float) -> float:
    """How far a value clears the bounds of a rule; -inf: a bound is NaN, or there is none."""
    gaps = []
    if rule.at_least is not None:
        gaps.append(value - rule.at_least)
    if rule.at_most is not None:
        gaps.append(rule.at_most - value)
    # A bound that is NaN is met by nothing; `min` would pass over it.
    nothing = not gaps or any(math.isnan(gap) for gap in gaps)
    return -math.inf if nothing else min(gaps)


def _needed(
    rule: Rule,
    groups: int,
    value: float,
    ends: tuple[float, float],
    min_groups: int,
    span: tuple[float, float],
) -> int | None:
    """The groups that would settle the rule, at this value and spread."""
    low, high = ends
    below = (value - low, value - span[0])  # half-width, and how far an unseen group may lie off
    above = (high - value, span[1] - value)
    outside = margin(rule, value) < 0
    sides: list[tuple[float, tuple[float, float]]] = []  # distance of the bound, side that decides
    if rule.at_least is not None and (value < rule.at_least if outside else low < rule.at_least):
        sides.append((abs(value - rule.at_least), above if outside else below))
    if rule.at_most is not None and (value > rule.at_most if outside else high > rule.at_most):
        sides.append((abs(value - rule.at_most), below if outside else above))
    found = [groups_needed(groups, half, distance, reach) for distance, (half, reach) in sides]
    numbers = [n for n in found if n is not None]
    if len(numbers) < len(found):
        return None
    more = groups + 1 if sides else 0  # as many as now leave it as it is
    most = max(min_groups, _rounded(max(more, *numbers, 0)))
    return most if most <= max(MOST_GROUPS, min_groups) else None


def _rounded(groups: int) -> int:
    """Two digits, upwards: more would promise what the present spread cannot say."""
    unit = int(10 ** max(0, len(str(groups)) - 2))
    return -(-groups // unit) * unit


def _doubt(
    rule: Rule, groups: int, min_groups: int, clears: bool, needed: int | None, value: float
) -> str:
    few = f"too few to certify ({groups} of {min_groups})" if groups < min_groups else ""
    if clears:
        return f"the whole interval meets {_bounds(rule)}, but the groups are {few}"
    misses = margin(rule, value) < 0
    holds = f"the interval does not settle {_bounds(rule)}"
    if misses:
        holds = f"the value misses {_bounds(rule)}, the interval does not settle it"
    if needed is not None:
        settles = f"at this value and spread about {needed} groups would ({groups} now)"
        if misses:
            settles = (
                f"more groups would most likely confirm a fail (at this value and spread about "
                f"{needed}; {groups} now): improve the model"
            )
    elif value in rule.bound.values():
        settles = "the value lies at the bound: no number of groups settles it"
    else:
        settles = "the value lies close to the bound: no realistic number of groups settles it"
    return "; ".join(part for part in (holds, few, settles) if part)


def _misses(rule: Rule, low: float, high: float) -> bool:
    """Whether no value of the interval meets the bounds."""
    first = low if rule.at_least is None else max(low, rule.at_least)
    last = high if rule.at_most is None else min(high, rule.at_most)
    return first > last


def _interval(estimate: Estimate) -> tuple[float, float] | None:
    low, high = estimate.low, estimate.high
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return None
    return (low, high) if low <= high else None


def _bounds(rule: Rule) -> str:
    return rule.bound_text or "no bound"


def _shown(number: float, rule: Rule) -> str:
    """Four decimals, more where those would hide on which side of a bound the number lies."""
    near = any(bound != number and abs(number - bound) < 1e-4 for bound in rule.bound.values())
    return f"{number:.9g}" if near else f"{number:.4f}"
