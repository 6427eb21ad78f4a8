"""The measurement tables: the contract between `measure` and everything after it.

- `images.parquet`: one row per image and class or region with the four counts, the digests of what
  was counted, and whatever else `measure` was asked for.
- `confusion.parquet`: one row per image, reference class and predicted class (empty text: no scored
  class) with at least one pixel.
- `objects.parquet`: one row per reference or predicted object.
- `annotators.parquet`: as `images.parquet`, for every pair of annotators and each of them with the
  model.
- `scores.parquet`: one row per image and class with 256 counts of positives and of negatives.

All are sorted by id, so that neither the order of the samples nor the number of workers changes a
byte.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from segmetrics.tables.measured import Agreement, MeasuredImage, ObjectRows
from segmetrics.tables.schema import (
    ANNOTATORS,
    CONFUSION,
    FIRST,
    IMAGES,
    MODEL,
    OBJECTS,
    OTHER,
    SCHEMA,
    SCORES,
    Targets,
)

if TYPE_CHECKING:  # the names of `_LAZY` once more, for type checkers and editors
    from segmetrics.tables.parquet import read_table
    from segmetrics.tables.reading import Measurements, read_measurements
    from segmetrics.tables.writing import TABLES, write_table

# What measuring itself does not need, loaded when it is first used.
_LAZY = {
    "Measurements": "reading",
    "TABLES": "writing",
    "read_measurements": "reading",
    "read_table": "parquet",
    "write_table": "writing",
}

__all__ = [
    "ANNOTATORS",
    "CONFUSION",
    "FIRST",
    "IMAGES",
    "MODEL",
    "OBJECTS",
    "OTHER",
    "SCHEMA",
    "SCORES",
    "TABLES",
    "Agreement",
    "MeasuredImage",
    "Measurements",
    "ObjectRows",
    "Targets",
    "read_measurements",
    "read_table",
    "write_table",
]


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value  # found at once the next time
    return value
