"""The page: one file that needs no network and no script."""

from __future__ import annotations

from segmetrics.evidence import Layout
from segmetrics.files import write_text
from segmetrics.report.confusion import confusion_section
from segmetrics.report.curves import curves_section
from segmetrics.report.data import ReportData
from segmetrics.report.embedding import MOST_BYTES, Embedder
from segmetrics.report.findings import findings_section, pairs_section
from segmetrics.report.html import Html, el, join, paragraph, raw
from segmetrics.report.images import images_section
from segmetrics.report.names import Rename, renamed
from segmetrics.report.provenance import provenance_section
from segmetrics.report.rules import rules_section
from segmetrics.report.style import STYLE
from segmetrics.report.tables import (
    classes_section,
    people_section,
    sizes_section,
    slices_section,
    splits_section,
)
from segmetrics.report.verdict import banner, main_numbers, what_next

# In a browser that honours it, nothing is loaded and nothing runs, whatever the page holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render(data: ReportData, *, names: Rename | None = None, images: bool = True) -> str:
    """The page as HTML: the same bytes for the same data.

    Parameters
    ----------
    names
        What stands for ids of samples, names of groups and values of slices, where the page leaves
        the machine: `names(kind, name)` with `kind` one of `id`, `group`, `slice`; None leaves the
        name out. The picture of leaked pairs and the settings of rules, which hold names, go then.
    images
        Whether pictures may be in it.
    """
    shown = data if names is None else renamed(data, names)
    texts = _text_sections(shown)
    rest = sum(len(part.encode()) for part in texts.values()) + len(STYLE) + 4000
    embed = Embedder(max(0, MOST_BYTES - rest))
    parts: dict[str, Html | None] = dict(texts)
    if images:
        # Pairs first: a leak outweighs every value of the page.
        parts["pairs"] = pairs_section(shown, embed)
        parts["images"] = images_section(shown, embed)
    order = ("next", "rules", "findings", "pairs", "images", "classes", "slices", "sizes",
             "people", "curves", "confusion", "splits", "provenance")  # fmt: skip
    sections = {key: part for key in order if (part := parts.get(key)) is not None}
    return _document(shown, sections)


def write_report(layout: Layout, data: ReportData) -> None:
    """Write `results/report.html`."""
    write_text(layout.report, render(data))


def _text_sections(data: ReportData) -> dict[str, Html]:
    found = {
        "next": what_next(data),
        "rules": rules_section(data),
        "findings": findings_section(data),
        "classes": classes_section(data),
        "slices": slices_section(data),
        "sizes": sizes_section(data),
        "people": people_section(data),
        "curves": curves_section(data),
        "confusion": confusion_section(data),
        "splits": splits_section(data),
        "provenance": provenance_section(data),
    }
    return {key: part for key, part in found.items() if part is not None}


_LINKS = {
    "next": "Next", "rules": "Rules", "findings": "Findings", "pairs": "Leaked pairs",
    "images": "Images", "classes": "Classes", "slices": "Slices", "sizes": "Sizes",
    "people": "People", "curves": "Thresholds", "confusion": "Confusion", "splits": "Splits",
    "provenance": "Provenance",
}  # fmt: skip


def _document(data: ReportData, sections: dict[str, Html]) -> str:
    decision = str(data.verdict["decision"]).upper()
    title = f"{decision}: {data.source} on {data.judged}"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("title", title),
        el("style", raw(STYLE)),
    )
    links = (el("li", el("a", _LINKS[key], href=f"#{key}")) for key in sections)
    body = el(
        "body",
        el("a", "To the verdict", href="#verdict", class_="skip"),
        el("header", el("h1", f"Evaluation of {data.source} on {data.judged}")),
        el("main",
           el("section", banner(data), main_numbers(data), id="verdict", aria_label="Verdict"),
           el("nav", el("ul", *links), aria_label="Parts of this page"),
           join(*sections.values())),
        el("footer", paragraph("Written by segmetrics from evaluation.json, verdict.json and the "
                               "measurement tables. It needs no network.", class_="soft small")),
    )  # fmt: skip
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"
