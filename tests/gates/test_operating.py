"""Findings about thresholds: where they were tuned, and whether they suit the judged split."""

from __future__ import annotations

import pytest

from segmetrics.gates.operating import (
    stale_operating_point,
    threshold_findings,
    tuned_on_judged,
)
from segmetrics.metrics.thresholds import Objective
from segmetrics.stats.evaluation import SplitEvaluation
from segmetrics.stats.thresholds import AtThreshold, ThresholdSummary


def at(threshold: float, **values: float | None) -> AtThreshold:
    names = {"precision": None, "recall": None, "f0.5": None, "f1": None, "f2": None}
    return AtThreshold(threshold, names | values)


def split(chosen: AtThreshold | None, **best: AtThreshold) -> SplitEvaluation:
    summary = ThresholdSummary(chosen, best)
    return SplitEvaluation(1, 1, {}, {}, thresholds={"vessel": summary})


def test_tuning_on_the_judged_split_blocks():
    (finding,) = tuned_on_judged("test", "test")
    assert (finding.name, finding.severity) == ("tuned_on_judged", "block")
    assert "Name another split in data.tune" in finding.text
    assert tuned_on_judged("val", "test") == []


def test_a_stale_point_blocks_with_its_reason():
    finding = stale_operating_point("threshold 0.3 instead of 0.4")
    assert finding.severity == "block"
    assert "(threshold 0.3 instead of 0.4)" in finding.text


@pytest.mark.parametrize(("value", "n"), [(0.70, 1), (0.759, 1), (0.7801, 0), (0.80, 0)])
def test_a_threshold_that_loses_more_than_two_points_is_mentioned(value, n):
    judged = split(at(0.5, f2=value), f2=at(0.25, f2=0.80))
    findings = threshold_findings(judged, "test", None, beta=2.0)
    assert len(findings) == n
    for finding in findings:
        assert (finding.name, finding.severity) == ("threshold_far_from_best", "warn")
        assert f"0.5 gives F2 {value:.3f} on test, 0.25 would give 0.800" in finding.text
        assert "never on test itself" in finding.text
        assert finding.data["best_threshold"] == 0.25


def test_the_beta_is_that_of_the_domain_and_what_is_undefined_says_nothing():
    judged = split(at(0.5, f2=0.5, f1=0.8), f2=at(0.1, f2=0.9), f1=at(0.5, f1=0.8))
    assert threshold_findings(judged, "test", Objective(), beta=1.0) == []
    assert len(threshold_findings(judged, "test", Objective(2.0), beta=2.0)) == 1
    assert threshold_findings(judged, "test", None, beta=0.5) == []
    assert threshold_findings(split(None, f2=at(0.1, f2=0.9)), "test", None, beta=2.0) == []


@pytest.mark.parametrize(("recall", "shown"), [(0.93, "0.930"), (None, "undefined"), (0.95, "")])
def test_a_floor_that_the_judged_split_misses_is_mentioned(recall, shown):
    judged = split(at(0.5, recall=recall, f2=0.5), f2=at(0.1, f2=0.9))
    wanted = Objective(floor="recall", at_least=0.95)
    findings = threshold_findings(judged, "test", wanted, beta=2.0)
    assert len(findings) == bool(shown)
    for finding in findings:
        assert (finding.name, finding.severity) == ("floor_missed", "warn")
        assert f"recall >= 0.95; on test it is {shown}" in finding.text
