"""What one pass over a pair of masks gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.histograms import ScoreHistogram
from segmetrics.tables.schema import Targets


@dataclass(frozen=True, slots=True, eq=False)
class ObjectRows:
    """The objects of one image, reference objects first: equally long arrays.

    Attributes
    ----------
    target
        The place of the class or region among the R.
    predicted
        Whether it is a predicted object.
    number, size, matched
        Its number, its pixels, and the number of its partner (0: none).
    iou, strict_iou, excused
        See `object_schema`.
    """

    target: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.bool_]
    number: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    matched: npt.NDArray[np.int64]
    iou: npt.NDArray[np.float64]
    strict_iou: npt.NDArray[np.float64]
    excused: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Two annotators of one image, or an annotator and the model (`prediction` is `model`).

    `counts` and `columns` are as in `MeasuredImage`, shape (R,).
    """

    reference: str
    prediction: str
    reference_digest: str
    prediction_digest: str
    counts: ConfusionCounts
    columns: Mapping[str, npt.NDArray[np.float64]]
    diagonal: float | None


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredImage:
    """The measurements of one image.

    Attributes
    ----------
    matrix
        The confusion matrix, shape (K, K + 1); zeros where classes overlap.
    counts
        Shape (R,); None: those of the matrix.
    columns
        Metrics by name, shape (R,) each; NaN undefined, infinite where one mask is empty.
    diagonal
        Of the image, in the unit of the distances.
    histograms, near
        Shape (C, 256), of the classes at the places `scored`: all pixels, and those near a mask
        (`near_masks`).
    agreements
        The further annotators with one another and with the model.
    """

    id: str
    image_digest: str
    reference_digest: str
    prediction_digest: str
    matrix: npt.NDArray[np.int64]
    counts: ConfusionCounts | None = None
    columns: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    diagonal: float | None = None
    objects: ObjectRows | None = None
    histograms: ScoreHistogram | None = None
    near: ScoreHistogram | None = None
    scored: tuple[int, ...] = ()
    agreements: tuple[Agreement, ...] = ()

    def counts_of(self, targets: Targets) -> ConfusionCounts:
        """Pixels of each of the R classes and regions."""
        if self.counts is not None:
            return self.counts
        return count_targets(self.matrix, targets)


def count_targets(matrix: npt.NDArray[np.int64], targets: Targets) -> ConfusionCounts:
    """The counts of classes and of regions, unions of classes, from confusion matrices.

    Parameters
    ----------
    matrix
        Shape (..., K, K + 1).

    Returns
    -------
    ConfusionCounts
        Shape (..., R).
    """
    classes = ConfusionCounts.from_matrix(matrix)
    if not targets.regions:
        return classes
    total = matrix.sum(axis=(-2, -1))
    parts = [classes.tp], [classes.fp], [classes.fn], [classes.tn]
    for _, members in targets.regions:
        inside = list(members)
        tp = matrix[..., inside, :][..., inside].sum(axis=(-2, -1))
        fn = matrix[..., inside, :].sum(axis=(-2, -1)) - tp
        fp = matrix[..., inside].sum(axis=(-2, -1)) - tp
        for part, value in zip(parts, (tp, fp, fn, total - tp - fp - fn), strict=True):
            part.append(value[..., np.newaxis])
    return ConfusionCounts(*(np.concatenate(part, axis=-1) for part in parts))
