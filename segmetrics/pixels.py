"""From two decoded masks to everything that is measured of them: the pixel pass itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.data.labels import LabelScheme
from segmetrics.data.levels import bits_of_levels, classes_of
from segmetrics.errors import DataError
from segmetrics.files import sha256_json
from segmetrics.format import FORMAT
from segmetrics.metrics.catalog import COLUMNS
from segmetrics.metrics.counts import ConfusionCounts, Labels, check_arrays, pairs_matrix
from segmetrics.metrics.histograms import ScoreHistogram, near_histograms
from segmetrics.metrics.label_pairs import Pairs, label_pairs
from segmetrics.metrics.near import near_masks
from segmetrics.operating_point import OperatingPoint
from segmetrics.shapes import ObjectOptions as ObjectOptions  # asked for together
from segmetrics.shapes import PixelOptions as PixelOptions
from segmetrics.shapes import Shapes, measure_shapes
from segmetrics.tables import SCHEMA, ObjectRows, Targets

Mask = npt.NDArray[np.bool_]


class SeveralValuesError(DataError):
    """A binary prediction holds more than 0 and one other value."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The measurements of a pair of arrays, see `MeasuredImage`."""

    matrix: npt.NDArray[np.int64]
    counts: ConfusionCounts | None
    columns: Mapping[str, npt.NDArray[np.float64]]
    diagonal: float | None
    objects: ObjectRows | None
    histograms: ScoreHistogram | None
    scored: tuple[int, ...]
    near: ScoreHistogram | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every pair: classes and regions, the operating point, the options.

    `numbered`: predictions of the encoding `instances` hold object numbers, too.
    """

    scheme: LabelScheme
    targets: Targets
    point: OperatingPoint
    options: PixelOptions = field(default_factory=PixelOptions)
    numbered: bool = False


def settings_key(question: Question, spacing: tuple[float, ...] | None = None) -> str:
    """The digest of every setting that the measurements depend on."""
    scheme = question.scheme
    labels = [scheme.names, scheme.values, scheme.ignore, scheme.encoding]
    asked: list[object] = [
        asdict(question.targets),
        question.point.threshold,
        asdict(question.options),
    ]
    asked.append(question.numbered)
    if scheme.multilabel and question.point.probability:
        asked.append(scheme.exclude)  # which class needs no probability map
    return sha256_json([FORMAT, SCHEMA, labels, asked, spacing])


def measure_arrays(
    *,
    reference: Labels,
    prediction: Labels,
    question: Question,
    spacing: Sequence[float],
    instances: tuple[bool, bool] = (False, False),
    two_valued: tuple[bool, bool] = (False, False),
) -> Measured:
    """Measure a pair.

    Parameters
    ----------
    reference
        Labels as stored.
    prediction
        Labels as stored or, where the operating point has a threshold, scores `0 .. 255`; these
        have the classes along a further, first axis where classes may overlap.
    spacing
        One value per axis, in the unit of the distances.
    instances
        Whether reference and prediction hold object numbers.
    two_valued
        Whether reference and prediction must hold 0 and one other value.

    Raises
    ------
    SeveralValuesError
        One of them holds more values than it must.
    DataError
        The shapes differ, or the reference holds an undeclared label.
    """
    q, options = question, question.options
    predicted = prediction
    if q.point.threshold is not None and q.targets.overlapping:
        predicted = bits_of_levels(prediction, q.point.level, q.scheme)
    elif q.point.threshold is not None:
        predicted = (prediction >= q.point.level).view(np.uint8)
    pair = _Pair(reference, predicted, q, two_valued)
    shapes = Shapes()
    if options.needs_masks:
        shapes = measure_shapes(
            pair.masks(),
            n_targets=len(q.targets.names),
            labels=(reference, predicted),
            ignored=pair.ignored,
            options=options,
            spacing=spacing,
            instances=instances,
        )
    scores = pair.histograms(prediction) if options.scores else (None, None, ())
    return Measured(
        matrix=pair.matrix,
        counts=pair.counts,
        columns={name: shapes.columns[name] for name in COLUMNS if name in shapes.columns},
        diagonal=shapes.diagonal,
        objects=shapes.objects,
        histograms=scores[0],
        near=scores[1],
        scored=scores[2],
    )


class _Pair:
    """A pair of label arrays, counted; its class masks come one by one, to save memory."""

    def __init__(
        self,
        reference: Labels,
        predicted: Labels,
        question: Question,
        two_valued: tuple[bool, bool],
    ) -> None:
        self._q, self._reference, self._predicted = question, reference, predicted
        scheme = question.scheme
        k = scheme.n_classes
        self.counts: ConfusionCounts | None = None
        if question.targets.overlapping:
            self.matrix = np.zeros((k, k + 1), np.int64)
            self.counts = _count_masks(self.masks(), reference.size)
            return
        self._lookups = (
            scheme.reference_lookup,
            scheme.threshold_lookup if question.point.probability else scheme.prediction_lookup,
        )
        check_arrays(reference=reference, prediction=predicted)
        pairs = label_pairs(reference, predicted)
        if any(two_valued):
            pairs = _two_valued(pairs, two_valued, scheme.ignore)
        matrix = pairs_matrix(
            pairs,
            n_classes=k,
            reference_lookup=self._lookups[0],
            prediction_lookup=self._lookups[1],
        )
        if matrix[k + 1].any():
            raise DataError("reference", "holds an undeclared label")
        self.matrix = matrix[:k]

    @cached_property
    def _true(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        return self._lookups[0].small(self._reference)

    @cached_property
    def ignored(self) -> Mask | None:
        """The pixels that are counted nowhere; None where there are none."""
        scheme = self._q.scheme
        if not scheme.ignore or self._q.targets.overlapping:
            return None
        ignored: Mask = self._true == scheme.n_classes
        return ignored if ignored.any() else None

    def masks(self) -> Iterator[tuple[Mask, Mask]]:
        """Reference and prediction of each of the R."""
        members = self._q.targets.members
        if self._q.targets.overlapping:
            for inside in members:
                bits = sum(1 << k for k in inside)
                yield (self._reference & bits) != 0, (self._predicted & bits) != 0
            return
        true, found = self._true, self._lookups[1].small(self._predicted)
        for inside in members:
            yield _within(true, inside), _within(found, inside)

    def histograms(self, levels: Labels) -> tuple[ScoreHistogram, ScoreHistogram, tuple[int, ...]]:
        """Of all pixels and of those near a mask, for the class that the scores are about."""
        if self._q.targets.overlapping:
            return self._histograms(levels)
        foreground = self._q.scheme.foreground
        true, found = self._true == foreground, self._predicted != 0
        valid = None if self.ignored is None else ~self.ignored
        seen = found if valid is None else found & valid
        both = near_histograms(
            reference=true,
            scores=levels.astype(np.uint8, copy=False),
            near=near_masks(reference=true, prediction=seen),
            valid=valid,
        )
        whole, near = (ScoreHistogram(h.positives[None], h.negatives[None]) for h in both)
        return whole, near, (foreground,)

    def _histograms(self, levels: Labels) -> tuple[ScoreHistogram, ScoreHistogram, tuple[int, ...]]:
        """The same where classes overlap, for each that has a plane."""
        classes = classes_of(len(levels), self._q.scheme, "prediction")
        both = []
        for k, plane in zip(classes, levels, strict=True):
            true, found = ((bits & (1 << k)) != 0 for bits in (self._reference, self._predicted))
            near = near_masks(reference=true, prediction=found)
            scores = plane.astype(np.uint8, copy=False)
            both.append(near_histograms(reference=true, scores=scores, near=near, valid=None))
        whole, near_only = (
            ScoreHistogram(
                np.stack([h.positives for h in column]), np.stack([h.negatives for h in column])
            )
            for column in zip(*both, strict=True)
        )
        return whole, near_only, classes


def _two_valued(
    pairs: Iterable[Pairs], checked: tuple[bool, bool], ignore: Sequence[int]
) -> Iterator[Pairs]:
    """The pairs, checked as they come: reference, prediction or both hold 0 and one other value."""
    values: tuple[set[int], set[int]] = (set(), set())
    for r, p, pixels in pairs:
        for place, name in enumerate(("reference", "prediction")):
            if not checked[place]:
                continue
            found = (r, p)[place][pixels > 0]
            values[place].update((found if found.size <= 4 else np.unique(found)).tolist())
            if len(values[place] - {0, *(ignore if place == 0 else ())}) > 1:
                raise SeveralValuesError(name, "holds more than two values")
        yield r, p, pixels


def _within(index: npt.NDArray[np.generic], members: Sequence[int]) -> Mask:
    return index == members[0] if len(members) == 1 else np.isin(index, members)


def _count_masks(masks: Iterator[tuple[Mask, Mask]], total: int) -> ConfusionCounts:
    rows = []
    for true, found in masks:
        tp = np.count_nonzero(true & found)
        fp, fn = np.count_nonzero(found) - tp, np.count_nonzero(true) - tp
        rows.append((tp, fp, fn, total - tp - fp - fn))
    return ConfusionCounts(*np.array(rows, np.int64).T)


def class_masks(
    *, reference: Labels, prediction: Labels, question: Question, target: int
) -> tuple[Mask, Mask, Mask | None]:
    """Where one class is, by reference and prediction, and what is ignored: as it is measured.

    Parameters
    ----------
    reference, prediction
        As in `measure_arrays`.
    target
        The place of a class or region among the R.

    Returns
    -------
    Mask, Mask, Mask or None
        Of the shape of the reference; nothing is true where the third one is. None: nothing is
        ignored.

    Raises
    ------
    DataError
        As `measure_arrays`.
    """
    q, predicted = question, prediction
    if q.point.threshold is not None and q.targets.overlapping:
        predicted = bits_of_levels(prediction, q.point.level, q.scheme)
    elif q.point.threshold is not None:
        predicted = (prediction >= q.point.level).view(np.uint8)
    pair = _Pair(reference, predicted, q, (False, False))
    true, found = next(islice(pair.masks(), target, None))
    if pair.ignored is not None:
        true, found = true & ~pair.ignored, found & ~pair.ignored
    return true, found, pair.ignored
