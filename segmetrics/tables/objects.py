"""objects.parquet as arrays, and the object counts that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError
from segmetrics.metrics.object_counts import ObjectCounts
from segmetrics.tables.schema import SIDES, Targets

if TYPE_CHECKING:
    import pyarrow as pa

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ObjectTable:
    """Every object of a split: equally long arrays.

    Attributes
    ----------
    image, target
        The place of its image among the ids, and of its class or region among the R.
    predicted, size, matched, iou, strict_iou, excused
        As in `object_schema`; `matched` says whether it has a partner.
    shape
        (n, R).
    """

    image: Ints
    target: Ints
    predicted: npt.NDArray[np.bool_]
    size: Ints
    matched: npt.NDArray[np.bool_]
    iou: npt.NDArray[np.float64]
    strict_iou: npt.NDArray[np.float64]
    excused: npt.NDArray[np.bool_]
    shape: tuple[int, int]

    def counts(self) -> ObjectCounts:
        """Shape (n, R)."""
        return self.counts_by(np.zeros(self.size.size, np.int64), 1)[..., 0]

    def counts_by(self, bucket: Ints, n_buckets: int) -> ObjectCounts:
        """Shape (n, R, B): a pair belongs to the bucket of its reference object.

        Parameters
        ----------
        bucket
            `0 .. B - 1` for each object.
        """
        shape = (*self.shape, n_buckets)
        flat = (self.image * self.shape[1] + self.target) * n_buckets + bucket

        def count(chosen: npt.NDArray[np.bool_]) -> Ints:
            found = np.bincount(flat[chosen], minlength=int(np.prod(shape)))
            return found.reshape(shape).astype(np.int64)

        def total(chosen: npt.NDArray[np.bool_], values: npt.NDArray[np.float64]) -> np.ndarray:
            weights = np.where(chosen, values, 0.0)
            return np.bincount(flat, weights, minlength=int(np.prod(shape))).reshape(shape)

        real, false = ~self.predicted, self.predicted & ~self.excused
        strict = self.strict_iou > 0
        return ObjectCounts(
            tp=count(real & self.matched),
            fp=count(false & ~self.matched),
            fn=count(real & ~self.matched),
            sum_iou=total(real & self.matched, self.iou),
            pq_tp=count(real & strict),
            pq_fp=count(false & ~strict),
            pq_fn=count(real & ~strict),
            pq_sum_iou=total(real & strict, self.strict_iou),
        )


def read_objects(table: pa.Table, ids: Sequence[str], targets: Targets, path: Path) -> ObjectTable:
    """Rows of objects.parquet as arrays.

    Raises
    ------
    DataError
        A row names an unknown image, class or side.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known = {"id": list(ids), "class": list(targets.names), "side": list(SIDES)}
    places = {
        name: pc.index_in(table.column(name), pa.array(values, pa.string()))
        for name, values in known.items()
    }
    if any(column.null_count for column in places.values()):
        what = "names an image, class or side that images.parquet lacks"
        raise DataError(str(path), what, f"delete {path.parent} and run `dvc repro`")
    return ObjectTable(
        image=places["id"].to_numpy().astype(np.int64),
        target=places["class"].to_numpy().astype(np.int64),
        predicted=places["side"].to_numpy() == 1,
        size=table.column("size").to_numpy(),
        matched=table.column("matched").to_numpy() > 0,
        iou=table.column("iou").to_numpy(),
        strict_iou=table.column("strict_iou").to_numpy(),
        excused=table.column("excused").to_numpy() > 0,
        shape=(len(ids), len(targets.names)),
    )
