"""The files of a run, put together in a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from segmetrics.evidence import Layout
from segmetrics.files import write_json, write_text
from segmetrics.record.kept import keep_baseline
from segmetrics.record.overlays import Picture, outgoing_index, outgoing_pictures
from segmetrics.record.page import report_page
from segmetrics.record.private import outgoing
from segmetrics.record.record import Record
from segmetrics.record.tables import TABLES
from segmetrics.texts import verdict_markdown


def collect_artifacts(folder: Path, record: Record, layout: Layout) -> None:
    """Put the artifacts of a run together; names and pictures only as the record allows.

    `verdict.json`, `verdict.md`, `evaluation.json`, `settings.json`; the tables that MLflow shows
    (`per_class.json`, `rules.json`, `slices.json`, `worst_images.json`); `report.html` and
    `overlays/` where the pipeline makes them; in `baseline/` what a later comparison needs.
    """
    write_json(folder / "verdict.json", record.verdict)
    write_json(folder / "evaluation.json", outgoing(record.evaluation.to_json(), record.names))
    write_text(folder / "verdict.md", verdict_markdown(record.verdict, record.evaluation))
    write_json(folder / "settings.json", dict(record.settings))
    for name, table in TABLES.items():
        write_json(folder / name, table(record))
    page = report_page(record, layout)
    if page is not None:
        write_text(folder / "report.html", page)
    _copy_overlays(folder / "overlays", outgoing_pictures(record, layout))
    if record.names.ids != "none":
        keep_baseline(folder / "baseline", record, layout)


def _copy_overlays(folder: Path, pictures: list[Picture]) -> None:
    if pictures:
        folder.mkdir()
        for picture in pictures:
            shutil.copyfile(picture.source, folder / picture.source.name)
        write_json(folder / "index.json", outgoing_index(pictures))


def shown_tables() -> str:
    """The tag by which MLflow knows which artifacts are tables."""
    shown: list[dict[str, Any]] = [{"path": name, "type": "table"} for name in TABLES]
    return json.dumps(shown)
