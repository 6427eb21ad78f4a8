"""`measure`: the one pass over the pixels of a split, from files to tables.

Finished chunks are written as they come and reused after an interruption or when samples are added;
a row is reused only where the settings and the digests of reference and prediction are unchanged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from segmetrics.agreement import annotators_digest, measure_agreements
from segmetrics.chunks import Parts
from segmetrics.data.masks import warn_jpeg_predictions
from segmetrics.data.sample_list import Sample
from segmetrics.errors import ConfigError, DataError, Problem
from segmetrics.evidence import digest
from segmetrics.inference.given import match_given
from segmetrics.inference.store import Manifest, read_manifest
from segmetrics.pair import measure_files
from segmetrics.parallel import item_map, ordered_map
from segmetrics.pixels import Question
from segmetrics.pixels import settings_key as settings_key  # of the tables that are written here
from segmetrics.progress import progress
from segmetrics.tables import MeasuredImage

_HELD = {
    "labels": "one class a pixel",
    "probability": "one probability a pixel",
    "class_probabilities": "a probability for each class",
}
_CHUNK = 64  # images a part: about a second of work


@dataclass(frozen=True, slots=True)
class Pair:
    """A sample and the file of its prediction."""

    sample: Sample
    prediction: Path


def measure_split(
    samples: Sequence[Sample],
    *,
    predictions: Path,
    out: Path,
    question: Question,
    spacing: tuple[float, ...] | None,
    workers: int,
    others: Collection[str] = (),
) -> None:
    """Measure a split: write the tables to `out`.

    Parameters
    ----------
    predictions
        A folder that `infer` wrote, or any folder of files named by sample id.
    question
        What is asked of every pair.
    spacing
        Of the pixels, one value per axis; empty: 1 for every axis; None: what the files say.
    others
        Ids of the split that are not to be measured: a folder may hold their predictions.

    Raises
    ------
    ConfigError
        The predictions are of another kind than the operating point.
    DataError
        A prediction is missing, unreadable, of another shape, or a file changed since it was
        listed: everything that is wrong is reported together.
    """
    manifest = read_manifest(predictions)
    check_kind(manifest, question, predictions)
    pairs = pair_samples(samples, predictions, manifest, others)
    warn_jpeg_predictions(pair.prediction for pair in pairs)
    targets = replace(question.targets, annotators=annotators_digest(samples))
    parts = Parts(out, targets, settings_key(question, spacing))
    done = parts.finished(_known_digests(pairs, workers) if parts.any else {})
    todo = [pair for pair in pairs if pair.sample.id not in done]
    results = measure_pairs(todo, question=question, spacing=spacing, workers=workers)
    shown = progress(results, total=len(todo), text="measuring")
    problems: list[Problem] = []
    for chunk in _chunks(shown, _CHUNK):
        problems += [result for result in chunk if isinstance(result, Problem)]
        parts.add([result for result in chunk if isinstance(result, MeasuredImage)])
    if problems:
        raise DataError.of(problems, f"measuring against {predictions}")
    parts.merge([pair.sample.id for pair in pairs])


def _known_digests(pairs: Sequence[Pair], workers: int) -> dict[str, tuple[str, str, str]]:
    """By sample id: what a finished row must have been counted from."""
    hashing = ordered_map(_prediction_digest, pairs, workers=workers)
    shown = progress(hashing, total=len(pairs), text="checking finished measurements")
    return {
        pair.sample.id: (pair.sample.image_digest, pair.sample.mask_digest, digest)
        for pair, digest in zip(pairs, shown, strict=True)
    }


def _prediction_digest(pair: Pair) -> str:
    return digest(pair.prediction)


def check_kind(manifest: Manifest | None, question: Question, folder: Path) -> None:
    """Check that predictions are of the kind that the settings decide about.

    Raises
    ------
    ConfigError
        They are not.
    """
    kind, point = manifest.kind if manifest else "given", question.point
    several = question.scheme.multilabel
    if kind != "given" and several != (kind == "class_probabilities"):
        raise ConfigError(
            "data.encoding",
            f'"{question.scheme.encoding}" is not what {folder} was predicted for: it holds '
            f"{_HELD[kind]}",
            f"run `dvc repro -f -s infer@{folder.name}`",
        )
    if kind == "labels" and point.probability:
        raise ConfigError(
            "operating_point.decision",
            f'"{point.decision}" needs probabilities, {folder} holds label maps',
            "set operating_point: {decision: argmax, threshold: null}",
        )
    if kind in ("probability", "class_probabilities") and not point.probability:
        raise ConfigError(
            "operating_point.decision",
            f'"argmax" needs label maps, {folder} holds probabilities',
            "set operating_point: {decision: fixed, threshold: 0.5}",
        )


def pair_samples(
    samples: Sequence[Sample],
    folder: Path,
    manifest: Manifest | None,
    others: Collection[str] = (),
) -> list[Pair]:
    """The prediction file of every sample; `others` as in `match_given`.

    Raises
    ------
    DataError
        Files are missing or, in a folder that `infer` did not write, surplus: all are listed.
    """
    if manifest is None:
        files = match_given(folder, samples, others)
        return [Pair(sample, files[sample.id]) for sample in samples]
    pairs, problems = [], []
    for sample in samples:
        entry = manifest.entries.get(sample.id)
        path = folder / entry.file if entry else None
        if path is None or not path.is_file():
            text = f'no prediction for the sample "{sample.id}"'
            problems.append(Problem(str(folder), text, f"expected {sample.id}.png"))
        else:
            pairs.append(Pair(sample, path))
    if problems:
        raise DataError.of(problems, f"predictions in {folder}")
    return pairs


def measure_pairs(
    pairs: Sequence[Pair],
    *,
    question: Question,
    spacing: tuple[float, ...] | None,
    workers: int,
) -> Iterator[MeasuredImage | Problem]:
    """Measure pairs, in order; a pair that cannot be measured gives its problem.

    Much work is done by worker processes: the fastest decoder holds the interpreter lock.
    """
    measure = partial(_measure, question=question, spacing=spacing)
    return item_map(measure, pairs, workers=workers)


def _measure(
    pair: Pair, *, question: Question, spacing: tuple[float, ...] | None
) -> MeasuredImage | Problem:
    sample = pair.sample
    # An image may say how large its pixels are where its mask does not.
    spacing = sample.spacing if spacing is None else spacing
    try:
        found = measure_files(
            reference=sample.mask,
            prediction=pair.prediction,
            question=question,
            spacing=spacing,
        )
        if found.reference_digest != sample.mask_digest:
            raise DataError(
                str(sample.mask), "changed since `samples` ran", "run `dvc repro` again"
            )
        agreements = measure_agreements(
            sample, prediction=pair.prediction, question=question, spacing=spacing
        )
    except DataError as error:
        return error.problems[0]
    return replace(found.named(sample.id, sample.image_digest), agreements=agreements)


def _chunks(
    items: Iterator[MeasuredImage | Problem], size: int
) -> Iterator[list[MeasuredImage | Problem]]:
    while chunk := list(islice(items, size)):
        yield chunk
