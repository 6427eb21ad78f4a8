"""Overlays of single images, where pictures may leave the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmetrics.errors import DataError
from segmetrics.evidence import Layout, read_json
from segmetrics.record.keys import key_part
from segmetrics.record.record import Record

SCHEMA = 1
_KINDS = ("worst", "median", "best")
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Overlay:
    """One picture as it may leave.

    Attributes
    ----------
    key
        Under which MLflow shows it among the images of a run: `worst/01 <id>`.
    file
        Its name among the artifacts: nothing of the id is in it.
    source
        Where it lies now.
    about
        What the index says of it: `id` (absent with `ids: none`), `kind`, `metric`, `value`,
        `class`.
    """

    key: str
    file: str
    source: Path
    about: Mapping[str, Any]

    @property
    def worst(self) -> bool:
        """Whether it is one of the worst images: those are shown as a panel."""
        return bool(self.about["kind"] == "worst")


def outgoing_overlays(record: Record, layout: Layout) -> list[Overlay]:
    """The pictures that `results/overlays/index.json` names; none where none may leave.

    Not every pipeline draws overlays: without the folder there are none.

    Raises
    ------
    DataError
        The index is damaged, of another schema, or names a file that is no picture beside it.
    """
    folder = layout.results / "overlays"
    if not record.images or not folder.is_dir():
        return []
    index = folder / "index.json"
    data = read_json(index)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise DataError(str(index), f"is not of schema {SCHEMA}", "run `dvc repro overlays`")
    found = []
    for place, image in enumerate(data["images"], start=1):
        try:
            found.append(_overlay(image, place, record, folder))
        except (KeyError, TypeError, ValueError) as error:
            what = f"image {place} is no entry of an index ({error!r})"
            raise DataError(str(index), what, "run `dvc repro overlays`") from error
    return found


def _overlay(image: Mapping[str, Any], place: int, record: Record, folder: Path) -> Overlay:
    kind, name = image["kind"], str(image["id"])
    if kind not in _KINDS:
        raise ValueError(kind)
    source = folder / image["file"]
    if source.parent != folder or source.is_symlink() or not _is_png(source):
        raise ValueError(image["file"])
    about = {k: image[k] for k in ("kind", "metric", "value", "class")}
    hidden = record.names.ids == "none"
    shown = "" if hidden else f" {key_part(record.names(name))}"
    return Overlay(
        key=f"{kind}/{place:02}{shown}",
        file=f"{kind}-{place:03}.png",
        source=source,
        about=about if hidden else {"id": record.names(name)} | about,
    )


def _is_png(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(_PNG)) == _PNG
    except OSError:
        return False


def outgoing_index(overlays: list[Overlay]) -> dict[str, Any]:
    """`overlays/index.json` as it may leave."""
    return {"schema": SCHEMA, "images": [{"file": o.file} | dict(o.about) for o in overlays]}
