"""Which samples of two evaluations are the same, and which of their classes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from segmetrics.baseline.definition import Definition
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.observations import Observations
from segmetrics.tables import Measurements

By = Literal["reference", "id"]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """The samples that two evaluations share.

    Attributes
    ----------
    first, second
        Shape (n,): their places in each of the two, ascending in the second.
    ambiguous
        Samples of the second whose mask the first has, too, but of another image and id.
    other_references, other_images
        How many of the pairs have different masks (only by id), and different images.
    """

    first: Index
    second: Index
    ambiguous: int
    other_references: int
    other_images: int


def pair_samples(*, first: Measurements, second: Measurements, by: By = "reference") -> Pairing:
    """The samples that both have.

    By reference, two samples are one where the digests of their reference masks are equal, and
    those of their images or their ids, too: masks that are equal need not be of one image (empty
    ones often are). Where a choice is left, the same image with the same id goes before the same
    image, and that before the same id. Tables without digests of images pair by the mask alone
    where it occurs once in both.
    """
    if by == "id":
        place = {name: i for i, name in enumerate(first.ids)}
        taken = {j: place[name] for j, name in enumerate(second.ids) if name in place}
        return _pairing(first, second, taken, 0)
    buckets = [defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)]
    for side, bucket in zip((first, second), buckets, strict=True):
        for i, digest in enumerate(side.reference_digests):
            bucket[digest].append(i)
    taken, ambiguous = {}, 0
    for digest, theirs in buckets[1].items():
        ours = buckets[0].get(digest, [])
        found = _bucket(first, second, ours, theirs)
        taken |= found
        ambiguous += len(theirs) - len(found) if len(ours) > len(found) else 0
    return _pairing(first, second, taken, ambiguous)


def _bucket(
    first: Measurements, second: Measurements, ours: Sequence[int], theirs: Sequence[int]
) -> dict[int, int]:
    """Pairs of samples that have the same reference: place in the second -> in the first."""
    taken: dict[int, int] = {}
    used: set[int] = set()
    for key in _KEYS:
        free = defaultdict[Hashable, deque[int]](deque)
        for i in ours:
            if i not in used:
                free[key(first, i)].append(i)
        for j in theirs:
            wanted = key(second, j)
            if j not in taken and wanted is not None and free.get(wanted):
                taken[j] = free[wanted].popleft()
                used.add(taken[j])
    if not taken and len(ours) == len(theirs) == 1:
        unknown = not (first.image_digests[ours[0]] and second.image_digests[theirs[0]])
        return {theirs[0]: ours[0]} if unknown else {}
    return taken


# What tells samples with the same mask apart, most telling first; None: nothing.
_KEYS: tuple[Callable[[Measurements, int], Hashable], ...] = (
    lambda side, i: (side.image_digests[i], side.ids[i]) if side.image_digests[i] else None,
    lambda side, i: side.image_digests[i] or None,
    lambda side, i: side.ids[i],
)


def _pairing(
    first: Measurements, second: Measurements, taken: Mapping[int, int], ambiguous: int
) -> Pairing:
    places = sorted(taken)
    pairs = [(taken[j], j) for j in places]

    def differ(name: str) -> int:
        one, two = getattr(first, name), getattr(second, name)
        return sum(one[i] != two[j] for i, j in pairs if one[i] and two[j])

    return Pairing(
        np.array([i for i, _ in pairs], np.intp),
        np.array(places, np.intp),
        ambiguous,
        differ("reference_digests"),
        differ("image_digests"),
    )


@dataclass(frozen=True, slots=True)
class CommonClasses:
    """Classes and regions that two evaluations define alike.

    Attributes
    ----------
    names
        In the order of the second; `scored` are those of class means in both.
    lacking
        Classes and regions of the second without counterpart -> why.
    removed
        Scored classes and regions of the first without counterpart -> why.
    """

    names: tuple[str, ...]
    scored: tuple[str, ...]
    lacking: Mapping[str, str]
    removed: Mapping[str, str]


def common_classes(first: Definition, second: Definition) -> CommonClasses:
    """What both define alike; nothing where masks are read in different ways."""
    whole = second.unlike(first)
    lacking = {name: whole or second.class_unlike(name, first) for name in second.names}
    lacking = {name: why for name, why in lacking.items() if why}
    names = tuple(name for name in second.names if name not in lacking)
    gone = {name: whole or first.class_unlike(name, second) for name in first.names}
    removed = {n: "gone, or defined otherwise" for n in (*first.scored, *first.regions) if gone[n]}
    unscored = [n for n in first.scored if n not in removed and n not in second.scored]
    return CommonClasses(
        names=names,
        scored=tuple(n for n in second.scored if n in names and n in first.scored),
        lacking=lacking,
        removed=removed | dict.fromkeys(unscored, "no longer scored"),
    )


def of_classes(observed: Observations, places: Sequence[int]) -> Observations:
    """The observations of some of the R classes and regions, in the order of `places`."""
    index = list(places)
    c = observed.counts
    at = {place: i for i, place in enumerate(observed.scored)}
    scored = [(new, at[old]) for new, old in enumerate(index) if old in at]
    columns = [old for _, old in scored]
    held = [
        None if h is None else type(h)(h.positives[:, columns], h.negatives[:, columns])
        for h in (observed.histograms, observed.near)
    ]
    return Observations(
        counts=ConfusionCounts(*(a[:, index] for a in (c.tp, c.fp, c.fn, c.tn))),
        columns={name: values[:, index] for name, values in observed.columns.items()},
        diagonals=observed.diagonals,
        objects=None if observed.objects is None else observed.objects[:, index],
        histograms=held[0] if columns else None,
        near=held[1] if columns else None,
        scored=tuple(new for new, _ in scored),
    )
