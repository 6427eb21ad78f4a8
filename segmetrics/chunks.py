"""The finished chunks of a measurement: written as they come, reused, and merged at the end."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.errors import DataError
from segmetrics.tables import (
    ANNOTATORS,
    FIRST,
    IMAGES,
    MODEL,
    OTHER,
    TABLES,
    MeasuredImage,
    Targets,
    read_table,
    write_table,
)
from segmetrics.tables.schema import SIDES

if TYPE_CHECKING:
    import pyarrow as pa

_FOLDER = "parts"
# Of image, reference and prediction.
Digests = tuple[str, str, str]


class Parts:
    """The finished chunks of a split and their merging into its tables.

    Parameters
    ----------
    out
        `results/measurements/<split>`.
    targets
        Classes and regions.
    key
        Digest of the settings that the counts depend on; a chunk of another key is not reused.
    """

    def __init__(self, out: Path, targets: Targets, key: str) -> None:
        self.out, self._targets, self._key = out, targets, key
        self._folder = out / _FOLDER
        self._next = 0
        self._tables: dict[str, list[pa.Table]] = {name: [] for name in targets.tables}

    @property
    def any(self) -> bool:
        """Whether an earlier run left anything."""
        return (self.out / IMAGES).exists() or self._folder.is_dir()

    def finished(self, wanted: Mapping[str, Digests]) -> set[str]:
        """Load what an earlier run left and keep what is still true of the wanted samples."""
        folders = [self.out]
        if self._folder.is_dir():
            folders += sorted(p for p in self._folder.iterdir() if p.is_dir())
            self._next = 1 + max((int(p.name) for p in folders[1:]), default=-1)
        done: set[str] = set()
        for folder in folders:
            done |= self._load(folder, wanted, done)
        return done

    def _load(self, folder: Path, wanted: Mapping[str, Digests], done: set[str]) -> set[str]:
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            read = {name: read_table(folder / name) for name in self._targets.tables}
        except DataError:
            return set()  # nothing there, or half of it: measured again
        wanted_meta = {(self._key, self._targets.annotators)}
        if {(meta["key"], meta["annotators"]) for _, meta in read.values()} != wanted_meta:
            return set()
        images = read[IMAGES][0]
        columns = [f"{name}_digest" for name in ("image", "reference", "prediction")]
        rows = zip(*(images.column(name).to_pylist() for name in ["id", *columns]), strict=True)
        found = {i for i, *digests in rows if wanted.get(i) == tuple(digests) and i not in done}
        keep = pa.array(sorted(found), pa.string())
        for name, (table, _) in read.items():
            self._tables[name].append(table.filter(pc.is_in(table.column("id"), keep)))
        return found

    def add(self, images: Sequence[MeasuredImage]) -> None:
        """Write a finished chunk."""
        if not images:
            return
        folder = self._folder / f"{self._next:06d}"
        self._next += 1
        for name in self._targets.tables:
            table = TABLES[name](images, self._targets)
            self._write(folder / name, table)
            self._tables[name].append(table)

    def _write(self, path: Path, table: pa.Table) -> None:
        write_table(path, table, targets=self._targets, key=self._key)

    def merge(self, ids: Sequence[str]) -> None:
        """Write the tables, sorted, and remove the chunks."""
        import pyarrow as pa

        order = _order(ids, self._targets)
        for name, parts in self._tables.items():
            self._write(self.out / name, _finished(name, pa.concat_tables(parts), order))
        shutil.rmtree(self._folder, ignore_errors=True)
        for path in self.out.glob("*.parquet"):
            if path.name not in self._tables:
                path.unlink()  # asked for once, and no longer


def finished_tables(images: Sequence[MeasuredImage], targets: Targets) -> dict[str, pa.Table]:
    """The tables of a split as `Parts.merge` writes them."""
    order = _order([image.id for image in images], targets)
    return {name: _finished(name, TABLES[name](images, targets), order) for name in targets.tables}


def _finished(name: str, table: pa.Table, order: Mapping[str, Sequence[str]]) -> pa.Table:
    return _sorted(table, _by_name(order, table) if name == ANNOTATORS else order)


def _order(ids: Sequence[str], targets: Targets) -> dict[str, list[str]]:
    classes = [*targets.classes, OTHER]
    return {
        "id": sorted(ids),
        "class": list(targets.names),
        "reference": classes,
        "prediction": classes,
        "side": list(SIDES),
    }


def _by_name(order: Mapping[str, Sequence[str]], table: pa.Table) -> dict[str, list[str]]:
    """Annotators are in the order of their names, with the first one and the model around them."""
    names = {n for c in ("reference", "prediction") for n in table.column(c).to_pylist()}
    people = [FIRST, *sorted(names - {FIRST, MODEL}), MODEL]
    # A pair at a time, then image and class: what is read together lies together.
    return {"reference": people, "prediction": people} | {
        k: list(order[k]) for k in ("id", "class")
    }


def _sorted(table: pa.Table, order: Mapping[str, Sequence[str]]) -> pa.Table:
    """Rows sorted by the place of each column's value in the given order; numbers as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    places = {
        name: pc.index_in(table.column(name), pa.array(order[name], pa.string()))
        for name in order
        if name in table.schema.names
    }
    if "object" in table.schema.names:
        places["object"] = table.column("object")
    keys = [(name, "ascending") for name in places]
    return table.take(pc.sort_indices(pa.table(places), sort_keys=keys)).combine_chunks()
