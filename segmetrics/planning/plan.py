"""The chance that the rules in force pass together, by true quality and number of groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.errors import ConfigError
from segmetrics.gates.rules import Rule
from segmetrics.policy import Policy
from segmetrics.stats.power import Population, groups_for, pass_chances

# How far the true values lie above every bound.
LEVELS = (-0.02, 0.0, 0.02, 0.04, 0.06)
USUAL = 0.04
# (chance, how far above) that the groups are looked for.
_WANTED = ((0.8, USUAL), (0.9, USUAL), (0.8, 0.02))
_BEYOND = 50  # resamples beyond an end: 2000 at 95 %
_TEST_SETS = (100, 400)
_WORK = 6e9  # resampled values times groups: a second or a few
MOST_GROUPS = 5000

Values = npt.NDArray[np.float64]
Ready = tuple[Rule, Population]
LeftOut = tuple[str, str]  # rule, reason


@dataclass(frozen=True, slots=True)
class RuleChance:
    """How often one rule passes, by level.

    Attributes
    ----------
    numbers
        How many numbers it bounds (classes, slices); the chance is that of the least likely one.
    """

    name: str
    statistic: str
    numbers: int
    chances: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What came out.

    Attributes
    ----------
    groups
        Of each test set.
    source
        Where the spread comes from, in words.
    levels
        True value minus bound, of every rule at once.
    chances
        How often all rules pass, by level.
    needed
        (chance, level, groups); None: more than 5000.
    left_out
        What the chances say nothing about: rule, and why.
    """

    groups: int
    split: str
    source: str
    test_sets: int
    levels: tuple[float, ...]
    chances: tuple[float, ...]
    rules: tuple[RuleChance, ...]
    needed: tuple[tuple[float, float, int | None], ...]
    left_out: tuple[LeftOut, ...]

    def chance(self, level: float) -> float:
        """How often all rules pass a model that is so far above its bounds."""
        return self.chances[self.levels.index(level)]

    def error(self, chance: float) -> float:
        """Two standard errors of one of the chances, from the number of test sets.

        Of (k + 2) / (n + 4) (Agresti and Coull 1998), so that 0 of 400 is not taken for certain.
        """
        n = self.test_sets + 4
        p = (chance * self.test_sets + 2) / n
        return 2 * math.sqrt(p * (1 - p) / n)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `errors` are those of `chances`."""
        needed = [{"chance": c, "above": level, "groups": n} for c, level, n in self.needed]
        left_out = [{"rule": name, "reason": reason} for name, reason in self.left_out]
        errors = [self.error(chance) for chance in self.chances]
        return asdict(self) | {"errors": errors, "needed": needed, "left_out": left_out}


def true_value(bound: float, above: float, low: float, high: float) -> float:
    """The true value; where the bound is near the best value, at most half way to it."""
    return max(min(bound + above, (bound + high) / 2), low + 1e-6)


def population(
    rule: Rule, policy: Policy, above: Values, below: Values, low: float, bound: float
) -> Population:
    """As `stats.power` takes it."""
    # Where inconclusive rules are let through, the value decides.
    point = rule.statistic == "point" or policy.on_inconclusive == "warn"
    least = policy.min_groups if rule.min_groups is None else rule.min_groups
    return Population(above, below, low, bound, point, least)


def make_plan(
    policy: Policy,
    ready: Sequence[Ready],
    left_out: Sequence[LeftOut],
    groups: int,
    source: str,
    levels: Sequence[float],
    *,
    search: bool = True,
) -> Plan:
    """Simulate.

    Raises
    ------
    ConfigError
        There is nothing to simulate.
    """
    if not ready:
        what = "; ".join(f"{name}: {why}" for name, why in left_out) or "there are no rules"
        raise ConfigError("plan", f"no rule to plan with ({what})", "see docs/planning.md")
    populations = [one for _, one in ready]
    together, each, sets = _chances(policy, populations, groups)
    return Plan(
        groups=groups,
        split=policy.judge,
        source=source,
        test_sets=sets,
        levels=tuple(levels),
        chances=tuple(together.tolist()),
        rules=_by_rule(ready, each),
        needed=_needed(policy, populations, levels) if search else (),
        left_out=tuple(dict.fromkeys(left_out)),
    )


def _chances(
    policy: Policy, populations: Sequence[Population], groups: int
) -> tuple[Values, Values, int]:
    """`pass_chances`, and from how many test sets."""
    own = policy.resampling
    resampling = replace(own, resamples=min(own.resamples, math.ceil(_BEYOND / own.tail)))
    columns = sum(p.above.shape[0] * p.above.shape[2] for p in populations if not p.point)
    work = max(1, columns) * resampling.resamples * (groups + 50)
    sets = int(np.clip(_WORK / work, *_TEST_SETS))
    rng = np.random.default_rng([resampling.seed % 2**63, groups])
    together, each = pass_chances(
        populations, groups=groups, test_sets=sets, resampling=resampling, rng=rng
    )
    return together, each, sets


def _needed(
    policy: Policy, populations: Sequence[Population], levels: Sequence[float]
) -> tuple[tuple[float, float, int | None], ...]:
    first = max((p.min_groups for p in populations if not p.point), default=10)
    found: list[tuple[float, float, int | None]] = []
    known: dict[tuple[float, int], float] = {}
    for chance, level in _WANTED:
        at = [p.level(levels.index(level)) for p in populations]

        def value(n: int, at: list[Population] = at, level: float = level) -> float:
            if (level, n) not in known:
                known[level, n] = float(_chances(policy, at, n)[0][0])
            return known[level, n]

        found.append((chance, level, groups_for(value, chance, first=first, most=MOST_GROUPS)))
    return tuple(found)


def _by_rule(ready: Sequence[Ready], each: Values) -> tuple[RuleChance, ...]:
    places: dict[str, list[int]] = {}
    for place, (rule, _) in enumerate(ready):
        places.setdefault(rule.name, []).append(place)
    return tuple(
        RuleChance(
            name,
            "point" if ready[at[0]][1].point else "conservative",
            len(at),
            tuple(each[at].min(axis=0).tolist()),
        )
        for name, at in places.items()
    )


def sentence(plan: Plan) -> str:
    """The plan in one sentence."""
    text = (
        f"With {plan.groups} groups a model that is truly 4 points better than every bound passes "
        f"in {plan.chance(USUAL):.0%} of test sets (± {100 * plan.error(plan.chance(USUAL)):.0f} "
        f"points)"
    )
    parts = []
    for chance, level, groups in plan.needed:
        shown = f"more than {MOST_GROUPS}" if groups is None else f"about {groups}"
        parts.append(f"for {chance:.0%} at {100 * level:g} points {shown}")
    return f"{text}; groups needed {', '.join(parts)}." if parts else f"{text}."
