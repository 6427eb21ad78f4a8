"""From two decoded masks to everything that is measured of them: the pixel pass itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segmetrics.data.labels import LabelScheme
from segmetrics.errors import DataError
from segmetrics.metrics.catalog import COLUMNS
from segmetrics.metrics.counts import ConfusionCounts, Labels, check_arrays, pairs_matrix
from segmetrics.metrics.label_pairs import Pairs, label_pairs
from segmetrics.metrics.object_scores import ObjectMatches
from segmetrics.metrics.scores import ScoreHistogram, score_histogram
from segmetrics.operating_point import OperatingPoint
from segmetrics.tables import ObjectRows, Targets

Mask = npt.NDArray[np.bool_]


class SeveralValuesError(DataError):
    """A binary prediction holds more than 0 and one other value."""


@dataclass(frozen=True, slots=True)
class ObjectOptions:
    """How objects are matched, see `segmetrics.metrics.match_objects`."""

    match: Literal["iou", "coverage", "any_overlap"] = "iou"
    at_least: float = 0.5
    min_size: int = 1


@dataclass(frozen=True, slots=True)
class PixelOptions:
    """What is measured besides the counts.

    Attributes
    ----------
    surface
        The distance metrics, of `hd, hd95, assd, masd, nsd`.
    tolerance
        That of nsd, in the unit of the spacing.
    boundary
        Width of the strips of boundary IoU as a share of the diagonal; None: not measured.
    """

    surface: tuple[str, ...] = ()
    tolerance: float | None = None
    boundary: float | None = None
    centreline: bool = False
    objects: ObjectOptions | None = None
    scores: bool = False

    @property
    def needs_masks(self) -> bool:
        """Whether more than pixel counts is wanted."""
        return bool(self.surface or self.boundary or self.centreline or self.objects)


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


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every pair: classes and regions, the operating point, the options.

    `numbered`: predictions of the encoding `instances` hold object numbers, too.
    """

    scheme: LabelScheme
    targets: Targets
    point: OperatingPoint
    options: PixelOptions = PixelOptions()
    numbered: bool = False


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
        Labels as stored or, where the operating point has a threshold, scores `0 .. 255`.
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
    if q.point.threshold is not None:
        predicted = (prediction >= q.point.level).view(np.uint8)
    pair = _Pair(reference, predicted, q, two_valued)
    columns: dict[str, npt.NDArray[np.float64]] = {}
    objects: list[ObjectRows] = []
    masks = pair.masks() if options.needs_masks else ()
    thin = _thin_axes(reference.shape)
    reference, predicted = reference.squeeze(thin), predicted.squeeze(thin)
    spacing = [step for axis, step in enumerate(spacing) if axis not in thin]
    ignored = None if pair.ignored is None else pair.ignored.squeeze(thin)
    for target, (true, found) in enumerate(masks):
        true, found = true.squeeze(thin), found.squeeze(thin)
        if options.objects is not None:
            numbered = (
                np.where(true, reference, 0) if instances[0] else true,
                np.where(found, predicted, 0) if instances[1] else found,
            )
            matches = _match(numbered, options.objects, instances, ignored)
            objects.append(_rows(matches, target))
        if ignored is not None:
            found = found & ~ignored
        for name, value in _shape_metrics(true, found, options, spacing).items():
            columns.setdefault(name, np.full(len(q.targets.names), np.nan))[target] = value
    histogram, scored = pair.histogram(prediction) if options.scores else (None, ())
    return Measured(
        matrix=pair.matrix,
        counts=pair.counts,
        columns={name: columns[name] for name in COLUMNS if name in columns},
        diagonal=_diagonal(reference.shape, spacing) if options.surface else None,
        objects=_joined(objects) if objects else None,
        histograms=histogram,
        scored=scored,
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
        self._lookups = (
            scheme.reference_lookup,
            scheme.threshold_lookup if question.point.probability else scheme.prediction_lookup,
        )
        k = scheme.n_classes
        self.counts: ConfusionCounts | None = None
        if question.targets.overlapping:
            self.matrix = np.zeros((k, k + 1), np.int64)
            self.counts = _count_masks(self.masks(), reference.size)
            return
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

    def histogram(self, levels: Labels) -> tuple[ScoreHistogram, tuple[int, ...]]:
        """Of the one class that the scores are about, and its place."""
        k = self._q.scheme.n_classes
        foreground = self._q.scheme.foreground
        true = self._true
        found = score_histogram(
            reference=true == foreground, scores=levels.astype(np.uint8, copy=False), valid=true < k
        )
        one = ScoreHistogram(found.positives[np.newaxis], found.negatives[np.newaxis])
        return one, (foreground,)


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


def _thin_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """The axes of length 1 of a volume: a single slice has the borders of a 2-D picture."""
    thin = [axis for axis, n in enumerate(shape) if n == 1]
    return tuple(thin[: max(len(shape) - 2, 0)])


def _within(index: npt.NDArray[np.generic], members: Sequence[int]) -> Mask:
    return index == members[0] if len(members) == 1 else np.isin(index, members)


def _count_masks(masks: Iterator[tuple[Mask, Mask]], total: int) -> ConfusionCounts:
    rows = []
    for true, found in masks:
        tp = np.count_nonzero(true & found)
        fp, fn = np.count_nonzero(found) - tp, np.count_nonzero(true) - tp
        rows.append((tp, fp, fn, total - tp - fp - fn))
    return ConfusionCounts(*np.array(rows, np.int64).T)


def _shape_metrics(
    true: Mask, found: Mask, options: PixelOptions, spacing: Sequence[float]
) -> dict[str, float]:
    # Imported here: scipy takes longer to load than many evaluations take.
    from segmetrics import metrics

    values: dict[str, float] = {}
    if options.surface:
        distances = metrics.surface_distances(
            reference=true, prediction=found, spacing=tuple(spacing)
        )
        for name in options.surface:
            if name == "nsd":
                assert options.tolerance is not None, "settings give nsd its tolerance"
                values[name] = metrics.nsd(distances, tolerance=options.tolerance)
            else:
                values[name] = getattr(metrics, name)(distances)
    if options.boundary is not None:
        values["boundary_iou"] = metrics.boundary_iou(
            reference=true, prediction=found, dilation_ratio=options.boundary
        )
    if options.centreline:
        values["cldice"] = metrics.cl_dice(reference=true, prediction=found)
    return values


def _diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    return float(np.linalg.norm(np.array(shape) * np.array(spacing)))


def _match(
    pair: tuple[Labels, Labels],
    options: ObjectOptions,
    instances: tuple[bool, bool],
    ignored: Mask | None,
) -> ObjectMatches:
    from segmetrics import metrics

    return metrics.match_objects(
        reference=pair[0],
        prediction=pair[1],
        match=options.match,
        at_least=options.at_least,
        min_size=options.min_size,
        reference_instances=instances[0],
        prediction_instances=instances[1],
        ignored=ignored,
    )


def _rows(matches: ObjectMatches, target: int) -> ObjectRows:
    sides = (matches.reference, matches.prediction)
    n = [side.id.size for side in sides]

    def both(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(side, name) for side in sides])

    return ObjectRows(
        target=np.full(sum(n), target, np.int64),
        predicted=np.repeat([False, True], n),
        number=both("id"),
        size=both("size"),
        matched=both("match"),
        iou=np.nan_to_num(both("iou")),
        strict_iou=np.nan_to_num(both("pq_iou")),
        excused=both("excused").astype(np.int64),
    )


def _joined(parts: Sequence[ObjectRows]) -> ObjectRows:
    names = [f.name for f in fields(ObjectRows)]
    return ObjectRows(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))
