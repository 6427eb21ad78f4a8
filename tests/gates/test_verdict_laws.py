"""Laws of verdicts by intervals: tightening a rule or losing evidence never makes a pass."""

from __future__ import annotations

import copy
import dataclasses
import random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segmetrics.gates.domains import DOMAINS
from segmetrics.gates.grade import Bands
from segmetrics.gates.rules import Rule
from segmetrics.gates.verdict import Verdict, judge
from segmetrics.stats.evaluation import Evaluation
from segmetrics.stats.slice_by import SliceBy

SCORED = ("tumour", "vessel")
METRICS = ("dice", "volume_error")
CUTS = {
    SliceBy(("scanner",)): ("A", "B"),
    SliceBy(("weather", "city")): ("rain x Bern", "sun x Bern"),
    SliceBy(("age",), (40.0,)): ("below 40", "40 and above"),
}

# Multiples of 1/16: sums and comparisons are exact, and values meet bounds exactly now and then.
sixteenths = st.integers(0, 16).map(lambda n: n / 16)
high_ones = st.integers(9, 16).map(lambda n: n / 16)
groups_counts = st.sampled_from([0, 1, 10, 29, 30, 31, 100, 100])


@st.composite
def estimates(draw) -> dict[str, Any]:
    """A value in its interval, or without one, or nothing."""
    kind = draw(st.sampled_from(["whole", "whole", "whole", "whole", "no interval", "nothing"]))
    low, value, high = sorted(
        draw(st.tuples(*[draw(st.sampled_from([sixteenths, high_ones]))] * 3))
    )
    bare = {"defined": 5, "undefined": 0, "groups": draw(groups_counts)}
    if kind == "nothing":
        return {"value": None, "low": None, "high": None, **bare}
    if kind == "no interval":
        return {"value": value, "low": None, "high": None, **bare}
    return {"value": value, "low": low, "high": high, **bare}


def mean_of(classes: list[dict[str, Any]]) -> dict[str, Any]:
    found = [e for e in classes if e["value"] is not None]
    bare = {
        "defined": len(found), "undefined": len(classes) - len(found),
        "groups": min(e["groups"] for e in classes),
    }  # fmt: skip
    ends = {}
    for key in ("value", "low", "high"):
        numbers = [e[key] for e in found]
        ends[key] = sum(numbers) / len(numbers) if numbers and None not in numbers else None
    return ends | bare


def scope(some: list[dict[str, Any]], place: random.Random, samples: int) -> dict[str, Any]:
    classes = {name: {"pooled": {m: dict(place.choice(some)) for m in METRICS}} for name in SCORED}
    mean = {m: mean_of([classes[c]["pooled"][m] for c in SCORED]) for m in METRICS}
    return {"samples": samples, "groups": samples, "classes": classes, "mean": {"pooled": mean}}


@st.composite
def evaluations(draw) -> dict[str, Any]:
    """evaluation.json of two splits, cut in every way into two slices.

    A handful of estimates, drawn and shrunk by hypothesis, lies in places that a seed chooses.
    """
    some = draw(st.lists(estimates(), min_size=1, max_size=5))
    place = random.Random(draw(st.integers(0, 1000)))
    splits = {}
    for name in ("train", "test"):
        slices = {
            by.key: {value: scope(some, place, 10) for value in values}
            for by, values in CUTS.items()
        }
        ends = {"low": 0, "high": 9, "references": 3, "predictions": 3}
        sizes = {c: {"small": {**ends, "pooled": {"dice": place.choice(some)}}} for c in SCORED}
        rest = {"labels": [], "counts": [], "other": [], "reference": [], "pixels": 0}
        splits[name] = {
            **scope(some, place, 20), "slices": slices, "sizes": sizes, "confusion": rest,
            "slices_left_out": {}, "annotators": {},
        }  # fmt: skip
    return {"schema": 1, "splits": splits, "inputs": {}}


@st.composite
def rules(draw) -> Rule:
    by = draw(st.none() | st.sampled_from(list(CUTS)))
    bounds = draw(st.sampled_from([("at_least",), ("at_least",), ("at_most",),
                                   ("at_least", "at_most")]))  # fmt: skip
    sized = by is None and draw(st.booleans())
    named = by is not None and draw(st.booleans())
    kinds = [*SCORED, "every"] if sized else [*SCORED, "every", "mean"]
    return Rule(
        "r", "dice" if sized else draw(st.sampled_from(METRICS)), draw(st.sampled_from(kinds)),
        "pooled", draw(st.sampled_from(["train", "test"])),
        at_least=draw(sixteenths) / 2 if "at_least" in bounds else None,
        at_most=1 - draw(sixteenths) / 2 if "at_most" in bounds else None,
        slice_by=by,
        slice_value=draw(st.sampled_from(CUTS[by])) if by and named else None,
        worst=by is not None and not named and draw(st.booleans()),
        size="small" if sized else None,
        statistic=draw(st.sampled_from([None, "conservative", "point"])),
        min_groups=draw(st.none() | st.sampled_from([1, 10, 40])),
        severity=draw(st.sampled_from(["block", "block", "block", "warn"])),
    )  # fmt: skip


def judged(data: dict[str, Any], some: list[Rule], **options: Any) -> Verdict:
    options = {"domain": DOMAINS["custom"], "min_groups": 30} | options
    return judge(
        Evaluation.from_json(data, "e.json"), some, bands=Bands(), split="test", scored=SCORED,
        inputs={}, **options,
    )  # fmt: skip


def tightenings(rule: Rule, number: float, groups: int) -> list[Rule]:
    low, high = rule.at_least, rule.at_most
    return [
        dataclasses.replace(rule, at_least=number if low is None else max(low, number)),
        dataclasses.replace(rule, at_most=number if high is None else min(high, number)),
        dataclasses.replace(rule, statistic="conservative"),
        dataclasses.replace(rule, min_groups=max(30, rule.min_groups or 30) + groups),
    ]


lists = st.lists(rules(), min_size=1, max_size=2)
warnings = st.sampled_from(["block", "warn"])


@settings(max_examples=150, deadline=None)
@given(evaluations(), lists, warnings, sixteenths, st.integers(0, 60), st.data())
def test_tightening_a_rule_never_makes_a_pass(data, some, on_inconclusive, number, groups, more):
    before = judged(data, some, on_inconclusive=on_inconclusive)
    assume(before.decision != "pass")
    place = more.draw(st.integers(0, len(some) - 1))
    for tight in tightenings(some[place], number, groups):
        changed = [*some[:place], tight, *some[place + 1 :]]
        after = judged(data, changed, on_inconclusive=on_inconclusive)
        assert after.decision != "pass", tight


@settings(max_examples=100, deadline=None)
@given(evaluations(), lists, warnings, st.integers(1, 60), st.sampled_from(list(DOMAINS)))
def test_stricter_settings_never_make_a_pass(data, some, on_inconclusive, more, domain):
    options = {"domain": DOMAINS[domain], "on_inconclusive": on_inconclusive}
    before = judged(data, some, **options)
    assume(before.decision != "pass")
    assert judged(data, some, **options, min_groups=30 + more).decision != "pass"
    assert judged(data, some, **(options | {"on_inconclusive": "block"})).decision != "pass"


@settings(max_examples=100, deadline=None)
@given(evaluations(), lists)
def test_letting_inconclusive_rules_through_is_never_better_than_judging_by_the_value(data, some):
    by_value = [dataclasses.replace(rule, statistic="point") for rule in some]
    assume(judged(data, by_value).decision != "pass")
    assert judged(data, some, on_inconclusive="warn").decision != "pass"


def evidence(data: dict[str, Any]) -> list[tuple[str, ...]]:
    """What can be lost: splits, classes, slices, values, sizes, estimates, intervals, groups."""
    kept = {"splits", "classes", "mean", "slices", "sizes", "defined", "undefined", "samples",
            "confusion", "slices_left_out", "annotators", "low", "references",
            "predictions"}  # fmt: skip
    found: list[tuple[str, ...]] = []

    def walk(node: Any, path: tuple[str, ...]) -> None:
        if path and path[-1] not in kept:
            found.append(path)
        if isinstance(node, dict):
            for key, inner in node.items():
                # The counts of a scope have to be there: `from_json` refuses it otherwise.
                counted = key == "groups" and "value" not in node
                if not counted and key not in ("confusion", "slices_left_out", "annotators"):
                    walk(inner, (*path, key))

    walk(data["splits"], ("splits",))
    return found


def without(data: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    left = copy.deepcopy(data)
    inner = left
    for key in path[:-1]:
        inner = inner[key]
    if path[-1] == "value":
        inner.update(value=None, low=None, high=None)
    elif path[-1] == "high" and "value" in inner:
        inner.update(low=None, high=None)
    elif path[-1] == "high":
        inner.update(references=0)
    else:
        del inner[path[-1]]
    return left


@settings(max_examples=150, deadline=None)
@given(evaluations(), lists, warnings, st.sampled_from(list(DOMAINS)), st.data())
def test_losing_evidence_never_makes_a_pass(data, some, on_inconclusive, domain, more):
    options = {"domain": DOMAINS[domain], "on_inconclusive": on_inconclusive}
    before = judged(data, some, **options)
    assume(before.decision != "pass")
    every = evidence(data)
    large = [path for path in every if len(path) <= 5]
    path = more.draw(st.sampled_from(large) | st.sampled_from(every))
    after = judged(without(data, path), some, **options)
    assert after.decision != "pass", path


def test_the_laws_are_about_something():
    """The verdicts above are of every kind, and losing evidence does change some."""
    seen: set[str] = set()

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(evaluations(), lists)
    def collect(data, some):
        seen.add(judged(data, some).decision)

    collect()
    assert seen == {"pass", "fail", "inconclusive"}
