"""Small objects that are missed while large ones, which make the pixel metrics, are found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from segmetrics.gates.diagnosis.checks import Level
from segmetrics.gates.rules import Finding
from segmetrics.stats.evaluation import SizeScope, SplitEvaluation

LARGE_GAP = 0.20
LOW_RECALL = 0.5
PRECISION = 0.05  # an answer is firm when recall is known to +- 0.05


def small_objects(
    split: SplitEvaluation, names: Sequence[str], severity: Level, *, confidence: float = 0.95
) -> list[Finding]:
    """One finding for each class or region whose smallest objects are missed.

    The smallest size bucket is reported where its pooled object recall is below 0.5, or at least
    0.20 below that of the largest bucket that has objects. Nothing is said where no objects are
    measured, or where there is a single bucket.

    Parameters
    ----------
    confidence
        Of the interval whose half-width is to be 0.05 (`objects_needed`).
    """
    findings = []
    for name in names:
        buckets = {n: b for n, b in split.sizes.get(name, {}).items() if _recall(b) is not None}
        first = next(iter(split.sizes.get(name, {})), None)
        if first is None or first not in buckets or len(split.sizes[name]) < 2:
            continue
        data = _numbers(split, name, buckets, confidence)
        if data["recall_small"] < LOW_RECALL or data["difference"] >= LARGE_GAP - 1e-12:
            findings.append(Finding("small_objects", severity, _text(name, data), data))
    return findings


def objects_needed(share: float, *, within: float = PRECISION, confidence: float = 0.95) -> int:
    """The smallest number of objects for which the Wilson interval of a share is +- `within`.

    Half-width of the score interval (Wilson 1927) for a share p of n objects, z the normal
    quantile: z sqrt(p (1 - p) / n + z^2 / (4 n^2)) / (1 + z^2 / n). Objects of one image are
    treated as independent, so this is a lower bound. Example: 0.5 at 95 % needs 381.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    low, high = 1, 2
    while _half_width(share, high, z) > within:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if _half_width(share, middle, z) > within:
            low = middle + 1
        else:
            high = middle
    return high


def _half_width(p: float, n: int, z: float) -> float:
    return z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)


def _recall(bucket: SizeScope) -> float | None:
    estimate = bucket.table.get("pooled", {}).get("object_recall")
    return estimate.value if estimate is not None else None


def _numbers(
    split: SplitEvaluation, name: str, buckets: Mapping[str, SizeScope], confidence: float
) -> dict[str, Any]:
    ordered = list(buckets.items())
    (small_name, small), (large_name, large) = ordered[0], ordered[-1]
    recall, other = _recall(small) or 0.0, _recall(large) or 0.0
    alarms = split.estimate(name, "image_mean", "false_objects")
    return {
        "class": name,
        "small": small_name,
        "large": large_name,
        "smaller_than": small.high,
        "objects_small": small.references,
        "objects_large": large.references,
        "recall_small": recall,
        "recall_large": other,
        "difference": other - recall,
        "false_objects": alarms.value if alarms is not None else None,
        "objects_needed": objects_needed(recall, confidence=confidence),
    }


def _text(name: str, data: Mapping[str, Any]) -> str:
    size = f" (smaller than {data['smaller_than']} pixels)" if data["smaller_than"] else ""
    small = round(data["recall_small"] * data["objects_small"])
    text = (
        f"{name}: {small} of {data['objects_small']} small objects{size} are found, "
        f"{data['recall_small']:.0%}"
    )
    if data["large"] != data["small"]:
        text += (
            f", against {data['recall_large']:.0%} of {data['objects_large']} large ones: "
            f"{100 * data['difference']:.0f} percentage points fewer. Pixel metrics hardly show "
            f"it, because large objects hold most of the pixels"
        )
    if data["false_objects"] is not None:
        text += f". There are {data['false_objects']:.2g} false objects an image"
    if data["objects_needed"] > data["objects_small"]:
        text += (
            f". For an answer within +-{PRECISION:g}, about {data['objects_needed']} small objects "
            f"are needed"
        )
    return text + "."
