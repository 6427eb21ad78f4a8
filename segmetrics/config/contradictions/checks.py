"""`checks:` and the splits that they compare."""

from __future__ import annotations

from collections.abc import Iterator

from segmetrics.config.contradictions.common import Contradiction
from segmetrics.config.models import Settings


def check_checks(s: Settings) -> Iterator[Contradiction]:
    """What contradicts itself in `checks:`."""
    if s.data.compare is not None and s.data.compare == s.data.judge:
        text = f'"{s.data.compare}" is the judged split: a gap to itself says nothing'
        yield ("data", "compare"), text, "name the training split, or set it to null"
    limits = s.checks.overfit
    if limits.warn > limits.max:
        text = f"{limits.warn:g} is above max ({limits.max:g}), which blocks"
        yield ("checks", "overfit", "warn"), text, "lower it, or raise max"
    if s.checks.small_objects == "block" and s.measure.objects is None:
        text = "would block, but no objects are measured"
        yield ("checks", "small_objects"), text, "set measure.objects, or `warn`"
    people = s.checks.human_ceiling
    if people is not None and not people.model_dump(exclude_none=True, exclude={"source"}):
        text = "names no metric"
        yield ("checks", "human_ceiling"), text, "add what people reach, such as dice: 0.74"
