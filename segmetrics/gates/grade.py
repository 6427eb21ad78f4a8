"""good / fair / bad, from the class mean of the domain's aggregate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from segmetrics.stats.evaluation import Scope

Grade = Literal["good", "fair", "bad"]


@dataclass(frozen=True, slots=True)
class Band:
    """Bounds on the two overlap metrics."""

    dice: float
    iou: float


@dataclass(frozen=True, slots=True)
class Bands:
    """good: Dice and IoU both above; bad: either below; otherwise fair."""

    good: Band = Band(dice=0.8, iou=0.7)
    bad: Band = Band(dice=0.5, iou=0.4)

    def grade(self, *, dice: float | None, iou: float | None) -> Grade:
        """The grade of two values; an undefined one is bad."""
        if dice is None or iou is None or not (dice >= self.bad.dice and iou >= self.bad.iou):
            return "bad"
        return "good" if dice > self.good.dice and iou > self.good.iou else "fair"


def grade_scope(
    scope: Scope | None, aggregate: str, bands: Bands, scored: Sequence[str]
) -> tuple[Grade, str]:
    """The grade of a split and the sentence that explains it.

    A class of `scored` without a value makes the class mean undefined, and so the grade bad.
    """
    dice, iou = (_class_mean(scope, aggregate, metric, scored) for metric in ("dice", "iou"))
    shown = ["undefined" if value is None else f"{value:.3f}" for value in (dice, iou)]
    text = f"class mean of Dice {shown[0]} and IoU {shown[1]} ({aggregate})"
    return bands.grade(dice=dice, iou=iou), text


def _class_mean(
    scope: Scope | None, aggregate: str, metric: str, scored: Sequence[str]
) -> float | None:
    mean = scope.estimate("mean", aggregate, metric) if scope else None
    complete = mean is not None and mean.defined == len(scored) and mean.undefined == 0
    return mean.value if mean is not None and complete else None
