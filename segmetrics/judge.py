"""`evaluate` and `check` for a whole project: from its files to evaluation and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from segmetrics.data.sample_list import read_sample_list
from segmetrics.data.samples import read_samples
from segmetrics.evaluate import EvaluationOptions, evaluate_split, read_split, write_dice_curve
from segmetrics.evidence import Layout, digest, evaluation_inputs, read_json, verdict_inputs
from segmetrics.files import write_json
from segmetrics.gates.diagnosis import absent_classes, accuracy_paradox, unknown_labels
from segmetrics.gates.domains import Domain
from segmetrics.gates.grade import Bands
from segmetrics.gates.leakage_report import LeakageLevels
from segmetrics.gates.rules import Finding, Rule
from segmetrics.gates.verdict import Verdict, judge
from segmetrics.inference.given import match_given
from segmetrics.inference.predict import Predictor
from segmetrics.inference.store import read_manifest
from segmetrics.leakage.project import judge_leakage
from segmetrics.stats.evaluation import Evaluation, metrics_json
from segmetrics.tables import read_measurements


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides: the domain, the rules in force, the grade's bands, the judged split."""

    domain: Domain
    rules: tuple[Rule, ...]
    bands: Bands
    judge: str
    scored: tuple[str, ...]
    accuracy_paradox: Literal["block", "warn", "note"] = "warn"
    leakage: LeakageLevels = field(default_factory=LeakageLevels)


def evaluate_project(
    layout: Layout, options: EvaluationOptions, settings: Mapping[str, Any]
) -> Evaluation:
    """Evaluate every split from its tables; nothing is written.

    Parameters
    ----------
    settings
        Those that determine results; the digest of what the evaluation depends on is kept.

    Raises
    ------
    DataError
        Something is missing, damaged, or does not belong together.
    """
    rows = read_samples(layout.samples)
    splits = {}
    for split in layout.splits:
        measurements, by_id = read_split(split, layout.results, rows, options.measured_with)
        splits[split] = evaluate_split(measurements, by_id, options)
    return Evaluation(splits, evaluation_inputs(layout, settings))


def write_evaluation(
    layout: Layout, options: EvaluationOptions, settings: Mapping[str, Any]
) -> None:
    """Write evaluation.json, metrics.json and the plots."""
    evaluation = evaluate_project(layout, options, settings)
    rows = read_samples(layout.samples)
    curves = {
        split: (read_split(split, layout.results, rows)[0], options.scored)
        for split in layout.splits
    }
    write_dice_curve(layout.results / "plots" / "dice.csv", curves)
    write_json(layout.evaluation, evaluation.to_json())
    write_json(layout.metrics, metrics_json(evaluation, options.scored))


def judge_project(
    layout: Layout, policy: Policy, settings: Mapping[str, Any], predictor: Predictor
) -> Verdict:
    """Judge evaluation.json; nothing is written.

    An evaluation of other tables, lists or settings than those at hand blocks, and so do
    predictions that were made with another model, other settings or other images.
    """
    evaluation = Evaluation.from_json(read_json(layout.evaluation), str(layout.evaluation))
    findings = [_NO_INTERVALS]
    current = evaluation_inputs(layout, settings)
    stale = sorted(
        n for n in {*current, *evaluation.inputs} if current.get(n) != evaluation.inputs.get(n)
    )
    if stale:
        text = (
            f"the evaluation was computed from other files than those at hand: {', '.join(stale)}"
        )
        findings.append(Finding("stale_evaluation", "block", text, {"files": stale}))
    findings += [f for name in layout.splits for f in _stale_predictions(layout, name, predictor)]
    findings += [_GIVEN] if predictor.given else []
    findings += [] if predictor.names_source else [_UNNAMED]
    findings += _left_out(layout)
    findings += judge_leakage(
        layout,
        settings,
        policy.leakage,
        judged=policy.judge,
        metric=policy.domain.primary,
        aggregate=policy.domain.aggregate,
        scored=policy.scored,
    )
    split = evaluation.splits.get(policy.judge)
    if split is not None:
        findings += unknown_labels(split)
        findings += absent_classes(split, policy.judge, policy.scored)
        findings += accuracy_paradox(split, policy.scored, policy.bands, policy.accuracy_paradox)
    return judge(
        evaluation,
        policy.rules,
        domain=policy.domain,
        bands=policy.bands,
        split=policy.judge,
        scored=policy.scored,
        findings=findings,
        inputs=verdict_inputs(layout, settings),
    )


def _stale_predictions(layout: Layout, split: str, predictor: Predictor) -> list[Finding]:
    samples = read_sample_list(layout.sample_list(split))
    tables = read_measurements(layout.measurements(split))
    measured = dict(zip(tables.ids, tables.prediction_digests, strict=True))
    if predictor.given:
        folder = layout.source / split
        # Taken over by `infer`, or measured where they lie: the files at hand tell.
        files = {i: digest(path) for i, path in match_given(folder, samples).items()}
        current = files == measured
    else:
        folder = layout.predictions(split)
        manifest = read_manifest(folder)
        entries = manifest.entries if manifest else {}
        current = {i: e.key for i, e in entries.items()} == predictor.keys(samples)
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


_NO_INTERVALS = Finding(
    "point_values",
    "note",
    "rules compare point values: no confidence intervals are computed, so a value close to its "
    "bound may be luck of the sample",
    {},
)
