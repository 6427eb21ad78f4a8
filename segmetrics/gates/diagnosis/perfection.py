"""Results that are too good: the mask among the inputs, or references as predictions."""

from __future__ import annotations

from dataclasses import dataclass

from segmetrics.gates.diagnosis.checks import Level
from segmetrics.gates.rules import Finding
from segmetrics.stats.evaluation import SplitEvaluation

PERFECT = 0.995  # two people who draw the same border do not reach it


@dataclass(frozen=True, slots=True)
class Copies:
    """Of the `images` in which a scored class is there, how many predictions equal the reference.

    Attributes
    ----------
    bytes_alike
        Prediction files that are byte for byte the reference file.
    pixels_alike
        Images without a single wrong pixel of a scored class.
    """

    images: int = 0
    bytes_alike: int = 0
    pixels_alike: int = 0


def suspicious_perfection(
    split: SplitEvaluation, aggregate: str, copies: Copies, severity: Level
) -> list[Finding]:
    """A finding where the class means of Dice and IoU reach 0.995, or predictions are references.

    Parameters
    ----------
    aggregate
        The one of the class means: the domain's.
    """
    found = [split.estimate("mean", aggregate, metric) for metric in ("dice", "iou")]
    dice, iou = (e.value if e is not None else None for e in found)
    perfect = dice is not None and iou is not None and min(dice, iou) >= PERFECT
    if not perfect and not copies.bytes_alike:
        return []
    parts = [f"Dice {dice:.4f} and IoU {iou:.4f}"] if perfect else []
    if copies.bytes_alike:
        parts.append(
            f"{copies.bytes_alike} of {copies.images} prediction files are byte for byte their "
            f"reference"
        )
    if copies.pixels_alike:
        parts.append(f"{copies.pixels_alike} of {copies.images} images have no wrong pixel")
    text = (
        f"too good to be true on real data: {'; '.join(parts)}. Are the predictions copies of the "
        f"references, is the mask among the inputs of the model, or were these images trained on?"
    )
    data = {
        "dice": dice,
        "iou": iou,
        "images": copies.images,
        "bytes_alike": copies.bytes_alike,
        "pixels_alike": copies.pixels_alike,
    }
    return [Finding("suspicious_perfection", severity, text, data)]
