"""Files of folders, paired by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from segmetrics.data.kinds import UNREAD_SUFFIXES, stem_of, suffix_of
from segmetrics.errors import DataError, Problem


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
        No such folder, no such file in it, two files of one stem, or pictures of a format that is
        not read: half a test set must not vanish.
    """
    if not folder.is_dir():
        raise DataError(str(folder), "there is no such folder")
    files: dict[str, Path] = {}
    problems = []
    for path in sorted(folder.iterdir()):
        if suffix_of(path) in UNREAD_SUFFIXES and not path.name.startswith("."):
            text = f"is a {path.suffix} file, which is not read"
            problems.append(Problem(str(path), text, "convert it to PNG, or move it away"))
        if suffix_of(path) not in suffixes or path.name.startswith("."):
            continue
        stem = stem_of(path)
        if stem in files:
            text = f"has the same name as {files[stem].name} but for the ending"
            problems.append(Problem(str(path), text, "keep one of them"))
        files[stem] = path
    if problems:
        raise DataError.of(problems, str(folder))
    if not files:
        endings = " ".join(sorted(suffixes))
        raise DataError(str(folder), f"holds no {what} ({endings})")
    return files
