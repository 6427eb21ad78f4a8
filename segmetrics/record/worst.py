"""Overlays of the worst images, where pictures may leave the machine."""

from __future__ import annotations

from pathlib import Path

from segmetrics.evidence import Layout
from segmetrics.record.record import Record

_MOST = 10  # a class; an image panel of MLflow holds few


def worst_overlays(record: Record, layout: Layout) -> dict[str, Path]:
    """`worst/<id>` -> the overlay of an image of the judged split; nothing where none may leave.

    Overlays lie in `results/overlays/`, in folders or not, under the id of their sample. Ids are
    as they may leave; with `none` images are numbered.
    """
    folder = layout.results / "overlays"
    if not record.images or not folder.is_dir():
        return {}
    by_id = {path.stem: path for path in sorted(folder.rglob("*.png"))}
    split = record.evaluation.splits[record.verdict["judged"]["split"]]
    ids = dict.fromkeys(i.id for worst in split.worst.values() for i in worst.images[:_MOST])
    shown = [name for name in ids if name in by_id]
    if record.names.ids == "none":
        return {f"worst/{n}": by_id[name] for n, name in enumerate(shown, start=1)}
    return {f"worst/{record.names(name)}": by_id[name] for name in shown}
