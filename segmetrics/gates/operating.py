"""Findings about the threshold: where it was chosen, and whether it suits the judged split."""

from __future__ import annotations

from segmetrics.gates.rules import Finding
from segmetrics.metrics.thresholds import Objective
from segmetrics.stats.evaluation import SplitEvaluation

# F-beta that a threshold may lose against the best one of a split before it is mentioned.
FAR = 0.02


def tuned_on_judged(tuned_on: str, judged: str) -> list[Finding]:
    """A blocking finding where the threshold was chosen on the split that is judged."""
    if tuned_on != judged:
        return []
    text = (
        f"the threshold was tuned on {judged}, the split that is judged: it fits what it is tested "
        f"on, and the values are too good. Name another split in data.tune"
    )
    return [Finding("tuned_on_judged", "block", text, {"split": judged})]


def stale_operating_point(reason: str) -> Finding:
    """A blocking finding: the operating point is not what settings and files give."""
    text = (
        f"results/operating_point.json is not what params.yaml and the files at hand give "
        f"({reason}): it is stale or was edited. Run `dvc repro -f operate`, then `dvc repro`"
    )
    return Finding("stale_operating_point", "block", text, {})


def far_from_best(split: SplitEvaluation, name: str, *, beta: float) -> list[Finding]:
    """A finding for each class whose F-beta another threshold would raise by more than 0.02.

    Never advice to take that threshold: it is the best of the judged split.
    """
    metric = f"f{beta:g}"
    findings = []
    for class_name, summary in split.thresholds.items():
        here, best = summary.chosen, summary.best.get(metric)
        if here is None or best is None:
            continue
        value, top = here.values.get(metric), best.values.get(metric)
        if value is None or top is None or top - value <= FAR:
            continue
        text = (
            f"{class_name}: the threshold {here.threshold:g} gives {metric.upper()} {value:.3f} on "
            f"{name}, {best.threshold:g} would give {top:.3f}. The threshold does not suit these "
            f"data: tune it again (operating_point: {{decision: tuned}}) on a split like them, "
            f"never on {name} itself"
        )
        data = {
            "class": class_name, "threshold": here.threshold, "best_threshold": best.threshold,
            "metric": metric, "value": value, "best_value": top,
        }  # fmt: skip
        findings.append(Finding("threshold_far_from_best", "warn", text, data))
    return findings


def floor_missed(split: SplitEvaluation, name: str, objective: Objective) -> list[Finding]:
    """A finding for each class that misses, on the judged split, the floor it was tuned for."""
    findings = []
    for class_name, summary in split.thresholds.items():
        if objective.floor is None or summary.chosen is None:
            continue
        value = summary.chosen.values.get(objective.floor)
        if value is not None and value >= objective.at_least:
            continue
        shown = "undefined" if value is None else f"{value:.3f}"
        text = (
            f"{class_name}: the threshold was tuned for {objective.floor} >= "
            f"{objective.at_least:g}; on {name} it is {shown}. Ask for more on the tuning split, "
            f"or for a tuning split that is more like {name}"
        )
        data = {"class": class_name, "metric": objective.floor, "value": value}
        findings.append(Finding("floor_missed", "warn", text, data))
    return findings


def threshold_findings(
    split: SplitEvaluation, name: str, objective: Objective | None, *, beta: float
) -> list[Finding]:
    """What the judged split says about the threshold.

    Parameters
    ----------
    name
        The name of the split.
    objective
        What the threshold was tuned for; None: it was given. With a floor, F-beta was not what it
        was to be best for, and is not mentioned.
    beta
        That of the domain.
    """
    if objective is not None and objective.floor is not None:
        return floor_missed(split, name, objective)
    return far_from_best(split, name, beta=beta)
