"""Classes that are not there, hardly there, or not declared."""

from __future__ import annotations

from collections.abc import Sequence

from segmetrics.gates.rules import EVERY, Finding, Rule
from segmetrics.stats.evaluation import SplitEvaluation

RARE = 0.01  # of the pixels: a few large objects may hide that the small ones are missed
VERY_RARE = 0.005
# Metrics that stay high where a rare class is missed.
_EASY = frozenset({"specificity", "balanced_accuracy", "volume_error", "fp_on_empty"})


def prevalence(split: SplitEvaluation, name: str) -> float | None:
    """Share of a class or region in the counted reference pixels; None where it is not known.

    The pixels of a region are not in the evaluation. They follow from its pooled metrics: the
    errors are FP + FN = (2 (1 - recall) + volume_error) P N, and 1 - accuracy of all N pixels.
    """
    if name in split.labels and split.reference_pixels:
        return _pixels(split, name) / split.pixels if split.pixels else 0.0
    metrics = ("accuracy", "recall", "volume_error")
    found = [split.estimate(name, "pooled", metric) for metric in metrics]
    accuracy, recall, excess = (e.value if e is not None else None for e in found)
    if accuracy is None or recall is None or excess is None:
        return None
    errors = 2 * (1 - recall) + excess
    return (1 - accuracy) / errors if errors > 0 else None


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


def rare_classes(
    split: SplitEvaluation, scored: Sequence[str], rules: Sequence[Rule]
) -> list[Finding]:
    """At most one note: scored classes that are so rare that what is decided by may miss them.

    Those below 1 % of the pixels where no objects are measured, and those below 0.5 % that no rule
    looks at by themselves.
    """
    shares = {n: share for n in scored if n in split.labels and (share := prevalence(split, n))}
    unseen = [n for n, share in shares.items() if share < RARE and n not in split.sizes]
    unruled = [n for n, share in shares.items() if share < VERY_RARE and not _ruled(n, rules)]
    unruled = unruled if len(scored) > 1 else []
    if not unseen and not unruled:
        return []
    named = [n for n in shares if n in {*unseen, *unruled}]
    text = "rare: " + ", ".join(f"{n} ({shares[n]:.2%} of the pixels)" for n in named)
    if unseen:
        text += (
            ". Pixels of large objects can hide that small ones are missed: "
            "`measure.objects: {match: iou, at_least: 0.5}` counts objects and how many are found, "
            "by size"
        )
    if unruled:
        text += (
            f". No rule looks at {', '.join(unruled)} alone, and missing it whole costs a class "
            f"mean {1 / len(scored):.0%} at most: add a rule on recall or Dice with "
            f"`class: {unruled[0]}`"
        )
    data = {"shares": {n: shares[n] for n in named}, "no_objects": unseen, "no_rule": unruled}
    return [Finding("rare_class", "note", text, data)]


def _ruled(name: str, rules: Sequence[Rule]) -> bool:
    return any(r.class_name in (name, EVERY) and r.metric not in _EASY for r in rules)


def _pixels(split: SplitEvaluation, class_name: str) -> int:
    return split.reference_pixels[split.labels.index(class_name)]
