"""All of them, in the order of params.yaml."""

from __future__ import annotations

import math
from collections.abc import Iterator

from segmetrics.config.contradictions.checks import check_checks
from segmetrics.config.contradictions.common import Contradiction
from segmetrics.config.contradictions.data import check_data
from segmetrics.config.contradictions.operating import check_operating_point
from segmetrics.config.contradictions.rules import check_removed, check_rule
from segmetrics.config.models import Settings

# Below it, what the intervals of rules certify is hardly more than a value.
_LEAST_CONFIDENCE = 0.8
# Resamples that have to lie beyond each end of an interval.
_BEYOND = 10


def contradictions(s: Settings) -> Iterator[Contradiction]:
    """What no single value shows: (place, what is wrong, what would do)."""
    yield from check_data(s)
    yield from check_operating_point(s)
    yield from check_removed(s)
    yield from _measure(s)
    yield from _statistics(s)
    good, bad = s.grade.good, s.grade.bad
    if good.dice < bad.dice or good.iou < bad.iou:
        yield ("grade", "good"), "lies below grade.bad", "raise it, or lower grade.bad"
    for key, bound in (("dice", bad.dice), ("iou", bad.iou)):
        if bound == 0:
            text = "is 0: no model is bad then, not even one that predicts nothing"
            yield ("grade", "bad", key), text, "set it above 0; 0.5 (dice) and 0.4 (iou) are usual"
    for name, rule in s.rules.items():
        if rule is not None:
            yield from check_rule(s, name, rule)
    yield from check_checks(s)


def _statistics(s: Settings) -> Iterator[Contradiction]:
    """An end that a few resamples decide is luck, and a seed to be searched for."""
    confidence = s.statistics.confidence
    if confidence < _LEAST_CONFIDENCE:
        text = f"{confidence:g} is below {_LEAST_CONFIDENCE:g}: intervals so narrow certify nothing"
        yield ("statistics", "confidence"), text, "set it to 0.95"
    tail = (1 - confidence) / 2
    needed = math.ceil(_BEYOND / tail * (1 - 1e-9))
    if s.statistics.resamples < needed:
        text = f"{s.statistics.resamples} leave fewer than {_BEYOND} beyond each end of an interval"
        yield ("statistics", "resamples"), text, f"set it to {needed} or more; 10000 is usual"


def _measure(s: Settings) -> Iterator[Contradiction]:
    m = s.measure
    if m.surface and "nsd" in m.surface.metrics and m.surface.tolerance is None:
        yield (
            ("measure", "surface", "tolerance"),
            "is missing for nsd, and there is no usual value",
            f"set what is close enough, in {s.data.unit}",
        )
    if m.scores and s.operating_point.decision == "argmax":
        yield (
            ("measure", "scores"),
            "needs probabilities, `decision: argmax` has label maps",
            "set it to false",
        )
    edges = m.objects.size_edges if m.objects else None
    if edges is not None and list(edges) != sorted(set(edges)):
        yield ("measure", "objects", "size_edges"), "do not ascend", "sort them"
    if s.data.unit == "mm" and s.data.spacing is None:
        text = "is mm, but data.spacing is not given"
        yield ("data", "unit"), text, "give the size of a pixel, or `spacing: file`"
