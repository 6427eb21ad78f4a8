"""A number with its interval against its bounds: pass, fail or inconclusive, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    rule: Rule, estimate: Estimate, value: float, *, statistic: Statistic, min_groups: int
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
    needed = _needed(rule, estimate.groups, value, low, high, min_groups)
    text = f"is {shown}: {_doubt(rule, estimate.groups, min_groups, clears, needed)}"
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


def groups_needed(groups: int, half_width: float, distance: float) -> int | None:
    """About how many groups make an interval end before a bound; None: no number does.

    The half-width falls with the square root of the number of groups, so `half_width` at `groups`
    reaches `distance` at `groups * (half_width / distance)**2`.

    Parameters
    ----------
    groups
        How many there are.
    half_width, distance
        From the value to the end of its interval, and to the bound.
    """
    if distance <= 0:
        return None
    ratio = half_width / distance
    exact = groups * ratio * ratio  # infinite where `** 2` would raise
    # 40 * (0.1 / 0.05)**2 is 160, whatever the last bit of the quotient says.
    return math.ceil(exact * (1 - 1e-12)) if math.isfinite(exact) else None


def _needed(
    rule: Rule, groups: int, value: float, low: float, high: float, min_groups: int
) -> int | None:
    """The groups that would settle the rule, at this value and spread."""
    sides: list[tuple[float, float]] = []  # half-width and distance of each end that matters
    outside = margin(rule, value) < 0
    if rule.at_least is not None and (value < rule.at_least if outside else low < rule.at_least):
        sides.append((high - value if outside else value - low, abs(value - rule.at_least)))
    if rule.at_most is not None and (value > rule.at_most if outside else high > rule.at_most):
        sides.append((value - low if outside else high - value, abs(value - rule.at_most)))
    found = [groups_needed(groups, half, distance) for half, distance in sides]
    numbers = [n for n in found if n is not None]
    if len(numbers) < len(found):
        return None
    more = groups + 1 if sides else 0  # as many as now leave it as it is
    return max(min_groups, more, *numbers)


def _doubt(rule: Rule, groups: int, min_groups: int, clears: bool, needed: int | None) -> str:
    few = f"too few to certify ({groups} of {min_groups})" if groups < min_groups else ""
    if clears:
        return f"the whole interval meets {_bounds(rule)}, but the groups are {few}"
    holds = f"the interval does not settle {_bounds(rule)}"
    if needed is None:
        settles = "the value lies at the bound: no number of groups settles it"
    else:
        about = f"about {needed}" if needed <= 1_000_000 else "more than a million"
        settles = f"at this value and spread {about} groups would ({groups} now)"
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
