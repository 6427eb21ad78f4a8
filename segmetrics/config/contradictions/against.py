"""Rules with `against:`, which bound a difference by `margin`."""

from __future__ import annotations

from collections.abc import Iterator

from segmetrics.config.contradictions.common import Contradiction
from segmetrics.config.models import Rule
from segmetrics.gates.idle import margin_excludes_nothing
from segmetrics.metrics.catalog import MEANS, MetricInfo


def check_against(
    at: tuple[str | int, ...], rule: Rule, metric: MetricInfo | None
) -> Iterator[Contradiction]:
    """What contradicts itself in `against` and `margin`."""
    if rule.against is None:
        text = "means nothing without `against`"
        yield (*at, "margin"), text, "add `against: baseline`, or give at_least or at_most"
        return
    for key, bound in (("at_least", rule.at_least), ("at_most", rule.at_most)):
        if bound is not None:
            text = f"does not go with `against: {rule.against}`, which bounds a difference"
            yield (*at, key), text, "write a rule of its own for it"
    if rule.margin is None:
        text = f"has `against: {rule.against}` but no margin"
        yield at, text, "say how much worse is still good enough, such as margin: 0.01"
    if metric is None:
        return
    if margin_excludes_nothing(metric.name, rule.margin):
        text = f"{rule.margin:g} excludes nothing: no {metric.name} is worse by more"
        yield (*at, "margin"), text, "say how much worse is still good enough, such as 0.01"
    if metric.better == "zero":
        text = f"{metric.name} is best at 0: more or less of it is neither better nor worse"
        yield (*at, "metric"), text, "use dice, recall or precision"
    if rule.against == "annotators":
        yield from _annotators(at, rule, metric)


def _annotators(
    at: tuple[str | int, ...], rule: Rule, metric: MetricInfo
) -> Iterator[Contradiction]:
    if metric.family not in ("counts", "column"):
        text = f"{metric.name} is not measured between annotators"
        yield (*at, "metric"), text, "use dice, iou, or what measure.surface gives"
    if rule.aggregate is not None and rule.aggregate not in MEANS:
        text = (
            f'"{rule.aggregate}" is no mean over images, and agreement is compared image by image'
        )
        yield (*at, "aggregate"), text, "use image_mean or group_mean"
