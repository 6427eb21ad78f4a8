"""`evaluate` and `check` for a whole project: from its files to evaluation and verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from segmetrics.compare.against import project_against
from segmetrics.curves import write_score_curves
from segmetrics.data.samples import read_samples
from segmetrics.errors import DataError
from segmetrics.evaluate import EvaluationOptions, evaluate_split, read_split, write_dice_curve
from segmetrics.evidence import Layout, evaluation_inputs, read_json, verdict_inputs
from segmetrics.files import write_json
from segmetrics.findings import project_findings
from segmetrics.gates.verdict import Verdict, judge
from segmetrics.inference.predict import Predictor
from segmetrics.policy import Policy as Policy
from segmetrics.stats.evaluation import Evaluation, metrics_json

# Ends are rounded to nine decimals, and the last digit may be another processor's.
_CLOSE = 2e-9


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
        measurements, by_id = read_split(
            split, layout.results, rows, options.measured_with, layout.subset
        )
        chosen = layout.chosen(split)
        listed = len(chosen.samples) + len(chosen.others)
        splits[split] = evaluate_split(measurements, by_id, options, listed)
    return Evaluation(splits, evaluation_inputs(layout, settings))


def write_evaluation(
    layout: Layout, options: EvaluationOptions, settings: Mapping[str, Any]
) -> None:
    """Write evaluation.json, metrics.json and the plots."""
    evaluation = evaluate_project(layout, options, settings)
    rows = read_samples(layout.samples)
    curves = {
        split: (read_split(split, layout.results, rows, None, layout.subset)[0], options.scored)
        for split in layout.splits
    }
    write_dice_curve(layout.results / "plots" / "dice.csv", curves)
    measured = {split: table for split, (table, _) in curves.items()}
    write_score_curves(layout.results / "plots", measured)
    write_json(layout.evaluation, evaluation.to_json())
    write_json(layout.metrics, metrics_json(evaluation, options.scored))


def check_evaluation(
    layout: Layout, options: EvaluationOptions, settings: Mapping[str, Any]
) -> None:
    """Compute the evaluation again and compare: nobody gets a verdict on numbers that were edited.

    One that says itself that it was computed from other files is let through here: `judge_project`
    blocks it.

    Raises
    ------
    DataError
        evaluation.json or metrics.json is not what the tables give, or missing or damaged.
    """
    written = read_json(layout.evaluation)
    inputs = Evaluation.from_json(written, str(layout.evaluation)).inputs
    if dict(inputs) != evaluation_inputs(layout, settings):
        return
    computed = evaluate_project(layout, options, settings)
    pairs = (
        (layout.evaluation, computed.to_json(), written),
        (layout.metrics, metrics_json(computed, options.scored), read_json(layout.metrics)),
    )
    for path, expected, found in pairs:
        if not _same(expected, found):
            what = "is not what the tables give: it was edited, or written by another version"
            raise DataError(str(path), what, "run `dvc repro -f -s evaluate`, then `dvc repro`")


def _same(one: Any, two: Any) -> bool:
    """Whether JSON values are equal up to the last digits of numbers."""
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, int | float) and isinstance(two, int | float):
        return math.isclose(one, two, rel_tol=1e-9, abs_tol=_CLOSE)
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return len(one) == len(two) and all(map(_same, one, two))
    return type(one) is type(two) and bool(one == two)


def judge_project(
    layout: Layout, policy: Policy, settings: Mapping[str, Any], predictor: Predictor
) -> Verdict:
    """Judge evaluation.json; nothing is written.

    An evaluation of other tables, lists or settings than those at hand blocks, and so do
    predictions that were made with another model, other settings or other images.
    """
    evaluation = Evaluation.from_json(read_json(layout.evaluation), str(layout.evaluation))
    findings = project_findings(layout, policy, evaluation, settings, predictor)
    against, more = project_against(layout, policy, evaluation)
    return judge(
        evaluation,
        policy.rules,
        domain=policy.domain,
        bands=policy.bands,
        split=policy.judge,
        scored=policy.scored,
        findings=[*findings, *more],
        inputs=verdict_inputs(layout, settings),
        min_groups=policy.min_groups,
        on_inconclusive=policy.on_inconclusive,
        against=against,
        confidence=policy.resampling.confidence,
    )
