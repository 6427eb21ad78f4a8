"""The rules, each with its interval drawn against its bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segmetrics.metrics.catalog import CATALOG
from segmetrics.report.data import ReportData
from segmetrics.report.html import Html, el, folded, paragraph, section
from segmetrics.report.svg import Bar, draw_bar
from segmetrics.report.words import (
    badge,
    bound_words,
    interval_text,
    metric_name,
    several,
    value_text,
    with_code,
)
from segmetrics.texts.words import outcome_text, subject

FOLD_FROM = 20  # rules that are met, more of which are folded
_ORDER = ("fail", "inconclusive", "pass")


@dataclass(frozen=True, slots=True)
class _People:
    """What people reach, by metric, who they are, and the classes that it is about."""

    reached: Mapping[str, float]
    source: str
    classes: tuple[str, ...]


def rules_section(data: ReportData) -> Html:
    """Those not met first; many that are met are folded."""
    rules = sorted(data.verdict["rules"], key=lambda rule: _place(rule["outcome"]))
    if not rules:
        text = "There are no rules, so nothing can pass."
        return section("rules", "Rules", paragraph(text))
    people = _people(data)
    open_ = [_rule(r, data.judged, people) for r in rules if r["outcome"] != "pass"]
    met = [_rule(r, data.judged, people) for r in rules if r["outcome"] == "pass"]
    intro = (
        "A dot is the value, the wide bar its interval, the upright line the bound, and the shaded "
        "side is where it is missed. A rule that is conservative passes when the whole bar is on "
        "the good side."
    )
    notes = [paragraph(intro, class_="soft small")]
    if people.reached:
        who = f"Dashed: what people reach ({people.source})."
        notes.append(paragraph(who, class_="soft small"))
    parts = [el("ul", *open_, class_="rules")] if open_ else []
    if met:
        listed = el("ul", *met, class_="rules")
        parts.append(folded(f"{several(len(met), 'rule')} met", listed, fold=len(met) > FOLD_FROM))
    return section("rules", f"Rules: {len(met)} of {len(rules)} met", *notes, *parts)


def _place(outcome: str) -> int:
    return _ORDER.index(outcome) if outcome in _ORDER else 0


def _rule(rule: Mapping[str, Any], judged: str, people: _People) -> Html:
    against = rule.get("against")
    name = metric_name(rule["metric"]) + (f", difference to {against}" if against else "")
    value, interval = value_text(rule["value"]), interval_text(rule["low"], rule["high"])
    shown = f"{name} {value}" + (f" ({interval})" if interval else "")
    info = CATALOG.get(rule["metric"])
    ends = (info.low, info.high) if info and not against else (float("-inf"), float("inf"))
    alone = against is None and rule["slice"] is None and rule["class"] in people.classes
    bar = Bar(
        rule["value"], rule["low"], rule["high"], rule["bound"], ends, rule["outcome"],
        people.reached.get(rule["metric"]) if alone else None,
    )  # fmt: skip
    # What a met rule says, its numbers say already, but for where it was looked at.
    told = rule["outcome"] != "pass" or rule["slice"] is not None
    label = f"{rule['name']}: {shown}, has to be {bound_words(rule['bound'])}"
    return el(
        "li",
        el("div", badge(rule["outcome"], outcome_text(rule))),
        el("div", el("b", rule["name"]),
           paragraph(subject(rule, judged), class_="soft small"),
           paragraph(shown, " ", el("span", f"has to be {bound_words(rule['bound'])}",
                                    class_="soft"))),
        draw_bar(bar, label),
        paragraph(with_code(rule["reason"]), class_="why small") if told else None,
    )  # fmt: skip


def _people(data: ReportData) -> _People:
    """From the data where several people annotated it, else from the settings."""
    whole = ("mean", *(data.scored if len(data.scored) == 1 else ()))
    for name in ("annotator_agreement", "human_ceiling"):
        for finding in data.verdict["findings"]:
            reached = finding["data"].get("ceiling")
            if finding["name"] == name and reached:
                return _People(reached, str(finding["data"].get("source", "")), whole)
    return _People({}, "", whole)
