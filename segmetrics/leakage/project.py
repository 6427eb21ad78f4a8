"""Leakage of a whole project: writing leakage.json, and its findings for the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segmetrics.data.labels import LabelScheme
from segmetrics.data.sample_list import Sample, read_sample_list
from segmetrics.data.samples import SampleRow, read_samples
from segmetrics.errors import DataError
from segmetrics.evaluate import EvaluationOptions
from segmetrics.evidence import Layout, leakage_inputs, read_json
from segmetrics.files import write_json
from segmetrics.gates.leakage import (
    group_findings,
    leakage_findings,
    repeated_findings,
    stale_leakage,
    within_findings,
)
from segmetrics.gates.leakage_report import (
    Effect,
    LeakageLevels,
    LeakageReport,
    LeakedPair,
    SharedGroups,
)
from segmetrics.gates.rules import Finding
from segmetrics.leakage.find import find_leakage
from segmetrics.metrics.catalog import CATALOG, Aggregate
from segmetrics.stats.aggregate import Estimate, class_mean, estimates, group_keys
from segmetrics.tables import Measurements, read_measurements

# Kinds whose samples are left out to see what they add; masks and review say too little.
_COUNTED = ("pixels", "similar")


def write_leakage(
    layout: Layout,
    settings: Mapping[str, Any],
    *,
    judged: str,
    scheme: LabelScheme,
    workers: int,
) -> LeakageReport:
    """Compare the judged split with all others; write leakage.json and a picture of the pairs.

    Raises
    ------
    DataError
        Files changed since they were listed, or cannot be read.
    """
    from segmetrics.leakage.sheet import write_sheet

    splits = {name: read_sample_list(layout.sample_list(name)) for name in layout.splits}
    report = find_leakage(
        splits,
        judged=judged,
        scheme=scheme,
        folder=layout.fingerprints,
        inputs=leakage_inputs(layout, settings),
        workers=workers,
    )
    write_sheet(layout.leakage_pairs, report, splits)
    write_json(layout.leakage, report.to_json())
    return report


def judge_leakage(
    layout: Layout,
    settings: Mapping[str, Any],
    levels: LeakageLevels,
    *,
    judged: str,
    metric: str,
    aggregate: Aggregate,
    scored: Sequence[str],
) -> list[Finding]:
    """The findings about leakage, each with the metric recomputed without the samples.

    A leakage.json of other sample lists or settings blocks, and so does one that is missing while
    the pipeline has the stage.

    Raises
    ------
    DataError
        The tables or samples.csv are missing or damaged.
    """
    rows = read_samples(layout.samples)
    groups = shared_groups(rows, judged)
    report, stale = _report(layout, settings, judged)
    repeated = repeated_images(read_sample_list(layout.sample_list(judged)), rows, judged)
    inside = _across_groups(report, rows)
    # Pairs without distance have the very same pixels: as grave as identical files.
    exact = [pair for pair in inside if pair.distance is None]
    same = {(pair.id, pair.other) for pair in exact}
    inside = [pair for pair in inside if (pair.id, pair.other) not in same]
    repeated += _once(exact, {pair.id for pair in repeated})
    leaked = {"groups": groups.samples, "repeated": tuple(pair.id for pair in repeated)}
    leaked["within"] = tuple(sorted({pair.id for pair in inside}))
    if report is not None:
        leaked |= {kind: report.samples[kind] for kind in _COUNTED}
    leaked = {kind: ids for kind, ids in leaked.items() if ids}
    effects: dict[str, Effect] = {}
    if leaked:
        options = EvaluationOptions(
            scored=tuple(scored), both_empty_is_one=settings["measure"]["both_empty"] == "one"
        )
        measured = read_measurements(layout.measurements(judged))
        by_id = {row.id: row for row in rows}
        effects = {
            kind: effect_of(measured, by_id, ids, options, metric=metric, aggregate=aggregate)
            for kind, ids in leaked.items()
        }
    twice = repeated_findings(repeated, levels, judged=judged, effect=effects.get("repeated"))
    if stale is not None:
        shared = group_findings(groups, levels, judged=judged, effect=effects.get("groups"))
        return [stale, *shared, *twice]
    listed = sum(pair.kind == "within" for pair in report.pairs) if report else 0
    twice += within_findings(
        inside,
        levels,
        judged=judged,
        effect=effects.get("within"),
        unlisted=report.counts["within"] - listed if report else 0,
    )
    return leakage_findings(report, groups, levels, judged=judged, effects=effects) + twice


def _across_groups(report: LeakageReport | None, rows: Sequence[SampleRow]) -> list[LeakedPair]:
    """Copies within the judged split that count as groups of their own."""
    group_of = {row.id: row.group for row in rows}
    pairs = [pair for pair in report.pairs if pair.kind == "within"] if report else []
    return [pair for pair in pairs if group_of.get(pair.id) != group_of.get(pair.other)]


def _once(pairs: Sequence[LeakedPair], known: Iterable[str]) -> list[LeakedPair]:
    """One pair for each copy that is not known yet."""
    first: dict[str, LeakedPair] = {}
    for pair in sorted(pairs, key=lambda p: (p.id, p.other)):
        first.setdefault(pair.id, pair)
    seen = set(known)
    return [pair for name, pair in first.items() if name not in seen]


def _report(
    layout: Layout, settings: Mapping[str, Any], judged: str
) -> tuple[LeakageReport | None, Finding | None]:
    """leakage.json, or why it does not count; neither where the pipeline does without."""
    if not layout.leakage.exists():
        if has_stage(layout.results.parent / "dvc.yaml"):
            return None, stale_leakage(f"{layout.leakage} is missing")
        return None, None
    try:
        report = LeakageReport.from_json(read_json(layout.leakage), str(layout.leakage))
    except DataError as error:
        return None, stale_leakage(str(error.problems[0].what))
    current = leakage_inputs(layout, settings)
    changed = sorted(
        n for n in {*current, *report.inputs} if current.get(n) != report.inputs.get(n)
    )
    if changed or report.judged != judged:
        why = f"{layout.leakage} was computed from other files: {', '.join(changed)}"
        return None, stale_leakage(why)
    return report, None


def has_stage(pipeline: Path) -> bool:
    """Whether dvc.yaml has the stage `leakage`; a file that cannot be read may have it."""
    try:
        text = pipeline.read_text("utf-8")
        return any(sign in text for sign in ("stages.leakage", "stages/leakage", "leakage.json"))
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True


def shared_groups(rows: Sequence[SampleRow], judged: str) -> SharedGroups:
    """The groups of the judged split that rows of other splits have, too; any split counts.

    Groups are unknown where each sample is its own.
    """
    elsewhere: dict[str, set[str]] = {}
    for row in rows:
        if row.split != judged:
            elsewhere.setdefault(row.group, set()).add(row.split)
    mine = [row for row in rows if row.split == judged]
    shared = sorted({row.group for row in mine if row.group in elsewhere})
    return SharedGroups(
        groups={name: tuple(sorted(elsewhere[name])) for name in shared},
        samples=tuple(sorted(row.id for row in mine if row.group in elsewhere)),
        known=any(row.group != row.id for row in rows),
    )


def repeated_images(
    samples: Sequence[Sample], rows: Sequence[SampleRow], judged: str
) -> list[LeakedPair]:
    """The samples whose input files an earlier sample of another group has, byte for byte."""
    group_of = {row.id: row.group for row in rows}
    first: dict[str, str] = {}
    pairs = []
    for sample in sorted(samples, key=lambda s: s.id):
        known = first.setdefault(sample.image_digest, sample.id)
        if group_of.get(known) != group_of.get(sample.id):
            pairs.append(LeakedPair("repeated", sample.id, known, judged))
    return pairs


def effect_of(
    measured: Measurements,
    rows: Mapping[str, SampleRow],
    leaked: Sequence[str],
    options: EvaluationOptions,
    *,
    metric: str,
    aggregate: Aggregate,
) -> Effect:
    """The class mean of a metric with and without some samples, from the tables alone.

    Parameters
    ----------
    measured
        Of the judged split.
    rows
        Of samples.csv, by id.
    leaked
        The ids to leave out.
    """
    keep = np.flatnonzero(~np.isin(np.array(measured.ids, dtype=str), np.array(leaked, dtype=str)))
    groups = group_keys([rows[i].group for i in measured.ids])
    whole = np.arange(len(measured.ids))
    values = [
        _class_mean(measured, groups, places, options, metric, aggregate)
        for places in (whole, keep)
    ]
    return Effect(metric, aggregate, values[0], values[1], int(keep.size))


def _class_mean(
    measured: Measurements,
    groups: np.ndarray[Any, np.dtype[np.intp]],
    places: np.ndarray[Any, np.dtype[np.intp]],
    options: EvaluationOptions,
    metric: str,
    aggregate: Aggregate,
) -> float | None:
    if not places.size:
        return None
    local = np.unique(groups[places], return_inverse=True)[1].reshape(-1)
    found: list[Estimate] = estimates(
        CATALOG[metric],
        measured.observations.rows(places),
        local,
        aggregate,
        both_empty_is_one=options.both_empty_is_one,
    )
    scored = [k for k, name in enumerate(measured.classes) if name in options.scored]
    return class_mean([found[k] for k in scored]).value
