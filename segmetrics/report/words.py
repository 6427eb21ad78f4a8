"""Numbers and names in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from segmetrics.metrics.catalog import CATALOG
from segmetrics.report.html import Html, el, join
from segmetrics.stats.aggregate import Estimate

AGGREGATES: Mapping[str, str] = {
    "group_mean": "mean over groups: every patient, slide or drive counts the same",
    "image_mean": "mean over images: every image counts the same",
    "pooled": "pooled: all pixels together, so that large objects count most",
}
_NAMES = {
    "dice": "Dice", "iou": "IoU", "precision": "Precision", "recall": "Recall", "f2": "F2",
    "f0.5": "F0.5", "hd95": "HD95", "hd": "HD", "assd": "ASSD", "masd": "MASD", "nsd": "NSD",
    "pq": "PQ", "sq": "SQ", "rq": "RQ", "mcc": "MCC", "object_f1": "Object F1",
    "object_recall": "Object recall", "object_precision": "Object precision",
}  # fmt: skip
SHOWN = ("dice", "iou", "precision", "recall", "hd95", "nsd", "object_f1", "pq")


def metric_name(metric: str) -> str:
    """As people write it."""
    return _NAMES.get(metric, metric.replace("_", " ").capitalize())


def metric_text(metric: str) -> str:
    """What it means; empty for one that the catalogue lacks."""
    return CATALOG[metric].text if metric in CATALOG else ""


def value_text(value: float | None) -> str:
    """Three decimals of a rate, less of what is large; a dash where undefined."""
    if value is None or not math.isfinite(value):
        return "–"
    return (
        f"{value:.3f}"
        if abs(value) < 10
        else f"{value:.1f}"
        if abs(value) < 1000
        else f"{value:.0f}"
    )


def interval_text(low: float | None, high: float | None) -> str:
    """`0.881 to 0.960`; empty where there is none."""
    return "" if low is None or high is None else f"{value_text(low)} to {value_text(high)}"


def estimate_cell(estimate: Estimate | None) -> Html:
    """A value with its interval below; how many are undefined, where some are."""
    if estimate is None:
        return join("–")
    notes = [interval_text(estimate.low, estimate.high)]
    if estimate.undefined:
        notes.append(f"{estimate.undefined} of {estimate.defined + estimate.undefined} undefined")
    if estimate.replaced:
        notes.append(f"{estimate.replaced} infinite")
    below = [el("span", note, class_="soft") for note in notes if note]
    return join(value_text(estimate.value), *below)


def badge(outcome: str, text: str | None = None) -> Html:
    """An outcome as a word with its colour and a sign, which need no colour to be read."""
    sign = {"pass": "✓", "fail": "✗", "inconclusive": "?"}.get(outcome, "")
    shown = outcome if outcome in ("pass", "fail", "inconclusive") else "fail"
    return el("span", f"{sign} {text or outcome}".strip(), class_=f"badge {shown}")


def several(n: int, one: str) -> str:
    """`1 image`, `3 images`."""
    return f"{n} {one}" if n == 1 else f"{n} {one}{'es' if one.endswith('s') else 's'}"


def with_code(text: str) -> Html:
    """A text whose words in backticks are code."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return join(text)  # a backtick without partner
    return join(*(el("code", part) if k % 2 else part for k, part in enumerate(parts)))


def bound_words(bound: Mapping[str, float]) -> str:
    """`at least 0.85`."""
    return " and ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in bound.items())
