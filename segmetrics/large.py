"""Pairs of TIFF files that are too large to decode whole: counted band by band."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmetrics.data.bands import Bands, band_values, open_bands, walk_pair
from segmetrics.data.masks import check_values
from segmetrics.errors import DataError
from segmetrics.pixels import Question, measure_arrays

_READ = ("labels", "binary", "instances")


def count_large(*, reference: Path, prediction: Path, question: Question) -> npt.NDArray[np.int64]:
    """The confusion matrix (K, K + 1) of two label TIFFs of any size.

    Raises
    ------
    DataError
        A file cannot be used, the shapes differ, or more than counts is asked for.
    """
    _check_question(reference, question)
    for path, other in ((reference, prediction), (prediction, reference)):
        if path.suffix.lower() not in (".tif", ".tiff"):
            what = f"is no TIFF, {other} is one that is too large to be decoded whole"
            raise DataError(str(path), what, "write both as TIFF, which is read in bands")
    scheme = question.scheme
    matrix: npt.NDArray[np.int64] = np.zeros((scheme.n_classes, scheme.n_classes + 1), np.int64)
    with open_bands(reference) as true, open_bands(prediction) as found:
        _check_pair(true, found, reference, prediction, question)
        check_values(band_values(true), str(reference), scheme)
        if scheme.encoding == "binary" and not question.point.probability:
            _check_two_valued(found, prediction)
        for rows, predicted in walk_pair(true, found):
            band = measure_arrays(
                reference=rows, prediction=predicted, question=question, spacing=(1.0, 1.0)
            )
            matrix += band.matrix
    return matrix


def _check_question(reference: Path, question: Question) -> None:
    asked, encoding = question.options, question.scheme.encoding
    if asked.needs_masks or asked.scores:
        raise DataError(
            str(reference),
            "is too large to be decoded whole, and only counts are made in bands",
            "cut it into tiles, or set surface, boundary_iou, cldice, objects and scores off",
        )
    if encoding not in _READ:
        raise DataError(
            str(reference),
            f"is too large to be decoded whole, and `encoding: {encoding}` is not read in bands",
            "write its labels as grey values",
        )


def _check_pair(
    true: Bands, found: Bands, reference: Path, prediction: Path, question: Question
) -> None:
    if true.shape != found.shape:
        what = f"has shape {found.shape}, its reference {reference} {true.shape}"
        raise DataError(str(prediction), what, "write predictions at the size of the mask")
    if question.point.probability and found.dtype != np.uint8:
        what = f"holds {found.dtype}, not an 8-bit probability map"
        raise DataError(str(prediction), what, "write q = min(255, floor(256 p)) as uint8")


def _check_two_valued(found: Bands, prediction: Path) -> None:
    values = band_values(found)
    if len(values.keys() - {0}) > 1:
        what = f"holds {len(values)} different values, a binary prediction two"
        raise DataError(str(prediction), what, "apply a threshold first")
