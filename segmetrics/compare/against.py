"""The comparisons that the rules of a project ask for, and what else the baseline shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segmetrics.baseline.folder import Baseline, read_baseline
from segmetrics.by_size import bucket_names
from segmetrics.compare.annotators import annotator_differences
from segmetrics.compare.pairs import Cells, Mask, Pairs, Side
from segmetrics.compare.worse import got_worse
from segmetrics.data.samples import SampleRow, read_samples
from segmetrics.evidence import Layout
from segmetrics.gates.against import Against, Compared, skipped_comparisons
from segmetrics.gates.judging import unusable_slices, wanted_slices
from segmetrics.gates.rules import EVERY, MEAN, Finding, Rule, Shared
from segmetrics.metrics.catalog import CATALOG
from segmetrics.policy import Policy
from segmetrics.stats.aggregate import group_keys
from segmetrics.stats.evaluation import Evaluation
from segmetrics.stats.paired import Difference
from segmetrics.tables import Measurements, read_measurements


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a rule looks: everywhere, in a slice, at a size; or why it cannot."""

    name: str | None = None
    value: str | None = None
    problem: str = ""

    @property
    def text(self) -> str | None:
        return f"{self.name}={self.value}" if self.value else self.name


@dataclass(frozen=True, slots=True)
class _Unpaired:
    """Why a split is not compared; `missing`: the baseline lacks it."""

    problem: str
    missing: bool = True


def project_against(
    layout: Layout, policy: Policy, evaluation: Evaluation
) -> tuple[Against, list[Finding]]:
    """The comparisons of all rules with `against`, and findings about the baseline.

    Raises
    ------
    DataError
        The baseline is half there or was edited, or a table is missing or damaged.
    """
    rules = [rule for rule in policy.rules if rule.against is not None]
    baseline = read_baseline(layout.baseline)
    if not rules and baseline is None:
        return Against(), []
    rows = {row.id: row for row in read_samples(layout.samples)}
    held: dict[str, Pairs | _Unpaired] = {}
    compared: dict[str, Sequence[Compared]] = {}
    for rule in rules:
        if rule.against == "annotators":
            compared[rule.name] = list(_annotators(rule, layout, policy, evaluation, rows))
            continue
        if rule.split not in held:
            held[rule.split] = _pairs(rule.split, layout, policy, baseline, rows)
        compared[rule.name] = list(_baseline(rule, held[rule.split], policy, evaluation))
    against = Against(compared, policy.on_missing_baseline, policy.min_shared)
    if policy.judge not in held:
        held[policy.judge] = _pairs(policy.judge, layout, policy, baseline, rows)
    return against, [*skipped_comparisons(rules, against), *_about(held[policy.judge])]


def _about(pairs: Pairs | _Unpaired) -> Iterator[Finding]:
    """What the judged split of the baseline shows besides the rules."""
    if isinstance(pairs, _Unpaired):
        return
    removed = pairs.classes.removed
    if removed:
        listed = ", ".join(f"{name} ({why})" for name, why in removed.items())
        text = f"the baseline has classes or regions that are not compared: {listed}"
        yield Finding("baseline_classes_removed", "warn", text, {"classes": dict(removed)})
    yield from got_worse(pairs)


def _side(split: str, layout: Layout, policy: Policy, rows: Mapping[str, SampleRow]) -> Side | str:
    """The evaluation at hand, or why there is none."""
    if policy.definition is None or split not in layout.splits:
        return f'split "{split}" was not evaluated'
    tables = read_measurements(layout.measurements(split))
    if not {*tables.ids} <= rows.keys():
        return "the tables hold samples that samples.csv lacks; run `dvc repro`"
    if tables.classes != policy.definition.names:
        return "the tables hold other classes than params.yaml; run `dvc repro`"
    cells = {i: Cells(rows[i].group, rows[i].columns) for i in tables.ids}
    return Side("this evaluation", split, tables, cells, policy.definition)


def baseline_side(baseline: Baseline, split: str) -> Side:
    """One split of a baseline."""
    tables = read_measurements(baseline.measurements(split))
    cells = {i: Cells(c.group, c.columns) for i, c in baseline.cells(split).items()}
    return Side("the baseline", split, tables, cells, baseline.definition)


def _pairs(
    split: str,
    layout: Layout,
    policy: Policy,
    baseline: Baseline | None,
    rows: Mapping[str, SampleRow],
) -> Pairs | _Unpaired:
    """Both evaluations of a split, or why the baseline has nothing to compare with."""
    if baseline is None:
        what = "holds no baseline; `segmetrics baseline set` keeps an evaluation"
        return _Unpaired(f"{layout.baseline} {what}")
    if split not in baseline.splits:
        kept = ", ".join(baseline.splits)
        return _Unpaired(f"the baseline has no tables of {split} (splits: {kept})")
    own = _side(split, layout, policy, rows)
    if isinstance(own, str):
        return _Unpaired(own, missing=False)
    return Pairs.of(first=baseline_side(baseline, split), second=own)


def _baseline(
    rule: Rule, pairs: Pairs | _Unpaired, policy: Policy, evaluation: Evaluation
) -> Iterator[Compared]:
    names = policy.scored if rule.class_name == EVERY else (rule.class_name,)
    if isinstance(pairs, _Unpaired):
        for name in names:
            yield Compared(name, problem=pairs.problem, missing=pairs.missing)
        return
    measured = {metric.name for metric in pairs.second.measurements.observations.metrics}
    # What is wrong with the evaluation at hand is no failing of the baseline.
    there = rule.metric in measured and bool(policy.scored)
    unlike = pairs.unlike(CATALOG[rule.metric])
    over = {name: _over(name, pairs, policy) for name in names}
    usable = {name: classes for name, (classes, lacking) in over.items() if not (unlike or lacking)}
    places = list(_places(rule, evaluation))
    # All classes at once: the random weights, which cost most, are drawn once for each place.
    found = [_differences(rule, pairs, p, list(usable.values()), policy) for p in places]
    for name in names:
        if name not in usable:
            yield Compared(name, problem=unlike or over[name][1], missing=there)
            continue
        partly = usable[name] if name == MEAN and usable[name] != policy.scored else ()
        nth = list(usable).index(name)
        for place, (differences, shared) in zip(places, found, strict=True):
            if place.problem:
                yield Compared(name, place.text, problem=place.problem)
            else:
                yield Compared(name, place.text, differences[nth], shared, over=partly)


def _over(name: str, pairs: Pairs, policy: Policy) -> tuple[tuple[str, ...], str]:
    """The classes that a value is the mean of, and why there is none."""
    classes = pairs.classes
    if name != MEAN:
        return (name,), "" if name in classes.names else _why(name, pairs)
    lacking = [n for n in policy.scored if n not in classes.scored]
    if not classes.scored or (lacking and policy.on_missing_baseline == "fail"):
        return (), "; ".join(_why(n, pairs) for n in lacking) or "every class is excluded"
    return classes.scored, ""


def _why(name: str, pairs: Pairs) -> str:
    return pairs.classes.lacking.get(name, f'"{name}" is not scored in the baseline')


def _places(rule: Rule, evaluation: Evaluation) -> Iterator[_Place]:
    split = evaluation.splits.get(rule.split)
    if split is None:
        yield _Place(problem=f'split "{rule.split}" was not evaluated')
    elif rule.size is not None:
        yield _Place("size", rule.size)
    elif rule.slice_by is None:
        yield _Place()
    elif problem := unusable_slices(rule.slice_by, rule.slice_value, split):
        yield _Place(rule.slice_by.text, rule.slice_value, problem)
    else:
        scopes = split.slices[rule.slice_by.key]
        for value in wanted_slices(rule.slice_by, rule.slice_value, scopes):
            lacks = "" if value in scopes else f"no sample has it (values: {', '.join(scopes)})"
            yield _Place(rule.slice_by.text, value, lacks)


def _differences(
    rule: Rule,
    pairs: Pairs,
    place: _Place,
    targets: Sequence[Sequence[str]],
    policy: Policy,
) -> tuple[Sequence[Difference], Shared]:
    rows, shared = pairs.whole, pairs.shared
    if place.problem or not targets:
        return (), shared
    if rule.size is not None:
        edges = pairs.second.definition.size_edges
        pairs = pairs.of_size(edges, bucket_names(len(edges)).index(rule.size))
    elif rule.slice_by is not None and place.value is not None:
        rows, shared = pairs.slice(rule.slice_by, place.value)
    metric = CATALOG[rule.metric]
    return pairs.difference(metric, rule.aggregate, targets, policy.resampling, rows), shared


def _annotators(
    rule: Rule,
    layout: Layout,
    policy: Policy,
    evaluation: Evaluation,
    rows: Mapping[str, SampleRow],
) -> Iterator[Compared]:
    names = policy.scored if rule.class_name == EVERY else (rule.class_name,)
    side = _side(rule.split, layout, policy, rows)
    problem = side if isinstance(side, str) else _no_people(side.measurements, rule)
    if problem or isinstance(side, str):
        yield from (Compared(name, problem=problem) for name in names)
        return
    tables = side.measurements
    groups = group_keys([side.cells[i].group for i in tables.ids])
    over = [policy.scored if name == MEAN else (name,) for name in names]
    places = list(_places(rule, evaluation))
    found = [
        ((), None)
        if place.problem
        else annotator_differences(
            tables,
            CATALOG[rule.metric],
            rule.aggregate,
            [[tables.classes.index(n) for n in classes] for classes in over],
            groups=groups,
            rows=_rows(side, rule, place),
            resampling=policy.resampling,
            both_empty_is_one=policy.both_empty_is_one,
        )
        for place in places
    ]
    for nth, name in enumerate(names):
        for place, (differences, shared) in zip(places, found, strict=True):
            if place.problem:
                yield Compared(name, place.text, problem=place.problem)
            else:
                yield Compared(name, place.text, differences[nth], shared)


def _rows(side: Side, rule: Rule, place: _Place) -> Mask:
    if rule.slice_by is None or place.value is None:
        return np.ones(len(side.measurements.ids), bool)
    return np.array([value == place.value for value in side.slices(rule.slice_by)], bool)


def _no_people(tables: Measurements, rule: Rule) -> str:
    if not tables.agreements:
        return "samples.csv names no further annotators (columns mask:<annotator>)"
    if rule.metric not in {metric.name for metric in tables.agreements[0].observations.metrics}:
        return f"{rule.metric} was not measured between annotators"
    return ""
