"""The report of an evaluation as it may leave the machine."""

from __future__ import annotations

from segmetrics.evidence import Layout
from segmetrics.record.record import Record


def report_page(record: Record, layout: Layout) -> str | None:
    """The HTML of `report.html`; None where there is none that may leave.

    The page of the project shows pictures and names samples: it leaves only where both may. No page
    is better than one with names in it.
    """
    page = layout.results / "report.html"
    if not page.is_file() or not record.images or record.names.ids != "plain":
        return None
    return page.read_text("utf-8")
