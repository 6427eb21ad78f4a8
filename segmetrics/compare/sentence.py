"""What came out of a comparison, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from segmetrics.compare.report import Report, Row
from segmetrics.gates.rules import MEAN


def headline_row(report: Report) -> Row | None:
    """The difference that the sentence is about: the first metric, of the class mean if any."""
    whole = [row for row in report.rows if row.where == "all"]
    first = [row for row in whole if row.metric == whole[0].metric]
    means = [row for row in first if row.class_name == MEAN]
    alone = [row for row in first if row.class_name in report.scored]
    return next(iter([*means, *alone, *first]), None)


def sentence(report: Report) -> str:
    """What came out, for someone who sees it for the first time."""
    shared = f"{report.groups} shared groups ({report.shared.samples} samples)"
    row = headline_row(report)
    if not report.shared.samples or row is None:
        return "A and B share nothing that could be compared."
    d, name = row.difference, _shown(row.metric)
    if d.value is None:
        return f"Nothing can be said: {name} of {row.class_name} is undefined on {shared}."
    interval = "" if d.low is None else f" ({d.low:.3f} to {d.high:.3f})"
    of = "" if row.class_name == MEAN else f" of {row.class_name}"
    if row.outcome in ("better", "worse"):
        by = sorted((abs(d.low or 0.0), abs(d.high or 0.0)))
        what = f"B is {row.outcome} than A by {abs(d.value):.3f} {name}{of}"
        what += f" ({by[0]:.3f} to {by[1]:.3f}) on {shared}"
    elif row.outcome == "differs":
        what = f"B and A differ by {d.value:.3f} {name}{of}{interval} on {shared}"
    else:
        what = f"No clear difference between A and B: {d.value:+.3f} {name}{of}{interval}"
        what += f" on {shared}"
    whole = [r for r in report.rows if r.where == "all" and r.metric == row.metric]
    rest = [r for r in whole if r.class_name in report.scored and r is not row]
    return what + (f"; {_counted(rest)}" if rest else "") + "."


def _counted(rows: Sequence[Row]) -> str:
    words = {
        "better": "better",
        "worse": "worse",
        "differs": "different",
        "no clear difference": "without clear difference",
        "undefined": "undefined",
    }
    counts = {word: sum(r.outcome == kind for r in rows) for kind, word in words.items()}
    listed = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
    return f"of {len(rows)} class{'es' * (len(rows) != 1)}: {listed}"


def _shown(metric: str) -> str:
    return {"dice": "Dice", "iou": "IoU"}.get(metric, metric)
