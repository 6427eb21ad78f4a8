"""Reading the tables of a split, complete or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError
from segmetrics.metrics.catalog import COLUMNS
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.histograms import ScoreHistogram
from segmetrics.stats.observations import Observations
from segmetrics.tables.agreements import AgreementTable, read_agreements
from segmetrics.tables.measured import count_targets
from segmetrics.tables.objects import ObjectTable, read_objects
from segmetrics.tables.parquet import asked_table, read_table, targets_of
from segmetrics.tables.schema import (
    ANNOTATORS,
    BINS,
    CONFUSION,
    DIAGONAL,
    IMAGES,
    OBJECTS,
    OTHER,
    SCORES,
    Targets,
)

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """The tables of one split.

    Attributes
    ----------
    ids, image_digests, reference_digests, prediction_digests
        One entry per image, sorted by id.
    targets
        Classes and regions.
    observations
        Everything that metrics are computed from.
    objects
        Every object, where objects were asked for.
    confusion
        int64, shape (K, K + 1): all images together; last column: no scored class.
    key
        Digest of the settings that the counts depend on.
    agreements
        The further annotators with one another and with the model.
    """

    ids: tuple[str, ...]
    image_digests: tuple[str, ...]
    reference_digests: tuple[str, ...]
    prediction_digests: tuple[str, ...]
    targets: Targets
    observations: Observations
    objects: ObjectTable | None
    confusion: npt.NDArray[np.int64]
    key: str
    agreements: tuple[AgreementTable, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of classes and regions."""
        return self.targets.names

    @property
    def counts(self) -> ConfusionCounts:
        """Shape (n, R)."""
        return self.observations.counts


def read_measurements(folder: Path) -> Measurements:
    """Read the tables of a split and check that they are complete.

    Raises
    ------
    DataError
        A table is missing or damaged, an image lacks a class, or the tables disagree.
    """
    images, meta = read_table(folder / IMAGES)
    pairs, other = read_table(folder / CONFUSION)
    targets = targets_of(meta)
    ids = _ids(images, targets, folder / IMAGES)
    four = [_by_image(images, name, ids) for name in ("tp", "fp", "fn", "tn")]
    counts = ConfusionCounts(*four) if ids else ConfusionCounts.zeros((0, len(targets.names)))
    confusion = _sum_confusion(pairs, targets.classes)
    if other["key"] != meta["key"] or not _agree(confusion, counts, targets):
        what = "images.parquet and confusion.parquet disagree"
        raise DataError(str(folder), what, "delete it and run `dvc repro`")
    objects = asked_table(folder / OBJECTS, meta)
    scores = asked_table(folder / SCORES, meta)
    table = None if objects is None else read_objects(objects, ids, targets, folder / OBJECTS)
    histograms, near, scored = _histograms(scores, ids, targets, folder / SCORES)
    names = [name for name in images.schema.names if name in COLUMNS]
    diagonal = DIAGONAL in images.schema.names
    observations = Observations(
        counts=counts,
        columns={name: _by_image(images, name, ids) for name in names},
        diagonals=_by_image(images, DIAGONAL, ids)[:, 0] if diagonal else None,
        objects=None if table is None else table.counts(),
        histograms=histograms,
        near=near,
        scored=scored,
    )
    digests = {
        name: tuple(images.column(f"{name}_digest").to_pylist()[:: len(targets.names)])
        for name in ("image", "reference", "prediction")
    }
    return Measurements(
        ids=tuple(ids),
        image_digests=digests["image"],
        reference_digests=digests["reference"],
        prediction_digests=digests["prediction"],
        targets=targets,
        observations=observations,
        objects=table,
        confusion=np.zeros((0, 1), np.int64) if confusion is None else confusion,
        key=meta["key"],
        agreements=read_agreements(
            asked_table(folder / ANNOTATORS, meta), ids, targets, folder / ANNOTATORS
        ),
    )


def _ids(images: pa.Table, targets: Targets, path: Path) -> list[str]:
    """The ids, once every image has exactly one row for each class and region."""
    names = targets.names
    r = len(names)
    rows = images.column("id").to_pylist()
    ids: list[str] = rows[::r] if r else []
    whole = images.column("class").to_pylist() == list(names) * len(ids)
    if not whole or rows != [i for i in ids for _ in names] or len(set(ids)) != len(ids):
        raise DataError(str(path), "rows are missing or repeated", "delete it and run `dvc repro`")
    return ids


def _by_image(images: pa.Table, name: str, ids: Sequence[str]) -> npt.NDArray[Any]:
    values = np.array(images.column(name).to_numpy())
    return values.reshape(len(ids), values.size // max(len(ids), 1))


def _agree(
    confusion: npt.NDArray[np.int64] | None, counts: ConfusionCounts, targets: Targets
) -> bool:
    if confusion is None:
        return False
    if targets.overlapping:
        return not confusion.any()
    found, written = count_targets(confusion, targets), counts.sum()
    return all(
        np.array_equal(getattr(found, name), getattr(written, name))
        for name in ("tp", "fp", "fn", "tn")
    )


def _sum_confusion(pairs: pa.Table, classes: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """The confusion matrix of all images; None where a row names no class."""
    import pyarrow as pa
    import pyarrow.compute as pc

    k = len(classes)
    names = pa.array([*classes, OTHER])
    r, p = (pc.index_in(pairs.column(name), names) for name in ("reference", "prediction"))
    if r.null_count or p.null_count or (r.to_numpy() == k).any():
        return None
    matrix = np.zeros((k, k + 1), np.int64)
    np.add.at(matrix, (r.to_numpy(), p.to_numpy()), pairs.column("count").to_numpy())
    return matrix


def _histograms(
    scores: pa.Table | None, ids: Sequence[str], targets: Targets, path: Path
) -> tuple[ScoreHistogram | None, ScoreHistogram | None, tuple[int, ...]]:
    if scores is None or not scores.num_rows:
        return None, None, ()
    names = list(dict.fromkeys(scores.column("class").to_pylist()))
    rows = list(zip(*(scores.column(n).to_pylist() for n in ("id", "class")), strict=True))
    if rows != [(i, name) for i in ids for name in names] or not {*names} <= {*targets.names}:
        raise DataError(str(path), "rows are missing or repeated", "delete it and run `dvc repro`")
    shape = (len(ids), len(names), BINS)
    positives, negatives, near = (
        scores.column(side).combine_chunks().flatten().to_numpy().reshape(shape)
        for side in ("positives", "negatives", "near")
    )
    whole, close = ScoreHistogram(positives, negatives), ScoreHistogram(positives, near)
    return whole, close, tuple(targets.names.index(name) for name in names)
