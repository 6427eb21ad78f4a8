"""The section `checks:` of params.yaml, from text to typed values; what contradicts itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from segmetrics.config import load_settings
from segmetrics.config.build import layout
from segmetrics.config.judging import policy
from segmetrics.data.subset import WHOLE, Subset
from segmetrics.errors import ConfigError
from segmetrics.gates.diagnosis import Ceiling, Checks, OverfitLimits

OVERFIT = "overfit: {warn: 0.05, max: 0.10, sample: 2000}"


@pytest.fixture
def load(repository, tmp_path):
    """Load this repository's params.yaml with pieces of its text replaced."""

    def read(*edits: tuple[str, str]):
        text = (repository / "params.yaml").read_text("utf-8")
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = Path(tmp_path / "params.yaml")
        path.write_text(text, "utf-8")
        return load_settings(path)

    return read


@pytest.fixture
def refused(load):
    def message(*edits: tuple[str, str]) -> str:
        with pytest.raises(ConfigError) as caught:
            load(*edits)
        return str(caught.value)

    return message


def test_the_usual_values(load):
    settings = load()
    assert policy(settings).checks == Checks()
    assert policy(settings).compare == "train"
    assert layout(settings).subset == Subset("train", 2000)


def test_own_values(load):
    settings = load(
        (OVERFIT, "overfit: {warn: 0.02, max: 0.03, sample: null}"),
        ("small_objects: warn", "small_objects: block"),
        ("catastrophic: warn", "catastrophic: note"),
        ("perfection: warn", "perfection: block"),
        ("copies: block", "copies: note"),
        ("human_ceiling: null", 'human_ceiling: {dice: 0.74, f0.5: 0.7, source: "B"}'),
    )
    assert policy(settings).checks == Checks(
        overfit=OverfitLimits(0.02, 0.03),
        small_objects="block",
        catastrophic="note",
        perfection="block",
        copies="note",
        human_ceiling=Ceiling({"dice": 0.74, "f0.5": 0.7}, "B"),
    )
    assert layout(settings).subset == Subset("train", None)


def test_the_split_that_is_tuned_on_is_whole(load):
    assert layout(load(("tune: val", "tune: train"))).subset == WHOLE
    assert layout(load(("compare: train", "compare: null"))).subset == Subset(None, 2000)


def test_a_block_on_objects_that_are_not_measured(refused):
    objects = "objects: {match: iou, at_least: 0.5, min_size: 1, size_edges: [40, 120]} #"
    text = refused((objects, "objects: null #"), ("small_objects: warn", "small_objects: block"))
    assert "checks.small_objects: would block, but no objects are measured" in text


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ((OVERFIT, ""), "checks.overfit: is missing"),
        ((OVERFIT, "overfit: {warn: 0.05, max: 0.1}"), "checks.overfit.sample: is missing"),
        ((OVERFIT, "overfit: null"), "checks.overfit: "),
        ((OVERFIT, "overfit: {sample: 0}"), "checks.overfit.sample: "),
        ((OVERFIT, "overfit: {sample: 9, min: 0.1}"), "checks.overfit.min: unknown key"),
        (
            (OVERFIT, "overfit: {warn: 0.2, max: 0.1, sample: 9}"),
            "checks.overfit.warn: 0.2 is above max (0.1), which blocks; lower it, or raise max",
        ),
        (("compare: train", "compare: test"), 'data.compare: "test" is the judged split'),
        (("human_ceiling: null", 'human_ceiling: {source: "B"}'), "names no metric"),
        (("human_ceiling: null", "human_ceiling: {dice: 0.7}"), "human_ceiling.source: is missing"),
        (("human_ceiling: null", 'human_ceiling: {dice: 74, source: "B"}'), "human_ceiling.dice: "),
        (("small_objects: warn", "small_objects: off"), "checks.small_objects: "),
    ],
)
def test_what_is_refused(refused, edit, text):
    assert text in refused(edit)


USUAL = "confidence: 0.95, resamples: 10000"


@pytest.mark.parametrize(
    ("confidence", "resamples", "needed"),
    [("0.95", 1, 400), ("0.95", 399, 400), ("0.999", 10000, 20000), ("0.8", 99, 100)],
)
def test_an_end_that_a_few_resamples_decide_is_refused(refused, confidence, resamples, needed):
    """With one resample a model at its bound passes in a third of test sets, by seed."""
    text = refused((USUAL, f"confidence: {confidence}, resamples: {resamples}"))
    assert f"statistics.resamples: {resamples} leave fewer than 10 beyond each end" in text
    assert f"set it to {needed} or more" in text


def test_just_enough_resamples(load):
    assert load((USUAL, "confidence: 0.95, resamples: 400")).statistics.resamples == 400


@pytest.mark.parametrize("confidence", ["0.001", "0.5", "0.79"])
def test_an_interval_that_certifies_nothing_is_refused(refused, confidence):
    text = refused((USUAL, f"confidence: {confidence}, resamples: 10000"))
    assert f"statistics.confidence: {confidence} is below 0.8: intervals so narrow" in text
    assert "set it to 0.95" in text


def test_the_least_confidence(load):
    assert load((USUAL, "confidence: 0.8, resamples: 10000")).statistics.confidence == 0.8


def test_a_grade_that_nothing_is_bad_in(refused):
    text = refused(("bad: {dice: 0.50, iou: 0.40}", "bad: {dice: 0, iou: 0.4}"))
    assert "grade.bad.dice: is 0: no model is bad then, not even one that predicts nothing" in text
    assert "grade.bad.iou" not in text


def test_a_region_of_excluded_classes_is_no_subject_either(load, refused):
    """Nor is a safety-critical class that is excluded: its rule would decide."""
    region = ("regions: {}", "regions: {around: [background], all: [0, 1]}")
    rule = "every_scanner: {metric: dice, class: nucleus, slice: scanner, worst: true, at_least: 0.75, min_groups: 20}"  # noqa: E501
    around = "every_scanner: {metric: iou, class: around, at_least: 0.5}"
    assert 'every_scanner.class: "around" is excluded' in refused(region, (rule, around))
    assert load(region, (rule, around.replace("around", "all")))
    warns = around.replace("0.5}", "0.5, severity: warn}")
    assert load(region, (rule, warns)).rules["every_scanner"].severity == "warn"
    critical = ("safety_critical_classes: []", "safety_critical_classes: [background]")
    text = refused(critical, ("domain: medical", "domain: autonomous_driving"))
    assert 'safety_critical_classes.0: "background" is excluded' in text
