"""The images that a class does worst in: how many fail outright, and which they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.overlap import dice, precision, recall

CATASTROPHIC = 0.1  # Dice below it: next to nothing is right
WORST_ONE_IN = 20  # the worst 5 %
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class ImageScore:
    """One class in one image; `precision` and `recall` are None where undefined."""

    id: str
    dice: float
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class WorstImages:
    """What single images are worth for one class.

    Attributes
    ----------
    defined
        Images where the class is there or predicted: those that have a Dice.
    catastrophic
        Those with Dice below 0.1; `missed` of them hold the class and nothing of it is found,
        `false_alarms` do not hold it and it is predicted.
    worst_n, worst_dice
        The worst 5 % of the defined images, at least one, and their mean Dice; 0 and None without
        any.
    images
        The worst ones, worst first: all of these, at most 100.
    """

    defined: int
    catastrophic: int
    missed: int
    false_alarms: int
    worst_n: int
    worst_dice: float | None
    images: tuple[ImageScore, ...]

    def to_json(self) -> dict[str, Any]:
        """As in evaluation.json."""
        return asdict(self) | {"images": [asdict(image) for image in self.images]}

    @classmethod
    def from_json(cls, data: Any) -> WorstImages:
        """Read what `to_json` wrote."""
        images = tuple(ImageScore(**image) for image in data["images"])
        return cls(**{**data, "images": images})


def worst_images(
    ids: Sequence[str], counts: ConfusionCounts, places: Mapping[str, int]
) -> dict[str, WorstImages]:
    """The worst images of some classes and regions.

    Parameters
    ----------
    ids
        Of the n images.
    counts
        Shape (n, R).
    places
        Which of the R each name is.
    """
    # Ids break ties, so that the order of the samples does not matter.
    rank = np.argsort(np.argsort(np.asarray(ids, dtype=str)))
    found = {}
    for name, place in places.items():
        columns = (counts.tp, counts.fp, counts.fn, counts.tn)
        own = ConfusionCounts(*(column[:, place : place + 1] for column in columns))
        found[name] = _worst(ids, rank, own)
    return found


def _worst(ids: Sequence[str], rank: npt.NDArray[np.intp], counts: ConfusionCounts) -> WorstImages:
    values, p, r = (metric(counts)[:, 0] for metric in (dice, precision, recall))
    tp, fp, fn = (column[:, 0] for column in (counts.tp, counts.fp, counts.fn))
    there = tp + fn > 0
    defined = np.isfinite(values)
    low = defined & (values < CATASTROPHIC)
    n = int(defined.sum())
    worst_n = -(-n // WORST_ONE_IN)
    order = np.lexsort((rank, values))[:n]  # NaN, undefined, comes last
    listed = order[: min(MOST_LISTED, max(worst_n, int(low.sum())))]
    return WorstImages(
        defined=n,
        catastrophic=int(low.sum()),
        missed=int((there & (tp == 0)).sum()),
        false_alarms=int((~there & (fp > 0)).sum()),
        worst_n=worst_n,
        worst_dice=math.fsum(values[order[:worst_n]]) / worst_n if worst_n else None,
        images=tuple(
            ImageScore(ids[i], float(values[i]), _or_none(p[i]), _or_none(r[i])) for i in listed
        ),
    )


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
