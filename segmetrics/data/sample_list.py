"""The checked sample list of a split: what will be measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segmetrics.data.csv_text import read_csv
from segmetrics.errors import DataError
from segmetrics.files import sha256_json, write_text

_LIST_COLUMNS = ("id", "image", "mask", "shape", "image_sha256", "mask_sha256")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file and the SHA-256 digest that it had when it was checked."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A checked sample: its files with their digests, and the shape of the mask.

    Attributes
    ----------
    shape
        Of the mask, one number an axis: (height, width), or three of a volume in the order in which
        its array is stored ((x, y, z) for NIfTI, (page, height, width) for TIFF).
    file_digest
        SHA-256 of `image` alone; `image_digest` stands for all input files.
    channels
        Further input files by name, in the order in which they follow `image` as channels.
    annotators
        References by further annotators; who did not annotate this sample is absent.
    spacing
        Distance of neighbouring elements by axis, in the unit of the file's header; None where the
        file does not say.
    """

    id: str
    image: Path
    mask: Path
    shape: tuple[int, ...]
    file_digest: str
    mask_digest: str
    channels: Mapping[str, ListedFile] = field(default_factory=dict)
    annotators: Mapping[str, ListedFile] = field(default_factory=dict)
    spacing: tuple[float, ...] | None = None

    @property
    def images(self) -> tuple[Path, ...]:
        """All input files, in the order in which the model takes them as channels."""
        return (self.image, *(file.path for file in self.channels.values()))

    @property
    def image_digests(self) -> tuple[str, ...]:
        """The digests of `images`."""
        return (self.file_digest, *(file.digest for file in self.channels.values()))

    @property
    def image_digest(self) -> str:
        """One digest of all input files: that of the file where there is only one."""
        if not self.channels:
            return self.file_digest
        return sha256_json(list(self.image_digests))

    @property
    def files(self) -> tuple[ListedFile, ...]:
        """Every file of the sample: input files, mask, masks of further annotators."""
        own = ListedFile(self.image, self.file_digest), ListedFile(self.mask, self.mask_digest)
        return (*own, *self.channels.values(), *self.annotators.values())


def sample_list_text(samples: Sequence[Sample]) -> str:
    """A sample list as CSV text, sorted by id.

    After the first columns come `image:<name>`, `image_sha256:<name>`, `mask:<name>`,
    `mask_sha256:<name>` and `spacing`, each only where a sample has it: a list without them is what
    it always was.
    """
    return _csv_text(samples, [_record(s) for s in samples], _LIST_COLUMNS)


def image_list_text(samples: Sequence[Sample]) -> str:
    """The list that another predictor gets, sorted by id; nothing of the masks.

    Its columns are id, image, shape, image_sha256 and, only where a sample has them,
    `image:<name>`, `image_sha256:<name>` and `spacing`.
    """
    columns = [column for column in _LIST_COLUMNS if not column.startswith("mask")]
    hidden = [
        {column: text for column, text in _record(s).items() if not column.startswith("mask")}
        for s in samples
    ]
    return _csv_text(samples, hidden, columns)


def _record(sample: Sample) -> dict[str, str]:
    """The fields of one line, by column, as far as this sample has them."""
    values = (
        sample.id,
        sample.image.as_posix(),
        sample.mask.as_posix(),
        "x".join(map(str, sample.shape)),
        sample.file_digest,
        sample.mask_digest,
    )
    record = dict(zip(_LIST_COLUMNS, values, strict=True))
    for kind, files in (("image", sample.channels), ("mask", sample.annotators)):
        for name, file in files.items():
            record[f"{kind}:{name}"] = file.path.as_posix()
            record[f"{kind}_sha256:{name}"] = file.digest
    if sample.spacing is not None:
        # repr: the shortest text that gives the same number when it is read.
        record["spacing"] = "x".join(repr(float(n)) for n in sample.spacing)
    return record


def _csv_text(
    samples: Sequence[Sample], records: Sequence[Mapping[str, str]], first: Sequence[str]
) -> str:
    """Records as CSV; channels in their order, annotators by name, `spacing` last."""
    found = dict.fromkeys(column for record in records for column in record)
    channels = [c for c in found if c.startswith(("image:", "image_sha256:"))]
    names = sorted({name for s in samples for name in s.annotators})
    masks = [c for n in names for c in (f"mask:{n}", f"mask_sha256:{n}") if c in found]
    spacing = ["spacing"] if "spacing" in found else []
    out = io.StringIO(newline="")
    columns = [*first, *channels, *masks, *spacing]
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(records, key=lambda record: record["id"]))
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
    known = tuple(header[: len(_LIST_COLUMNS)]) == _LIST_COLUMNS
    more = header[len(_LIST_COLUMNS) :]
    prefixes = tuple(f"{c}:" for c in ("image", "image_sha256", "mask", "mask_sha256"))
    known = known and all(c == "spacing" or c.startswith(prefixes) for c in more)
    if not known or any(len(row) != len(header) for _, row in rows):
        raise DataError(str(path), "not a sample list", "run `dvc repro samples`")
    try:
        return [_sample(dict(zip(header, row, strict=True))) for _, row in rows]
    except (KeyError, ValueError) as error:
        raise DataError(str(path), f"not a sample list ({error})", "run `dvc repro`") from error


def _sample(record: Mapping[str, str]) -> Sample:
    spacing = record.get("spacing", "")
    return Sample(
        id=record["id"],
        image=Path(record["image"]),
        mask=Path(record["mask"]),
        shape=tuple(map(int, record["shape"].split("x"))),
        file_digest=record["image_sha256"],
        mask_digest=record["mask_sha256"],
        channels=_listed(record, "image"),
        annotators=_listed(record, "mask"),
        spacing=tuple(map(float, spacing.split("x"))) if spacing else None,
    )


def _listed(record: Mapping[str, str], kind: str) -> dict[str, ListedFile]:
    files = {}
    for column, path in record.items():
        if not column.startswith(f"{kind}:"):
            continue
        name = column.partition(":")[2]
        digest = record[f"{kind}_sha256:{name}"]
        if path and digest:
            files[name] = ListedFile(Path(path), digest)
        elif kind == "image" or path or digest:  # an annotator may be missing, an input file not
            raise ValueError(f"no file or digest in {column}")
    return files
