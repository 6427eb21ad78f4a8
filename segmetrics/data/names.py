"""The files of two folders, paired by name: text alone, for folders of many files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from segmetrics.data.folders import files_by_stem, pair_by_stem
from segmetrics.data.pictures import SUFFIXES


class PairNames(NamedTuple):
    """The file names of a pair, and what both are called without ending."""

    stem: str
    reference: str
    prediction: str


def pair_names(references: Path, predictions: Path) -> list[PairNames]:
    """The pairs of two folders of masks, sorted by stem.

    Raises
    ------
    DataError
        As `files_by_stem` and `pair_by_stem`, which do the same for folders that hold more than
        masks, or masks without partner.
    """
    left, right = _plain_names(references), _plain_names(predictions)
    if not left or not right or left.keys() != right.keys():
        files = [files_by_stem(folder, SUFFIXES, "mask") for folder in (references, predictions)]
        pair_by_stem(files[0], files[1], ("reference", "prediction"))
        left, right = ({stem: path.name for stem, path in by.items()} for by in files)
    return [PairNames(stem, left[stem], right[stem]) for stem in sorted(left)]


def _plain_names(folder: Path) -> dict[str, str] | None:
    """File names by stem; None unless the folder holds masks and nothing else.

    A `Path` for each of 100,000 files would take seconds and 100 MB.
    """
    if not folder.is_dir():
        return None
    names: dict[str, str] = {}
    for name in os.listdir(folder):  # noqa: PTH208 - a Path each is what this avoids
        stem, dot, ending = name.rpartition(".")
        if dot + ending.lower() not in SUFFIXES or name.startswith(".") or stem in names:
            return None
        names[stem] = name
    return names
