"""samples.csv: what there is."""

from __future__ import annotations

import difflib
import posixpath
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segmetrics.data.csv_text import read_csv
from segmetrics.errors import DataError, Problem

REQUIRED = ("id", "image", "mask", "split")
KNOWN = frozenset({*REQUIRED, "group"})
# Columns `image:<name>` are further input files, `mask:<name>` references of further annotators.
IMAGE, MASK = "image:", "mask:"
# Names of annotators become words of tables, metrics and MLflow.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# An annotator of such a name would be taken for the column `mask`, or for the model.
TAKEN = frozenset({"mask", "model"})
# What every file system takes as part of a file name.
_UNSAFE_ID = re.compile(r'[<>:"/\\|?*\x00-\x1f]|^\.|[. ]$|^$')


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row of samples.csv.

    Attributes
    ----------
    columns
        Those to slice by.
    channels
        Further input files by name (`image:<name>`), in the order of the columns.
    annotators
        Further references by annotator (`mask:<name>`); who did not annotate this sample is absent.
    line
        Where it stands in samples.csv; None: not known. It is no part of what the row says.
    """

    id: str
    image: str
    mask: str
    split: str
    group: str
    columns: Mapping[str, str]
    channels: Mapping[str, str] = field(default_factory=dict)
    annotators: Mapping[str, str] = field(default_factory=dict)
    line: int | None = field(default=None, compare=False)

    @property
    def images(self) -> tuple[str, ...]:
        """All input files, in the order in which the model takes them as channels."""
        return (self.image, *self.channels.values())


def read_samples(path: Path) -> list[SampleRow]:
    """Read samples.csv, sorted by id; without a `group` column every sample is its own group.

    Raises
    ------
    DataError
        The file is missing, not CSV, lacks a column, or rows are wrong: all of them are listed.
    """
    header, rows = read_csv(path, remedy="write it, or let `segmetrics init` write it")
    if len(header) == 1 and header[0].count(";") >= 3:
        what = "its fields are separated by semicolons"
        raise DataError(f"{path}:1", what, "save it with commas (CSV UTF-8, comma delimited)")
    lacking = [name for name in REQUIRED if name not in header]
    if lacking:
        raise DataError(
            f"{path}:1",
            f"lacks the column {', '.join(lacking)} (found: {', '.join(header)})",
            "the header is id,image,mask,split and optionally group and columns to slice by",
        )
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(f"{path}:1", f"repeats the column {', '.join(repeated)}", "rename one")
    _check_columns(f"{path}:1", header)
    problems = _row_problems(path, header, rows)
    if problems:
        raise DataError.of(problems, str(path))
    return sorted(
        (_row(dict(zip(header, row, strict=True)), line) for line, row in rows), key=lambda r: r.id
    )


def _check_columns(where: str, header: Sequence[str]) -> None:
    """Check the names after `image:` and `mask:`, and that `image` is the first of its kind."""
    for name in header:
        if len(name) > 1 and name[0] == name[-1] == '"':
            # A space before the quote makes it part of the name, and no rule finds the column.
            remedy = f"write {name[1:-1].strip()} without quotes, or no space before them"
            raise DataError(where, f"the column {name} has quotes in its name", remedy)
        kind, colon, rest = name.partition(":")
        if colon and kind in ("image", "mask") and not _NAME.fullmatch(rest):
            remedy = f"letters, digits and _ - . may stand after the colon, as in {kind}:a1"
            raise DataError(where, f'the column "{name}" has no name that can be used', remedy)
        if kind == "mask" and rest in TAKEN:
            what = f'the column "{name}" has a name that stands for something else'
            raise DataError(where, what, "name the annotator, as in mask:anna")
    before = [name for name in header[: header.index("image")] if name.startswith(IMAGE)]
    if before:
        what = f"the column image stands behind {', '.join(before)}"
        raise DataError(where, what, "input files become channels in column order: put image first")


def _row_problems(
    path: Path, header: Sequence[str], rows: Sequence[tuple[int, list[str]]]
) -> list[Problem]:
    problems = []
    seen: dict[str, int] = {}
    images: dict[str, int] = {}
    groups: dict[str, tuple[str, int]] = {}
    for line, row in rows:
        where = f"{path}:{line}"
        if len(row) != len(header):
            what = f"{len(row)} fields instead of {len(header)}, as many as the header has"
            remedy = "write an empty field between commas, and text with commas in double quotes"
            problems.append(Problem(where, what, remedy))
            continue
        fields = dict(zip(header, row, strict=True))
        needed = [*REQUIRED, *(name for name in header if name.startswith(IMAGE))]
        needed += ["group"] if "group" in fields else []
        empty = [name for name in needed if not fields[name]]
        if empty:
            # A sample without group would be one with all others, or independent: nobody said.
            remedy = "give every row one (its id if it is independent), or remove the column"
            filled = remedy if "group" in empty else "fill it in, or remove the row"
            problems.append(Problem(where, f"no {', '.join(empty)}", filled))
        sample = fields["id"]
        if sample and _UNSAFE_ID.search(sample):
            remedy = 'use letters, digits and _ - . (ids become file names: no / \\ : * ? " < > |)'
            problems.append(Problem(where, f'the id "{sample}" cannot be a file name', remedy))
        # Two ids that differ in case only would be one file on many systems.
        if sample and sample.lower() in seen:
            first = seen[sample.lower()]
            what = f'the id "{sample}" is that of line {first} already'
            problems.append(Problem(where, what, "give every row an id of its own"))
        seen.setdefault(sample.lower(), line)
        problems += _repeated_images(where, fields, images, line)
        problems += _respelt_group(where, fields.get("group", ""), groups, line)
    return problems


def _respelt_group(
    where: str, group: str, groups: dict[str, tuple[str, int]], line: int
) -> list[Problem]:
    """A group in two spellings would be two: seen as independent, and unseen in two splits."""
    folded = unicodedata.normalize("NFC", group).casefold()
    first, at = groups.setdefault(folded, (group, line))
    if group == first:
        return []
    text = f"the group {group!a} is written {first!a} in line {at}"
    return [Problem(where, text, "write it alike, or give it another name")]


def _repeated_images(
    where: str, fields: Mapping[str, str], images: dict[str, int], line: int
) -> list[Problem]:
    problems = []
    for name, value in fields.items():
        if not value or not (name == "image" or name.startswith(IMAGE)):
            continue
        image = posixpath.normpath(value.replace("\\", "/"))
        if image in images:
            text = f'the image "{image}" is that of line {images[image]} already'
            problems.append(Problem(where, text, "an image counts once"))
        images.setdefault(image, line)
    return problems


def _row(fields: dict[str, str], line: int) -> SampleRow:
    channels = {k.removeprefix(IMAGE): v for k, v in fields.items() if k.startswith(IMAGE)}
    masks = {k.removeprefix(MASK): v for k, v in fields.items() if k.startswith(MASK)}
    columns = {
        k: v for k, v in fields.items() if k not in KNOWN and not k.startswith((IMAGE, MASK))
    }
    return SampleRow(
        id=fields["id"],
        image=fields["image"],
        mask=fields["mask"],
        split=fields["split"],
        group=fields.get("group", fields["id"]),
        columns=columns,
        channels=channels,
        annotators={name: path for name, path in masks.items() if path},
        line=line,
    )


def check_splits(rows: Sequence[SampleRow], splits: Sequence[str], path: Path) -> None:
    """Check that no row is left out by a split that is mistyped; warn of unused ones.

    Raises
    ------
    DataError
        A split is written almost like a declared one (Test, tset, tests).
    """
    unused: dict[str, int] = {}
    for row in rows:
        if row.split not in splits:
            unused[row.split] = unused.get(row.split, 0) + 1
    problems = [
        Problem(
            str(path),
            f'{_rows_have(n)} the split "{split}", data.splits has "{meant}"',
            "write it alike, or give it a name that is not so near",
        )
        for split, n in unused.items()
        if (meant := _mistyped(split, splits)) is not None
    ]
    if problems:
        raise DataError.of(problems, str(path))
    if unused:
        listed = ", ".join(f"{split} ({n})" for split, n in sorted(unused.items()))
        warnings.warn(
            f"{path}: rows of splits that data.splits does not name are left out: {listed}",
            stacklevel=2,
        )


def _rows_have(n: int) -> str:
    return "1 row has" if n == 1 else f"{n} rows have"


def _mistyped(split: str, declared: Sequence[str]) -> str | None:
    """The declared split that this one may have been meant to be; `test2` is not `test`."""
    folded = {name.casefold(): name for name in declared}
    near = difflib.get_close_matches(split.casefold(), folded, n=1, cutoff=0.7)
    if (
        not near
        or _without_digits(near[0]) == _without_digits(split.casefold()) != split.casefold()
    ):
        return None
    return folded[near[0]]


def _without_digits(text: str) -> str:
    return re.sub(r"[\d_.-]", "", text)


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
