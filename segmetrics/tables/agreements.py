"""annotators.parquet as arrays: who was compared with whom, on which images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segmetrics.errors import DataError
from segmetrics.metrics.catalog import COLUMNS
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.observations import Observations
from segmetrics.tables.schema import DIAGONAL, Targets

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class AgreementTable:
    """One pair: `reference` and `prediction` name annotators, or the model.

    Attributes
    ----------
    ids
        The images that both of them have.
    observations
        Shape (n, R), in the order of `ids`.
    """

    reference: str
    prediction: str
    ids: tuple[str, ...]
    observations: Observations

    @property
    def name(self) -> str:
        """`anna vs ben`."""
        return f"{self.reference} vs {self.prediction}"


def read_agreements(
    table: pa.Table | None, ids: Sequence[str], targets: Targets, path: Path
) -> tuple[AgreementTable, ...]:
    """Rows of annotators.parquet by pair, in the order in which the pairs come.

    Raises
    ------
    DataError
        Rows are missing or repeated, or name images or classes that images.parquet lacks.
    """
    if table is None:
        return ()
    r = len(targets.names)
    left, right = table.column("reference").to_pylist(), table.column("prediction").to_pylist()
    places: dict[tuple[str, str], list[int]] = {}
    for row, pair in enumerate(zip(left, right, strict=True)):
        places.setdefault(pair, []).append(row)
    found = []
    for (reference, prediction), rows in places.items():
        own = table.take(rows)
        names = own.column("id").to_pylist()
        here = tuple(names[::r])
        whole = own.column("class").to_pylist() == list(targets.names) * len(here)
        whole &= names == [i for i in here for _ in range(r)] and len({*here}) == len(here)
        if not whole or not {*here} <= {*ids}:
            what = "rows are missing or repeated"
            raise DataError(str(path), what, f"delete {path.parent} and run `dvc repro`")
        found.append(AgreementTable(reference, prediction, here, _observed(own, len(here))))
    return tuple(found)


def _observed(table: pa.Table, n: int) -> Observations:
    def values(name: str) -> np.ndarray:
        return np.array(table.column(name).to_numpy()).reshape(n, -1)

    held = table.schema.names
    return Observations(
        counts=ConfusionCounts(*(values(name) for name in ("tp", "fp", "fn", "tn"))),
        columns={name: values(name) for name in COLUMNS if name in held},
        diagonals=values(DIAGONAL)[:, 0] if DIAGONAL in held else None,
    )
