"""A pair of files, reference and prediction: read, checked against each other, and measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segmetrics.data.bands import is_large, open_bands, walk_pair
from segmetrics.data.grid import check_same_grid
from segmetrics.data.labels import LabelScheme
from segmetrics.data.mask import Mask
from segmetrics.data.masks import check_reference, lossy_pixels, read_mask
from segmetrics.data.multilabel import PLACEHOLDER
from segmetrics.data.pictures import read_bytes
from segmetrics.data.reading import read_class_files, read_score_map
from segmetrics.errors import DataError
from segmetrics.files import sha256_bytes, sha256_path
from segmetrics.metrics.counts import Labels
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import Measured, Question, SeveralValuesError, measure_arrays
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
    if is_large(reference) or is_large(prediction):
        return measure_large(reference=reference, prediction=prediction, question=question)
    scheme = question.scheme
    mask, reference_digest = _reference(reference, scheme)
    found, prediction_digest = _predicted(prediction, scheme, question.point)
    if found.labels.shape != mask.labels.shape:
        raise DataError(
            str(prediction),
            f"has shape {found.labels.shape}, its reference {reference} {mask.labels.shape}",
            "nothing is resized to fit: write predictions at the size of the mask",
        )
    check_same_grid(mask, found, names=(str(reference), str(prediction)))
    numbered = scheme.encoding == "instances"
    try:
        measured = measure_arrays(
            reference=mask.labels,
            prediction=found.labels,
            question=question,
            spacing=_spacing(spacing, mask, str(reference)),
            # A model here writes classes; a given map of several numbers tells objects apart.
            instances=(numbered, numbered and given and _several(found.labels)),
        )
    except SeveralValuesError as error:
        raise DataError(
            str(prediction),
            f"holds {np.unique(found.labels).size} different values, a binary prediction two",
            "for probabilities set operating_point: {decision: fixed, threshold: 0.5} (score: "
            "apply a threshold first)",
        ) from error
    except DataError:
        check_reference(mask, str(reference), scheme)  # says the same with the file's name
        raise
    return MeasuredPair(measured, reference_digest, prediction_digest, lossy_pixels(mask))


def measure_large(*, reference: Path, prediction: Path, question: Question) -> MeasuredPair:
    """Count a pair of TIFF files that are too large to decode whole, band by band.

    Raises
    ------
    DataError
        A file cannot be used, the shapes differ, or more than counts is asked for.
    """
    asked = question.options
    if asked.needs_masks or asked.scores or question.targets.overlapping:
        raise DataError(
            str(reference),
            "is too large to be decoded whole, and only counts are made in bands",
            "cut it into tiles, or set surface, boundary_iou, cldice, objects and scores off",
        )
    matrix = None
    with open_bands(reference) as true, open_bands(prediction) as found:
        if true.shape != found.shape:
            what = f"has shape {found.shape}, its reference {reference} {true.shape}"
            raise DataError(str(prediction), what, "write predictions at the size of the mask")
        for rows, predicted in walk_pair(true, found):
            band = measure_arrays(
                reference=rows, prediction=predicted, question=question, spacing=(1.0, 1.0)
            )
            matrix = band.matrix if matrix is None else matrix + band.matrix
    assert matrix is not None, "a picture has rows"
    measured = Measured(matrix, None, {}, None, None, None, ())
    return MeasuredPair(measured, sha256_path(reference), sha256_path(prediction), None)


def _reference(path: Path, scheme: LabelScheme) -> tuple[Mask, str]:
    if scheme.encoding == "files":
        return read_class_files(path, scheme)
    content = read_bytes(path)
    return read_mask(content, str(path), scheme), sha256_bytes(content)


def _several(labels: Labels) -> bool:
    """Whether there are more values than 0 and one other."""
    highest = labels.max(initial=0)
    return bool(np.count_nonzero(labels) != np.count_nonzero(labels == highest) and highest)


def _predicted(path: Path, scheme: LabelScheme, point: OperatingPoint) -> tuple[Mask, str]:
    if scheme.encoding == "files" and PLACEHOLDER in str(path):
        return read_class_files(path, scheme)  # another annotator
    content = read_bytes(path)
    return _prediction(content, str(path), scheme, point), sha256_bytes(content)


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


def _prediction(content: bytes, where: str, scheme: LabelScheme, point: OperatingPoint) -> Mask:
    if point.threshold is not None:
        return read_score_map(content, where)
    if scheme.encoding == "files":
        # One prediction is one file: its channels are the classes, in declared order.
        values = tuple((k,) for k in range(scheme.n_classes))
        scheme = replace(scheme, encoding="channels", values=values)
    return read_mask(content, where, scheme)
