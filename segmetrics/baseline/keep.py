"""From a finished evaluation to what a baseline is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmetrics.baseline.definition import Definition
from segmetrics.baseline.folder import Content, SampleCells
from segmetrics.data.samples import read_samples
from segmetrics.errors import DataError
from segmetrics.evidence import SETTINGS, read_verdict, stale_files
from segmetrics.files import sha256_json, sha256_path
from segmetrics.tables import read_measurements


@dataclass(frozen=True, slots=True)
class Keeping:
    """What params.yaml says of the evaluation that is kept.

    Attributes
    ----------
    definition
        What its classes are.
    settings
        Those that determine results, as plain values.
    samples
        The file that lists its samples.
    splits
        Those to keep besides the judged one.
    measured_with
        The key that its tables must have.
    """

    definition: Definition
    settings: Mapping[str, Any]
    samples: Path
    splits: tuple[str, ...]
    measured_with: str


def finished_evaluation(results: Path, keeping: Keeping, *, baseline: str = "baseline") -> Content:
    """What is kept of a finished evaluation; its verdict need not be a pass.

    Parameters
    ----------
    results
        The folder that the stages wrote, `results/` of a project.
    baseline
        The name of the folder among the inputs of the verdict: it may have changed since.

    Raises
    ------
    DataError
        It is not finished, or of other files or settings than those beside it.
    """
    verdict = read_verdict(results / "verdict.json")
    stale = [name for name in stale_files(verdict, results / "verdict.json") if name != baseline]
    if verdict["inputs"].get(SETTINGS) != sha256_json(keeping.settings):
        stale.append(SETTINGS)
    if stale:
        what = f"is not finished: {', '.join(stale)} changed since the verdict"
        raise DataError(str(results), what, "run `dvc repro`")
    return kept_content(results, keeping)


def kept_content(results: Path, keeping: Keeping) -> Content:
    """What is kept of an evaluation that is known to be finished.

    Raises
    ------
    DataError
        A file is missing or damaged, or tables were measured with other settings.
    """
    verdict = read_verdict(results / "verdict.json")
    kept = tuple(dict.fromkeys((verdict["judged"]["split"], *keeping.splits)))
    names = ("evaluation.json", "verdict.json", "operating_point.json")
    files = {name: results / name for name in names}
    for split in kept:
        tables = read_measurements(results / "measurements" / split)
        if tables.key != keeping.measured_with:
            what = f"{split} was measured with other settings than those of {SETTINGS}"
            raise DataError(str(results), what, "run `dvc repro`")
        files |= {
            f"measurements/{split}/{name}": results / "measurements" / split / name
            for name in tables.targets.tables
        }
    return Content(
        record=_record(verdict, kept, keeping.settings, results),
        definition=keeping.definition,
        files=files,
        samples=_samples(keeping.samples, kept, results),
    )


def _record(
    verdict: Mapping[str, Any], kept: tuple[str, ...], settings: Mapping[str, Any], results: Path
) -> dict[str, Any]:
    inputs = verdict["inputs"]
    whole = {"inputs": inputs, "verdict": sha256_path(results / "verdict.json")}
    return {
        "judged": verdict["judged"]["split"],
        "splits": list(kept),
        "model": inputs[Path(settings["infer"]["source"]).as_posix()],
        "eval_id": sha256_json(whole),
        "decision": verdict["decision"],
        "grade": verdict["grade"],
        "domain": verdict["domain"],
        "samples": verdict["judged"]["samples"],
        "groups": verdict["judged"]["groups"],
    }


def _samples(path: Path, kept: tuple[str, ...], results: Path) -> list[SampleCells]:
    measured = {s: set(read_measurements(results / "measurements" / s).ids) for s in kept}
    return [
        SampleCells(row.id, row.split, row.group, row.columns)
        for row in read_samples(path)
        if row.id in measured.get(row.split, ())
    ]
