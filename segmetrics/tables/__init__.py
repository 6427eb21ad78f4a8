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

from segmetrics.tables.measured import Agreement, MeasuredImage, ObjectRows
from segmetrics.tables.parquet import read_table
from segmetrics.tables.reading import Measurements, read_measurements
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
from segmetrics.tables.writing import TABLES, write_table

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
