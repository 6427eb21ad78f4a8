"""What promotion does not take on trust: the files at hand are measured once more."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from segmetrics.agreement import annotators_digest
from segmetrics.chunks import finished_tables
from segmetrics.data.labels import LabelScheme
from segmetrics.data.multilabel import mask_digest
from segmetrics.data.sample_list import Sample, read_sample_list
from segmetrics.errors import DataError, Problem, PromotionError
from segmetrics.evidence import Layout, digest, leakage_inputs, read_json
from segmetrics.inference.predict import Predictor
from segmetrics.inference.store import read_manifest
from segmetrics.leakage.find import find_leakage
from segmetrics.measure import measure_pairs, pair_samples
from segmetrics.parallel import ordered_map
from segmetrics.pixels import Question
from segmetrics.progress import progress
from segmetrics.tables import MeasuredImage, Targets, read_table
from segmetrics.tables.writing import rows_digest

_GIVEN = "predictions were given, not made by a model here: they can be judged, not promoted"


def check_made_here(layout: Layout, predictor: Predictor) -> None:
    """Check that the model at hand made the predictions.

    Raises
    ------
    PromotionError
        They were given, or made by another model.
    """
    if not predictor.names_source:
        what = f"does not use {{source}}: nothing says that {layout.source} made the predictions"
        remedy = "let the command read its model from {source} and run `dvc repro`"
        raise PromotionError("infer.command", what, remedy)
    source = digest(layout.source)
    for split in layout.splits:
        folder = layout.predictions(split)
        manifest = read_manifest(folder)
        if predictor.given or manifest is None:
            raise PromotionError(str(folder), _GIVEN, "set infer.source to the model")
        if manifest.source != source:
            what = f"was not predicted by {layout.source} as it is now"
            raise PromotionError(str(folder), what, "run `dvc repro`")


def measure_again(
    layout: Layout, question: Question, spacing: tuple[float, ...] | None, workers: int
) -> None:
    """Measure every pair of files again and compare with the tables; hash every image.

    Raises
    ------
    PromotionError
        A count differs: the tables are not those of the masks and predictions at hand.
    DataError
        An image, mask or prediction changed, is missing, or cannot be read.
    """
    for split in layout.splits:
        samples = layout.chosen(split).samples
        folder = layout.predictions(split)
        pairs = pair_samples(samples, folder, read_manifest(folder))
        # Files that are listed but not measured count, too: leakage was looked for in them.
        problems = _changed(read_sample_list(layout.sample_list(split)), question.scheme, workers)
        measured: list[MeasuredImage] = []
        again = measure_pairs(pairs, question=question, spacing=spacing, workers=workers)
        for result in progress(again, total=len(pairs), text="measuring again"):
            if isinstance(result, Problem):
                problems.append(result)
            else:
                measured.append(result)
        if problems:
            raise DataError.of(problems, f"{split}: files that changed after they were judged")
        targets = replace(question.targets, annotators=annotators_digest(samples))
        _compare(layout.measurements(split), measured, targets)


def check_leakage(
    layout: Layout, settings: Mapping[str, Any], *, judged: str, scheme: LabelScheme, workers: int
) -> None:
    """Look for leakage again, with fingerprints made anew, where there is a leakage.json.

    Raises
    ------
    PromotionError
        leakage.json is not what the files at hand give.
    DataError
        A file changed, is missing, or cannot be read.
    """
    if not layout.leakage.exists():
        return  # whether one has to be there is the verdict's business
    with tempfile.TemporaryDirectory() as folder:
        report = find_leakage(
            {name: read_sample_list(layout.sample_list(name)) for name in layout.splits},
            judged=judged,
            scheme=scheme,
            folder=Path(folder),
            inputs=leakage_inputs(layout, settings),
            workers=workers,
        )
    if report.to_json() != read_json(layout.leakage):
        what = "is not what the images and masks at hand give"
        raise PromotionError(str(layout.leakage), what, "run `dvc repro -f leakage`")


def check_files(layout: Layout, scheme: LabelScheme, workers: int) -> None:
    """Hash every image, mask and prediction that the verdict rests on; nothing is decoded.

    Raises
    ------
    DataError
        A file changed or went missing; all are listed.
    """
    problems: list[Problem] = []
    for split in layout.splits:
        problems += _changed(read_sample_list(layout.sample_list(split)), scheme, workers)
        folder = layout.predictions(split)
        manifest = read_manifest(folder)
        entries = list(manifest.entries.values()) if manifest else []
        files = [(folder / entry.file, entry.sha256) for entry in entries]
        hashing = ordered_map(partial(_differs, scheme=scheme), files, workers=workers)
        shown = progress(hashing, total=len(files), text=f"checking predictions of {split}")
        problems += [problem for problem in shown if problem is not None]
    if problems:
        raise DataError.of(problems, "files that changed after they were judged")


def _changed(samples: Sequence[Sample], scheme: LabelScheme, workers: int) -> list[Problem]:
    files = [(file.path, file.digest) for sample in samples for file in sample.files]
    hashing = ordered_map(partial(_differs, scheme=scheme), files, workers=workers)
    shown = progress(hashing, total=len(files), text="checking images and masks")
    return [problem for problem in shown if problem is not None]


def _differs(file: tuple[Path, str], *, scheme: LabelScheme) -> Problem | None:
    path, recorded = file
    try:
        found = mask_digest(path, scheme)
    except DataError as error:
        return error.problems[0]
    if found == recorded:
        return None
    return Problem(str(path), "changed since it was listed", "run `dvc repro` again")


def _compare(folder: Path, measured: list[MeasuredImage], targets: Targets) -> None:
    tables = finished_tables(measured, targets)
    if all(
        rows_digest(read_table(folder / name)[0]) == rows_digest(t) for name, t in tables.items()
    ):
        return
    what = "is not what the masks and predictions at hand give"
    raise PromotionError(str(folder), what, "delete it and run `dvc repro`")
