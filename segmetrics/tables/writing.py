"""From measured images to tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segmetrics.files import replacing
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.tables.measured import MeasuredImage
from segmetrics.tables.schema import (
    ANNOTATORS,
    BINS,
    CONFUSION,
    DIAGONAL,
    IMAGES,
    OBJECTS,
    OTHER,
    SCHEMA,
    SCORES,
    SIDES,
    Targets,
    annotator_schema,
    confusion_schema,
    image_schema,
    object_schema,
    score_schema,
)

if TYPE_CHECKING:
    import pyarrow as pa

META = b"segmetrics"


def image_table(images: Sequence[MeasuredImage], targets: Targets) -> pa.Table:
    """The rows of images.parquet for some images."""
    counts = [image.counts_of(targets) for image in images]
    four = np.array([[c.tp, c.fp, c.fn, c.tn] for c in counts], np.int64)
    digests = {
        name: [getattr(image, f"{name}_digest") for image in images]
        for name in ("image", "reference", "prediction")
    }
    stacked = four.reshape(len(images), 4, len(targets.names)).swapaxes(0, 1)
    measured = list(images[0].columns) if images else []
    columns = {name: np.stack([image.columns[name] for image in images]) for name in measured}
    if images and images[0].diagonal is not None:
        diagonals = [float(image.diagonal or 0) for image in images]
        columns[DIAGONAL] = np.repeat(diagonals, len(targets.names))
    ids = [image.id for image in images]
    return count_table(ids, ConfusionCounts(*stacked), digests, targets, columns)


def count_table(
    ids: Sequence[str],
    counts: ConfusionCounts,
    digests: Mapping[str, Sequence[str]],
    targets: Targets,
    columns: Mapping[str, npt.NDArray[np.float64]],
) -> pa.Table:
    """The rows of images.parquet from arrays of shape (n, R) and digests by what they are of."""
    import pyarrow as pa

    names = targets.names
    content: dict[str, Any] = {
        "id": [i for i in ids for _ in names],
        "class": list(names) * len(ids),
    }
    for name in ("tp", "fp", "fn", "tn"):
        content[name] = getattr(counts, name).reshape(-1)
    for name in ("image", "reference", "prediction"):
        content[f"{name}_digest"] = [digest for digest in digests[name] for _ in names]
    content |= {name: values.reshape(-1) for name, values in columns.items()}
    return pa.table(content, schema=image_schema(list(columns)))


def confusion_table(images: Sequence[MeasuredImage], targets: Targets) -> pa.Table:
    """The rows of confusion.parquet for some images: the pairs with at least one pixel."""
    import pyarrow as pa

    names = np.array([*targets.classes, OTHER])
    places = [np.nonzero(image.matrix) for image in images]
    ids = [image.id for image, (rows, _) in zip(images, places, strict=True) for _ in rows]
    columns = {
        "id": ids,
        "reference": names[_joined([rows for rows, _ in places], np.intp)].tolist(),
        "prediction": names[_joined([columns for _, columns in places], np.intp)].tolist(),
        "count": _joined([i.matrix[p] for i, p in zip(images, places, strict=True)], np.int64),
    }
    return pa.table(columns, schema=confusion_schema())


def object_table(images: Sequence[MeasuredImage], targets: Targets) -> pa.Table:
    """The rows of objects.parquet for some images."""
    import pyarrow as pa

    with_objects = [(i.id, i.objects) for i in images if i.objects is not None]
    rows = [objects for _, objects in with_objects]
    names, sides = np.array(targets.names), np.array(SIDES)
    columns: dict[str, Any] = {
        "id": [name for name, objects in with_objects for _ in objects.target],
        "class": names[_joined([o.target for o in rows], np.intp)].tolist(),
        "side": sides[_joined([o.predicted for o in rows], np.intp)].tolist(),
        "object": _joined([o.number for o in rows], np.int64),
    }
    columns |= {n: _joined([getattr(o, n) for o in rows], np.int64) for n in ("size", "matched")}
    columns |= {
        n: _joined([getattr(o, n) for o in rows], np.float64) for n in ("iou", "strict_iou")
    }
    columns["excused"] = _joined([o.excused for o in rows], np.int64)
    return pa.table(columns, schema=object_schema())


def score_table(images: Sequence[MeasuredImage], targets: Targets) -> pa.Table:
    """The rows of scores.parquet for some images."""
    import pyarrow as pa

    held = [
        (i, i.histograms, i.near) for i in images if i.histograms is not None and i.near is not None
    ]
    columns: dict[str, Any] = {
        "id": [image.id for image, _, _ in held for _ in image.scored],
        "class": [targets.names[k] for image, _, _ in held for k in image.scored],
    }
    parts = {
        "positives": [whole.positives for _, whole, _ in held],
        "negatives": [whole.negatives for _, whole, _ in held],
        "near": [near.negatives for _, _, near in held],
    }
    for name, counts in parts.items():
        bins = _joined([array.reshape(-1) for array in counts], np.int64)
        columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(bins), BINS)
    return pa.table(columns, schema=score_schema())


def annotator_table(images: Sequence[MeasuredImage], targets: Targets) -> pa.Table:
    """The rows of annotators.parquet for some images."""
    import pyarrow as pa

    pairs = [(image.id, a) for image in images for a in image.agreements]
    names = targets.names
    content: dict[str, Any] = {
        "id": [sample for sample, _ in pairs for _ in names],
        "class": list(names) * len(pairs),
    }
    for field in ("reference", "prediction", "reference_digest", "prediction_digest"):
        content[field] = [getattr(a, field) for _, a in pairs for _ in names]
    for field in ("tp", "fp", "fn", "tn"):
        content[field] = _joined([getattr(a.counts, field) for _, a in pairs], np.int64)
    columns = list(pairs[0][1].columns) if pairs else []
    for field in columns:
        content[field] = _joined([a.columns[field] for _, a in pairs], np.float64)
    if pairs and pairs[0][1].diagonal is not None:
        content[DIAGONAL] = np.repeat([float(a.diagonal or 0) for _, a in pairs], len(names))
        columns.append(DIAGONAL)
    return pa.table(content, schema=annotator_schema(columns))


def _joined(parts: Sequence[Any], kind: type) -> Any:
    return np.concatenate(parts).astype(kind, copy=False) if parts else np.zeros(0, kind)


# Every table by file name.
TABLES: Mapping[str, Callable[[Sequence[MeasuredImage], Targets], pa.Table]] = {
    CONFUSION: confusion_table,
    OBJECTS: object_table,
    SCORES: score_table,
    ANNOTATORS: annotator_table,
    IMAGES: image_table,
}


def write_table(path: Path, table: pa.Table, *, targets: Targets, key: str) -> None:
    """Write a table with its schema number, class names and settings key, whole or not at all."""
    import pyarrow.parquet as pq

    meta = {
        "schema": SCHEMA,
        "classes": list(targets.classes),
        "regions": [[name, list(members)] for name, members in targets.regions],
        "overlapping": targets.overlapping,
        "tables": list(targets.tables),
        "annotators": targets.annotators,
        "key": key,
        "rows": rows_digest(table),
    }
    with replacing(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata({META: json.dumps(meta)}), temporary, compression="zstd"
        )


def rows_digest(table: pa.Table) -> str:
    """SHA-256 of the rows: counts that were edited beside their digests are not reused."""
    import pyarrow as pa

    digest = hashlib.sha256()
    for name in table.schema.names:
        column = table.column(name).combine_chunks()
        if pa.types.is_fixed_size_list(column.type):
            column = column.flatten()
        numbers = column.type in (pa.int64(), pa.float64())
        content = (
            column.to_numpy(zero_copy_only=False).tobytes()
            if numbers
            else json.dumps(column.to_pylist()).encode()
        )
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()
