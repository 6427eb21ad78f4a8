"""samples.csv (what there is) and the checked sample list of a split (what will be measured)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmetrics.errors import ConfigError, DataError, Problem
from segmetrics.files import write_text

REQUIRED = ("id", "image", "mask", "split")
KNOWN = frozenset({*REQUIRED, "group"})
_LIST_COLUMNS = ("id", "image", "mask", "shape", "image_sha256", "mask_sha256")
# What every file system takes as part of a file name.
_UNSAFE_ID = re.compile(r'[<>:"/\\|?*\x00-\x1f]|^\.|[. ]$|^$')


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row of samples.csv; `columns` are those to slice by."""

    id: str
    image: str
    mask: str
    split: str
    group: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A checked sample: its files, the shape of the mask and SHA-256 digests of both files."""

    id: str
    image: Path
    mask: Path
    shape: tuple[int, ...]
    image_digest: str
    mask_digest: str


def read_samples(path: Path) -> list[SampleRow]:
    """Read samples.csv, sorted by id; without a `group` column every sample is its own group.

    Raises
    ------
    DataError
        The file is missing, not CSV, lacks a column, or rows are wrong: all of them are listed.
    """
    header, rows = _read_csv(path)
    lacking = [name for name in REQUIRED if name not in header]
    if lacking:
        raise DataError(
            f"{path}:1",
            f"lacks the column {', '.join(lacking)} (found: {', '.join(header)})",
            "the header is id,image,mask,split and optionally group and columns to slice by",
        )
    annotators = [name for name in header if name.startswith("mask:")]
    if annotators:
        raise DataError(
            f"{path}:1",
            f"columns of several annotators ({', '.join(annotators)}) are not supported yet",
            "keep one mask column",
        )
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(f"{path}:1", f"repeats the column {', '.join(repeated)}")
    problems = _row_problems(path, header, rows)
    if problems:
        raise DataError.of(problems, str(path))
    return sorted(
        (_row(dict(zip(header, row, strict=True))) for _, row in rows), key=lambda r: r.id
    )


def _read_csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and (line number, fields) of the rows that are not blank."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(
            str(path), "there is no such file", "write it, or let `segmetrics init` write it"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(str(path), f"cannot be read as UTF-8 text ({error})") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, [f.strip() for f in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}", f"not CSV ({error})") from error
    if not rows:
        raise DataError(str(path), "is empty", "its header is id,image,mask,split")
    return rows[0][1], rows[1:]


def _row_problems(
    path: Path, header: Sequence[str], rows: Sequence[tuple[int, list[str]]]
) -> list[Problem]:
    problems = []
    seen: dict[str, int] = {}
    for line, row in rows:
        where = f"{path}:{line}"
        if len(row) != len(header):
            problems.append(Problem(where, f"{len(row)} fields instead of {len(header)}"))
            continue
        fields = dict(zip(header, row, strict=True))
        empty = [name for name in REQUIRED if not fields[name]]
        if "group" in fields and not fields["group"]:
            empty.append("group")
        if empty:
            problems.append(Problem(where, f"no {', '.join(empty)}"))
        sample = fields["id"]
        if sample and _UNSAFE_ID.search(sample):
            remedy = 'use letters, digits and _ - . (ids become file names: no / \\ : * ? " < > |)'
            problems.append(Problem(where, f'the id "{sample}" cannot be a file name', remedy))
        # Two ids that differ in case only would be one file on many systems.
        if sample and sample.lower() in seen:
            first = seen[sample.lower()]
            problems.append(Problem(where, f'the id "{sample}" is that of line {first} already'))
        seen.setdefault(sample.lower(), line)
    return problems


def _row(fields: dict[str, str]) -> SampleRow:
    columns = {name: value for name, value in fields.items() if name not in KNOWN}
    return SampleRow(
        id=fields["id"],
        image=fields["image"],
        mask=fields["mask"],
        split=fields["split"],
        group=fields.get("group", fields["id"]),
        columns=columns,
    )


def rows_of_split(rows: Sequence[SampleRow], split: str, path: Path) -> list[SampleRow]:
    """The rows of one split.

    Raises
    ------
    DataError
        There are none.
    """
    chosen = [row for row in rows if row.split == split]
    if not chosen:
        found = ", ".join(sorted({row.split for row in rows})) or "none"
        raise DataError(
            str(path),
            f'no samples in the split "{split}" (splits there: {found})',
            "mend the split column or data.splits in params.yaml",
        )
    return chosen


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
    header, rows = _read_csv(path)
    if tuple(header) != _LIST_COLUMNS or any(len(row) != len(header) for _, row in rows):
        raise DataError(str(path), "not a sample list", "run `dvc repro samples`")
    try:
        return [
            Sample(i, Path(image), Path(mask), tuple(map(int, shape.split("x"))), a, b)
            for _, (i, image, mask, shape, a, b) in rows
        ]
    except ValueError as error:
        raise DataError(str(path), f"not a sample list ({error})", "run `dvc repro`") from error


def pair_by_stem(
    left: Mapping[str, Path], right: Mapping[str, Path], names: tuple[str, str]
) -> list[str]:
    """The stems that both folders have, after a check that there are no others.

    Raises
    ------
    DataError
        Partners are missing or there is nothing to pair; all are listed together.
    """
    problems = [
        Problem(str(path), f"has no {names[1]} of the same name")
        for stem, path in sorted(left.items())
        if stem not in right
    ]
    problems += [
        Problem(str(path), f"has no {names[0]} of the same name")
        for stem, path in sorted(right.items())
        if stem not in left
    ]
    if problems:
        raise DataError.of(problems, f"pairing {names[0]}s with {names[1]}s by file name")
    return sorted(left)


def files_by_stem(folder: Path, suffixes: frozenset[str], what: str) -> dict[str, Path]:
    """The files of a folder with one of the suffixes, by stem.

    Raises
    ------
    DataError
        No such folder, no such file in it, or two files of one stem.
    """
    if not folder.is_dir():
        raise DataError(str(folder), "there is no such folder")
    files: dict[str, Path] = {}
    problems = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        if path.stem in files:
            text = f"has the same name as {files[path.stem].name} but for the ending"
            problems.append(Problem(str(path), text, "keep one of them"))
        files[path.stem] = path
    if problems:
        raise DataError.of(problems, str(folder))
    if not files:
        endings = " ".join(sorted(suffixes))
        raise DataError(str(folder), f"holds no {what} ({endings})")
    return files


def require_root(root: Path) -> None:
    """Check that the folder which samples.csv points into is there.

    Raises
    ------
    ConfigError
        It is not.
    """
    if not root.is_dir():
        raise ConfigError("data.root", f'there is no folder "{root}"', "mend params.yaml")
