"""A pair of files, reference and prediction: read, checked against each other, and measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import Mask, check_reference, lossy_pixels, read_levels, read_mask
from segmetrics.data.pictures import read_bytes
from segmetrics.errors import DataError
from segmetrics.files import sha256_bytes
from segmetrics.metrics.counts import Labels
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import Measured, Question, measure_arrays
from segmetrics.tables import MeasuredImage


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPair:
    """The measurements of two files, and their digests.

    `lossy_pixels` is set where the reference is a JPEG: its pixels that are neither 0 nor 255.
    """

    measured: Measured
    reference_digest: str
    prediction_digest: str
    lossy_pixels: int | None

    def named(self, sample: str, image_digest: str) -> MeasuredImage:
        """The measurements as those of a sample."""
        m = self.measured
        return MeasuredImage(
            id=sample,
            image_digest=image_digest,
            reference_digest=self.reference_digest,
            prediction_digest=self.prediction_digest,
            matrix=m.matrix,
            counts=m.counts,
            columns=m.columns,
            diagonal=m.diagonal,
            objects=m.objects,
            histograms=m.histograms,
            scored=m.scored,
        )


def measure_files(
    *,
    reference: Path,
    prediction: Path,
    question: Question,
    spacing: tuple[float, ...] | None,
    given: bool,
) -> MeasuredPair:
    """Read a reference and a prediction and measure them.

    Raises
    ------
    DataError
        A file cannot be used, the shapes differ, or the reference holds an undeclared label.
    """
    scheme = question.scheme
    reference_bytes, prediction_bytes = read_bytes(reference), read_bytes(prediction)
    mask = read_mask(reference_bytes, str(reference), scheme)
    predicted = _prediction(prediction_bytes, str(prediction), scheme, question.point)
    if predicted.shape != mask.labels.shape:
        raise DataError(
            str(prediction),
            f"has shape {predicted.shape}, its reference {reference} {mask.labels.shape}",
            "nothing is resized to fit: write predictions at the size of the mask",
        )
    numbered = scheme.encoding == "instances"
    try:
        measured = measure_arrays(
            reference=mask.labels,
            prediction=predicted,
            question=question,
            spacing=_spacing(spacing, mask, str(reference)),
            # A model here writes classes; a given map of several numbers tells objects apart.
            instances=(numbered, numbered and given and _several(predicted)),
        )
    except DataError:
        check_reference(mask, str(reference), scheme)  # says the same with the file's name
        raise
    return MeasuredPair(
        measured, sha256_bytes(reference_bytes), sha256_bytes(prediction_bytes), lossy_pixels(mask)
    )


def _several(labels: Labels) -> bool:
    return bool(((labels != 0) & (labels != labels.max(initial=0))).any())


def _spacing(fixed: tuple[float, ...] | None, mask: Mask, where: str) -> tuple[float, ...]:
    n = mask.labels.ndim
    spacing = (mask.spacing if fixed is None else fixed) or (1.0,) * n
    if len(spacing) != n:
        raise DataError(
            where,
            f"has {n} axes, data.spacing {len(spacing)} values ({list(spacing)})",
            "give one value per axis, or `spacing: file`",
        )
    return spacing


def _prediction(content: bytes, where: str, scheme: LabelScheme, point: OperatingPoint) -> Labels:
    if point.threshold is not None:
        return read_levels(content, where)
    labels = read_mask(content, where, scheme).labels
    if scheme.encoding == "binary" and _several(labels):
        raise DataError(
            where,
            f"holds {np.unique(labels).size} different values, a binary prediction two",
            "for probabilities set operating_point: {decision: fixed, threshold: 0.5} (score: "
            "apply a threshold first)",
        )
    return labels
