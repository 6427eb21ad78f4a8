"""Curves over thresholds, and calibration, where the model gives probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from segmetrics.metrics import overlap
from segmetrics.metrics.histograms import BINS, ScoreHistogram
from segmetrics.metrics.thresholds import threshold_counts
from segmetrics.report.data import ReportData, Scores
from segmetrics.report.html import Html, el, join, paragraph, section
from segmetrics.report.svg import Curve, draw_curves, style_of
from segmetrics.report.words import value_text
from segmetrics.stats.thresholds import BETAS

_MOST = 8  # classes
_BINS = 16  # of the calibration, as of calibration_error


def curves_section(data: ReportData) -> Html | None:
    """Precision and recall, F-beta by threshold, calibration; None without scores."""
    if not data.scores:
        return None
    shown = dict(list(data.scores.items())[:_MOST])
    charts = [_precision_recall(data, shown), *_f_beta(data, shown), _calibration(data, shown)]
    more = len(data.scores) - len(shown)
    note = f"The first {_MOST} of {len(data.scores)} classes." if more else ""
    at = "" if data.threshold is None else f" The threshold in use is {data.threshold:g}."
    text = (
        f"All images of {data.judged} together.{at} A threshold that is chosen on this split is "
        f"judged too well: tune it on another one. {note}"
    )
    return section(
        "curves", "Thresholds and calibration", paragraph(text, class_="soft small"),
        el("div", *(chart for chart in charts if chart is not None), class_="charts"),
    )  # fmt: skip


def _precision_recall(data: ReportData, scores: Mapping[str, Scores]) -> Html:
    curves = []
    for name, of in scores.items():
        counts = threshold_counts(of.whole)
        points = _points(overlap.recall(counts)[1:BINS], overlap.precision(counts)[1:BINS])
        at = data.split.thresholds.get(name)
        chosen = at.chosen.values if at and at.chosen else {}
        recall, precision = chosen.get("recall"), chosen.get("precision")
        marks = [(recall, precision)] if recall is not None and precision is not None else []
        curves.append(Curve(name, points, marks))
    label = "Precision by recall, for every threshold. " + _at(data)
    return _chart("Precision and recall", curves, x="recall", y="precision", label=label)


def _f_beta(data: ReportData, scores: Mapping[str, Scores]) -> list[Html]:
    """One chart: the three F-beta of one class, or F1 of several."""
    betas = BETAS if len(scores) == 1 else {"f1": 1.0}
    levels = np.arange(1, BINS) / BINS
    curves = []
    for name, of in scores.items():
        counts = threshold_counts(of.whole)
        for metric, beta in betas.items():
            values = overlap.f_beta(counts, beta=beta)[1:BINS]
            text = f"{metric.upper()}" if len(scores) == 1 else name
            curves.append(Curve(text, _points(levels, values)))
    title = "F-beta by threshold" if len(scores) == 1 else "F1 by threshold"
    label = f"{title}. {_at(data)}"
    return [_chart(title, curves, x="threshold", y="F-beta" if len(scores) == 1 else "F1",
                   label=label, at=data.threshold)]  # fmt: skip


def _calibration(data: ReportData, scores: Mapping[str, Scores]) -> Html | None:
    """Frequency by probability, of pixels near a mask where these were counted."""
    curves = []
    for name, of in scores.items():
        histogram = of.near if of.near is not None else of.whole
        points = calibration_points(histogram)
        if points:
            curves.append(Curve(name, points, points))
    if not curves:
        return None
    label = (
        "Calibration: the share of pixels that are of the class, by predicted probability. On the "
        "dashed diagonal probabilities mean what they say; below it the model is too sure."
    )
    return _chart("Calibration near the masks", curves, x="predicted probability",
                  y="share that is of the class", label=label, diagonal=True)  # fmt: skip


def calibration_points(histogram: ScoreHistogram) -> list[tuple[float, float]]:
    """Mean probability and share of foreground in 16 bins of equal width; empty bins are left out.

    A stored score `q` stands for `(q + 0.5) / 256`, as in `calibration_error`.
    """
    centres = (np.arange(BINS) + 0.5) / BINS
    pixels = (histogram.positives + histogram.negatives).reshape(_BINS, -1)
    positives = histogram.positives.reshape(_BINS, -1).sum(axis=1)
    weighted = (pixels * centres.reshape(_BINS, -1)).sum(axis=1)
    total = pixels.sum(axis=1)
    return [
        (float(weighted[k] / total[k]), float(positives[k] / total[k]))
        for k in range(_BINS)
        if total[k]
    ]


def _at(data: ReportData) -> str:
    if data.threshold is None:
        return ""
    parts = []
    for name, summary in data.split.thresholds.items():
        if summary.chosen is not None:
            values = ", ".join(f"{m} {value_text(v)}" for m, v in summary.chosen.values.items())
            parts.append(f"{name} at the threshold {summary.chosen.threshold:g}: {values}")
    return "; ".join(parts[:3])


def _points(x: overlap.Values, y: overlap.Values) -> list[tuple[float, float]]:
    """Where both are defined."""
    there = np.isfinite(x) & np.isfinite(y)
    return list(zip(x[there].tolist(), y[there].tolist(), strict=True))


def _chart(
    title: str, curves: list[Curve], *, x: str, y: str, label: str, diagonal: bool = False,
    at: float | None = None,
) -> Html:  # fmt: skip
    drawn = draw_curves(curves, x=x, y=y, label=label, diagonal=diagonal, at=at)
    key = el("ul", *(_key(place, curve.name) for place, curve in enumerate(curves)), class_="key")
    return el("figure", el("h3", title), drawn, el("figcaption", key))


def _key(place: int, name: str) -> Html:
    colour, dash = style_of(place)
    line = el("line", x1="0", y1="5", x2="26", y2="5", class_="curve", style=f"stroke:{colour}",
              stroke_dasharray=dash)  # fmt: skip
    sign = el("svg", line, viewBox="0 0 26 10", aria_hidden="true",
              style="display:inline-block;width:26px;height:10px")  # fmt: skip
    return el("li", join(sign, " ", name))
