"""`operating_point:`: thresholds that are given, tuned, or have no meaning."""

from __future__ import annotations

from collections.abc import Iterator

from segmetrics.config.contradictions.common import Contradiction
from segmetrics.config.models import Settings


def check_operating_point(s: Settings) -> Iterator[Contradiction]:
    o = s.operating_point
    threshold = ("operating_point", "threshold")
    if o.decision == "fixed" and o.threshold is None:
        yield threshold, "is missing for `decision: fixed`", "set it to 0.5"
    if o.decision == "argmax" and o.threshold is not None:
        yield threshold, "means nothing with `argmax`", "set it to null"
    if o.decision == "tuned":
        yield from _tuned(s)
    elif o.at_least is not None:
        text = f"means nothing with `{o.decision}`"
        yield ("operating_point", "at_least"), text, "remove it, or set decision: tuned"


def _tuned(s: Settings) -> Iterator[Contradiction]:
    o, decision = s.operating_point, ("operating_point", "decision")
    if o.threshold is not None:
        text = "is what `decision: tuned` looks for"
        yield ("operating_point", "threshold"), text, "set it to null, or set decision: fixed"
    if s.data.tune is None:
        text = "needs a split to tune on, data.tune is null"
        yield decision, text, "set data.tune to a split that is not judged"
    if len(s.data.classes) != 2:
        text = f"needs one probability per pixel, data.classes has {len(s.data.classes)} classes"
        yield decision, text, "the best of several classes needs no threshold: set argmax"
    if not s.measure.scores:
        text = "is needed for `decision: tuned`, which `check` verifies by the scores"
        yield ("measure", "scores"), text, "set it to true"
    if o.at_least is not None and (o.at_least.recall is None) == (o.at_least.precision is None):
        text = "needs a floor under one of recall and precision"
        yield ("operating_point", "at_least"), text, "such as {recall: 0.95}"
