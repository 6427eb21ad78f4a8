"""Fingerprints of the files of a split: computed once a file, kept between runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.data.bands import is_large
from segmetrics.data.fingerprints import RECORD, fingerprint, large_fingerprint
from segmetrics.data.image_pixels import pixels_digest, read_pixels
from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import read_mask
from segmetrics.data.pictures import read_bytes
from segmetrics.data.reading import read_class_files
from segmetrics.data.sample_list import Sample
from segmetrics.errors import DataError, Problem
from segmetrics.files import replacing, sha256_bytes, sha256_json, sha256_path
from segmetrics.metrics.counts import Labels
from segmetrics.parallel import ordered_map
from segmetrics.progress import progress

Records = npt.NDArray[np.void]

# What a change of these computations raises, so that kept fingerprints are made again.
VERSION = 1
# A mask of less is a blot or a box that chance may repeat.
CORNERS = 32
MASK_RECORD = np.dtype([("key", "u1", 32), ("labels", "u1", 32), ("corners", "<u4")])

_SAVE_EVERY = 5000


@dataclass(frozen=True, slots=True)
class _File:
    """A file with the digest it was listed with."""

    path: Path
    digest: str
    ndim: int


def image_prints(samples: Iterable[Sample], *, folder: Path, workers: int) -> dict[str, np.void]:
    """The `RECORD` of every input file by its digest.

    Parameters
    ----------
    folder
        Where fingerprints are kept; those of other files are removed.

    Raises
    ------
    DataError
        Files changed since they were listed, or cannot be read; all are named.
    """
    files = {
        digest: _File(path, digest, len(s.shape))
        for s in samples
        for path, digest in zip(s.images, s.image_digests, strict=True)
    }
    store = folder / f"images-{VERSION}.npy"
    return _prints(list(files.values()), _image_print, store, RECORD, workers, "hashing images")


def mask_prints(
    samples: Iterable[Sample], scheme: LabelScheme, *, folder: Path, workers: int
) -> dict[str, np.void]:
    """The `MASK_RECORD` of every mask by its digest.

    Raises
    ------
    DataError
        As `image_prints`.
    """
    files = {s.mask_digest: _File(s.mask, s.mask_digest, len(s.shape)) for s in samples}
    how = [VERSION, scheme.names, scheme.values, scheme.ignore, scheme.exclude, scheme.encoding]
    store = folder / f"masks-{sha256_json(how)[:16]}.npy"
    for other in folder.glob("masks-*.npy"):
        if other != store:
            other.unlink()
    make = partial(_mask_print, scheme=scheme)
    return _prints(list(files.values()), make, store, MASK_RECORD, workers, "hashing masks")


def _prints(
    files: Sequence[_File],
    make: Callable[[_File], tuple[Any, ...]],
    store: Path,
    record: np.dtype[Any],
    workers: int,
    text: str,
) -> dict[str, np.void]:
    kept = _load(store, record)
    done = {f.digest: kept[f.digest] for f in files if f.digest in kept}
    problems: list[Problem] = []
    new = [file for file in files if file.digest not in done]
    results = ordered_map(partial(_tried, make=make), new, workers=workers)
    shown = progress(results, total=len(new), text=text)
    for n, (file, result) in enumerate(zip(new, shown, strict=True), start=1):
        if isinstance(result, Problem):
            problems.append(result)
            continue
        done[file.digest] = np.array([(_raw(file.digest), *result)], record)[0]
        if n % _SAVE_EVERY == 0:
            _save(store, done, record)
    _save(store, done, record)
    if problems:
        raise DataError.of(problems, "files that cannot be compared")
    return done


def _tried(file: _File, *, make: Callable[[_File], tuple[Any, ...]]) -> tuple[Any, ...] | Problem:
    try:
        return make(file)
    except DataError as error:
        return error.problems[0]


def _load(store: Path, record: np.dtype[Any]) -> Mapping[str, np.void]:
    """What is kept; nothing where the file is missing, damaged or of another form."""
    try:
        records = np.load(store, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return {}
    if records.dtype != record or records.ndim != 1:
        return {}
    return {r["key"].tobytes().hex(): r for r in records}


def _save(store: Path, records: Mapping[str, np.void], record: np.dtype[Any]) -> None:
    table = np.array([records[key] for key in sorted(records)], record)
    with replacing(store) as temporary, temporary.open("wb") as stream:
        np.save(stream, table, allow_pickle=False)


def _raw(digest: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(digest), np.uint8)


def _changed(file: _File) -> DataError:
    return DataError(str(file.path), "changed since it was listed", "run `dvc repro` again")


def _content(file: _File) -> bytes:
    content = read_bytes(file.path)
    if sha256_bytes(content) != file.digest:
        raise _changed(file)
    return content


def _image_print(file: _File) -> tuple[Any, ...]:
    if is_large(file.path):
        if sha256_path(file.path) != file.digest:
            raise _changed(file)
        found = large_fingerprint(file.digest)
    else:
        pixels = read_pixels(_content(file), str(file.path), ndim=file.ndim)
        found = fingerprint(pixels, ndim=file.ndim)
    return np.frombuffer(found.pixels, np.uint8), found.words, found.thumb, found.kind


def _mask_print(file: _File, *, scheme: LabelScheme) -> tuple[Any, ...]:
    if scheme.encoding == "files":
        mask, digest = read_class_files(file.path, scheme)
        if digest != file.digest:
            raise _changed(file)
    elif is_large(file.path):
        return _raw(file.digest), 0
    else:
        mask = read_mask(_content(file), str(file.path), scheme)
    scored = scored_labels(mask.labels, scheme)
    return np.frombuffer(pixels_digest(scored), np.uint8), corners(scored)


def scored_labels(labels: Labels, scheme: LabelScheme) -> Labels:
    """A mask as the scored classes alone: 0 is everything else, `k + 1` class k; bits as they are.

    Two files that write the same classes with other values, or differ in ignored pixels, are alike.
    """
    places = [scheme.names.index(name) for name in scheme.scored]
    if scheme.multilabel:
        wanted = sum(1 << k for k in places)
        return (labels & labels.dtype.type(wanted)).astype(np.uint32)
    table = np.zeros(scheme.n_classes + 2, np.uint16)
    table[places] = np.array(places, np.uint16) + 1
    return table[scheme.reference_lookup(labels)]


def corners(labels: Labels) -> int:
    """How many corners the shapes in a mask have: 4 for a box, hundreds for a drawn outline.

    A corner is where the labels change along all axes at once: the mixed difference of the
    neighbouring elements is not zero.
    """
    mixed = labels.astype(np.int32 if labels.dtype.itemsize < 4 else np.int64)
    for axis in range(labels.ndim):
        mixed = np.diff(mixed, axis=axis)
    return int(np.count_nonzero(mixed))
