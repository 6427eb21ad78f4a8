"""Overlays of single images, where pictures may leave the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmetrics.evidence import Layout
from segmetrics.overlays import Overlay, read_overlays
from segmetrics.record.keys import key_part
from segmetrics.record.record import Record

# Of the index, what is known to hold no name.
_ABOUT = ("file", "kind", "metric", "value", "class", "dice", "tp", "fp", "fn")


@dataclass(frozen=True, slots=True)
class Picture:
    """One overlay as it may leave.

    Attributes
    ----------
    key
        Under which MLflow shows it among the images of a run: `worst/01 <id>`.
    source
        Where it lies; nothing of the id is in its name.
    about
        What the index says of it: `id` (absent with `ids: none`), `kind`, `metric`, `value`, ...
    """

    key: str
    source: Path
    about: Mapping[str, Any]

    @property
    def worst(self) -> bool:
        """Whether it is one of the worst images: those are shown as a panel."""
        return bool(self.about["kind"] == "worst")


def outgoing_pictures(record: Record, layout: Layout) -> list[Picture]:
    """The overlays of the judged split; none where none may leave, or the pipeline draws none.

    Raises
    ------
    DataError
        Their index is damaged, or names something else than the pictures beside it.
    """
    if not record.images or not layout.overlays.is_dir():
        return []
    images = read_overlays(layout.overlays).images
    return [_picture(image, n, record, layout) for n, image in enumerate(images, start=1)]


def _picture(image: Overlay, place: int, record: Record, layout: Layout) -> Picture:
    hidden = record.names.ids == "none"
    entry = image.to_json()
    about = {name: entry[name] for name in _ABOUT}
    shown = "" if hidden else f" {key_part(record.names(image.id))}"
    return Picture(
        key=f"{image.kind}/{place:02}{shown}",
        source=layout.overlays / image.file,
        about=about if hidden else {"id": record.names(image.id)} | about,
    )


def outgoing_index(pictures: Sequence[Picture]) -> dict[str, Any]:
    """`overlays/index.json` as it may leave."""
    return {"schema": 1, "images": [dict(picture.about) for picture in pictures]}
