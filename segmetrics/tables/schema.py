"""The columns of the tables and what their rows are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segmetrics.metrics.catalog import COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = 3
IMAGES = "images.parquet"
CONFUSION = "confusion.parquet"
OBJECTS = "objects.parquet"
SCORES = "scores.parquet"
ANNOTATORS = "annotators.parquet"
# In annotators.parquet: the column `mask` of samples.csv, and the prediction.
FIRST, MODEL = "mask", "model"
OTHER = ""  # the predicted class of a label that is no scored class
DIAGONAL = "diagonal"  # of the image, in the unit of the distances
SIDES = ("reference", "prediction")
BINS = 256


@dataclass(frozen=True, slots=True)
class Targets:
    """What is scored: K classes, then regions that are unions of classes and may overlap.

    Attributes
    ----------
    classes
        Class names, in declared order.
    regions
        Name and class indices of each region.
    overlapping
        Whether the classes themselves may overlap (multi-label masks): there is no confusion
        matrix then.
    objects, scores
        Whether there are tables of objects and of scores.
    annotators
        Digest of the files of further annotators; empty where there are none, and no table.
    """

    classes: tuple[str, ...]
    regions: tuple[tuple[str, tuple[int, ...]], ...] = ()
    overlapping: bool = False
    objects: bool = False
    scores: bool = False
    annotators: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """The files of a split, the images table last: a chunk without it does not count."""
        optional = (OBJECTS,) * self.objects + (SCORES,) * self.scores
        optional += (ANNOTATORS,) * bool(self.annotators)
        return (CONFUSION, *optional, IMAGES)

    @property
    def names(self) -> tuple[str, ...]:
        """Classes and regions: the R names of the rows of an image."""
        return (*self.classes, *(name for name, _ in self.regions))

    @property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """The class indices of each of the R."""
        return (*((k,) for k in range(len(self.classes))), *(m for _, m in self.regions))


def image_schema(columns: Sequence[str] = ()) -> pa.Schema:
    """images.parquet with the given metric columns, in the order of the catalogue."""
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    fields = [("id", text), ("class", text)]
    fields += [(name, number) for name in ("tp", "fp", "fn", "tn")]
    fields += [(f"{name}_digest", text) for name in ("image", "reference", "prediction")]
    fields += [(name, pa.float64()) for name in (*COLUMNS, DIAGONAL) if name in columns]
    return pa.schema(fields)


def confusion_schema() -> pa.Schema:
    """confusion.parquet."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [("id", text), ("reference", text), ("prediction", text), ("count", pa.int64())]
    )


def object_schema() -> pa.Schema:
    """objects.parquet: `matched` is the partner's number, 0 for none; `iou` that of the pair.

    `strict_iou` is the IoU with the one object that it shares more than half of the union with, 0
    where there is none: what panoptic quality counts, whatever the rule for `matched` is. `excused`
    is 1 for a predicted object that is no false one although it has no partner (`match_objects`).
    """
    import pyarrow as pa

    fields = [("id", pa.string()), ("class", pa.string()), ("side", pa.string())]
    fields += [(name, pa.int64()) for name in ("object", "size", "matched")]
    fields += [(name, pa.float64()) for name in ("iou", "strict_iou")]
    fields += [("excused", pa.int64())]
    return pa.schema(fields)


def annotator_schema(columns: Sequence[str] = ()) -> pa.Schema:
    """annotators.parquet: as images.parquet, for every pair of annotators and with the model.

    `reference` and `prediction` name them: `mask` is the first annotator, `model` the prediction.
    """
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    fields = [(name, text) for name in ("id", "class", "reference", "prediction")]
    fields += [(name, number) for name in ("tp", "fp", "fn", "tn")]
    fields += [(f"{name}_digest", text) for name in ("reference", "prediction")]
    fields += [(name, pa.float64()) for name in (*COLUMNS, DIAGONAL) if name in columns]
    return pa.schema(fields)


def score_schema() -> pa.Schema:
    """scores.parquet: pixels by stored score, foreground of the reference and the rest.

    `near` are those of the rest that are near a mask (`near_masks`); foreground always is.
    """
    import pyarrow as pa

    bins = pa.list_(pa.int64(), BINS)
    names = [("id", pa.string()), ("class", pa.string())]
    return pa.schema([*names, *((name, bins) for name in ("positives", "negatives", "near"))])
