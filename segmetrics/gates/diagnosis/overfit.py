"""Overfitting: better on the samples that it was trained on than on the judged ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segmetrics.gates.diagnosis.checks import OverfitLimits
from segmetrics.gates.rules import Finding

# The judged split may be a little easier; a gap that lies below this as a whole is no accident.
NEGATIVE = -0.02


@dataclass(frozen=True, slots=True)
class Gap:
    """The class mean of the primary metric, compared minus judged split.

    Attributes
    ----------
    metric, aggregate
        Of both values.
    compare, judge
        The names of the two splits.
    compared, judged
        The two values.
    low, high
        Ends of the interval of their difference; None: none could be computed.
    groups
        Of the split that has fewer.
    sampled
        `2000 of 31200`, where not all of the compared split was measured.
    by_class
        The gap of each class that is defined in both.
    """

    metric: str
    aggregate: str
    compare: str
    judge: str
    compared: float
    judged: float
    low: float | None
    high: float | None
    groups: int
    sampled: str = ""
    by_class: Mapping[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """Compared minus judged."""
        return self.compared - self.judged

    def to_json(self) -> dict[str, Any]:
        """`data` of the finding."""
        return {
            "metric": self.metric,
            "aggregate": self.aggregate,
            self.compare: self.compared,
            self.judge: self.judged,
            "gap": self.value,
            "low": self.low,
            "high": self.high,
            "groups": self.groups,
            "sampled": self.sampled or None,
            "classes": dict(self.by_class),
        }


def overfit(gap: Gap, limits: OverfitLimits) -> list[Finding]:
    """One finding on the gap, always: whether there is a sign of overfitting or not.

    It blocks where the gap itself is above the upper limit, and warns above the lower one: that the
    interval reaches below a limit excuses nothing. Where only the interval reaches above the upper
    limit, a note says so. `easier_test` warns where the interval lies below -0.02 as a whole.
    """
    data = gap.to_json()
    numbers = (
        f"{gap.metric} ({gap.aggregate}, class mean) is {gap.compared:.3f} on {gap.compare}"
        f"{f' ({gap.sampled} samples)' if gap.sampled else ''} and {gap.judged:.3f} on "
        f"{gap.judge}, a gap of {gap.value:+.3f}{_interval(gap)}"
    )
    # The gap of 0.9 and 0.8 is 0.1, not 0.10000000000000009. A NaN is above everything.
    value = gap.value
    if not value <= limits.block + 1e-12:
        advice = (
            f"Train with more data, augmentation or earlier stopping; if {gap.compare} is merely "
            f"easier, raise checks.overfit.max"
        )
        if gap.low is not None and gap.low > 0:
            sure, means = "", "the model knows its training images better than new ones"
        else:
            sure, means = "possible ", f"{_chance(gap)}, but nothing excludes overfitting either"
            advice = f"Judge on more groups than {gap.groups} to know. {advice}"
        text = (
            f"{sure}overfitting: {numbers}, more than {limits.block:g}: {means}{_worst(gap)}. "
            f"{advice}"
        )
        return [Finding("overfit", "block", text, data)]
    if not value <= limits.warn + 1e-12:
        luck = "" if gap.low is not None and gap.low > 0 else f"; {_chance(gap)}"
        text = f"sign of overfitting: {numbers}, more than {limits.warn:g}{luck}{_worst(gap)}"
        return [Finding("overfit", "warn", text, data)]
    high = value if gap.high is None else gap.high
    if high < NEGATIVE:
        text = (
            f"{gap.judge} looks easier than {gap.compare}: {numbers}. A model that is better on "
            f"new images than on its own points to leakage (judged images among the training "
            f"ones) or to a test set of easy images"
        )
        return [Finding("easier_test", "warn", text, data)]
    if gap.high is None or gap.high > limits.block:
        text = f"{numbers}: too few groups to exclude overfitting by more than {limits.block:g}"
        return [Finding("overfit", "note", text, data)]
    return [Finding("overfit", "note", f"no sign of overfitting: {numbers}", data)]


def overfit_unverified(reason: str) -> Finding:
    """Nothing is known about overfitting, and why."""
    text = (
        f"nothing is known about overfitting: {reason}. Name the training split, with masks, in "
        f"data.compare (and in data.splits)"
    )
    return Finding("overfit_unverified", "warn", text, {"reason": reason})


def _chance(gap: Gap) -> str:
    """Why the gap itself proves nothing."""
    if gap.low is None:
        return "without an interval nothing says whether it is chance"
    return "the interval includes 0, so it may be chance"


def _interval(gap: Gap) -> str:
    if gap.low is None or gap.high is None:
        return " (no interval)"
    return f" [{gap.low:+.3f}, {gap.high:+.3f}]"


def _worst(gap: Gap) -> str:
    if len(gap.by_class) < 2:
        return ""
    name = max(gap.by_class, key=lambda n: gap.by_class[n])
    return f", most of {name} ({gap.by_class[name]:+.3f})"
