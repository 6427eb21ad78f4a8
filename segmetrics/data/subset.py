"""Which samples of a split are predicted and measured: all, or a sample drawn alike by all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from segmetrics.data.sample_list import Sample

# Fixed, not a setting: a seed that can be chosen can be chosen until the gap looks small.
SEED = 20260101


@dataclass(frozen=True, slots=True)
class Chosen:
    """The samples of a split that are worked on, by id, and the ids of those that are not."""

    samples: tuple[Sample, ...]
    others: frozenset[str] = frozenset()

    def __str__(self) -> str:
        n = len(self.samples)
        return f"{n} of {n + len(self.others)}" if self.others else str(n)


@dataclass(frozen=True, slots=True)
class Subset:
    """The one split of which only some samples are worked on.

    Attributes
    ----------
    split
        Its name; None: every split is whole.
    size
        How many samples; None: all.
    """

    split: str | None = None
    size: int | None = None


WHOLE = Subset()


def chosen(samples: Sequence[Sample], split: str, subset: Subset = WHOLE) -> Chosen:
    """The samples of a split that are predicted, measured and evaluated, sorted by id.

    Those with the smallest SHA-256 of seed and id are taken: the same ones on every machine and in
    every order, and adding samples exchanges only as many as the new ones push out.
    """
    ordered = sorted(samples, key=lambda sample: sample.id)
    if split != subset.split or subset.size is None or len(ordered) <= subset.size:
        return Chosen(tuple(ordered))
    taken = {s.id for s in sorted(ordered, key=lambda sample: _rank(sample.id))[: subset.size]}
    others = frozenset(s.id for s in ordered if s.id not in taken)
    return Chosen(tuple(s for s in ordered if s.id in taken), others)


def _rank(name: str) -> tuple[bytes, str]:
    return hashlib.sha256(f"{SEED}\n{name}".encode()).digest(), name
