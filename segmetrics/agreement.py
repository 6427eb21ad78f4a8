"""Several annotators: each of them with the model and with every other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from segmetrics.data.sample_list import Sample
from segmetrics.errors import DataError
from segmetrics.files import sha256_json
from segmetrics.operating_point import OperatingPoint
from segmetrics.pair import MeasuredPair, measure_files
from segmetrics.pixels import Question
from segmetrics.tables import FIRST, MODEL, Agreement


def annotators_digest(samples: Sequence[Sample]) -> str:
    """One digest of the files of all further annotators; empty where there are none."""
    files = {
        sample.id: {name: file.digest for name, file in sample.annotators.items()}
        for sample in samples
        if sample.annotators
    }
    return sha256_json(files) if files else ""


def measure_agreements(
    sample: Sample,
    *,
    prediction: Path,
    question: Question,
    spacing: tuple[float, ...] | None,
) -> tuple[Agreement, ...]:
    """Measure every pair of annotators of a sample, and each further one with the model.

    The column `mask` of samples.csv is an annotator, too; it with the model is what images.parquet
    holds. Objects and scores are not measured again.

    Raises
    ------
    DataError
        A file cannot be used, or changed since it was listed.
    """
    if not sample.annotators:
        return ()
    files = {FIRST: sample.mask} | {n: file.path for n, file in sample.annotators.items()}
    digests = {FIRST: sample.mask_digest} | {n: f.digest for n, f in sample.annotators.items()}
    plain = replace(question, options=replace(question.options, objects=None, scores=False))
    human = replace(plain, point=OperatingPoint("argmax"))
    found = []
    for name in sample.annotators:
        pair = measure_files(
            reference=files[name],
            prediction=prediction,
            question=plain,
            spacing=spacing,
        )
        found.append((name, MODEL, pair))
    for one, other in combinations(files, 2):
        pair = measure_files(
            reference=files[one],
            prediction=files[other],
            question=human,
            spacing=spacing,
        )
        found.append((one, other, pair))
    for one, _, pair in found:
        if pair.reference_digest != digests[one]:
            what = "changed since `samples` ran"
            raise DataError(str(files[one]), what, "run `dvc repro` again")
    return tuple(_agreement(one, other, pair, question) for one, other, pair in found)


def _agreement(one: str, other: str, pair: MeasuredPair, question: Question) -> Agreement:
    named = pair.named("", "")
    return Agreement(
        reference=one,
        prediction=other,
        reference_digest=pair.reference_digest,
        prediction_digest=pair.prediction_digest,
        counts=named.counts_of(question.targets),
        columns=named.columns,
        diagonal=named.diagonal,
    )
