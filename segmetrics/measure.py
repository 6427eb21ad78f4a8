"""`measure`: the one pass over the pixels of a split, from files to tables.

Finished chunks are written as they come and reused after an interruption or when samples are added;
a row is reused only where the settings and the digests of reference and prediction are unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmetrics.chunks import Parts
from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import (
    check_reference,
    lossy_pixels,
    read_mask,
    read_probability,
    warn_jpeg_predictions,
)
from segmetrics.data.pictures import read_bytes
from segmetrics.data.sample_list import Sample
from segmetrics.errors import ConfigError, DataError, Problem
from segmetrics.files import sha256_bytes, sha256_json
from segmetrics.format import FORMAT
from segmetrics.inference.given import match_given
from segmetrics.inference.store import Manifest, read_manifest
from segmetrics.metrics.counts import Labels, check_arrays, pairs_matrix
from segmetrics.metrics.label_pairs import Pairs, label_pairs
from segmetrics.operating_point import OperatingPoint
from segmetrics.parallel import item_map, ordered_map
from segmetrics.progress import progress
from segmetrics.tables import MeasuredImage

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
    scheme: LabelScheme,
    operating_point: OperatingPoint,
    workers: int,
) -> None:
    """Measure a split: write `images.parquet` and `confusion.parquet` to `out`.

    Parameters
    ----------
    predictions
        A folder that `infer` wrote, or any folder of files named by sample id.

    Raises
    ------
    ConfigError
        The predictions are of another kind than the operating point.
    DataError
        A prediction is missing, unreadable, of another shape, or a file changed since it was
        listed: everything that is wrong is reported together.
    """
    manifest = read_manifest(predictions)
    _check_kind(manifest, operating_point, predictions)
    pairs = pair_samples(samples, predictions, manifest)
    warn_jpeg_predictions(pair.prediction for pair in pairs)
    key = settings_key(scheme, operating_point)
    parts = Parts(out, scheme.names, key)
    done = parts.finished(_known_digests(pairs, workers) if parts.any else {})
    todo = [pair for pair in pairs if pair.sample.id not in done]
    results = measure_pairs(todo, scheme=scheme, point=operating_point, workers=workers)
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
    return sha256_bytes(read_bytes(pair.prediction))


def settings_key(scheme: LabelScheme, point: OperatingPoint) -> str:
    """The digest of every setting that the counts depend on."""
    return sha256_json(
        [FORMAT, scheme.names, scheme.values, scheme.ignore, scheme.encoding, point.threshold]
    )


def _check_kind(manifest: Manifest | None, point: OperatingPoint, folder: Path) -> None:
    kind = manifest.kind if manifest else "given"
    if kind == "labels" and point.probability:
        raise ConfigError(
            "operating_point.decision",
            f'"{point.decision}" needs probabilities, {folder} holds label maps',
            "set operating_point: {decision: argmax, threshold: null}",
        )
    if kind == "probability" and not point.probability:
        raise ConfigError(
            "operating_point.decision",
            f'"argmax" needs label maps, {folder} holds probabilities',
            "set operating_point: {decision: fixed, threshold: 0.5}",
        )


def pair_samples(samples: Sequence[Sample], folder: Path, manifest: Manifest | None) -> list[Pair]:
    """The prediction file of every sample.

    Raises
    ------
    DataError
        Files are missing or, in a folder that `infer` did not write, surplus: all are listed.
    """
    if manifest is None:
        files = match_given(folder, samples)
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
    pairs: Sequence[Pair], *, scheme: LabelScheme, point: OperatingPoint, workers: int
) -> Iterator[MeasuredImage | Problem]:
    """Measure pairs, in order; a pair that cannot be measured gives its problem.

    Much work is done by worker processes: the fastest decoder holds the interpreter lock.
    """
    return item_map(partial(_measure, scheme=scheme, point=point), pairs, workers=workers)


def _measure(pair: Pair, *, scheme: LabelScheme, point: OperatingPoint) -> MeasuredImage | Problem:
    sample = pair.sample
    try:
        counted = count_files(
            reference=sample.mask, prediction=pair.prediction, scheme=scheme, point=point
        )
        if counted.reference_digest != sample.mask_digest:
            raise DataError(
                str(sample.mask), "changed since `samples` ran", "run `dvc repro` again"
            )
    except DataError as error:
        return error.problems[0]
    return MeasuredImage(
        id=sample.id,
        image_digest=sample.image_digest,
        reference_digest=counted.reference_digest,
        prediction_digest=counted.prediction_digest,
        matrix=counted.matrix,
    )


@dataclass(frozen=True, slots=True, eq=False)
class CountedPair:
    """The confusion matrix (K, K + 1) of two files, and their digests.

    `lossy_pixels` is set where the reference is a JPEG: its pixels that are neither 0 nor 255.
    """

    matrix: npt.NDArray[np.int64]
    reference_digest: str
    prediction_digest: str
    lossy_pixels: int | None


def count_files(
    *, reference: Path, prediction: Path, scheme: LabelScheme, point: OperatingPoint
) -> CountedPair:
    """Read a reference and a prediction and count their pixels.

    Raises
    ------
    DataError
        A file cannot be used, the shapes differ, or the reference holds an undeclared label.
    """
    reference_bytes, prediction_bytes = read_bytes(reference), read_bytes(prediction)
    mask = read_mask(reference_bytes, str(reference), scheme)
    predicted = _prediction(prediction_bytes, str(prediction), scheme, point)
    if predicted.shape != mask.labels.shape:
        raise DataError(
            str(prediction),
            f"has shape {predicted.shape}, its reference {reference} {mask.labels.shape}",
            "nothing is resized to fit: write predictions at the size of the mask",
        )
    check_arrays(reference=mask.labels, prediction=predicted)
    pairs = label_pairs(mask.labels, predicted)
    if scheme.encoding == "binary" and not point.probability:
        pairs = _two_valued(pairs, predicted, str(prediction))
    matrix = pairs_matrix(
        pairs,
        n_classes=scheme.n_classes,
        reference_lookup=scheme.reference_lookup,
        prediction_lookup=(
            scheme.threshold_lookup if point.probability else scheme.prediction_lookup
        ),
    )
    if matrix[scheme.n_classes + 1].any():
        check_reference(mask, str(reference), scheme)  # names the labels
        raise DataError(str(reference), "holds an undeclared label")
    matrix = matrix[: scheme.n_classes]
    return CountedPair(
        matrix, sha256_bytes(reference_bytes), sha256_bytes(prediction_bytes), lossy_pixels(mask)
    )


def _prediction(content: bytes, where: str, scheme: LabelScheme, point: OperatingPoint) -> Labels:
    if point.threshold is not None:
        return read_probability(content, where, point.threshold)
    return read_mask(content, where, scheme).labels


def _two_valued(pairs: Iterable[Pairs], prediction: Labels, where: str) -> Iterator[Pairs]:
    """The pairs, checked as they come: a binary prediction holds 0 and one other value."""
    values: set[int] = set()
    for r, p, pixels in pairs:
        found = p[pixels > 0]
        values.update((found if found.size <= 4 else np.unique(found)).tolist())
        if len(values - {0}) > 1:
            raise DataError(
                where,
                f"holds {np.unique(prediction).size} different values, a binary prediction two",
                "for probabilities set operating_point: {decision: fixed, threshold: 0.5} (score: "
                "apply a threshold first)",
            )
        yield r, p, pixels


def _chunks(
    items: Iterator[MeasuredImage | Problem], size: int
) -> Iterator[list[MeasuredImage | Problem]]:
    while chunk := list(islice(items, size)):
        yield chunk
