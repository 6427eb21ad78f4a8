"""A verdict as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope
from segmetrics.texts.words import (
    bound_text,
    elsewhere,
    headline,
    interval_header,
    interval_text,
    next_steps,
    number,
    undefined_text,
)
from segmetrics.texts.words import outcome_text as outcome

_SHOWN = ("dice", "iou", "precision", "recall", "accuracy")
# What GitHub, and MLflow's description, would take for markup. Backticks keep code readable.
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\|*[]<~"} | {"\n": " ", "\r": " "})


def verdict_markdown(verdict: Mapping[str, Any], evaluation: Evaluation | None = None) -> str:
    """The verdict, beginning with a sentence; with an evaluation also its metrics by class."""
    lines = [_plain(headline(verdict)), ""]
    interval = interval_header(verdict)
    columns = ("rule", "metric", "class", "slice", "value", interval, "bound", "outcome", "why")
    lines += [_row(columns), "|---" * len(columns) + "|"]
    judged = verdict["judged"]["split"]
    for rule in verdict["rules"]:
        cells = (
            rule["name"], f"{rule['metric']} {rule['aggregate']}{elsewhere(rule, judged)}",
            rule["class"] + undefined_text(rule), _slice(rule), number(rule["value"]),
            interval_text(rule), bound_text(rule["bound"]), outcome(rule),
            "" if rule["outcome"] == "pass" else rule["reason"],
        )  # fmt: skip
        lines.append(_row(_plain(cell) for cell in cells))
    if verdict["findings"]:
        lines += ["", *(_finding(f) for f in verdict["findings"])]
    lines += ["", "Next:", "", *(f"1. {_plain(step)}" for step in next_steps(verdict))]
    for name, split in (evaluation.splits if evaluation else {}).items():
        lines += ["", f"**{_plain(name)}**: {split.samples} images in {split.groups} groups", ""]
        lines += _metric_rows(split)
    return "\n".join(lines) + "\n"


def _slice(rule: Mapping[str, Any]) -> str:
    against = f"against {rule['against']}" if rule.get("against") else ""
    return ", ".join(text for text in (rule["slice"], against) if text)


def _finding(finding: Mapping[str, Any]) -> str:
    return f"- **{finding['severity']}** {_plain(finding['name'])}: {_plain(finding['text'])}"


def _metric_rows(scope: Scope) -> list[str]:
    lines = [_row(("class", "aggregate", *_SHOWN)), "|---" * (2 + len(_SHOWN)) + "|"]
    for name in [*scope.classes, "mean"]:
        for aggregate in scope.mean:
            found = [scope.estimate(name, aggregate, metric) for metric in _SHOWN]
            values = [_with_interval(estimate) for estimate in found]
            lines.append(_row([_plain(name), _plain(aggregate), *values]))
    return lines


def _with_interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return number(estimate.value if estimate else None)
    return f"{number(estimate.value)} ({estimate.low:.3f} to {estimate.high:.3f})"


def _plain(text: str) -> str:
    """As it is, whatever Markdown makes of its characters."""
    return text.translate(_SPECIAL)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
