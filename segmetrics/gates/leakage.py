"""Findings about leakage: what the judged split shares with the splits a model learns from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from segmetrics.errors import DataError
from segmetrics.gates.rules import Finding

SCHEMA = 1
KINDS = ("pixels", "similar", "masks", "review")
Level = Literal["block", "warn", "note"]
_NAMED = 5  # pairs that a text names
_IN_DATA = 20  # pairs in the data of a finding; leakage.json has more


@dataclass(frozen=True, slots=True)
class LeakageLevels:
    """`checks.leakage`: how grave each kind of leakage is."""

    groups: Level = "block"
    pixels: Level = "block"
    similar: Level = "block"

    def of(self, kind: str) -> Level:
        """The severity of a kind of pair.

        Identical masks follow `similar`, but never block: drawn shapes may be copied on purpose.
        Pairs for review are a note.
        """
        if kind == "review":
            return "note"
        if kind == "masks":
            return "warn" if self.similar == "block" else self.similar
        return {"groups": self.groups, "pixels": self.pixels, "similar": self.similar}[kind]


@dataclass(frozen=True, slots=True)
class LeakedPair:
    """A judged sample and the sample of another split that it repeats.

    Attributes
    ----------
    kind
        `pixels`, `similar`, `masks` or `review`.
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
        return f"{self.id} = {self.other} ({self.split}{turned})"


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
            raise DataError(where, what, "run `dvc repro leakage`") from error
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


def leakage_findings(
    report: LeakageReport | None,
    groups: SharedGroups,
    levels: LeakageLevels,
    *,
    judged: str,
    effects: Mapping[str, Effect],
) -> list[Finding]:
    """The findings of all kinds of leakage.

    Parameters
    ----------
    report
        None where images were not compared: that is a finding, too.
    judged
        The name of the judged split.
    effects
        By kind (`groups` and `KINDS`), where it was computed.
    """
    findings = group_findings(groups, levels, judged=judged, effect=effects.get("groups"))
    if report is None:
        text = (
            f"whether images of the split {judged} are copies of training images was not looked "
            f"at: the pipeline has no stage `leakage`. Copies in both make every number too good"
        )
        return [*findings, Finding("leakage_unverified", "warn", text, {"why": "no stage"})]
    for kind in KINDS:
        if report.counts[kind]:
            findings.append(_of_pairs(report, kind, levels.of(kind), effects.get(kind)))
    return findings + _unverified(report)


def stale_leakage(why: str) -> Finding:
    """The finding that leakage.json says nothing about the files at hand."""
    text = f"nothing is known of leakage: {why}. Run `dvc repro leakage`"
    return Finding("stale_leakage", "block", text, {"why": why})


def group_findings(
    shared: SharedGroups, levels: LeakageLevels, *, judged: str, effect: Effect | None
) -> list[Finding]:
    """The finding about patients, slides or drives in two splits, or that nothing is known."""
    if not shared.known:
        text = (
            f"leakage between patients, slides or drives is unverified: samples.csv has no column "
            f"group (or it only repeats the ids), so slices of one patient in {judged} and in "
            f"another split cannot be seen. Add the column"
        )
        return [Finding("leakage_unverified", "warn", text, {"why": "no groups"})]
    if not shared.groups:
        return []
    named = [f"{name} (also in {', '.join(s)})" for name, s in list(shared.groups.items())[:_NAMED]]
    text = (
        f"{_number(len(shared.groups), 'group')} of the split {judged} "
        f"{_is(len(shared.groups))} also in another split: {_listed(named, len(shared.groups))}. A "
        f"model knows a patient, slide or drive that it was trained on, so their "
        f"{_number(len(shared.samples), 'sample')} look better than new ones would. "
        f"{effect or ''}".rstrip()
        + " Move each group into one split"
    )
    data = {"groups": {k: list(v) for k, v in shared.groups.items()}}
    return [Finding("leakage_groups", levels.groups, text, _data(data, shared.samples, effect))]


_WHAT = {
    "pixels": "have exactly the pixels of an image in another split",
    "similar": "are copies of an image in another split, up to size, compression, brightness or "
    "mirroring",
    "masks": "have exactly the mask of a sample in another split",
    "review": "look a little like an image in another split",
}
_ADVICE = {
    "pixels": "A model may know them by heart. Remove them from one of the splits",
    "similar": "A model may know them by heart. Look at results/leakage_pairs.png and remove them "
    "from one of the splits",
    "masks": "Two images are hardly ever outlined alike to the pixel: look whether one is a copy "
    "of the other, or has its mask by mistake",
    "review": "Crops do, but so do images of one device or street; nothing has to be done",
}


def _of_pairs(report: LeakageReport, kind: str, level: Level, effect: Effect | None) -> Finding:
    pairs = [pair for pair in report.pairs if pair.kind == kind]
    samples = report.samples[kind]
    text = (
        f"{_number(len(samples), 'image')} of the split {report.judged} {_WHAT[kind]}: "
        f"{_listed([str(pair) for pair in pairs[:_NAMED]], report.counts[kind])}. "
        f"{_ADVICE[kind]}. {effect or ''}"
    ).rstrip(". ")
    if len(samples) == 1:
        text = text.replace(" have ", " has ", 1).replace(" are copies ", " is a copy ", 1)
        text = text.replace(" look a little ", " looks a little ", 1)
    data = {"pairs": [asdict(p) for p in pairs[:_IN_DATA]], "count": report.counts[kind]}
    return Finding(f"leakage_{kind}", level, text, _data(data, samples, effect))


def _data(data: dict[str, Any], samples: Sequence[str], effect: Effect | None) -> dict[str, Any]:
    effects = asdict(effect) | {"difference": effect.difference} if effect else None
    return data | {"samples": list(samples), "effect": effects}


def _unverified(report: LeakageReport) -> list[Finding]:
    if not report.against:
        text = (
            f"leakage is unverified: {report.judged} is the only split, so there are no training "
            f"images to compare with. List them in samples.csv and name their split in data.splits"
        )
        return [Finding("leakage_unverified", "warn", text, {"why": "no other split"})]
    findings = []
    total = {reason: sum(n.values()) for reason, n in report.left_out.items()}
    hashless = total.get("flat", 0) + total.get("constant", 0)
    if hashless:
        text = (
            f"{_number(hashless, 'image')} {_is(hashless)} of almost one grey, where a copy cannot "
            f"be told from another empty image: "
            f"{'it was' if hashless == 1 else 'they were'} compared by exact pixels at most"
        )
        findings.append(Finding("leakage_flat", "note", text, dict(report.left_out)))
    if total.get("large", 0):
        text = (
            f"{_number(total['large'], 'image')} {_is(total['large'])} too large to decode whole: "
            f"only identical files would be found, not copies"
        )
        findings.append(Finding("leakage_unverified", "warn", text, dict(report.left_out)))
    return findings


def finite(value: float) -> float | None:
    """NaN as None, for JSON; four decimals say enough of a correlation."""
    return None if math.isnan(value) else round(value, 4)


def _listed(items: Sequence[str], n: int) -> str:
    more = n - len(items)
    return ", ".join(items) + (f" and {more} more" if more > 0 else "")


def _number(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _is(n: int) -> str:
    return "is" if n == 1 else "are"
