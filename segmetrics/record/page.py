"""The report of an evaluation as it may leave the machine."""

from __future__ import annotations

from dataclasses import replace

from segmetrics.evidence import Layout
from segmetrics.overlays import Overlays
from segmetrics.record.record import Record
from segmetrics.report import read_report_data, render
from segmetrics.stats.evaluation import Evaluation

_NAMELESS = "(name left out)"


def report_page(record: Record, layout: Layout) -> str | None:
    """The HTML of `report.html`; None where the pipeline writes none.

    Where all may leave it is the page of the project. Otherwise it is written anew, from a verdict
    and an evaluation as they may leave, and without pictures where none may. (The picture of leaked
    pairs has ids in its pixels.)

    Raises
    ------
    DataError
        What it is written from is missing or damaged.
    """
    if not layout.report.is_file():
        return None
    if record.images and record.names.ids == "plain":
        return layout.report.read_text("utf-8")
    data = read_report_data(layout, record.settings)
    hidden = record.names.ids != "plain"
    shown = replace(
        data,
        verdict=record.verdict,
        evaluation=_nameless(record.evaluation) if hidden else record.evaluation,
        overlays=_renamed(data.overlays, record) if record.images and data.overlays else None,
        pairs=None if hidden else data.pairs,
    )
    return render(shown, images=record.images)


def _nameless(evaluation: Evaluation) -> Evaluation:
    """Without the ids of the worst images, which the overlays show."""
    splits = {name: replace(split, worst={}) for name, split in evaluation.splits.items()}
    return Evaluation(splits, evaluation.inputs)


def _renamed(overlays: Overlays, record: Record) -> Overlays:
    names = record.names
    images = (
        replace(image, id=_NAMELESS if names.ids == "none" else names(image.id))
        for image in overlays.images
    )
    return replace(overlays, images=tuple(images))
