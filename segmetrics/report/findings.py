"""What was found besides the rules, in words, most serious first; leaked pairs as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segmetrics.report.data import ReportData
from segmetrics.report.embedding import Embedder
from segmetrics.report.html import Html, el, folded, join, paragraph, section
from segmetrics.report.words import several, with_code

_MOST_IDS = 10
_FOLD_FROM = 12
_TITLES = {
    "block": "These block the verdict",
    "warn": "Worth knowing before you use it",
    "note": "Notes",
}


def findings_section(data: ReportData) -> Html:
    """By severity; many notes are folded."""
    findings = data.verdict["findings"]
    if not findings:
        return section("findings", "Findings", paragraph("Nothing was found besides the rules."))
    parts = []
    for severity, title in _TITLES.items():
        own = [f for f in findings if f["severity"] == severity]
        if not own:
            continue
        listed = el("ul", *(_finding(f) for f in own), class_="findings")
        many = severity == "note" and len(own) > _FOLD_FROM
        parts.append(join(el("h3", title), folded(several(len(own), "note"), listed, fold=many)))
    return section("findings", "Findings", *parts)


def _finding(finding: Mapping[str, Any]) -> Html:
    name = str(finding["name"]).replace("_", " ").capitalize()
    ids = [str(i) for i in finding["data"].get("ids") or ()]
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    named = f" (images: {', '.join(ids[:_MOST_IDS])}{more})" if ids else ""
    return el(
        "li", el("b", f"{name}: "), with_code(finding["text"]), named, class_=finding["severity"]
    )


def pairs_section(data: ReportData, embed: Embedder) -> Html | None:
    """The picture of the leaked pairs; None where none leaked, or where it may not be shown."""
    leaked = [
        f for f in data.verdict["findings"]
        if str(f["name"]).startswith("leakage_") and f["data"].get("pairs")
    ]  # fmt: skip
    if not leaked or data.pairs is None:
        return None
    picture = embed.top_of(
        data.pairs, "Pairs of images: left of the judged split, right of another"
    )
    if picture is None:
        text = "The picture of the pairs is too large for this page: see results/leakage_pairs.png."
        return section("pairs", "Leaked pairs", paragraph(text))
    text = (
        "Left an image of the judged split, right the one of another split that it equals or "
        "resembles. The first pairs; results/leakage_pairs.png has more."
    )
    return section("pairs", "Leaked pairs", paragraph(text), el("figure", picture))
