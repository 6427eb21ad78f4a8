"""What may be promoted: an evaluation that passes when everything is computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmetrics.baseline.folder import read_baseline
from segmetrics.errors import PromotionError
from segmetrics.evaluate import EvaluationOptions
from segmetrics.evidence import (
    AGAIN,
    Layout,
    changed_inputs,
    digest,
    eval_id,
    read_json,
    read_verdict,
)
from segmetrics.inference.predict import Predictor
from segmetrics.judge import Policy, evaluate_project, judge_project
from segmetrics.pixels import Question
from segmetrics.recheck import check_made_here, look_again, measure_again
from segmetrics.stats.evaluation import metrics_json


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be promoted, after every check that needs no server.

    Attributes
    ----------
    verdict, verdict_digest
        What verdict.json says, and its SHA-256.
    baseline
        SHA-256 of the model whose evaluation lies in `baseline/`; None where there is none.
    """

    source: Path
    model_digest: str
    eval_id: str
    verdict: Mapping[str, Any]
    verdict_digest: str
    baseline: str | None


def check_candidate(
    layout: Layout,
    policy: Policy,
    options: EvaluationOptions,
    settings: Mapping[str, Any],
    *,
    predictor: Predictor,
    question: Question,
    spacing: tuple[float, ...] | None,
    workers: int,
) -> Candidate:
    """Measure again, compute evaluation and verdict again, and compare every digest.

    Raises
    ------
    PromotionError
        The verdict does not pass, or something does not belong together.
    DataError
        A file is missing or damaged.
    """
    written = read_verdict(layout.verdict)
    evaluation = evaluate_project(layout, options, settings)
    metrics = metrics_json(evaluation, options.scored)
    for path, computed in ((layout.evaluation, evaluation.to_json()), (layout.metrics, metrics)):
        if computed != (there := read_json(path)):
            what = f"is not what the tables give: edited or stale{_since(computed, there)}"
            raise PromotionError(str(path), what, AGAIN)
    verdict = judge_project(layout, policy, settings, predictor).to_json()
    changed = changed_inputs(written, verdict["inputs"])
    if changed:
        raise PromotionError(
            str(layout.verdict),
            f"was computed from other files or settings: {', '.join(changed)}",
            AGAIN,
        )
    if verdict != written:
        raise PromotionError(
            str(layout.verdict), "is not what its inputs give: edited or stale", AGAIN
        )
    if verdict["decision"] != "pass":
        raise PromotionError(
            str(layout.verdict),
            f"the verdict is {verdict['decision']}: {', '.join(_blocking(verdict))}",
            "`segmetrics verdict` gives the reasons",
        )
    check_made_here(layout, predictor)
    measure_again(layout, question, spacing, workers)
    look_again(layout, settings, judged=policy.judge, scheme=question.scheme, workers=workers)
    baseline = read_baseline(layout.baseline)
    return Candidate(
        source=layout.source,
        model_digest=digest(layout.source),
        eval_id=eval_id(layout, settings),
        verdict=verdict,
        verdict_digest=digest(layout.verdict),
        baseline=baseline.model if baseline else None,
    )


def _since(computed: Mapping[str, Any], written: Any) -> str:
    """What changed since an evaluation was written, as far as it says so itself."""
    if not isinstance(written, dict) or not isinstance(written.get("inputs"), dict):
        return ""
    changed = changed_inputs(written, computed.get("inputs", {}))
    return f" ({', '.join(changed)} changed)" if changed else ""


def _blocking(verdict: Mapping[str, Any]) -> list[str]:
    """What keeps a verdict from being a pass: rules, with their slice, and findings."""
    rules = [r for r in verdict["rules"] if r["severity"] == "block" and r["outcome"] != "pass"]
    named = [f"{r['name']} ({r['slice']})" if r["slice"] else r["name"] for r in rules]
    return named + [f["name"] for f in verdict["findings"] if f["severity"] == "block"]
