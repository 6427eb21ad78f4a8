"""The findings of a whole project: what is stale, what was left out, and what the numbers hide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from segmetrics.data.samples import read_samples
from segmetrics.evaluate import overlap_means
from segmetrics.evidence import Layout, digest, evaluation_inputs
from segmetrics.gates.diagnosis import (
    Copies,
    Gap,
    absent_classes,
    accuracy_paradox,
    annotator_agreement,
    catastrophic_images,
    empty_images,
    few_groups,
    human_ceiling,
    ignored_pixels,
    low_confidence,
    overfit,
    overfit_unverified,
    point_values,
    rare_classes,
    reference_copies,
    rule_lint,
    rules_left_out,
    small_objects,
    suspicious_perfection,
    unknown_labels,
    worst_share,
)
from segmetrics.gates.diagnosis.human import class_mean
from segmetrics.gates.operating import threshold_findings
from segmetrics.gates.rules import Finding
from segmetrics.image_counts import copies_of, ignored_of
from segmetrics.inference.given import match_given
from segmetrics.inference.predict import Predictor
from segmetrics.inference.store import read_manifest
from segmetrics.leakage.project import judge_leakage
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.thresholds import Objective
from segmetrics.operating_point import OperatingPoint, TuningRequest
from segmetrics.policy import Policy
from segmetrics.stats.aggregate import group_keys
from segmetrics.stats.evaluation import Evaluation, SplitEvaluation
from segmetrics.stats.paired import independent_differences
from segmetrics.tables import MODEL, Measurements, read_measurements
from segmetrics.tuning import check_operating_point


def project_findings(
    layout: Layout,
    policy: Policy,
    evaluation: Evaluation,
    settings: Mapping[str, Any],
    predictor: Predictor,
) -> list[Finding]:
    """Everything that is to be said besides the rules, in the order in which it is shown.

    Raises
    ------
    DataError
        A table, a list or samples.csv is missing or damaged.
    """
    tables = {split: read_measurements(layout.measurements(split)) for split in layout.splits}
    findings = point_values(policy.rules, policy.domain.statistic)
    confidence = policy.resampling.confidence
    findings += low_confidence(policy.rules, policy.domain.statistic, confidence)
    findings += rule_lint(policy.rules) + rules_left_out(policy.left_out)
    findings += _stale_evaluation(layout, evaluation, settings)
    for split in layout.splits:
        findings += _stale_predictions(layout, split, predictor, tables[split])
    findings += [_GIVEN] if predictor.given else []
    findings += [] if predictor.names_source else [_UNNAMED]
    findings += _left_out(layout)
    findings += check_operating_point(layout, policy.point, policy.judge)
    findings += judge_leakage(
        layout,
        settings,
        policy.leakage,
        judged=policy.judge,
        metric=policy.domain.primary,
        aggregate=policy.domain.aggregate,
        scored=policy.scored,
    )
    judged = evaluation.splits.get(policy.judge)
    if judged is not None:
        findings += few_groups(judged.groups, policy.judge, policy.min_groups)
        findings += diagnose(judged, policy, copies_of(tables.get(policy.judge), policy.scored))
        findings += _empties(layout, policy, judged, tables[policy.judge])
        findings += _ignored(layout, policy, tables.get(policy.judge))
    findings += _overfit(layout, policy, evaluation, tables)
    return findings


def diagnose(split: SplitEvaluation, policy: Policy, copies: Copies) -> list[Finding]:
    """What the numbers of the judged split hide, one line a finding."""
    checks, aggregate, scored = policy.checks, policy.domain.aggregate, policy.scored
    named = [*scored, *(name for name in split.classes if name not in split.labels)]
    confidence = policy.resampling.confidence
    return [
        *unknown_labels(split),
        *absent_classes(split, policy.judge, scored),
        *accuracy_paradox(split, named, policy.bands, checks.accuracy_paradox),
        *small_objects(split, named, checks.small_objects, confidence=confidence),
        *catastrophic_images(split, named, checks.catastrophic),
        *worst_share(split, named),
        *rare_classes(split, scored, policy.rules),
        *suspicious_perfection(split, aggregate, copies, checks.perfection),
        *reference_copies(copies, checks.copies),
        *threshold_findings(split, policy.judge, _objective(policy.point), beta=policy.domain.beta),
        *_people(split, policy),
    ]


def _objective(point: OperatingPoint | TuningRequest) -> Objective | None:
    return point.objective if isinstance(point, TuningRequest) else None


def _people(split: SplitEvaluation, policy: Policy) -> Iterator[Finding]:
    """What people reach: as params.yaml says, and as the annotators of the data show."""
    aggregate, scored, rules = policy.domain.aggregate, policy.scored, policy.rules
    ceiling = policy.checks.human_ceiling
    if ceiling is not None:
        model = {m: class_mean(split, aggregate, m, scored) for m in ceiling.values}
        known = {m: value for m, value in model.items() if value is not None}
        yield from human_ceiling(ceiling, rules, policy.bands, model=known, scored=scored)
    humans = {n: s for n, s in split.annotators.items() if not n.endswith(f" vs {MODEL}")}
    if humans:
        scopes = [split, *(s for n, s in split.annotators.items() if n not in humans)]
        means = {m: [class_mean(s, aggregate, m, scored) for s in scopes] for m in ("dice", "iou")}
        whole = {m: [v for v in values if v is not None] for m, values in means.items()}
        both = {m: sum(v) / len(v) for m, v in whole.items() if len(v) == len(scopes)}
        yield from annotator_agreement(
            humans, rules, policy.bands, aggregate=aggregate, model=both, scored=scored
        )  # fmt: skip


def _empties(
    layout: Layout, policy: Policy, split: SplitEvaluation, tables: Measurements
) -> list[Finding]:
    by_id = {row.id: row for row in read_samples(layout.samples)}
    if not policy.both_empty_is_one or not {*tables.ids} <= by_id.keys():
        return []  # of other samples: another finding blocks
    return empty_images(
        split,
        overlap_means(tables, by_id, policy.scored),
        aggregate=policy.domain.aggregate,
        bands=policy.bands,
        scored=policy.scored,
        bad_grade_blocks=policy.domain.bad_grade_blocks,
    )


def _ignored(layout: Layout, policy: Policy, tables: Measurements | None) -> list[Finding]:
    shapes = {s.id: s.shape for s in layout.chosen(policy.judge).samples}
    return ignored_pixels(ignored_of(tables, shapes, policy.scored), policy.judge)


def _overfit(
    layout: Layout, policy: Policy, evaluation: Evaluation, tables: Mapping[str, Measurements]
) -> list[Finding]:
    compare, judge = policy.compare, policy.judge
    if compare is None:
        return [overfit_unverified("data.compare is null")]
    if not {compare, judge} <= evaluation.splits.keys() & tables.keys():
        return [overfit_unverified(f"{compare} and {judge} were not both evaluated")]
    gap = _gap(layout, policy, evaluation, tables)
    return [gap] if isinstance(gap, Finding) else overfit(gap, policy.checks.overfit)


def _gap(
    layout: Layout, policy: Policy, evaluation: Evaluation, tables: Mapping[str, Measurements]
) -> Gap | Finding:
    """The gap of the primary metric, or why there is none."""
    metric, aggregate, scored = policy.domain.primary, policy.domain.aggregate, policy.scored
    names = (policy.compare or "", policy.judge)
    splits = [evaluation.splits[name] for name in names]
    means = [class_mean(split, aggregate, metric, scored) for split in splits]
    for name, mean in zip(names, means, strict=True):
        if mean is None:
            return overfit_unverified(f"{metric} ({aggregate}) of {name} is undefined")
    one, two = (tables[name] for name in names)
    group_of = {row.id: row.group for row in read_samples(layout.samples)}
    if not {*one.ids, *two.ids} <= group_of.keys() or one.classes != two.classes:
        return overfit_unverified("the tables and samples.csv hold other samples or classes")
    places = [one.classes.index(name) for name in scored]
    whole, *single = independent_differences(
        CATALOG[metric],
        first=one.observations,
        first_groups=group_keys([group_of[i] for i in one.ids]),
        second=two.observations,
        second_groups=group_keys([group_of[i] for i in two.ids]),
        aggregate=aggregate,
        targets=[places, *([place] for place in places)],
        resampling=policy.resampling,
        both_empty_is_one=policy.both_empty_is_one,
    )
    by_class = {n: d.value for n, d in zip(scored, single, strict=True) if d.value is not None}
    compared, judged = (float(mean) for mean in means if mean is not None)
    drawn = f"{splits[0].samples} of {splits[0].listed}" if splits[0].listed else ""
    return Gap(
        metric, aggregate, *names, compared, judged, whole.low, whole.high, whole.groups, drawn,
        by_class,
    )  # fmt: skip


def _stale_evaluation(
    layout: Layout, evaluation: Evaluation, settings: Mapping[str, Any]
) -> list[Finding]:
    current = evaluation_inputs(layout, settings)
    names = {*current, *evaluation.inputs}
    stale = sorted(n for n in names if current.get(n) != evaluation.inputs.get(n))
    if not stale:
        return []
    text = f"the evaluation was computed from other files than those at hand: {', '.join(stale)}"
    return [Finding("stale_evaluation", "block", text, {"files": stale})]


def _stale_predictions(
    layout: Layout, split: str, predictor: Predictor, tables: Measurements
) -> list[Finding]:
    chosen = layout.chosen(split)
    measured = dict(zip(tables.ids, tables.prediction_digests, strict=True))
    if predictor.given:
        folder = layout.source / split
        # Taken over by `infer`, or measured where they lie: the files at hand tell.
        found = match_given(folder, chosen.samples, chosen.others)
        current = {i: digest(path) for i, path in found.items()} == measured
    else:
        folder = layout.predictions(split)
        manifest = read_manifest(folder)
        entries = manifest.entries if manifest else {}
        current = {i: e.key for i, e in entries.items()} == predictor.keys(chosen.samples)
        current &= {i: e.sha256 for i, e in entries.items()} == measured
    if current:
        return []
    text = (
        f"{folder}: predictions were made with another model, other settings or images than those "
        f"at hand, or others were measured; run `dvc repro`, after deleting the folder if `infer` "
        f"wrote it"
    )
    return [Finding("stale_predictions", "block", text, {"split": split})]


def _left_out(layout: Layout) -> list[Finding]:
    """A finding where samples.csv has rows of splits that are not evaluated."""
    left: dict[str, int] = {}
    for row in read_samples(layout.samples):
        if row.split not in layout.splits:
            left[row.split] = left.get(row.split, 0) + 1
    if not left:
        return []
    listed = ", ".join(f"{split} ({n})" for split, n in sorted(left.items()))
    text = (
        f"{layout.samples}: rows of splits that data.splits does not name were left out: {listed}"
    )
    return [Finding("rows_left_out", "warn", text, {"splits": left})]


_UNNAMED = Finding(
    "source_not_named",
    "warn",
    "infer.command does not use {source}: nothing says that infer.source made the predictions, so "
    "they can be judged, not promoted",
    {},
)
_GIVEN = Finding(
    "given_predictions",
    "note",
    "predictions were given, not made by a model here: they can be judged, not promoted",
    {},
)
