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
    """A finding where the class means of Dice and IoU reach 0.995.

    Parameters
    ----------
    aggregate
        The one of the class means: the domain's.
    """
    found = [split.estimate("mean", aggregate, metric) for metric in ("dice", "iou")]
    dice, iou = (e.value if e is not None else None for e in found)
    if dice is None or iou is None or min(dice, iou) < PERFECT:
        return []
    parts = [f"Dice {dice:.4f} and IoU {iou:.4f}"]
    if copies.pixels_alike:
        parts.append(f"{copies.pixels_alike} of {copies.images} images have no wrong pixel")
    text = (
        f"too good to be true on real data: {'; '.join(parts)}. Are the predictions copies of the "
        f"references, is the mask among the inputs of the model, were these images trained on, or "
        f"are the errors ignored?"
    )
    data = {
        "dice": dice, "iou": iou, "images": copies.images, "pixels_alike": copies.pixels_alike,
    }  # fmt: skip
    return [Finding("suspicious_perfection", severity, text, data)]


def reference_copies(copies: Copies, severity: Level) -> list[Finding]:
    """A finding where prediction files are the reference files, byte for byte."""
    n, of = copies.bytes_alike, copies.images
    if not n:
        return []
    text = (
        f"{n} of {of} prediction files {'is' if n == 1 else 'are'} byte for byte the reference "
        f"file: hardly a model made {'it' if n == 1 else 'them'}. Predict again, without masks in "
        f"the folder of the predictions"
    )
    return [Finding("reference_copies", severity, text, {"images": of, "bytes_alike": n})]
