"""The finished chunks of a measurement: written as they come, reused, and merged at the end."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.errors import DataError
from segmetrics.tables import (
    CONFUSION,
    IMAGES,
    MeasuredImage,
    confusion_table,
    image_table,
    read_table,
    write_table,
)

if TYPE_CHECKING:
    import pyarrow as pa

_FOLDER = "parts"
# Of image, reference and prediction.
Digests = tuple[str, str, str]


class Parts:
    """The finished chunks of a split and their merging into the two tables.

    Parameters
    ----------
    out
        `results/measurements/<split>`.
    classes
        Class names, in declared order.
    key
        Digest of the settings that the counts depend on; a chunk of another key is not reused.
    """

    def __init__(self, out: Path, classes: Sequence[str], key: str) -> None:
        self.out, self._classes, self._key = out, classes, key
        self._folder = out / _FOLDER
        self._next = 0
        self._images: list[pa.Table] = []
        self._pairs: list[pa.Table] = []

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
            images, meta = read_table(folder / IMAGES)
            pairs, pairs_meta = read_table(folder / CONFUSION)
        except DataError:
            return set()  # nothing there, or half of it: measured again
        if not meta["key"] == pairs_meta["key"] == self._key:
            return set()
        columns = [f"{name}_digest" for name in ("image", "reference", "prediction")]
        rows = zip(*(images.column(name).to_pylist() for name in ["id", *columns]), strict=True)
        found = {i for i, *digests in rows if wanted.get(i) == tuple(digests) and i not in done}
        keep = pa.array(sorted(found), pa.string())
        self._images.append(images.filter(pc.is_in(images.column("id"), keep)))
        self._pairs.append(pairs.filter(pc.is_in(pairs.column("id"), keep)))
        return found

    def add(self, images: Sequence[MeasuredImage]) -> None:
        """Write a finished chunk."""
        if not images:
            return
        folder = self._folder / f"{self._next:06d}"
        self._next += 1
        tables = image_table(images, self._classes), confusion_table(images, self._classes)
        # The images table is last: a chunk without it does not count.
        self._write(folder / CONFUSION, tables[1])
        self._write(folder / IMAGES, tables[0])
        self._images.append(tables[0])
        self._pairs.append(tables[1])

    def _write(self, path: Path, table: pa.Table) -> None:
        write_table(path, table, classes=self._classes, key=self._key)

    def merge(self, ids: Sequence[str]) -> None:
        """Write the two tables, sorted, and remove the chunks."""
        import pyarrow as pa

        names = list(self._classes)
        images = _sorted(pa.concat_tables(self._images), {"id": sorted(ids), "class": names})
        keys = {"id": sorted(ids), "reference": names, "prediction": [*names, ""]}
        self._write(self.out / CONFUSION, _sorted(pa.concat_tables(self._pairs), keys))
        self._write(self.out / IMAGES, images)
        shutil.rmtree(self._folder, ignore_errors=True)


def _sorted(table: pa.Table, order: Mapping[str, Sequence[str]]) -> pa.Table:
    """Rows sorted by the place of each column's value in the given order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    places = {
        name: pc.index_in(table.column(name), pa.array(values, pa.string()))
        for name, values in order.items()
    }
    keys = [(name, "ascending") for name in order]
    return table.take(pc.sort_indices(pa.table(places), sort_keys=keys)).combine_chunks()
