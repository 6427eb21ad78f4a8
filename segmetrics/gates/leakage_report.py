"""What is known of leakage: leakage.json, shared groups, and how grave each kind is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from segmetrics.errors import DataError

SCHEMA = 2
KINDS = ("pixels", "similar", "masks", "review", "within")
Level = Literal["block", "warn", "note"]


@dataclass(frozen=True, slots=True)
class LeakageLevels:
    """`checks.leakage`: how grave each kind of leakage is."""

    groups: Level = "block"
    pixels: Level = "block"
    similar: Level = "block"

    def of(self, kind: str) -> Level:
        """The severity of a kind of pair.

        Identical masks follow `similar`, but never block: drawn shapes may be copied on purpose.
        Pairs for review are a note. Copies within the judged split warn, as identical masks do:
        they make no single value too good, but groups that are none.
        """
        if kind == "review":
            return "note"
        if kind in ("masks", "within"):
            return "warn" if self.similar == "block" else self.similar
        return {"groups": self.groups, "pixels": self.pixels, "similar": self.similar}[kind]


@dataclass(frozen=True, slots=True)
class LeakedPair:
    """A judged sample and the sample, mostly of another split, that it repeats.

    Attributes
    ----------
    kind
        `pixels`, `similar`, `masks`, `review` or `within`: the other is of the judged split, too.
    distance
        Bits that the hashes differ by: of 256, for review of 64; None where nothing was hashed.
    correlation
        Of the details of both, as a share of 1; None where it was not needed.
    orientation
        What has to be done to the judged image to lie on the other.
    """

    kind: str
    id: str
    other: str
    split: str
    distance: int | None = None
    correlation: float | None = None
    orientation: str = "as it is"

    def __str__(self) -> str:
        turned = "" if self.orientation == "as it is" else f", {self.orientation}"
        sign = "~" if self.kind == "review" else "="
        return f"{self.id} {sign} {self.other} ({self.split}{turned})"


@dataclass(frozen=True, slots=True)
class LeakageReport:
    """What leakage.json says.

    Attributes
    ----------
    pairs
        The first of each kind, nearest first.
    counts
        Of all pairs, by kind.
    samples
        The judged ids in any of them, by kind, all of them.
    hashed
        Samples that were compared, by split.
    left_out
        Samples of each split whose images cannot be told apart by a hash, by reason: `flat` (almost
        one grey), `constant` (one value, not compared at all), `large` (only their files were).
    inputs
        Digests of what it was computed from.
    """

    judged: str
    against: tuple[str, ...]
    pairs: tuple[LeakedPair, ...]
    counts: Mapping[str, int]
    samples: Mapping[str, tuple[str, ...]]
    hashed: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]
    inputs: Mapping[str, str]

    @property
    def summary(self) -> str:
        """One line for the terminal."""
        others = ", ".join(self.against) or "no other split"
        found = ", ".join(f"{self.counts[kind]} {kind}" for kind in KINDS)
        return f"{self.judged} against {others}: pairs found: {found}"

    def to_json(self) -> dict[str, Any]:
        """The whole of leakage.json."""
        return {
            "schema": SCHEMA,
            "judged": self.judged,
            "against": list(self.against),
            "pairs": [asdict(pair) for pair in self.pairs],
            "counts": dict(self.counts),
            "samples": {kind: list(ids) for kind, ids in self.samples.items()},
            "hashed": dict(self.hashed),
            "left_out": {reason: dict(n) for reason, n in self.left_out.items()},
            "inputs": dict(self.inputs),
        }

    @classmethod
    def from_json(cls, data: Any, where: str) -> LeakageReport:
        """Read what `to_json` gave.

        Raises
        ------
        DataError
            It is something else.
        """
        try:
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']} instead of {SCHEMA}")
            report = cls(
                judged=data["judged"],
                against=tuple(data["against"]),
                pairs=tuple(LeakedPair(**pair) for pair in data["pairs"]),
                counts={kind: int(data["counts"][kind]) for kind in KINDS},
                samples={kind: tuple(data["samples"][kind]) for kind in KINDS},
                hashed={name: int(n) for name, n in data["hashed"].items()},
                left_out={reason: dict(n) for reason, n in data["left_out"].items()},
                inputs=dict(data["inputs"]),
            )
            _check_whole(report)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"is not a leakage report ({error})"
            raise DataError(where, what, "run `dvc repro -f -s leakage`") from error
        return report


def _check_whole(report: LeakageReport) -> None:
    """Check that the parts agree: a pair that is counted is of some sample."""
    for kind in KINDS:
        listed = sum(pair.kind == kind for pair in report.pairs)
        count, samples = report.counts[kind], len(report.samples[kind])
        if not (listed <= count and samples <= count and bool(samples) == bool(count)):
            raise ValueError(f"{kind}: {count} pairs, {listed} listed, {samples} samples")


@dataclass(frozen=True, slots=True)
class SharedGroups:
    """Groups that are in the judged split and in another.

    Attributes
    ----------
    groups
        The other splits of each group, by its name.
    samples
        The judged ids of these groups.
    known
        Whether samples.csv says anything about groups.
    """

    groups: Mapping[str, tuple[str, ...]]
    samples: tuple[str, ...]
    known: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """The primary metric with and without the samples that leaked.

    Attributes
    ----------
    value, without
        None where undefined, or where no sample is left.
    samples
        How many are left.
    """

    metric: str
    aggregate: str
    value: float | None
    without: float | None
    samples: int

    @property
    def difference(self) -> float | None:
        """How much the leaked samples add; None where either is undefined."""
        if self.value is None or self.without is None:
            return None
        return self.value - self.without

    def __str__(self) -> str:
        if not self.samples:
            return "No sample is left without them."
        if self.difference is None:
            return f"Without them, {self.metric} is undefined."
        change = f"{self.without:.4f} instead of {self.value:.4f} ({-self.difference:+.4f})"
        return (
            f"Without them, {self.metric} ({self.aggregate}) is {change} on the {self.samples} "
            f"samples that are left."
        )


def finite(value: float) -> float | None:
    """NaN as None, for JSON; four decimals say enough of a correlation."""
    return None if math.isnan(value) else round(value, 4)
