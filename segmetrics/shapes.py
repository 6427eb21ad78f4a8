"""What is measured of the class masks of a pair besides counts: distances, strips, objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.counts import Labels
from segmetrics.metrics.object_counts import ObjectMatches
from segmetrics.tables import ObjectRows

Mask = npt.NDArray[np.bool_]


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
class Shapes:
    """The columns of `MeasuredImage`, shape (R,) each, its diagonal and its objects."""

    columns: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    diagonal: float | None = None
    objects: ObjectRows | None = None


def measure_shapes(
    masks: Iterable[tuple[Mask, Mask]],
    *,
    n_targets: int,
    labels: tuple[Labels, Labels],
    ignored: Mask | None,
    options: PixelOptions,
    spacing: Sequence[float],
    instances: tuple[bool, bool],
) -> Shapes:
    """Measure the masks of every class and region.

    Parameters
    ----------
    masks
        Reference and prediction of each of the R, ignored pixels included.
    labels
        Reference and prediction as stored: the numbers of objects where `instances` says so.
    ignored
        Pixels that count nowhere.
    """
    thin = _thin_axes(labels[0].shape)
    reference, predicted = (array.squeeze(thin) for array in labels)
    spacing = [step for axis, step in enumerate(spacing) if axis not in thin]
    ignored = None if ignored is None else ignored.squeeze(thin)
    columns: dict[str, npt.NDArray[np.float64]] = {}
    objects: list[ObjectRows] = []
    for target, pair in enumerate(masks):
        true, found = (mask.squeeze(thin) for mask in pair)
        if options.objects is not None:
            numbered = (
                np.where(true, reference, 0) if instances[0] else true,
                np.where(found, predicted, 0) if instances[1] else found,
            )
            objects.append(_rows(_match(numbered, options.objects, instances, ignored), target))
        if ignored is not None:
            found = found & ~ignored
        for name, value in _shape_metrics(true, found, options, spacing).items():
            columns.setdefault(name, np.full(n_targets, np.nan))[target] = value
    return Shapes(
        columns,
        diagonal=_diagonal(reference.shape, spacing) if options.surface else None,
        objects=_joined(objects) if objects else None,
    )


def _thin_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """The axes of length 1 of a volume: a single slice has the borders of a 2-D picture."""
    thin = [axis for axis, n in enumerate(shape) if n == 1]
    return tuple(thin[: max(len(shape) - 2, 0)])


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
