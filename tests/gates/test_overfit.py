"""Train minus test: blocks, warns, reassures, points to leakage, or says that nothing is known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.gates.diagnosis import Gap, OverfitLimits, overfit, overfit_unverified

LIMITS = OverfitLimits()


def gap(compared=0.9, judged=0.8, low=None, high=None, **more) -> Gap:
    return Gap("dice", "image_mean", "train", "test", compared, judged, low, high, 40, **more)


def found(*values, limits=LIMITS, **more) -> tuple[str, str]:
    (finding,) = overfit(gap(*values, **more), limits)
    return finding.name, finding.severity


@pytest.mark.parametrize(
    ("values", "name", "severity"),
    [
        ((0.95, 0.80, 0.05, 0.25), "overfit", "block"),
        ((0.95, 0.80, -0.3, 0.6), "overfit", "block"),  # a wide interval excuses nothing
        ((0.95, 0.80, None, None), "overfit", "block"),
        ((0.90, 0.80, 0.05, 0.15), "overfit", "warn"),  # exactly the limit
        ((0.86, 0.80, 0.01, 0.11), "overfit", "warn"),
        ((0.85, 0.80, 0.02, 0.08), "overfit", "note"),
        ((0.81, 0.80, -0.02, 0.04), "overfit", "note"),
        ((0.80, 0.83, -0.05, -0.01), "overfit", "note"),
        ((0.80, 0.85, -0.08, -0.021), "easier_test", "warn"),
        ((0.80, 0.85, None, None), "easier_test", "warn"),
        ((math.nan, 0.8, None, None), "overfit", "block"),
    ],
)
def test_severity(values, name, severity):
    assert found(*values) == (name, severity)


def test_own_limits():
    assert found(0.95, 0.80, 0.1, 0.2, limits=OverfitLimits(0.2, 0.3)) == ("overfit", "note")
    assert found(0.801, 0.80, 0.0, 0.1, limits=OverfitLimits(0.0, 0.0)) == ("overfit", "block")


def test_the_text_has_both_values_the_gap_and_its_interval():
    both = gap(0.95, 0.80, 0.08, 0.22, sampled="2000 of 31200", by_class={"a": 0.05, "b": 0.25})
    (finding,) = overfit(both, LIMITS)
    assert finding.text.startswith(
        "overfitting: dice (image_mean, class mean) is 0.950 on train (2000 of 31200 samples) and "
        "0.800 on test, a gap of +0.150 [+0.080, +0.220], more than 0.1: the model knows its "
        "training images better than new ones, most of b (+0.250). "
    )
    assert finding.data == {
        "metric": "dice", "aggregate": "image_mean", "train": 0.95, "test": 0.8,
        "gap": pytest.approx(0.15), "low": 0.08, "high": 0.22, "groups": 40,
        "sampled": "2000 of 31200", "classes": {"a": 0.05, "b": 0.25},
    }  # fmt: skip


@pytest.mark.parametrize(("low", "why"), [(-0.3, "the interval includes 0"), (0.0, "includes 0"),
                                          (None, "without an interval")])  # fmt: skip
def test_a_gap_that_may_be_chance_blocks_but_claims_nothing(low, why):
    (blocked,) = overfit(gap(0.95, 0.80, low, None if low is None else 0.6), LIMITS)
    assert blocked.severity == "block"
    assert blocked.text.startswith("possible overfitting: ")
    assert why in blocked.text
    assert "knows its training images better" not in blocked.text
    assert "Judge on more groups than 40" in blocked.text
    (warned,) = overfit(gap(0.87, 0.80, low, None if low is None else 0.3), LIMITS)
    assert warned.severity == "warn"
    assert why in warned.text
    (sure,) = overfit(gap(0.87, 0.80, 0.01, 0.3), LIMITS)
    assert "chance" not in sure.text


def test_no_sign_and_no_evidence_are_told_apart():
    (sure,), (unsure,) = (overfit(gap(0.82, 0.80, -0.03, h), LIMITS) for h in (0.06, 0.2))
    assert sure.text.startswith("no sign of overfitting: ")
    assert unsure.text.endswith("too few groups to exclude overfitting by more than 0.1")
    (none,) = overfit(gap(0.82, 0.80), LIMITS)
    assert "(no interval): too few groups" in none.text


def test_a_better_test_set_points_to_leakage():
    (finding,) = overfit(gap(0.80, 0.90, -0.14, -0.05), LIMITS)
    assert "leakage" in finding.text


def test_unverified_is_no_silence():
    finding = overfit_unverified("data.compare is null")
    assert (finding.name, finding.severity) == ("overfit_unverified", "warn")
    assert "nothing is known about overfitting: data.compare is null" in finding.text


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_gap_is_never_less_severe(compared, judged, more, half, warn):
    order = {"note": 0, "warn": 1, "block": 2}
    limits = OverfitLimits(warn, min(1.0, warn + half))
    severities = []
    for value in (compared, compared + more):
        (finding,) = overfit(
            gap(value, judged, value - judged - half, value - judged + half), limits
        )
        severities.append(0 if finding.name == "easier_test" else order[finding.severity])
    assert severities[0] <= severities[1]
