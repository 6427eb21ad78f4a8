"""The top of the page: the verdict in a sentence, the main numbers, and what to do next."""

from __future__ import annotations

from segmetrics.report.data import ReportData
from segmetrics.report.html import Html, el, join, paragraph, section
from segmetrics.report.words import (
    AGGREGATES,
    interval_text,
    metric_name,
    metric_text,
    value_text,
    with_code,
)
from segmetrics.texts import headline, next_steps

_MEANING = {
    "pass": "Every rule that blocks is met, with the uncertainty of this data counted in where the "
            "rule asks for it.",
    "fail": "At least one rule is missed or a finding blocks. The model is not promoted.",
    "inconclusive": "No rule that blocks is clearly missed, but this data does not settle all of "
                    "them: a value lies too close to its bound for so few groups, or there are too "
                    "few groups at all. The model is not promoted.",
}  # fmt: skip

_LENIENT = (
    "No rule that blocks is missed. Some are not settled by this data; here their values decide, "
    "because checks.on_inconclusive is `warn` or because they only warn."
)


def banner(data: ReportData) -> Html:
    """Decision and sentence, and what they mean."""
    verdict = data.verdict
    decision = str(verdict["decision"])
    kind = decision if decision in _MEANING else "fail"
    sentence = headline(verdict).partition(": ")[2]
    meaning = _MEANING[kind]
    if kind == "pass" and any(r["outcome"] == "inconclusive" for r in verdict["rules"]):
        meaning = _LENIENT
    sign = {"pass": "✓", "fail": "✗", "inconclusive": "?"}[kind]
    return el(
        "div",
        paragraph(el("strong", f"{sign} {decision.upper()}", class_=kind), " ", sentence),
        paragraph(with_code(meaning), class_="small"),
        class_=f"banner {kind}",
    )


def main_numbers(data: ReportData) -> Html:
    """Cards: the primary metric first, then the usual ones and the grade."""
    verdict, split, aggregate = data.verdict, data.split, data.aggregate
    names = dict.fromkeys((verdict["primary"], "dice", "iou", "precision", "recall"))
    cards = []
    for metric in names:
        estimate = split.estimate("mean", aggregate, metric)
        if estimate is None:
            continue
        first = " (primary)" if metric == verdict["primary"] else ""
        interval = interval_text(estimate.low, estimate.high)
        cards.append(_card(f"{metric_name(metric)}{first}", value_text(estimate.value),
                           interval or "no interval", metric_text(metric)))  # fmt: skip
    grade = data.settings["grade"]
    good = f"good: Dice > {grade['good']['dice']:g} and IoU > {grade['good']['iou']:g}"
    cards.append(_card("Grade", str(verdict["grade"]), good, None))
    confidence = data.settings["statistics"]["confidence"]
    of = "the class mean" if len(data.scored) > 1 else data.scored[0] if data.scored else ""
    note = (
        f"Of {of}, {AGGREGATES[aggregate]}. Below each value its {confidence:.0%} interval: the "
        f"range that fits this data, from resampling groups."
    )
    return join(el("ul", *cards, class_="cards"), paragraph(note, class_="soft small"))


def _card(name: str, value: str, small: str, title: str | None) -> Html:
    return el(
        "li", el("span", name, class_="small"), el("b", value),
        el("span", small, class_="soft small"), title=title,
    )  # fmt: skip


def what_next(data: ReportData) -> Html:
    """The steps, most pressing first."""
    steps = [el("li", with_code(_sentence(step))) for step in next_steps(data.verdict)]
    return section("next", "What to do next", el("ol", *steps))


def _sentence(step: str) -> str:
    return f"{step[:1].upper()}{step[1:]}."
