"""The measurement tables: the contract between `measure` and everything after it.

`images.parquet`: one row per image and class with the four counts and the digests of what was
counted. `confusion.parquet`: one row per image, reference class and predicted class (empty text: no
scored class) with at least one pixel. Both are sorted by id, so that neither the order of the
samples nor the number of workers changes a byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError
from segmetrics.files import replacing
from segmetrics.metrics.counts import ConfusionCounts

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = 1
IMAGES = "images.parquet"
CONFUSION = "confusion.parquet"
OTHER = ""  # the predicted class of a label that is no scored class
_META = b"segmetrics"


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredImage:
    """What one pass over a pair gives: the confusion matrix, shape (K, K + 1), and digests."""

    id: str
    image_digest: str
    reference_digest: str
    prediction_digest: str
    matrix: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """The tables of one split.

    Attributes
    ----------
    ids, image_digests, reference_digests, prediction_digests
        One entry per image, sorted by id.
    classes
        Class names, in declared order.
    counts
        Shape (n, K).
    confusion
        int64, shape (K, K + 1): all images together; last column: no scored class.
    key
        Digest of the settings that the counts depend on.
    """

    ids: tuple[str, ...]
    image_digests: tuple[str, ...]
    reference_digests: tuple[str, ...]
    prediction_digests: tuple[str, ...]
    classes: tuple[str, ...]
    counts: ConfusionCounts
    confusion: npt.NDArray[np.int64]
    key: str


def image_table(images: Sequence[MeasuredImage], classes: Sequence[str]) -> pa.Table:
    """The rows of images.parquet for some images."""
    counts = [ConfusionCounts.from_matrix(image.matrix) for image in images]
    four = np.array([[c.tp, c.fp, c.fn, c.tn] for c in counts], np.int64)
    digests = {
        name: [getattr(image, f"{name}_digest") for image in images]
        for name in ("image", "reference", "prediction")
    }
    stacked = four.reshape(len(images), 4, len(classes)).swapaxes(0, 1)
    return count_table([i.id for i in images], ConfusionCounts(*stacked), digests, classes)


def count_table(
    ids: Sequence[str],
    counts: ConfusionCounts,
    digests: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> pa.Table:
    """The rows of images.parquet from counts of shape (n, K) and digests by what they are of."""
    import pyarrow as pa

    columns: dict[str, Any] = {
        "id": [i for i in ids for _ in classes],
        "class": list(classes) * len(ids),
    }
    for name in ("tp", "fp", "fn", "tn"):
        columns[name] = getattr(counts, name).reshape(-1)
    for name in ("image", "reference", "prediction"):
        columns[f"{name}_digest"] = [digest for digest in digests[name] for _ in classes]
    return pa.table(columns, schema=_image_schema())


def confusion_table(images: Sequence[MeasuredImage], classes: Sequence[str]) -> pa.Table:
    """The rows of confusion.parquet for some images: the pairs with at least one pixel."""
    import pyarrow as pa

    names = [*classes, OTHER]
    rows: list[tuple[str, str, str, int]] = []
    for image in images:
        for r, p in np.argwhere(image.matrix):
            rows.append((image.id, names[r], names[p], int(image.matrix[r, p])))
    ids, references, predictions, counts = zip(*rows, strict=True) if rows else ((),) * 4
    return pa.table(
        {"id": ids, "reference": references, "prediction": predictions, "count": counts},
        schema=_confusion_schema(),
    )


def _image_schema() -> pa.Schema:
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    fields = [("id", text), ("class", text)]
    fields += [(name, number) for name in ("tp", "fp", "fn", "tn")]
    fields += [(f"{name}_digest", text) for name in ("image", "reference", "prediction")]
    return pa.schema(fields)


def _confusion_schema() -> pa.Schema:
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [("id", text), ("reference", text), ("prediction", text), ("count", pa.int64())]
    )


def write_table(path: Path, table: pa.Table, *, classes: Sequence[str], key: str) -> None:
    """Write a table with its schema number, class names and settings key, whole or not at all."""
    import pyarrow.parquet as pq

    meta = {"schema": SCHEMA, "classes": list(classes), "key": key, "rows": _rows_digest(table)}
    with replacing(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata({_META: json.dumps(meta)}), temporary, compression="zstd"
        )


def _rows_digest(table: pa.Table) -> str:
    """SHA-256 of the rows: counts that were edited beside their digests are not reused."""
    digest = hashlib.sha256()
    for name in table.schema.names:
        column = table.column(name)
        numbers = column.type == "int64"
        content = (
            column.to_numpy().tobytes() if numbers else json.dumps(column.to_pylist()).encode()
        )
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()


def read_table(path: Path) -> tuple[pa.Table, Mapping[str, Any]]:
    """A table and its metadata (`schema`, `classes`, `key`).

    Raises
    ------
    DataError
        The file is missing, unreadable, or not one of ours.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not memory-mapped and without threads: the file may be replaced while others read.
        table = pq.ParquetFile(path).read(use_threads=False)
        meta = json.loads((table.schema.metadata or {})[_META])
    except FileNotFoundError as error:
        raise DataError(str(path), "there is no such table", "run `dvc repro`") from error
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise DataError(
            str(path), f"not a measurement table ({error})", "delete it and run `dvc repro`"
        ) from error
    if meta.get("schema") != SCHEMA:
        raise DataError(
            str(path), f"schema {meta.get('schema')} instead of {SCHEMA}", "run `dvc repro -f`"
        )
    if meta.get("rows") != _rows_digest(table):
        what = "its rows are not those that were written"
        raise DataError(str(path), what, f"delete {path.parent} and run `dvc repro`")
    known = (_image_schema(), _confusion_schema())
    if not {"classes", "key"} <= meta.keys() or table.schema.remove_metadata() not in known:
        what = f"not a measurement table (columns: {', '.join(table.schema.names)})"
        raise DataError(str(path), what, "delete it and run `dvc repro`")
    return table, meta


def read_measurements(folder: Path) -> Measurements:
    """Read the tables of a split and check that they are complete.

    Raises
    ------
    DataError
        A table is missing or damaged, an image lacks a class, or the two tables disagree.
    """
    images, meta = read_table(folder / IMAGES)
    pairs, _ = read_table(folder / CONFUSION)
    classes = tuple(meta["classes"])
    k = len(classes)
    n = images.num_rows // k if k else 0
    names = images.column("class").to_pylist()
    rows = images.column("id").to_pylist()
    ids = rows[::k] if k else []
    whole = names == list(classes) * n and rows == [i for i in ids for _ in classes]
    if not whole or len(set(ids)) != n:
        raise DataError(
            str(folder / IMAGES), "rows are missing or repeated", "delete it and run `dvc repro`"
        )
    counts = ConfusionCounts(
        *(
            images.column(name).to_numpy().astype(np.int64, copy=False).reshape(n, k)
            for name in ("tp", "fp", "fn", "tn")
        )
    )
    confusion = _sum_confusion(pairs, classes)
    if confusion is None or not _same(ConfusionCounts.from_matrix(confusion), counts.sum()):
        raise DataError(
            str(folder),
            "images.parquet and confusion.parquet disagree",
            "delete it and run `dvc repro`",
        )
    digests = {
        name: tuple(images.column(f"{name}_digest").to_pylist()[::k])
        for name in ("image", "reference", "prediction")
    }
    return Measurements(
        ids=tuple(ids),
        image_digests=digests["image"],
        reference_digests=digests["reference"],
        prediction_digests=digests["prediction"],
        classes=classes,
        counts=counts,
        confusion=confusion,
        key=meta["key"],
    )


def _same(a: ConfusionCounts, b: ConfusionCounts) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("tp", "fp", "fn", "tn")
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
