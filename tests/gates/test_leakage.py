"""Findings about leakage: severities, sentences, and what is not known."""

from __future__ import annotations

import json

import pytest

from segmetrics.errors import DataError
from segmetrics.gates.leakage import (
    hide_names,
    leakage_findings,
    repeated_findings,
    stale_leakage,
    within_findings,
)
from segmetrics.gates.leakage_report import (
    Effect,
    LeakageLevels,
    LeakageReport,
    LeakedPair,
    SharedGroups,
    finite,
)

NO_GROUPS = SharedGroups({}, (), known=False)
APART = SharedGroups({}, (), known=True)
LEVELS = LeakageLevels()


def report(*pairs: LeakedPair, **changes) -> LeakageReport:
    kinds = ("pixels", "similar", "masks", "review", "within")
    of = {kind: [pair for pair in pairs if pair.kind == kind] for kind in kinds}
    fields = {
        "judged": "test",
        "against": ("train",),
        "pairs": pairs,
        "counts": {kind: len(found) for kind, found in of.items()},
        "samples": {kind: tuple(sorted({p.id for p in found})) for kind, found in of.items()},
        "hashed": {"test": 9, "train": 20},
        "left_out": {},
        "inputs": {},
    }
    return LeakageReport(**(fields | changes))


def findings(found, groups=APART, levels=LEVELS, effects=None):
    return leakage_findings(found, groups, levels, judged="test", effects=effects or {})


def test_nothing_found_says_nothing():
    assert findings(report()) == []


def test_copies_within_the_split_warn_and_are_named():
    pair = LeakedPair("within", "b", "a", "test", 7, 0.97, "mirrored left to right")
    effect = Effect("recall", "group_mean", 0.9, 0.85, 8)
    assert findings(report(pair)) == []  # the caller says which are of different groups
    (finding,) = within_findings([pair], LEVELS, judged="test", effect=effect)
    assert (finding.name, finding.severity) == ("leakage_within", "warn")
    assert finding.text == (
        "1 image of the split test looks like a copy of another image of it, in another group: b = "
        "a (test, mirrored left to right). Each counts as something new, so there are fewer "
        "independent groups than it seems, and intervals are too narrow. Without them, recall "
        "(group_mean) is 0.8500 instead of 0.9000 (-0.0500) on the 8 samples that are left. Look "
        "at results/leakage_pairs.png; keep one of each, or give copies the group of their original"
    )
    hidden = hide_names(finding.to_json(), lambda name: f"#{name}")
    assert hidden["data"]["samples"] == ["#b"]
    assert "#b = #a" in hidden["text"]
    (mild,) = within_findings([pair], LeakageLevels(similar="note"), judged="test", effect=None)
    assert mild.severity == "note"
    assert within_findings([], LEVELS, judged="test", effect=None) == []


def test_pairs_that_were_not_looked_at_are_said():
    (finding,) = within_findings([], LEVELS, judged="test", effect=None, unlisted=7)
    assert finding.severity == "warn"
    assert "(7 more pairs were found and not looked at)" in finding.text


def test_a_copy_blocks_and_is_named_with_what_it_adds():
    pair = LeakedPair("similar", "a", "b", "train", 7, 0.97, "mirrored left to right")
    effect = Effect("recall", "group_mean", 0.9, 0.85, 8)
    (finding,) = findings(report(pair), effects={"similar": effect})
    assert (finding.name, finding.severity) == ("leakage_similar", "block")
    assert finding.text == (
        "1 image of the split test is a copy of an image in another split, up to size, "
        "compression, brightness or mirroring: a = b (train, mirrored left to right). A model may "
        "know them by heart. Look at results/leakage_pairs.png and remove them from one of the "
        "splits. Without them, recall (group_mean) is 0.8500 instead of 0.9000 (-0.0500) on the 8 "
        "samples that are left"
    )
    assert finding.data["samples"] == ["a"]
    assert finding.data["effect"]["difference"] == pytest.approx(0.05)
    json.dumps(finding.to_json(), allow_nan=False)


def test_many_pairs_are_counted_and_some_named():
    pairs = [LeakedPair("pixels", f"a{i}", f"b{i}", "train") for i in range(30)]
    (finding,) = findings(report(*pairs))
    assert "a4 = b4 (train) and 25 more" in finding.text
    assert "a5 =" not in finding.text
    assert finding.text.startswith("30 images of the split test have exactly the pixels")
    assert len(finding.data["pairs"]) == 20
    assert finding.data["count"] == 30


@pytest.mark.parametrize(
    ("kind", "levels", "severity"),
    [
        ("pixels", {}, "block"),
        ("pixels", {"pixels": "note"}, "note"),
        ("similar", {}, "block"),
        ("similar", {"similar": "warn"}, "warn"),
        ("masks", {}, "warn"),
        ("masks", {"similar": "note"}, "note"),
        ("review", {}, "note"),
    ],
)
def test_severities(kind, levels, severity):
    (finding,) = findings(
        report(LeakedPair(kind, "a", "b", "train")), levels=LeakageLevels(**levels)
    )
    assert (finding.name, finding.severity) == (f"leakage_{kind}", severity)


def test_a_patient_in_two_splits_blocks():
    shared = SharedGroups({"p1": ("train", "val")}, ("a", "b"), known=True)
    effect = Effect("dice", "pooled", 0.9, None, 0)
    (finding,) = findings(report(), shared, effects={"groups": effect})
    assert (finding.name, finding.severity) == ("leakage_groups", "block")
    assert finding.text.startswith(
        "1 group of the split test is also in another split: p1 (also in train, val). A model knows"
    )
    assert "their 2 samples look better" in finding.text
    assert "No sample is left without them." in finding.text
    assert finding.data["groups"] == {"p1": ["train", "val"]}


@pytest.mark.parametrize(
    ("found", "groups", "text"),
    [
        (report(), NO_GROUPS, "samples.csv has no column group"),
        (None, APART, "the pipeline has no stage `leakage`"),
        (report(against=()), APART, "test is the only split"),
        (report(left_out={"large": {"test": 2}}), APART, "2 images are too large to decode whole"),
    ],
)
def test_what_was_not_looked_at_is_said(found, groups, text):
    (finding,) = findings(found, groups)
    assert (finding.name, finding.severity) == ("leakage_unverified", "warn")
    assert text in finding.text


def test_flat_images_are_counted():
    (finding,) = findings(report(left_out={"flat": {"test": 1}, "constant": {"train": 2}}))
    assert (finding.name, finding.severity) == ("leakage_flat", "note")
    assert finding.text.startswith("3 images are of almost one grey")


def test_a_stale_report_blocks():
    finding = stale_leakage("results/leakage.json is missing")
    assert finding.severity == "block"
    assert finding.text.endswith("Run `dvc repro leakage`")


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 1},
        {"counts": {}},
        {"counts": {"pixels": 0, "similar": 0, "masks": 0, "review": 0, "within": 0}},
        {"samples": {"pixels": [], "similar": [], "masks": [], "review": [], "within": []}},
        {"pairs": [{"kind": "pixels"}]},
        {"inputs": None},
    ],
)
def test_a_report_that_contradicts_itself_is_refused(change):
    whole = report(LeakedPair("pixels", "a", "b", "train")).to_json()
    assert LeakageReport.from_json(whole, "x").to_json() == whole
    with pytest.raises(DataError, match="is not a leakage report"):
        LeakageReport.from_json(whole | change, "x")
    with pytest.raises(DataError):
        LeakageReport.from_json([], "x")


@pytest.mark.parametrize("kind", ["pixels", "similar", "groups", "repeated"])
def test_names_can_be_hidden(kind):
    pairs = [LeakedPair(kind, f"anna{i}", f"bert{i}", "train") for i in range(30)]
    groups = SharedGroups({f"carl{i}": ("train",) for i in range(30)}, ("anna1",), known=True)
    if kind == "repeated":
        found = repeated_findings(pairs, LeakageLevels(), judged="test", effect=None)
    else:
        found = findings(report(), groups) if kind == "groups" else findings(report(*pairs))
    whole = found[0].to_json()
    secret = ("anna", "bert", "carl")
    assert any(name in whole["text"] for name in secret)
    for rename in (lambda name: f"#{name[-1]}", None):
        hidden = json.dumps(hide_names(whole, rename))
        assert not any(name in hidden for name in secret)
    assert "#1" in hide_names(whole, lambda name: f"#{name[-1]}")["text"]
    assert "names left out" in hide_names(whole, None)["text"]
    other = {"name": "stale_evaluation", "text": "x", "data": {"files": []}}
    assert hide_names(other, None) == other


def test_numbers_for_json():
    assert finite(float("nan")) is None
    assert finite(0.123456) == 0.1235
