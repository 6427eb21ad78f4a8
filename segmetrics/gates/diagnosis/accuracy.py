"""The accuracy paradox: nearly every pixel is right, and the class is not found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segmetrics.gates.diagnosis.checks import Level
from segmetrics.gates.diagnosis.classes import prevalence
from segmetrics.gates.grade import Bands
from segmetrics.gates.rules import Finding
from segmetrics.stats.evaluation import SplitEvaluation

HIGH_ACCURACY = 0.90
LOW_RECALL = 0.5
SMALL_GAIN = 0.01


def accuracy_paradox(
    split: SplitEvaluation, scored: Sequence[str], bands: Bands, severity: Level
) -> list[Finding]:
    """One finding for each class or region whose accuracy is high although it is found badly.

    It is reported where its pooled accuracy is at least 0.90 while its recall is below 0.5, or its
    Dice and IoU are graded bad, or an empty mask would be more accurate.
    """
    findings = []
    for name in scored:
        values = {
            metric: estimate.value
            for metric in ("accuracy", "recall", "dice", "iou")
            if (estimate := split.estimate(name, "pooled", metric)) is not None
        }
        accuracy, recall = values.get("accuracy"), values.get("recall")
        share = prevalence(split, name)
        if accuracy is None or recall is None or share is None or accuracy < HIGH_ACCURACY:
            continue
        data = paradox_numbers(accuracy, recall, share) | {"class": name}
        grade = bands.grade(dice=values.get("dice"), iou=values.get("iou"))
        # Below half a pixel of a million the difference is rounding.
        if recall < LOW_RECALL or grade == "bad" or data["gain_over_nothing"] < -1e-12:
            data |= {"dice": values.get("dice")}
            findings.append(Finding("accuracy_paradox", severity, _text(name, data), data))
    return findings


def paradox_numbers(accuracy: float, recall: float, prevalence: float) -> dict[str, Any]:
    """What accuracy A, recall R and the class's share P of the pixels imply.

    All errors together are 1 - A of the pixels, and 1 - R of the class is missed, so
    P <= (1 - A) / (1 - R). With no false positive at all, Dice is 2R / (1 + R) and IoU is R; any
    false positive lowers both. Example: A = 0.98, R = 0.12 give P <= 0.0227, Dice <= 0.214,
    IoU <= 0.12.

    Predicting nothing has the accuracy 1 - P = (TN + FP) / N. What the model gains over it is
    A - (1 - P) = (TP - FP) / N, exactly: it is negative where more is invented than found.
    """
    errors, missed = 1 - accuracy, 1 - recall
    return {
        "accuracy": accuracy,
        "recall": recall,
        "prevalence": prevalence,
        "accuracy_of_nothing": 1 - prevalence,
        "gain_over_nothing": accuracy - (1 - prevalence),
        "dice_at_most": 2 * recall / (1 + recall),
        "iou_at_most": recall,
        "prevalence_at_most": min(1.0, errors / missed) if missed > 0 else 1.0,
    }


def _text(name: str, data: dict[str, Any]) -> str:
    return (
        f"{name}: accuracy {data['accuracy']:.1%} looks good, yet only {data['recall']:.1%} of the "
        f"{name} pixels are found. Predicting no {name} at all would reach "
        f"{data['accuracy_of_nothing']:.1%}, because {name} covers {data['prevalence']:.2%} of the "
        f"pixels{_gain(data['gain_over_nothing'])}. With this recall, Dice cannot exceed "
        f"{data['dice_at_most']:.3f} and IoU {data['iou_at_most']:.3f}, whatever the accuracy is."
    )


def _gain(gain: float) -> str:
    """The gain over an empty mask in words, where it is small."""
    if gain < -1e-12:
        return f": the model is worse than an empty mask, by {-gain:.2%} of the pixels"
    if gain <= 1e-12:
        return ": the model is no better than an empty mask"
    if gain < SMALL_GAIN:
        return f": the model is better than an empty mask by {gain:.2%} of the pixels only"
    return ""
