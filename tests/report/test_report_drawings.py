"""Bars and curves: what is drawn where, and colours that can be read."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.metrics.histograms import ScoreHistogram
from segmetrics.metrics.scores import calibration_error
from segmetrics.report.curves import calibration_points
from segmetrics.report.style import DARK, LIGHT, STYLE
from segmetrics.report.svg import Bar, Curve, draw_bar, draw_curves, number, style_of

RATE = (0.0, 1.0)


def attribute(svg: str, class_: str, name: str) -> list[float]:
    found = re.findall(rf'<(?:line|rect|circle)[^>]*class="{class_}"[^>]*>', svg)
    found = [re.search(rf' {name}="([^"]*)"', tag) for tag in found]
    return [float(match[1]) for match in found if match]


def test_a_bar_against_its_bound():
    svg = draw_bar(Bar(0.9, 0.85, 0.95, {"at_least": 0.8}, RATE, "pass"), "dice: 0.900")
    (low,), (high,) = attribute(svg, "span", "x1"), attribute(svg, "span", "x2")
    (bound,), (dot,) = attribute(svg, "bound", "x1"), attribute(svg, "dot", "cx")
    assert 8 < bound < low < dot < high < 292
    assert dot == pytest.approx((low + high) / 2, abs=0.02)
    assert attribute(svg, "forbidden", "width") == [pytest.approx(bound - 8, abs=0.02)]
    assert 'role="img" aria-label="dice: 0.900" class="pass"' in svg
    assert ">0.8<" in svg


def test_lower_is_better_and_what_people_reach():
    svg = draw_bar(
        Bar(5.0, 4.0, 9.0, {"at_most": 6.0}, (0.0, float("inf")), "inconclusive", 5.5), "hd95"
    )
    (bound,), (dot,) = attribute(svg, "bound", "x1"), attribute(svg, "dot", "cx")
    (people,) = attribute(svg, "people", "x1")
    assert dot < people < bound
    assert attribute(svg, "forbidden", "x") == [bound]


def test_an_undefined_value_has_no_dot():
    svg = draw_bar(Bar(None, None, None, {"at_least": 0.8}, RATE, "fail"), "undefined")
    assert "circle" not in svg
    assert len(attribute(svg, "bound", "x1")) == 1


NUMBER = st.none() | st.floats(-1e6, 1e6)


@given(value=NUMBER, low=NUMBER, high=NUMBER, bound=st.floats(-1e6, 1e6))
def test_every_bar_stays_within_its_picture(value, low, high, bound):
    svg = draw_bar(Bar(value, low, high, {"at_most": bound}, (-np.inf, np.inf), "fail"), "x")
    places = [float(v) for v in re.findall(r' (?:x|x1|x2|cx)="([^"]*)"', svg)]
    assert all(8 <= place <= 292 for place in places)
    assert "nan" not in svg
    assert "inf" not in svg


@given(value=st.floats(0, 1), bound=st.floats(0, 1))
def test_the_dot_is_on_the_side_of_the_bound_where_the_value_is(value, bound):
    svg = draw_bar(Bar(value, value, value, {"at_least": bound}, RATE, "pass"), "x")
    (place,), (dot,) = attribute(svg, "bound", "x1"), attribute(svg, "dot", "cx")
    assert (dot >= place) == (value >= bound) or abs(dot - place) <= 0.02


def test_curves_are_told_apart_by_colour_and_dashes():
    assert len({style_of(k) for k in range(16)}) == 16
    curves = [Curve(f"c{k}", [(0, 0), (1, 1)], [(0.5, 0.5)]) for k in range(2)]
    svg = draw_curves(curves, x="recall", y="precision", label="PR", diagonal=True, at=0.5)
    assert svg.count("<polyline") == 2
    assert 'points="40,212 290,12"' in svg
    assert svg.count("<circle") == 2
    assert svg.count('class="people"') == 2


def test_numbers_are_short():
    assert [number(v) for v in (1.0, -0.001, 3.14159, 100.5)] == ["1", "0", "3.14", "100.5"]


def test_the_calibration_is_that_of_calibration_error():
    rng = np.random.default_rng(4)
    histogram = ScoreHistogram(*rng.integers(0, 50, (2, 256)))
    points = calibration_points(histogram)
    pixels = (histogram.positives + histogram.negatives).reshape(16, -1).sum(axis=1)
    error = sum(n * abs(p - share) for n, (p, share) in zip(pixels, points, strict=True))
    assert error / pixels.sum() == pytest.approx(float(calibration_error(histogram)))


def test_empty_bins_have_no_point():
    positives = np.zeros(256, np.int64)
    positives[40] = 3
    assert calibration_points(ScoreHistogram(positives, np.zeros_like(positives))) == [
        (40.5 / 256, 1.0)
    ]


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read(colours):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    grounds = ("ground", "card")
    for text, ground in product(("text", "soft", "link", "pass", "fail", "inconclusive"), grounds):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for outcome in ("pass", "fail", "inconclusive"):
        for text in ("text", outcome):
            assert contrast(colours[text], colours[f"{outcome}-ground"]) >= 4.5
    for k in range(4):  # lines: graphics need 3
        assert contrast(colours[f"curve{k}"], colours["ground"]) >= 4.5
    assert contrast(colours["text"], colours["forbidden"]) >= 4.5


def test_the_style_loads_nothing_and_knows_every_variable():
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLE)) <= {*LIGHT}
    assert {*LIGHT} == {*DARK}
