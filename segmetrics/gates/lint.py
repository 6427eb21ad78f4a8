"""Rules that others imply, that contradict one another, or that nothing can satisfy or inform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from segmetrics.gates.algebra import implied_floors
from segmetrics.gates.rules import EVERY, MEAN, Rule
from segmetrics.metrics.catalog import CATALOG

_RELATED = ("dice", "iou", "precision", "recall", "f2", "f0.5")
# What does not change what a rule is about.
_NOT_SUBJECT = {
    "name", "metric", "at_least", "at_most", "severity", "source", "rationale", "statistic",
    "min_groups",
}  # fmt: skip
# Metrics that are high wherever a class is rare.
_FLATTERING = ("specificity", "balanced_accuracy")


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a rule that its author should know.

    Attributes
    ----------
    kind
        `implied`: another rule already asks for it; `contradictory`: with another rule nothing can
        pass; `unreachable`: nothing but perfection passes; `flattering`: the metric is high
        wherever the class is rare.
    """

    kind: str
    rule: str
    text: str


def lint_rules(rules: Sequence[Rule]) -> list[Remark]:
    """What the rules in force say about one another, by their bounds alone.

    Implications are about values. An interval may clear one bound and not the other, and a rule
    may be worth keeping because its name says what matters: nothing is removed.
    """
    # What bounds on values imply says nothing about bounds on differences.
    rules = [rule for rule in rules if rule.against is None]
    remarks = [remark for rule in rules for remark in _alone(rule)]
    for rule in rules:
        # Only rules that block can make another one needless.
        others = [r for r in rules if r is not rule and r.severity == "block"]
        remarks += _implied(rule, others)
        remarks += _contradicted(rule, others)
    return remarks


def _alone(rule: Rule) -> Iterator[Remark]:
    metric = CATALOG.get(rule.metric)
    if metric is None:
        return
    if rule.metric in _FLATTERING:
        text = (
            f"{rule.metric} is high wherever {rule.class_name} is rare; recall, precision or Dice "
            f"say more"
        )
        yield Remark("flattering", rule.name, text)
    best = (rule.at_least is not None and rule.at_least >= metric.high) or (
        rule.at_most is not None and rule.at_most <= metric.low and metric.better != "zero"
    )
    if best:
        text = f"{rule.metric} {rule.bound_text} is met by perfection alone: one pixel fails it"
        yield Remark("unreachable", rule.name, text)


def _implied(rule: Rule, others: Iterable[Rule]) -> Iterator[Remark]:
    if rule.at_least is None or rule.at_most is not None:
        return
    for other in others:
        floor = other.at_least
        if other.metric != rule.metric or floor is None or other.aggregate != rule.aggregate:
            continue
        # Two equal rules imply one another: the later one is the needless one.
        stricter = floor > rule.at_least or (floor == rule.at_least and other.name < rule.name)
        if stricter and _covers(other, rule):
            what = f"{other.metric} >= {floor:g} of {_of(other)}"
            yield Remark("implied", rule.name, f"the rule {other.name} ({what}) asks for more")
            return
    found = _floors(rule, others)
    if rule.metric in found and found[rule.metric][0] >= rule.at_least - 1e-12:
        floor, names = found[rule.metric]
        text = (
            f"implied by {names}: {rule.metric} is then at least {floor:.4f}"
            f"{'' if rule.aggregate == 'pooled' else ' (also of means over images)'}"
        )
        yield Remark("implied", rule.name, text)


def _contradicted(rule: Rule, others: Sequence[Rule]) -> Iterator[Remark]:
    if rule.at_most is None:
        return
    same = [r for r in others if r.metric == rule.metric and _subject(r) == _subject(rule)]
    for other in same:
        if other.at_least is not None and other.at_least > rule.at_most:
            text = f"nothing is {rule.bound_text} and, as {other.name} asks, {other.bound_text}"
            yield Remark("contradictory", rule.name, text)
            return
    found = _floors(rule, others)
    if rule.metric in found and found[rule.metric][0] > rule.at_most:
        floor, names = found[rule.metric]
        text = f"{names} mean a {rule.metric} of at least {floor:.4f}, never {rule.bound_text}"
        yield Remark("contradictory", rule.name, text)


def _floors(rule: Rule, others: Iterable[Rule]) -> dict[str, tuple[float, str]]:
    """Lower bounds on the metrics of this subject, and the rules that they come from."""
    floors: dict[str, float] = {}
    names: dict[str, str] = {}
    for other in others:
        related = other.metric in _RELATED and other.metric != rule.metric
        if not related or other.at_least is None or _subject(other) != _subject(rule):
            continue
        if other.at_least > floors.get(other.metric, -1.0):
            floors[other.metric], names[other.metric] = other.at_least, other.name
    found = implied_floors(floors, pooled=_one_ratio(rule))
    return {
        metric: (floor, " and ".join(names[m] for m in source.split(" and ")))
        for metric, (floor, source) in found.items()
    }


def _one_ratio(rule: Rule) -> bool:
    """Whether the value is the ratio of one set of counts; a class mean averages several."""
    return rule.aggregate == "pooled" and rule.class_name != MEAN


def _subject(rule: Rule) -> tuple[object, ...]:
    return tuple(getattr(rule, f.name) for f in fields(rule) if f.name not in _NOT_SUBJECT)


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Whether a floor on `wide` is one on `narrow`: the same, or every class and its mean."""
    if _subject(wide) == _subject(narrow):
        return True
    rest = [f.name for f in fields(wide) if f.name not in _NOT_SUBJECT | {"class_name"}]
    same = all(getattr(wide, name) == getattr(narrow, name) for name in rest)
    # A single class may be excluded, and then `every` says nothing about it.
    return same and wide.class_name == EVERY and narrow.class_name == MEAN


def _of(rule: Rule) -> str:
    return {EVERY: "every class", MEAN: "the class mean"}.get(rule.class_name, rule.class_name)
