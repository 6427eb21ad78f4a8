"""Files beside the listed ones that no row of samples.csv names: a row that vanished, perhaps."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from pathlib import Path

from segmetrics.data.kinds import SUFFIXES
from segmetrics.data.samples import SampleRow


def unlisted_files(rows: Iterable[SampleRow], root: Path) -> dict[str, int]:
    """How many images or volumes of each folder of listed images are in no row, by folder.

    Only names are looked at. Folders that hold no listed image are not, nor are subfolders.

    Parameters
    ----------
    rows
        All of samples.csv, every split.
    root
        What its paths are relative to.

    Returns
    -------
    dict
        Folder (relative to `root`, with `/`) -> files, above 0; sorted.
    """
    listed: dict[str, set[str]] = {}
    folders: set[str] = set()
    for row in rows:
        images = [_normal(path) for path in row.images]
        folders |= {posixpath.dirname(path) for path in images}
        for path in (*images, *map(_normal, (row.mask, *row.annotators.values()))):
            listed.setdefault(posixpath.dirname(path), set()).add(posixpath.basename(path))
    found = {folder: _others(root / folder, listed[folder]) for folder in sorted(folders)}
    return {folder: n for folder, n in found.items() if n}


def unlisted_note(rows: Iterable[SampleRow], root: Path, samples: Path) -> str:
    """One sentence about `unlisted_files`; empty where there are none."""
    found = unlisted_files(rows, root)
    if not found:
        return ""
    parts = [f"{n} in {(root / folder).as_posix()}" for folder, n in found.items()]
    n = sum(found.values())
    files, are = ("file", "is") if n == 1 else ("files", "are")
    return (
        f"{n} {files} beside the listed images {are} in no row of {samples} ({', '.join(parts)}): "
        f"nothing is said about them; add rows, unless they were left out on purpose"
    )


def _normal(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))


def _others(folder: Path, listed: set[str]) -> int:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names alone, of very many files perhaps
    except OSError:
        return 0  # whoever reads the images says what is wrong
    endings = tuple(SUFFIXES)
    # Some file systems know no capitals: `A.PNG` may be listed as `a.png`.
    known = {name.casefold() for name in listed}
    return sum(
        name.casefold().endswith(endings) and name[0] != "." and name.casefold() not in known
        for name in names
    )
