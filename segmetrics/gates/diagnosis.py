"""Findings in plain words: what the numbers hide, with the numbers that show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from segmetrics.gates.grade import Bands
from segmetrics.gates.rules import Finding
from segmetrics.stats.evaluation import SplitEvaluation

HIGH_ACCURACY = 0.90
LOW_RECALL = 0.5


def accuracy_paradox(
    split: SplitEvaluation,
    scored: Sequence[str],
    bands: Bands,
    severity: Literal["block", "warn", "note"],
) -> list[Finding]:
    """One finding for each class whose accuracy is high although it is found badly.

    A class is reported where its pooled accuracy is at least 0.90 while its recall is below 0.5 or
    its Dice and IoU are graded bad.
    """
    findings = []
    for name in scored:
        values = {
            metric: estimate.value
            for metric in ("accuracy", "recall", "dice", "iou")
            if (estimate := split.estimate(name, "pooled", metric)) is not None
        }
        accuracy, recall = values.get("accuracy"), values.get("recall")
        if accuracy is None or recall is None or accuracy < HIGH_ACCURACY:
            continue
        grade = bands.grade(dice=values.get("dice"), iou=values.get("iou"))
        if recall < LOW_RECALL or grade == "bad":
            data = paradox_numbers(accuracy, recall, _prevalence(split, name)) | {"class": name}
            findings.append(
                Finding(
                    "accuracy_paradox",
                    severity,
                    _text(name, data),
                    data | {"dice": values.get("dice")},
                )
            )
    return findings


def unknown_labels(split: SplitEvaluation) -> list[Finding]:
    """A finding where predictions hold labels that are no class: they all count as misses."""
    pixels, total = sum(split.other), split.pixels
    if not pixels:
        return []
    text = (
        f"{pixels} predicted pixels ({pixels / total:.2%}) hold labels that are no class. They "
        f"count as misses of what is there and as false positives of nothing, so precision looks "
        f"better than it is. Declare these labels, or write predictions with the declared ones; "
        f"0/255 predictions need `encoding: binary`, probability maps "
        f"`operating_point: {{decision: fixed, threshold: 0.5}}`"
    )
    return [Finding("unknown_labels", "block", text, {"pixels": pixels, "share": pixels / total})]


def absent_classes(split: SplitEvaluation, name: str, scored: Sequence[str]) -> list[Finding]:
    """A finding for the scored classes that no reference of the judged split holds."""
    absent = [c for c in scored if c in split.labels and _pixels(split, c) == 0]
    if not absent:
        return []
    text = (
        f"no reference of the split {name} holds a pixel of {', '.join(absent)}: nothing can be "
        f"said about finding it. Add samples that hold it, or name it in data.exclude"
    )
    return [Finding("absent_class", "block", text, {"classes": absent})]


def _pixels(split: SplitEvaluation, class_name: str) -> int:
    return split.reference_pixels[split.labels.index(class_name)]


def paradox_numbers(accuracy: float, recall: float, prevalence: float) -> dict[str, float]:
    """What accuracy A and recall R alone imply.

    All errors together are 1 - A of the pixels, and of the class's share P of the pixels 1 - R is
    missed, so P <= (1 - A) / (1 - R). With no false positive at all, Dice is 2R / (1 + R) and IoU
    is R; any false positive lowers both. Example: A = 0.98, R = 0.12 give P <= 0.0227, Dice <=
    0.214, IoU <= 0.12.
    """
    errors, missed = 1 - accuracy, 1 - recall
    return {
        "accuracy": accuracy,
        "recall": recall,
        "prevalence": prevalence,
        "accuracy_of_nothing": 1 - prevalence,
        "dice_at_most": 2 * recall / (1 + recall),
        "iou_at_most": recall,
        "prevalence_at_most": min(1.0, errors / missed) if missed > 0 else 1.0,
    }


def _prevalence(split: SplitEvaluation, class_name: str) -> float:
    """Share of the class in the counted reference pixels."""
    return _pixels(split, class_name) / split.pixels if split.pixels else 0.0


def _text(name: str, data: dict[str, Any]) -> str:
    return (
        f"{name}: accuracy {data['accuracy']:.1%} looks good, yet only {data['recall']:.1%} of the "
        f"{name} pixels are found. Predicting no {name} at all would reach "
        f"{data['accuracy_of_nothing']:.1%}, because {name} covers {data['prevalence']:.2%} of the "
        f"pixels. With this recall, Dice cannot exceed {data['dice_at_most']:.3f} and IoU "
        f"{data['iou_at_most']:.3f}, whatever the accuracy is."
    )
