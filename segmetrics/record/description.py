"""The description of a run: one sentence, then the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segmetrics.gates.domains import DOMAINS
from segmetrics.record.record import Record
from segmetrics.stats.aggregate import Estimate
from segmetrics.texts import number, verdict_markdown

_LONGEST = 4500  # characters; MLflow takes 5,000 in a tag (older servers) or 8,000
_DECIDED = {"pass": "passes", "fail": "fails", "inconclusive": "is undecided"}


def description(record: Record, model: str) -> str:
    """What stands first on the page of a run.

    It opens with model, decision, primary metric and reason; `verdict.md` has the whole.
    """
    text = f"{sentence(record, model)}\n\n{verdict_markdown(record.verdict, record.evaluation)}"
    if len(text) <= _LONGEST:
        return text
    return text[:_LONGEST].rpartition("\n")[0] + "\n\nThe rest is in verdict.md.\n"


def sentence(record: Record, model: str) -> str:
    """`unet fails: recall (group_mean) on test is 0.51 (0.42 to 0.60); recall_floor: ...`."""
    verdict = record.verdict
    decided = _DECIDED[verdict["decision"]]
    domain = DOMAINS[verdict["domain"]]
    metric = f"{domain.primary} ({domain.aggregate}) on {verdict['judged']['split']}"
    # Backticks: names hold underscores, which Markdown would take for its own.
    return f"**`{model}` {decided}**: {metric} is {primary_text(record)}; {_why(verdict)}."


def primary_text(record: Record) -> str:
    """The primary metric of the domain, class mean of the judged split, with its interval."""
    return estimate_text(_primary(record))


def estimate_text(estimate: Estimate | None) -> str:
    """`0.5123 (0.4200 to 0.6000)`, or `undefined`."""
    if estimate is None or estimate.value is None:
        return "undefined"
    if estimate.low is None or estimate.high is None:
        return number(estimate.value)
    return f"{number(estimate.value)} ({estimate.low:.4f} to {estimate.high:.4f})"


def _primary(record: Record) -> Estimate | None:
    domain = DOMAINS[record.verdict["domain"]]
    split = record.evaluation.splits[record.verdict["judged"]["split"]]
    return split.estimate("mean", domain.aggregate, domain.primary)


def _why(verdict: Mapping[str, Any]) -> str:
    """The gravest reason: what blocks first, else what is not met."""
    blocking = [f for f in verdict["findings"] if f["severity"] == "block"]
    if verdict["decision"] == "pass":
        return "all blocking rules are met"
    if blocking:
        return f"{blocking[0]['name']}: {blocking[0]['text']}".rstrip(".")
    missed = [r for r in verdict["rules"] if r["severity"] == "block" and r["outcome"] != "pass"]
    missed.sort(key=lambda rule: rule["outcome"] != "fail")
    if not missed:
        return "there are no rules"
    more = f" (and {len(missed) - 1} more)" if len(missed) > 1 else ""
    return f"`{missed[0]['name']}`: {missed[0]['reason']}{more}".rstrip(".")
