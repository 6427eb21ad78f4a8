"""The pixel confusion matrix and the four counts per class that every overlap metric divides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError
from segmetrics.metrics.label_pairs import Labels as Labels  # its home is here for users
from segmetrics.metrics.label_pairs import Pairs, label_pairs


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionCounts:
    """Pixels (voxels) per class, one class against the rest.

    Attributes
    ----------
    tp, fp, fn, tn : int64, shape (..., K)
        True positives, false positives, false negatives and true negatives. Leading axes, where
        there are any, are images. Ignored pixels are in none of them.
    """

    tp: npt.NDArray[np.int64]
    fp: npt.NDArray[np.int64]
    fn: npt.NDArray[np.int64]
    tn: npt.NDArray[np.int64]

    @classmethod
    def zeros(cls, shape: int | tuple[int, ...]) -> ConfusionCounts:
        """The neutral element of `+`; `shape` is K or (..., K)."""
        return cls(*(np.zeros(shape, np.int64) for _ in range(4)))

    @classmethod
    def from_matrix(cls, matrix: npt.NDArray[np.int64]) -> ConfusionCounts:
        """Counts per class from a confusion matrix of `confusion_matrix`, shape (..., K, K + 1)."""
        n_classes = matrix.shape[-2]
        tp = np.diagonal(matrix, axis1=-2, axis2=-1)[..., :n_classes].astype(np.int64)
        fn = matrix.sum(axis=-1) - tp
        fp = matrix[..., :n_classes].sum(axis=-2) - tp
        total = matrix.sum(axis=(-2, -1))[..., np.newaxis]
        return cls(tp=tp, fp=fp, fn=fn, tn=total - tp - fn - fp)

    def __add__(self, other: ConfusionCounts) -> ConfusionCounts:
        if self.tp.shape != other.tp.shape:
            raise ValueError(f"counts of shape {self.tp.shape} and {other.tp.shape} do not add")
        return ConfusionCounts(
            tp=self.tp + other.tp,
            fp=self.fp + other.fp,
            fn=self.fn + other.fn,
            tn=self.tn + other.tn,
        )

    def sum(self) -> ConfusionCounts:
        """All images together: the leading axes summed away, shape (K,)."""
        four = (self.tp, self.fp, self.fn, self.tn)
        if self.tp.ndim == 2:  # `einsum` is exact, too, and adds many short rows faster
            return ConfusionCounts(*(np.einsum("nk->k", a) for a in four))
        axes = tuple(range(self.tp.ndim - 1))
        return ConfusionCounts(*(a.sum(axis=axes) for a in four))

    def rows(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> ConfusionCounts:
        """The counts of some images (first axis)."""
        return ConfusionCounts(self.tp[index], self.fp[index], self.fn[index], self.tn[index])


class LabelLookup:
    """Label value -> class index, with one index for every value that is not listed.

    Parameters
    ----------
    index_of
        Class index by label value.
    otherwise
        The index of any other value.
    """

    def __init__(self, index_of: dict[int, int], *, otherwise: int) -> None:
        self._values = np.array(sorted(index_of), np.int64)
        self._index = np.array([index_of[v] for v in sorted(index_of)], np.intp)
        self.otherwise = otherwise
        self._table = self._search(np.arange(256))

    def __call__(self, labels: Labels) -> npt.NDArray[np.intp]:
        """Class indices of `labels`, same shape."""
        if labels.dtype == np.uint8 or labels.dtype == np.bool_:
            return self._table.take(labels.astype(np.uint8, copy=False))  # faster than [...]
        return self._search(labels)

    def small(self, labels: Labels) -> npt.NDArray[np.unsignedinteger[Any]]:
        """Class indices in as few bytes as they need, block by block: for whole volumes."""
        highest = max(self.otherwise, int(self._index.max(initial=0)))
        kind = np.uint8 if highest < 256 else np.uint16
        if labels.dtype in (np.uint8, np.bool_):
            table = self._table.astype(kind)
            return np.take(table, labels.view(np.uint8))
        found = np.empty(labels.shape, kind)
        for here, block in zip(found, labels, strict=True):  # rows or slices
            here[...] = self(block)
        return found

    def _search(self, labels: Labels) -> npt.NDArray[np.intp]:
        if not self._values.size:
            return np.full(labels.shape, self.otherwise, np.intp)
        at = np.minimum(np.searchsorted(self._values, labels), self._values.size - 1)
        found: npt.NDArray[np.bool_] = self._values[at] == labels
        return np.where(found, self._index[at], self.otherwise)


def count_confusion(
    *, reference: Labels, prediction: Labels, n_classes: int, ignore: Sequence[int] = ()
) -> ConfusionCounts:
    """Count the pixels of each class `0 .. n_classes - 1`, one class against the rest.

    Parameters
    ----------
    reference, prediction
        Integer (or boolean) label arrays of one shape, any number of axes.
    n_classes
        K, the number of classes.
    ignore
        Reference labels whose pixels are counted nowhere. A predicted label outside the classes
        is a miss for the reference class and a false positive for none.

    Returns
    -------
    ConfusionCounts
        int64, shape (K,), in pixels (voxels).

    Raises
    ------
    DataError
        The shapes differ, or the reference holds a label that is neither a class nor ignored.
    TypeError
        An array does not hold integers.
    """
    classes = {value: value for value in range(n_classes)}
    matrix = confusion_matrix(
        reference=reference,
        prediction=prediction,
        n_classes=n_classes,
        reference_lookup=LabelLookup(
            classes | dict.fromkeys(ignore, n_classes), otherwise=n_classes + 1
        ),
        prediction_lookup=LabelLookup(classes, otherwise=n_classes),
    )
    return ConfusionCounts.from_matrix(matrix)


def confusion_matrix(
    *,
    reference: Labels,
    prediction: Labels,
    n_classes: int,
    reference_lookup: LabelLookup,
    prediction_lookup: LabelLookup,
) -> npt.NDArray[np.int64]:
    """Count the pairs of reference and predicted class.

    Parameters
    ----------
    reference, prediction
        Label arrays of one shape.
    n_classes
        K.
    reference_lookup
        Maps reference labels to `0 .. K - 1`, to K (ignored) or to K + 1 (undeclared).
    prediction_lookup
        Maps predicted labels to `0 .. K - 1` or to K (no scored class).

    Returns
    -------
    int64, shape (K, K + 1)
        Pixels by reference class (row) and predicted class (column); the last column counts
        predictions of no scored class.

    Raises
    ------
    DataError
        The shapes differ, or the reference holds an undeclared label.
    """
    check_arrays(reference=reference, prediction=prediction)
    matrix = pairs_matrix(
        label_pairs(reference, prediction),
        n_classes=n_classes,
        reference_lookup=reference_lookup,
        prediction_lookup=prediction_lookup,
    )
    if matrix[n_classes + 1].any():
        raise _undeclared(reference, reference_lookup, n_classes + 1)
    return matrix[:n_classes]


def pairs_matrix(
    pairs: Iterable[Pairs],
    *,
    n_classes: int,
    reference_lookup: LabelLookup,
    prediction_lookup: LabelLookup,
) -> npt.NDArray[np.int64]:
    """The pixels of `label_pairs` by class, int64, shape (K + 2, K + 1).

    As `confusion_matrix`, with two rows more: ignored and undeclared reference labels.
    """
    rows, columns = n_classes + 2, n_classes + 1
    counts = np.zeros(rows * columns)
    for r, p, pixels in pairs:
        code = reference_lookup(r) * columns + prediction_lookup(p)
        # Weighted counts are float64: exact, as an array holds fewer than 2**53 pixels.
        counts += np.bincount(code, weights=pixels, minlength=counts.size)
    return counts.astype(np.int64).reshape(rows, columns)


def check_arrays(*, reference: Labels, prediction: Labels) -> None:
    """Raise what `confusion_matrix` raises for arrays that cannot be compared."""
    for name, array in (("reference", reference), ("prediction", prediction)):
        if array.dtype.kind not in "iub":
            raise TypeError(f"{name} holds {array.dtype}, not integer labels")
    if reference.shape != prediction.shape:
        raise DataError(
            "count_confusion",
            f"the reference has shape {reference.shape}, the prediction {prediction.shape}",
            "nothing is resized to fit: bring the prediction to the size of the reference",
        )


def _undeclared(reference: Labels, lookup: LabelLookup, undeclared: int) -> DataError:
    values, pixels = np.unique(reference.astype(np.int64), return_counts=True)
    wrong = lookup(values) == undeclared
    listed = ", ".join(
        f"{value} ({n} pixels)" for value, n in zip(values[wrong], pixels[wrong], strict=True)
    )
    return DataError(
        "reference",
        f"undeclared label {listed}",
        "declare it as a class or list it under ignore",
    )
