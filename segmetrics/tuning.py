"""`operate`: choose the threshold on the tuning split, and check a threshold that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segmetrics.data.labels import LabelScheme
from segmetrics.data.sample_list import Sample
from segmetrics.errors import DataError, Problem
from segmetrics.evidence import Layout
from segmetrics.files import sha256_json
from segmetrics.gates.operating import stale_operating_point, tuned_on_judged
from segmetrics.gates.rules import Finding
from segmetrics.inference.store import read_manifest
from segmetrics.measure import check_kind, measure_pairs, pair_samples
from segmetrics.metrics.histograms import BINS, ScoreHistogram
from segmetrics.metrics.thresholds import choose_level, highest
from segmetrics.operating_point import (
    OperatingPoint,
    Tuning,
    TuningRequest,
    read_operating_point,
)
from segmetrics.pixels import PixelOptions, Question
from segmetrics.progress import progress
from segmetrics.tables import MeasuredImage, Measurements, Targets, read_measurements

# Counts are made at some threshold, too; nobody looks at them.
_ANY = OperatingPoint("tuned", 0.5)
# Of a sample: its id and the digests of its reference and its prediction.
_Row = tuple[str, str, str]


def tune(
    samples: Sequence[Sample],
    *,
    predictions: Path,
    request: TuningRequest,
    scheme: LabelScheme,
    workers: int,
) -> OperatingPoint:
    """The threshold that is best on the tuning split, from one pass over its files.

    All images are pooled: their histograms of scores are added.

    Parameters
    ----------
    predictions
        The folder of the predictions of that split.

    Raises
    ------
    ConfigError
        The predictions are label maps.
    DataError
        Files are missing or cannot be used (all are listed), no foreground is there or found, or
        the floor that the request sets is out of reach.
    """
    manifest = read_manifest(predictions)
    question = Question(scheme, Targets(scheme.names, scores=True), _ANY, PixelOptions(scores=True))
    check_kind(manifest, question, predictions)
    # Another annotator has no say here: measuring them would be for nothing.
    alone = [replace(sample, annotators={}) for sample in samples]
    pairs = pair_samples(alone, predictions, manifest)
    measured = measure_pairs(pairs, question=question, spacing=(), workers=workers)
    total, rows, problems = ScoreHistogram.zeros(1), list[_Row](), list[Problem]()
    for found in progress(measured, total=len(pairs), text="tuning"):
        if isinstance(found, MeasuredImage) and found.histograms is not None:
            total += found.histograms
            rows.append((found.id, found.reference_digest, found.prediction_digest))
        elif isinstance(found, Problem):
            problems.append(found)
    if problems:
        raise DataError.of(problems, f"tuning on {predictions}")
    return _chosen(total, rows, request)


def tuned_by_tables(measured: Measurements, request: TuningRequest) -> OperatingPoint:
    """The same from the tables of the tuning split, to check a point that was written.

    Raises
    ------
    DataError
        There are no scores, or as `tune`.
    """
    histograms = measured.observations.histograms
    if histograms is None:
        what = f"the tables of the split {request.split} hold no scores"
        raise DataError("operating_point", what, "set measure.scores: true")
    digests = measured.reference_digests, measured.prediction_digests
    rows = list(zip(measured.ids, *digests, strict=True))
    return _chosen(histograms.sum(axis=0), rows, request)


def check_operating_point(
    layout: Layout, wanted: OperatingPoint | TuningRequest, judged: str
) -> list[Finding]:
    """Blocking findings where the operating point is not the wanted one; no pixel is read.

    A tuned threshold is chosen again, from the tables of the tuning split, and everything in the
    file has to be what this gives: threshold, objective, and the digest of the samples and
    predictions.
    """
    written = read_operating_point(layout.operating_point)
    if isinstance(wanted, OperatingPoint):
        same = written == wanted
        return [] if same else [stale_operating_point(f"{written} instead of {wanted}")]
    findings = tuned_on_judged(wanted.split, judged)
    try:
        again = tuned_by_tables(read_measurements(layout.measurements(wanted.split)), wanted)
    except DataError as error:
        return [*findings, stale_operating_point(str(error))]
    if written == again:
        return findings
    reason = f"{written} instead of {again}"
    if str(written) == str(again):
        reason = f"tuned on other samples or predictions of {wanted.split}"
    return [*findings, stale_operating_point(reason)]


def _chosen(total: ScoreHistogram, rows: Sequence[_Row], request: TuningRequest) -> OperatingPoint:
    # One class has scores: others would need a threshold each, and pixels then several labels.
    pooled = total.sum()
    objective = request.objective
    if not pooled.positives.any():
        what = f"no reference of the tuning split {request.split} holds a pixel of the class"
        raise DataError("operating_point", what, "add samples that hold it, or name another split")
    best = choose_level(pooled, objective)
    if best is None:
        raise _unreachable(pooled, request)
    digest = sha256_json(sorted(rows))
    tuning = Tuning(request.split, digest, str(objective), best.value)
    return OperatingPoint("tuned", best.level / BINS, tuning)


def _unreachable(pooled: ScoreHistogram, request: TuningRequest) -> DataError:
    floor = request.objective.floor
    if floor is None:
        what = f"no threshold finds any foreground on the tuning split {request.split}"
        return DataError("operating_point", what, "look at the predictions: they are empty")
    where, wanted = f"operating_point.at_least.{floor}", request.objective.at_least
    most = highest(pooled, floor)
    if most is None or most.value == 0:
        what = f"no threshold finds any foreground on the tuning split {request.split}"
        return DataError(where, what, "look at the predictions: they are empty")
    return DataError(
        where,
        f"{wanted:g} is out of reach on the tuning split {request.split}: the highest {floor} is "
        f"{most.value:.4f}, at threshold {most.level / BINS:g}",
        "set it lower, or improve the model",
    )
