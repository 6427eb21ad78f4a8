"""Images that fail outright, which a mean or a total hides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segmetrics.gates.diagnosis.checks import Level
from segmetrics.gates.rules import Finding
from segmetrics.stats.evaluation import SplitEvaluation
from segmetrics.stats.worst import CATASTROPHIC, WORST_ONE_IN, WorstImages

LARGE_GAP = 0.1
_NAMED = 5


def catastrophic_images(
    split: SplitEvaluation, names: Sequence[str], severity: Level
) -> list[Finding]:
    """Images with Dice below 0.1, and totals that hide poor images: a finding each.

    A total hides them where the pooled Dice of a class is at least 0.1 above the mean of its
    images: large structures, which weigh most in a total, are found, and small ones are not.
    Classes whose single images are not in the evaluation are reported, too.
    """
    unknown = [n for n in names if n not in split.worst]
    failed = {n: w for n in names if (w := split.worst.get(n)) is not None and w.catastrophic}
    findings = []
    if unknown:
        text = f"single images of {', '.join(unknown)} are unknown: run `dvc repro evaluate`"
        findings.append(Finding("catastrophic_images", severity, text, {"unknown": unknown}))
    if failed:
        ranked = sorted(failed, key=lambda n: -failed[n].catastrophic / failed[n].defined)
        parts = [_failed(n, failed[n]) for n in ranked[:_NAMED]]
        parts += [f"{len(ranked) - _NAMED} classes more"] if len(ranked) > _NAMED else []
        text = (
            f"some images fail outright (Dice below {CATASTROPHIC}), whatever the mean says: "
            f"{'; '.join(parts)}. Look at them first"
        )
        data = {name: _numbers(failed[name]) for name in ranked}
        ids = list(dict.fromkeys(i for name in ranked for i in data[name]["ids"]))
        more = {"ids": ids, "classes": data}
        findings.append(Finding("catastrophic_images", severity, text, more))
    dice = {n: both for n in names if (both := _pooled_and_mean(split, n)) is not None}
    gaps = {n: pooled - mean for n, (pooled, mean) in dice.items() if pooled - mean >= LARGE_GAP}
    if gaps:
        texts = [
            f"Dice of {n} is {dice[n][0]:.2f} pooled and {dice[n][1]:.2f} as a mean of images"
            for n in sorted(gaps, key=lambda n: -gaps[n])[:_NAMED]
        ]
        text = (
            f"the total looks better than the images: {'; '.join(texts)}. What is large is found, "
            f"and images with little of the class do worse: judge `image_mean` or `group_mean`, too"
        )
        findings.append(Finding("total_hides_images", severity, text, {"gaps": gaps}))
    return findings


def worst_share(split: SplitEvaluation, names: Sequence[str]) -> list[Finding]:
    """A note: how the worst 5 % of the images do, in the class that does worst there."""
    found = {
        n: w for n in names if (w := split.worst.get(n)) is not None and w.worst_dice is not None
    }
    if not found:
        return []
    name = min(found, key=lambda n: found[n].worst_dice or 0.0)
    worst = found[name]
    mean = split.estimate(name, "image_mean", "dice")
    usual = f", against {mean.value:.2f} over all" if mean and mean.value is not None else ""
    text = (
        f"in the worst {1 / WORST_ONE_IN:.0%} of the images ({worst.worst_n} of {worst.defined}) "
        f"Dice of {name} is {worst.worst_dice:.2f}{usual}"
    )
    ids = [image.id for image in worst.images[: worst.worst_n]]
    data = {n: {"dice": w.worst_dice, "images": w.worst_n} for n, w in found.items()}
    return [Finding("worst_images", "note", text, {"class": name, "ids": ids, "classes": data})]


def _numbers(worst: WorstImages) -> Mapping[str, Any]:
    return {
        "images": worst.catastrophic,
        "defined": worst.defined,
        "missed": worst.missed,
        "false_alarms": worst.false_alarms,
        "ids": [image.id for image in worst.images if image.dice < CATASTROPHIC],
    }


def _failed(name: str, worst: WorstImages) -> str:
    text = f"{name} in {worst.catastrophic} of {worst.defined}"
    ways = [f"{worst.missed} miss it whole"] if worst.missed else []
    ways += [f"{worst.false_alarms} show it where there is none"] if worst.false_alarms else []
    return f"{text} ({', '.join(ways)})" if ways else text


def _pooled_and_mean(split: SplitEvaluation, name: str) -> tuple[float, float] | None:
    found = [split.estimate(name, a, "dice") for a in ("pooled", "image_mean")]
    pooled, mean = (e.value if e is not None else None for e in found)
    return None if pooled is None or mean is None else (pooled, mean)
