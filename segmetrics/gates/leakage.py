"""Findings about leakage: what the judged split shares with the splits a model learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from segmetrics.gates.leakage_report import (
    KINDS,
    Effect,
    LeakageLevels,
    LeakageReport,
    LeakedPair,
    Level,
    SharedGroups,
)
from segmetrics.gates.rules import Finding

_NAMED = 5  # pairs that a text names
_IN_DATA = 20  # pairs in the data of a finding; leakage.json has more


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
        if report.counts[kind] and kind != "within":
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
    first = list(shared.groups.items())[:_NAMED]
    named = _listed([f"{k} (also in {', '.join(v)})" for k, v in first], len(shared.groups))
    text = (
        f"{_number(len(shared.groups), 'group')} of the split {judged} "
        f"{_is(len(shared.groups))} also in another split: {named}. A "
        f"model knows a patient, slide or drive that it was trained on, so their "
        f"{_number(len(shared.samples), 'sample')} look better than new ones would. "
        f"{effect or ''}".rstrip()
        + " Move each group into one split"
    )
    groups = {k: list(v) for k, v in list(shared.groups.items())[:_IN_DATA]}
    data = {"groups": groups, "count": len(shared.groups), "named": named}
    return [Finding("leakage_groups", levels.groups, text, _data(data, shared.samples, effect))]


def repeated_findings(
    pairs: Sequence[LeakedPair], levels: LeakageLevels, *, judged: str, effect: Effect | None
) -> list[Finding]:
    """The finding about images that the judged split holds more than once, in several groups.

    Identical files, or files with identical pixels.

    Copies of an easy image raise means, and as groups of their own they narrow intervals and help
    to reach `min_groups`. As grave as pixels that are in another split.

    Parameters
    ----------
    pairs
        One for each copy, with an earlier sample of the same files or pixels.
    """
    if not pairs:
        return []
    named = _listed([str(pair) for pair in pairs[:_NAMED]], len(pairs))
    text = (
        f"{_number(len(pairs), 'image')} of the split {judged} {_is(len(pairs))} there already, in "
        f"another group: {named}. Each copy counts as something new, so values lean towards what "
        f"is repeated, and intervals are too narrow. {effect or ''}".rstrip()
        + " Keep one of each, or give copies the group of their original"
    )
    shown = [asdict(pair) for pair in pairs[:_IN_DATA]]
    data = {"pairs": shown, "count": len(pairs), "named": named}
    samples = [pair.id for pair in pairs]
    return [Finding("leakage_repeated", levels.pixels, text, _data(data, samples, effect))]


def within_findings(
    pairs: Sequence[LeakedPair],
    levels: LeakageLevels,
    *,
    judged: str,
    effect: Effect | None,
    unlisted: int = 0,
) -> list[Finding]:
    """The finding about copies in the judged split that are other files: re-encoded, mirrored.

    Parameters
    ----------
    pairs
        Those of different groups; copies in one group count as one already.
    unlisted
        How many more pairs there are of which nothing says whether their groups differ.
    """
    if not pairs and not unlisted:
        return []
    samples = sorted({pair.id for pair in pairs})
    named = _listed([str(pair) for pair in pairs[:_NAMED]], len(pairs))
    many = len(samples) != 1
    text = (
        f"{_number(len(samples), 'image')} of the split {judged} look{'' if many else 's'} like "
        f"{'copies' if many else 'a copy'} of another image of it, in another group"
        f"{f': {named}' if named else ''}. Each counts as something new, so there are fewer "
        f"independent groups than it seems, and intervals are too narrow. {effect or ''}".rstrip()
        + " Look at results/leakage_pairs.png; keep one of each, or give copies the group of "
        "their original"
    )
    if unlisted:
        text += f" ({unlisted} more pairs were found and not looked at)"
    shown = [asdict(pair) for pair in pairs[:_IN_DATA]]
    data = {"pairs": shown, "count": len(pairs), "named": named, "unlisted": unlisted}
    level = levels.of("within")
    return [Finding("leakage_within", level, text, _data(data, samples, effect))]


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
    "review": "Crops and slightly turned copies do, but so do images of one device or street: "
    "look at them in results/leakage_pairs.png",
}


def _of_pairs(report: LeakageReport, kind: str, level: Level, effect: Effect | None) -> Finding:
    pairs = [pair for pair in report.pairs if pair.kind == kind]
    samples = report.samples[kind]
    named = _listed([str(pair) for pair in pairs[:_NAMED]], report.counts[kind])
    text = (
        f"{_number(len(samples), 'image')} of the split {report.judged} {_WHAT[kind]}: "
        f"{named}. {_ADVICE[kind]}. {effect or ''}"
    ).rstrip(". ")
    if len(samples) == 1:
        text = text.replace(" have ", " has ", 1).replace(" are copies ", " is a copy ", 1)
        text = text.replace(" look a little ", " looks a little ", 1)
    shown = [asdict(pair) for pair in pairs[:_IN_DATA]]
    data = {"pairs": shown, "count": report.counts[kind], "named": named}
    return Finding(f"leakage_{kind}", level, text, _data(data, samples, effect))


def _data(data: dict[str, Any], samples: Sequence[str], effect: Effect | None) -> dict[str, Any]:
    effects = asdict(effect) | {"difference": effect.difference} if effect else None
    return data | {"samples": list(samples[:_IN_DATA]), "leaked": len(samples), "effect": effects}


def hide_names(finding: Mapping[str, Any], rename: Callable[[str], str] | None) -> dict[str, Any]:
    """A finding of verdict.json as it may leave the machine: without names of samples and groups.

    Findings about anything else are given back as they are.

    Parameters
    ----------
    rename
        What stands for a name, such as a hash of it; None: names are left out.
    """
    data = dict(finding["data"])
    if "named" not in data or not str(finding["name"]).startswith("leakage_"):
        return dict(finding)
    hidden = "names left out"
    pairs, groups = data.get("pairs", []), data.get("groups", {})
    if rename is not None:
        pairs = [p | {"id": rename(p["id"]), "other": rename(p["other"])} for p in pairs]
        groups = {rename(name): splits for name, splits in groups.items()}
        first = [str(LeakedPair(**pair)) for pair in pairs[:_NAMED]]
        first += [f"{k} (also in {', '.join(v)})" for k, v in list(groups.items())[:_NAMED]]
        hidden = _listed(first, data["count"])
    text = finding["text"].replace(data["named"], hidden)
    samples = [rename(name) for name in data["samples"]] if rename is not None else []
    data |= {"named": hidden, "samples": samples}
    if "pairs" in data:
        data["pairs"] = pairs if rename is not None else []
    if "groups" in data:
        data["groups"] = groups if rename is not None else {}
    return dict(finding) | {"text": text, "data": data}


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


def _listed(items: Sequence[str], n: int) -> str:
    more = n - len(items)
    return ", ".join(items) + (f" and {more} more" if more > 0 else "")


def _number(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _is(n: int) -> str:
    return "is" if n == 1 else "are"
