"""The checked sample list of a split: what will be measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segmetrics.data.samples import read_csv
from segmetrics.errors import DataError
from segmetrics.files import write_text

_LIST_COLUMNS = ("id", "image", "mask", "shape", "image_sha256", "mask_sha256")


@dataclass(frozen=True, slots=True)
class Sample:
    """A checked sample: its files, the shape of the mask and SHA-256 digests of both files."""

    id: str
    image: Path
    mask: Path
    shape: tuple[int, ...]
    image_digest: str
    mask_digest: str


def sample_list_text(samples: Sequence[Sample]) -> str:
    """A sample list as CSV text, sorted by id."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_LIST_COLUMNS)
    for s in sorted(samples, key=lambda sample: sample.id):
        shape = "x".join(map(str, s.shape))
        writer.writerow(
            [s.id, s.image.as_posix(), s.mask.as_posix(), shape, s.image_digest, s.mask_digest]
        )
    return out.getvalue()


def image_list_text(samples: Sequence[Sample]) -> str:
    """The list that another predictor gets: id, image, shape, image_sha256; nothing of the mask."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "image", "shape", "image_sha256"])
    for s in sorted(samples, key=lambda sample: sample.id):
        shape = "x".join(map(str, s.shape))
        writer.writerow([s.id, s.image.as_posix(), shape, s.image_digest])
    return out.getvalue()


def write_sample_list(path: Path, samples: Sequence[Sample]) -> None:
    """Write `results/samples/<split>.csv`, whole or not at all."""
    write_text(path, sample_list_text(samples))


def read_sample_list(path: Path) -> list[Sample]:
    """Read what `write_sample_list` wrote.

    Raises
    ------
    DataError
        Missing or damaged.
    """
    header, rows = read_csv(path, remedy="run `dvc repro`")
    if tuple(header) != _LIST_COLUMNS or any(len(row) != len(header) for _, row in rows):
        raise DataError(str(path), "not a sample list", "run `dvc repro samples`")
    try:
        return [
            Sample(i, Path(image), Path(mask), tuple(map(int, shape.split("x"))), a, b)
            for _, (i, image, mask, shape, a, b) in rows
        ]
    except ValueError as error:
        raise DataError(str(path), f"not a sample list ({error})", "run `dvc repro`") from error
