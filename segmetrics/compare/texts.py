"""A comparison as text, Markdown, LaTeX, JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from segmetrics.compare.report import Report, Row
from segmetrics.compare.sentence import sentence
from segmetrics.texts import number

_HEAD = ("where", "class", "metric", "A", "B", "B - A", "interval", "groups", "")
_RIGHT = {"A", "B", "B - A", "groups"}
_CAUTION = (
    "Each interval stands alone: of twenty rows that differ in nothing, about one may exclude 0."
)
_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\|*[]<~_"} | {"\n": " ", "\r": " "})
_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"\n": " ", "\r": " ", "<": r"\textless{}", ">": r"\textgreater{}"}
)


def as_table(report: Report) -> str:
    """For a terminal: the sentence, the rows in columns, and what was left out."""
    rows = [_HEAD, *(_cells(row) for row in report.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = [sentence(report), *_names(report), ""]
    for row in rows:
        cells = [
            cell.rjust(width) if head in _RIGHT else cell.ljust(width)
            for cell, width, head in zip(row, widths, _HEAD, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, "", *(f"- {note}" for note in _notes(report))]) + "\n"


def as_markdown(report: Report) -> str:
    """GitHub-flavoured Markdown."""
    lines = [_plain(sentence(report)), "", *(f"- {_plain(line)}" for line in _names(report)), ""]
    lines.append("| " + " | ".join(_HEAD) + " |")
    lines.append("|" + "|".join("---:" if head in _RIGHT else "---" for head in _HEAD) + "|")
    for row in report.rows:
        lines.append("| " + " | ".join(_plain(cell) for cell in _cells(row)) + " |")
    return "\n".join([*lines, "", *(f"- {_plain(note)}" for note in _notes(report))]) + "\n"


def as_latex(report: Report) -> str:
    """A `tabular` without packages, the sentence and the notes as comments."""
    columns = "".join("r" if head in _RIGHT else "l" for head in _HEAD)
    lines = [f"% {_one_line(text)}" for text in (sentence(report), *_names(report))]
    lines += [f"\\begin{{tabular}}{{{columns}}}", r"\hline", _latex_row(_HEAD), r"\hline"]
    lines += [_latex_row(_cells(row)) for row in report.rows]
    lines += [r"\hline", r"\end{tabular}", *(f"% {_one_line(note)}" for note in _notes(report))]
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> str:
    """JSON, the sentence first."""
    whole = {"sentence": sentence(report), **report.to_json()}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    d = row.difference
    change = "-" if d.value is None else f"{d.value:+.4f}"
    interval = "" if d.low is None or d.high is None else f"{d.low:+.4f} to {d.high:+.4f}"
    shown = "class mean" if row.class_name == "mean" else row.class_name
    return (
        row.where, shown, row.metric, number(row.first), number(row.second), change, interval,
        str(d.groups), row.outcome,
    )  # fmt: skip


def _names(report: Report) -> list[str]:
    shared = report.shared
    split = f", {report.split}" if report.split else ""
    return [
        f"A: {report.first}{split} ({shared.baseline} samples)",
        f"B: {report.second}{split} ({shared.candidate} samples); {shared.samples} are shared "
        f"({shared.share:.0%})",
    ]


def _notes(report: Report) -> list[str]:
    aggregate = report.rows[0].aggregate if report.rows else ""
    how = [f"{aggregate} values, {report.confidence:.0%} intervals"] if aggregate else []
    return [*how, *report.notes, _CAUTION] if report.rows else list(report.notes)


def _plain(text: str) -> str:
    return text.translate(_MARKDOWN)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cell.translate(_LATEX) for cell in cells) + r" \\"
