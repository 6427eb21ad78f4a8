"""A pair of files, reference and prediction: read, checked against each other, and measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segmetrics.data.bands import is_large
from segmetrics.data.grid import check_same_grid
from segmetrics.data.labels import LabelScheme
from segmetrics.data.levels import check_background, read_levels_of_classes
from segmetrics.data.mask import Mask
from segmetrics.data.masks import check_reference, lossy_pixels, read_mask
from segmetrics.data.multilabel import PLACEHOLDER
from segmetrics.data.pictures import read_bytes
from segmetrics.data.reading import read_class_files, read_score_map
from segmetrics.errors import DataError
from segmetrics.files import sha256_bytes, sha256_path
from segmetrics.large import count_large
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
            near=m.near,
            scored=m.scored,
        )


def measure_files(
    *,
    reference: Path,
    prediction: Path,
    question: Question,
    spacing: tuple[float, ...] | None,
) -> MeasuredPair:
    """Read a reference and a prediction and measure them.

    Raises
    ------
    DataError
        A file cannot be used, the shapes differ, or the reference holds an undeclared label.
    """
    if is_large(reference) or is_large(prediction):
        matrix = count_large(reference=reference, prediction=prediction, question=question)
        measured = Measured(matrix, None, {}, None, None, None, ())
        return MeasuredPair(measured, sha256_path(reference), sha256_path(prediction), None)
    scheme = question.scheme
    mask, reference_digest = _reference(reference, scheme)
    found, prediction_digest = _predicted(prediction, scheme, question.point)
    # Probabilities of classes that may overlap have their planes first.
    planes = len(found.labels) if scheme.multilabel and question.point.probability else None
    shape = found.labels.shape if planes is None else found.labels.shape[1:]
    if shape != mask.labels.shape:
        raise DataError(
            str(prediction),
            f"has shape {shape}, its reference {reference} {mask.labels.shape}",
            "nothing is resized to fit: write predictions at the size of the mask",
        )
    if mask.affine is not None and found.affine is not None:
        check_same_grid(mask, found, names=(str(reference), str(prediction)))
    if planes is not None:
        check_background(mask.labels, planes, str(reference), scheme)
    numbered = scheme.encoding == "instances"
    lossy = lossy_pixels(mask)
    # What holds 0 and one other value, once it is looked at. JPEG was warned of.
    two_valued = (
        scheme.encoding == "binary" and lossy is None,
        scheme.two_valued and not question.numbered and not question.point.probability,
    )
    try:
        measured = measure_arrays(
            reference=mask.labels,
            prediction=found.labels,
            question=question,
            spacing=_spacing(spacing, mask, str(reference)),
            instances=(numbered, numbered and question.numbered),
            two_valued=two_valued,
        )
    except SeveralValuesError as error:
        if error.problems[0].where == "prediction":
            raise _several(prediction, found, numbered) from error
        check_reference(mask, str(reference), scheme)
        raise
    except DataError:
        check_reference(mask, str(reference), scheme)  # says the same with the file's name
        raise
    return MeasuredPair(measured, reference_digest, prediction_digest, lossy)


def _reference(path: Path, scheme: LabelScheme) -> tuple[Mask, str]:
    if scheme.encoding == "files":
        return read_class_files(path, scheme)
    content = read_bytes(path)
    return read_mask(content, str(path), scheme), sha256_bytes(content)


def _several(path: Path, found: Mask, numbered: bool) -> DataError:
    remedy = (
        "for probabilities set operating_point: {decision: fixed, threshold: 0.5} (score: apply a "
        "threshold first)"
    )
    if numbered:
        remedy += "; for object numbers set data.predicted: instances"
    n = np.unique(found.labels).size
    what = "a prediction of foreground" if numbered else "a binary prediction"
    return DataError(str(path), f"holds {n} different values, {what} two", remedy)


def _predicted(path: Path, scheme: LabelScheme, point: OperatingPoint) -> tuple[Mask, str]:
    if scheme.encoding == "files" and PLACEHOLDER in str(path):
        return read_class_files(path, scheme)  # another annotator
    content = read_bytes(path)
    return _prediction(content, str(path), scheme, point), sha256_bytes(content)


def _spacing(fixed: tuple[float, ...] | None, mask: Mask, where: str) -> tuple[float, ...]:
    n = mask.labels.ndim
    if fixed is None and mask.spacing is None:
        raise DataError(
            where,
            "does not say how large its pixels are, and spacing is `file`",
            f"give data.spacing {n} numbers (score: --spacing)",
        )
    spacing = (mask.spacing if fixed is None else fixed) or (1.0,) * n
    if len(spacing) != n:
        raise DataError(
            where,
            f"has {n} axes, data.spacing {len(spacing)} values ({list(spacing)})",
            "give one value per axis, or `spacing: file`",
        )
    return spacing


def _prediction(content: bytes, where: str, scheme: LabelScheme, point: OperatingPoint) -> Mask:
    if point.threshold is not None and scheme.multilabel:
        return read_levels_of_classes(content, where, scheme)
    if point.threshold is not None:
        return read_score_map(content, where)
    if scheme.encoding == "files":
        # One prediction is one file: its channels are the classes, in declared order.
        values = tuple((k,) for k in range(scheme.n_classes))
        scheme = replace(scheme, encoding="channels", values=values)
    return read_mask(content, where, scheme)


def read_pair(*, reference: Path, prediction: Path, question: Question) -> tuple[Mask, Mask]:
    """The two masks as `measure_arrays` takes them.

    Raises
    ------
    DataError
        A file cannot be used, or the shapes differ.
    """
    scheme = question.scheme
    mask, _ = _reference(reference, scheme)
    found, _ = _predicted(prediction, scheme, question.point)
    planes = scheme.multilabel and question.point.probability
    shape = found.labels.shape[1:] if planes else found.labels.shape
    if shape != mask.labels.shape:
        what = f"has shape {shape}, its reference {reference} {mask.labels.shape}"
        raise DataError(str(prediction), what, "run `dvc repro`")
    return mask, found
