"""The folder `baseline/`: written whole, and read only where it is what was written."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segmetrics.baseline.definition import Definition
from segmetrics.baseline.swap import fresh_folder, put_back, swap
from segmetrics.errors import DataError
from segmetrics.evidence import read_json
from segmetrics.files import sha256_json, sha256_path, write_json, write_text

SCHEMA = 1
README, RECORD, SAMPLES = "README.md", "baseline.json", "samples.csv"
_SET = "set it again: `segmetrics baseline set results`"


@dataclass(frozen=True, slots=True)
class SampleCells:
    """A sample of the baseline: its split, group and the cells to slice by."""

    id: str
    split: str
    group: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What `baseline.json` says.

    Attributes
    ----------
    folder
        Where it lies.
    judged
        The split that its verdict was about.
    splits
        Those whose tables are kept.
    model, eval_id
        SHA-256 of the model, and of the evaluation.
    date
        The day on which it was set, `2026-11-24`.
    """

    folder: Path
    definition: Definition
    judged: str
    splits: tuple[str, ...]
    model: str
    eval_id: str
    decision: str
    grade: str
    domain: str
    samples: int
    groups: int
    date: str

    def measurements(self, split: str) -> Path:
        """The folder of the tables of a split."""
        return self.folder / "measurements" / split

    def cells(self, split: str) -> dict[str, SampleCells]:
        """Sample id -> group and cells."""
        with (self.folder / SAMPLES).open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        found = [
            SampleCells(r[0], r[1], r[2], dict(zip(header[3:], r[3:], strict=True))) for r in rows
        ]
        return {cells.id: cells for cells in found if cells.split == split}


def read_baseline(folder: Path) -> Baseline | None:
    """The baseline in a folder; None where there is none.

    Raises
    ------
    DataError
        It is half there, or not what was written: an edited file is named.
    """
    present = _present(folder)
    if not present:
        return None
    where = folder / RECORD
    if RECORD not in present:
        what = f"is missing, but there is {', '.join(sorted(present)[:5])}"
        raise DataError(str(where), what, _SET)
    data = read_json(where)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise DataError(str(where), f"is not of schema {SCHEMA}", _SET)
    content = {key: value for key, value in data.items() if key != "digest"}
    if data.get("digest") != sha256_json(content):
        raise DataError(str(where), "was changed after it was written", _SET)
    wrong = _differing(folder, data["files"], present - {RECORD})
    if wrong:
        raise DataError(str(folder), f"is not what was written: {', '.join(wrong)}", _SET)
    names = ("judged", "model", "eval_id", "decision", "grade", "domain", "samples", "groups")
    return Baseline(
        folder=folder,
        definition=Definition.from_json(data["definition"], str(where)),
        splits=tuple(data["splits"]),
        date=data["date"],
        **{name: data[name] for name in names},
    )


def _present(folder: Path) -> set[str]:
    """The files of a folder, but for the README and hidden ones."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    shown = (path for path in files if not path.name.startswith("."))
    return {path.as_posix() for path in shown} - {README}


def _differing(folder: Path, files: Mapping[str, str], present: set[str]) -> list[str]:
    changed = [
        f"{name} changed" for name in files if name in present
        and sha256_path(folder / name) != files[name]
    ]  # fmt: skip
    missing = [f"{name} is missing" for name in sorted({*files} - present)]
    surplus = [f"{name} does not belong here" for name in sorted(present - {*files})]
    return [*missing, *changed, *surplus][:10]


@dataclass(frozen=True, slots=True)
class Content:
    """What a baseline is made of.

    Attributes
    ----------
    files
        Path in the folder -> the file that is copied there.
    samples
        Of all kept splits.
    """

    record: Mapping[str, Any]
    definition: Definition
    files: Mapping[str, Path]
    samples: Sequence[SampleCells]


def write_baseline(folder: Path, content: Content, date: str) -> bool:
    """Replace the baseline in a folder by another one, whole or not at all.

    Its README is kept. Gives False, and writes nothing, where the folder holds this very evaluation
    already: what is committed then stays as it is.

    Raises
    ------
    DataError
        The folder is no folder of ours.
    """
    _check_ours(folder)
    with fresh_folder(folder) as fresh:
        for name, source in content.files.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, fresh / name)
        write_text(fresh / SAMPLES, _samples_text(content.samples))
        files = {name: sha256_path(fresh / name) for name in sorted([*content.files, SAMPLES])}
        record = {
            "schema": SCHEMA,
            **content.record,
            "date": date,
            "definition": content.definition.to_json(),
            "files": files,
        }
        if _same(folder, record):
            return False
        # As JSON has it: tuples are lists there.
        write_json(fresh / RECORD, record | {"digest": sha256_json(record)})
        _swap(fresh, folder)
    return True


def install_baseline(folder: Path, source: Path) -> bool:
    """Replace the baseline in a folder by a copy of another one, whole or not at all.

    As `write_baseline`: the README is kept, and nothing is written where it is there already.

    Raises
    ------
    DataError
        `source` holds no whole baseline, or the folder is no folder of ours.
    """
    _check_ours(folder)
    with fresh_folder(folder) as fresh:
        shutil.copytree(source, fresh, dirs_exist_ok=True)
        if read_baseline(fresh) is None:
            raise DataError(str(source), "holds no baseline", "`segmetrics baseline set` makes one")
        own = read_json(fresh / RECORD)
        if _same(folder, {key: value for key, value in own.items() if key != "digest"}):
            return False
        _swap(fresh, folder)
    return True


def clear_baseline(folder: Path) -> bool:
    """Remove the baseline from a folder, all but its README; False where there was none."""
    put_back(folder)
    if not _present(folder):
        return False
    _check_ours(folder)
    with fresh_folder(folder) as fresh:
        _swap(fresh, folder)
    return True


def _check_ours(folder: Path) -> None:
    known = {RECORD, SAMPLES, "evaluation.json", "verdict.json", "operating_point.json"}
    strange = sorted(n for n in _present(folder) if n.split("/")[0] not in {*known, "measurements"})
    if strange:
        what = f"holds {', '.join(strange[:5])}, which is no part of a baseline"
        raise DataError(str(folder), what, "move it elsewhere: the folder is replaced whole")


def _same(folder: Path, record: Mapping[str, Any]) -> bool:
    try:
        if read_baseline(folder) is None:
            return False
    except DataError:
        return False
    there = read_json(folder / RECORD)
    undated = {key: value for key, value in there.items() if key not in ("date", "digest")}
    own = {key: value for key, value in record.items() if key != "date"}
    return sha256_json(undated) == sha256_json(own)


def _swap(fresh: Path, folder: Path) -> None:
    """Put a folder in the place of another, with the README and hidden files of that one."""
    for path in folder.glob("*"):
        if path.is_file() and (path.name == README or path.name.startswith(".")):
            shutil.copyfile(path, fresh / path.name)
    swap(fresh, folder)


def _samples_text(samples: Iterable[SampleCells]) -> str:
    ordered = sorted(samples, key=lambda s: (s.split, s.id))
    names = list(dict.fromkeys(name for s in ordered for name in s.columns))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "split", "group", *names])
    for s in ordered:
        writer.writerow([s.id, s.split, s.group, *(s.columns.get(n, "") for n in names)])
    return out.getvalue()


def summary(baseline: Baseline) -> dict[str, Any]:
    """What `segmetrics baseline show` prints, as plain values."""
    data = asdict(baseline)
    return {k: v for k, v in data.items() if k not in ("folder", "definition")} | {
        "classes": list(baseline.definition.classes),
        "regions": list(baseline.definition.regions),
    }
