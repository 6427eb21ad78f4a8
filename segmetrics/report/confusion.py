"""What is taken for what: the confusion matrix or, of many classes, its largest entries."""

from __future__ import annotations

from segmetrics.report.data import ReportData
from segmetrics.report.html import Html, el, folded, paragraph, section, table
from segmetrics.report.words import several

_FOLD_FROM, _MOST = 12, 40  # classes
_LISTED = 20
_OTHER = "no class"


def confusion_section(data: ReportData) -> Html | None:
    """None where there is no matrix: pixels may be of several classes."""
    split = data.split
    if not split.labels or not any(any(row) for row in split.confusion):
        return None
    n, rows = len(split.labels), []
    for place, (counts, other) in enumerate(zip(split.confusion, split.other, strict=True)):
        total = sum(counts) + other
        for column, count in enumerate((*counts, other)):
            if column != place and count:
                rows.append((count, total, place, column))
    parts = []
    if n <= _MOST:
        shown = _matrix(data)
        parts.append(folded(f"{several(n, 'class')}: the whole matrix", shown, fold=n > _FOLD_FROM))
    if n > _FOLD_FROM:
        parts.append(_largest(data, sorted(rows, key=lambda r: (-r[0], r[2], r[3]))))
    if n > _MOST:
        text = f"The whole matrix of {n} classes is in results/evaluation.json."
        parts.append(paragraph(text, class_="soft small"))
    return section("confusion", "Confusion", *parts)


def _matrix(data: ReportData) -> Html:
    split = data.split
    others = any(split.other)
    head = [*split.labels, *([_OTHER] if others else [])]
    lines = []
    for place, (name, counts) in enumerate(zip(split.labels, split.confusion, strict=True)):
        cells = (*counts, *([split.other[place]] if others else []))
        total = sum(counts) + split.other[place]
        lines.append(
            el("tr", el("th", name, scope="row"),
               *(_cell(count, total, right=column == place) for column, count in enumerate(cells)))
        )  # fmt: skip
    columns = el("tr", el("th", "reference ↓ predicted →", scope="col"),
                 *(el("th", name, scope="col") for name in head))  # fmt: skip
    caption = f"{data.judged}: share of the pixels of each reference class (number of pixels below)"
    whole = el("table", el("caption", caption), el("thead", columns), el("tbody", *lines),
               class_="confusion")  # fmt: skip
    return el("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def _cell(count: int, total: int, *, right: bool) -> Html:
    share = f"{100 * count / total:.1f} %" if total else "–"
    return el("td", share, el("span", f"{count}", class_="soft"), class_="right" if right else None)


def _largest(data: ReportData, rows: list[tuple[int, int, int, int]]) -> Html:
    labels = (*data.split.labels, _OTHER)
    shown = [
        [f"{labels[place]} taken for {labels[column]}", f"{100 * count / total:.1f} %", count]
        for count, total, place, column in rows[:_LISTED]
    ]
    caption = f"{data.judged}: the {len(shown)} largest of {several(len(rows), 'mistake')}"
    return table(caption, ["mistake", "of the reference", "pixels"], shown)
