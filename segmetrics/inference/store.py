"""A folder of predictions: one file per sample, a manifest, and a journal while it grows.

Each prediction has a key: the digest of everything it was made from. A file whose key and digest
still match is reused after an interruption or when samples are added; the rest is pruned.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.errors import DataError
from segmetrics.files import sha256_bytes, sha256_path, write_bytes, write_json
from segmetrics.progress import progress

MANIFEST = "manifest.json"
_JOURNAL = "journal.jsonl"
SCHEMA = 1

# labels: label maps; probability: 8-bit maps; class_probabilities: one of these for each class;
# given: as somebody else wrote them, any of these
Kind = Literal["labels", "probability", "class_probabilities", "given"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One prediction: its file name, the digest of its bytes, and what it was made from."""

    file: str
    sha256: str
    key: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a prediction folder holds and which source (model, command, folder) made it."""

    kind: Kind
    source: str
    entries: Mapping[str, Entry]


class PredictionStore:
    """Writes a prediction folder so that an interruption loses at most one batch.

    Parameters
    ----------
    folder
        `results/predictions/<split>`.
    keys
        The key that each sample's prediction must have.
    """

    def __init__(self, folder: Path, keys: Mapping[str, str]) -> None:
        self.folder = folder
        self._keys = keys
        folder.mkdir(parents=True, exist_ok=True)
        known = {**_read_manifest_entries(folder), **_read_journal(folder)}
        fitting = [(s, e, kind) for s, (e, kind) in known.items() if e.key == keys.get(s)]
        shown = progress(fitting, total=len(fitting), text="checking finished predictions")
        found = [(s, e, kind) for s, e, kind in shown if _unchanged(folder / e.file, e)]
        self._entries = {s: entry for s, entry, _ in found}
        self._kinds = {s: kind for s, _, kind in found}

    @property
    def missing(self) -> list[str]:
        """The samples without a finished prediction, sorted."""
        return sorted(set(self._keys) - set(self._entries))

    def add(
        self, sample: str, content: bytes, suffix: str = ".png", *, kind: Kind = "given"
    ) -> None:
        """Write one prediction and note it, with its kind, in the journal."""
        entry = Entry(f"{sample}{suffix}", sha256_bytes(content), self._keys[sample])
        write_bytes(self.folder / entry.file, content)
        with (self.folder / _JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({"id": sample, "kind": kind, **asdict(entry)}) + "\n")
        self._entries[sample] = entry
        self._kinds[sample] = kind

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of the finished predictions."""
        return frozenset(self._kinds.values())

    def finish(self, kind: Kind, source: str) -> Manifest:
        """Prune what no sample needs and write the manifest.

        Raises
        ------
        DataError
            A prediction is missing.
        """
        if self.missing:
            shown = ", ".join(self.missing[:10])
            raise DataError(
                str(self.folder), f"{len(self.missing)} predictions are missing: {shown}"
            )
        entries = {sample: self._entries[sample] for sample in sorted(self._keys)}
        listed = {sample: asdict(entry) for sample, entry in entries.items()}
        write_json(
            self.folder / MANIFEST,
            {"schema": SCHEMA, "kind": kind, "source": source, "predictions": listed},
        )
        # Only now: until the manifest is there, the journal is what an interrupted run leaves.
        keep = {MANIFEST, *(entry.file for entry in entries.values())}
        for path in self.folder.iterdir():
            if path.is_file() and path.name not in keep:
                path.unlink()
        return Manifest(kind, source, entries)


def _unchanged(path: Path, entry: Entry) -> bool:
    return path.is_file() and sha256_path(path) == entry.sha256


def _read_manifest_entries(folder: Path) -> Mapping[str, tuple[Entry, Kind]]:
    try:
        manifest = read_manifest(folder)
    except DataError:
        return {}  # damaged: everything is predicted again
    return {s: (entry, manifest.kind) for s, entry in manifest.entries.items()} if manifest else {}


def _read_journal(folder: Path) -> dict[str, tuple[Entry, Kind]]:
    path = folder / _JOURNAL
    entries = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            fields = json.loads(line)
            # First: the right side of an assignment is evaluated first.
            sample, kind = fields.pop("id"), fields.pop("kind")
            entries[sample] = Entry(**fields), kind
        except (ValueError, TypeError, KeyError):
            continue  # the line that was being written when the run was killed
    return entries


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder that `infer` wrote; None where there is none.

    Raises
    ------
    DataError
        It is damaged or of another schema.
    """
    path = folder / MANIFEST
    try:
        data: Any = json.loads(path.read_text("utf-8"))
        if data["schema"] != SCHEMA:
            raise DataError(str(path), f"schema {data['schema']} instead of {SCHEMA}")
        entries = {sample: Entry(**fields) for sample, fields in data["predictions"].items()}
        return Manifest(data["kind"], data["source"], entries)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            str(path), f"damaged ({error!r})", "run `dvc repro -f -s infer@<split>`"
        ) from error


def label_map_png(index: npt.NDArray[np.intp], scheme: LabelScheme) -> bytes:
    """A label map as PNG: a palette shows the classes; 16-bit grey where labels exceed 255.

    Where masks are colours, the palette holds those of the classes.

    Parameters
    ----------
    index
        Class indices, shape (H, W); each is written as the first label value of its class.
    """
    if scheme.encoding == "rgb" and scheme.n_classes <= 256:
        colours = [value >> shift & 255 for (value, *_) in scheme.values for shift in (16, 8, 0)]
        picture = Image.fromarray(index.astype(np.uint8)).convert("L")
        picture = Image.frombytes("P", picture.size, picture.tobytes())
        picture.putpalette(colours)
        return _png(picture)
    values = np.array([v[0] for v in scheme.values])
    if values.max() > 255:
        return _png(Image.fromarray(values.astype(np.uint16)[index]))
    picture = Image.fromarray(values.astype(np.uint8)[index]).convert("L")
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette(_palette())
    return _png(picture)


def probability_png(q: npt.NDArray[np.uint8]) -> bytes:
    """An 8-bit probability map as grey PNG."""
    return _png(Image.fromarray(q))


def probabilities_tiff(q: npt.NDArray[np.uint8]) -> bytes:
    """8-bit probability maps (classes, H, W) as the pages of a grey TIFF.

    PackBits: models are mostly sure, and runs of 0 and 255 shrink well. Deflate makes files a
    quarter smaller, takes nine times as long to write and three times as long to read.
    """
    first, *rest = [Image.fromarray(plane) for plane in q]
    out = io.BytesIO()
    first.save(out, "TIFF", save_all=True, append_images=rest, compression="packbits")
    return out.getvalue()


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    # Level 1: a few per cent larger than the default and several times faster.
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _palette() -> list[int]:
    """The colour table of Pascal VOC: label bits spread over the high bits of R, G and B."""
    colours = []
    for label in range(256):
        rgb = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                rgb[channel] |= ((label >> channel) & 1) << (7 - bit)
            label >>= 3
        colours += rgb
    return colours
