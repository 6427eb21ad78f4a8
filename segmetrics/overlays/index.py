"""`index.json`: which images the overlays show, and how good the model is in each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from segmetrics.errors import DataError
from segmetrics.evidence import read_json

SCHEMA = 1
INDEX = "index.json"
Kind = Literal["worst", "median", "best"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Made here and nowhere else, so that no name of a sample becomes a path.
_FILE = re.compile(r"(worst|median|best)-[0-9]{3}\.png")


@dataclass(frozen=True, slots=True)
class Cut:
    """The plane of a volume that is shown: `index` of `of` along `axis`, as its array is stored."""

    axis: int
    index: int
    of: int


@dataclass(frozen=True, slots=True)
class Overlay:
    """One picture.

    Attributes
    ----------
    id
        Of the sample.
    file
        Its name in the folder of the overlays; nothing of the id is in it.
    value
        `metric` of the image, the mean of its scored classes; None: undefined, because the classes
        that are predicted are not in its reference (a false alarm).
    class_name, dice, tp, fp, fn
        The class that is shown, the one with the lowest Dice; its Dice in this image and its pixels
        (voxels of the whole volume).
    cut
        The plane of a volume; None for 2-D images.
    cell
        So many pixels each way are one of the picture.
    image
        Whether the image is shown beside its errors; false where it cannot be.
    """

    id: str
    file: str
    kind: Kind
    metric: str
    value: float | None
    class_name: str
    dice: float | None
    tp: int
    fp: int
    fn: int
    cut: Cut | None
    cell: int
    image: bool

    def to_json(self) -> dict[str, Any]:
        """One entry of `images`."""
        fields = asdict(self)
        fields["class"] = fields.pop("class_name")
        return fields

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Overlay:
        """Read what `to_json` wrote; KeyError, TypeError or ValueError where it is no such."""
        fields = dict(data)
        fields["class_name"] = fields.pop("class")
        fields["cut"] = Cut(**fields["cut"]) if fields["cut"] else None
        overlay = cls(**fields)
        if overlay.kind not in KINDS or not _FILE.fullmatch(overlay.file):
            raise ValueError(f"{overlay.kind}: {overlay.file}")
        if any(v is not None and not math.isfinite(v) for v in (overlay.value, overlay.dice)):
            raise ValueError(f"{overlay.id}: no value")
        return overlay


@dataclass(frozen=True, slots=True)
class Overlays:
    """All pictures of a split, worst first, then median and best ones.

    `ranked` of its images have a value of the metric.
    """

    split: str
    metric: str
    ranked: int
    images: tuple[Overlay, ...]

    def to_json(self) -> dict[str, Any]:
        """The whole of index.json."""
        images = [image.to_json() for image in self.images]
        return {"schema": SCHEMA, "split": self.split, "metric": self.metric,
                "ranked": self.ranked, "images": images}  # fmt: skip


def read_overlays(folder: Path) -> Overlays:
    """The index of a folder that the stage `overlays` wrote.

    Raises
    ------
    DataError
        Missing, damaged, of another schema, or a picture that it names is not there.
    """
    path = folder / INDEX
    data = read_json(path)
    try:
        if data["schema"] != SCHEMA:
            what = f"schema {data['schema']} instead of {SCHEMA}"
            raise DataError(str(path), what, "run `dvc repro`")
        images = tuple(Overlay.from_json(image) for image in data["images"])
        found = Overlays(data["split"], data["metric"], data["ranked"], images)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"is no index of overlays ({error!r})"
        raise DataError(str(path), what, "run `dvc repro -f -s overlays`") from error
    lacking = [image.file for image in found.images if not (folder / image.file).is_file()]
    if lacking:
        what = f"{len(lacking)} pictures of its index are missing: {', '.join(lacking[:5])}"
        raise DataError(str(folder), what, "run `dvc repro -f -s overlays`")
    return found
