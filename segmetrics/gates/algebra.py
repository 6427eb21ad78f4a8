"""What a bound on one overlap metric implies for others of the same pixels.

Dice, IoU, precision, recall and F-beta are ratios of the same TP, FP and FN, so a bound on one
limits the others. With p = precision and r = recall, F-beta = (1 + b^2) p r / (b^2 p + r), Dice =
F1 and IoU = Dice / (2 - Dice).

For one set of counts (a single image, or images pooled) these limits are exact. For means over
images only what survives averaging holds: IoU = g(Dice) with g(x) = x / (2 - x) convex, so by
Jensen's inequality a mean Dice of d implies a mean IoU of at least g(d). The reverse does not
hold: a mean IoU of u implies no more than a mean Dice of u (in every image Dice >= IoU).
"""

from __future__ import annotations

from collections.abc import Mapping

F_BETA: Mapping[str, float] = {"dice": 1.0, "f2": 2.0, "f0.5": 0.5}


def dice_of_iou(iou: float) -> float:
    """2 IoU / (1 + IoU): IoU 0.7 is Dice 0.8235."""
    return 2 * iou / (1 + iou)


def iou_of_dice(dice: float) -> float:
    """Dice / (2 - Dice): Dice 0.8 is IoU 0.6667."""
    return dice / (2 - dice)


def f_beta(precision: float, recall: float, beta: float) -> float:
    """F-beta of a precision and a recall; 0 where both are."""
    below = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / below if below else 0.0


def implied_floors(floors: Mapping[str, float], *, pooled: bool) -> dict[str, tuple[float, str]]:
    """The lower bounds that follow from lower bounds on overlap metrics of one subject.

    Parameters
    ----------
    floors
        Metric -> lower bound, in [0, 1]: of dice, iou, precision, recall, f2, f0.5.
    pooled
        Whether the values are those of one set of counts; else they are means over images.

    Returns
    -------
    dict
        Metric -> (floor, from which metrics), the highest floor that follows from the *others*.
    """
    found: dict[str, tuple[float, str]] = {}
    for metric, floor, source in _from_one(floors, pooled=pooled):
        if metric not in found or floor > found[metric][0]:
            found[metric] = (floor, source)
    if pooled and {"precision", "recall"} <= set(floors):
        p, r = floors["precision"], floors["recall"]
        pairs = {name: f_beta(p, r, beta) for name, beta in F_BETA.items()}
        pairs["iou"] = iou_of_dice(pairs["dice"])
        for metric, floor in pairs.items():
            if metric not in found or floor > found[metric][0]:
                found[metric] = (floor, "precision and recall")
    return found


def _from_one(floors: Mapping[str, float], *, pooled: bool) -> list[tuple[str, float, str]]:
    steps: list[tuple[str, float, str]] = []
    if "dice" in floors:
        # Convex, so it holds for means as well.
        steps.append(("iou", iou_of_dice(floors["dice"]), "dice"))
    if "iou" in floors:
        steps.append(("dice", dice_of_iou(floors["iou"]) if pooled else floors["iou"], "iou"))
        # In every image TP / (TP + FP) and TP / (TP + FN) are at least TP / (TP + FP + FN). But a
        # mean of them is over other images (precision is undefined where nothing is predicted).
        if pooled:
            steps += [(name, floors["iou"], "iou") for name in ("precision", "recall")]
            # F-beta lies between precision and recall, so it is at least their minimum.
            steps += [(name, floors["iou"], "iou") for name in ("f2", "f0.5")]
    for name, beta in F_BETA.items() if pooled else ():
        if name in floors:
            f, b2 = floors[name], beta**2
            # The other one of precision and recall is 1 at best.
            steps.append(("recall", f * b2 / (1 + b2 - f), name))
            steps.append(("precision", f / (1 + b2 - f * b2), name))
    return steps
