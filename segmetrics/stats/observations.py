"""What was measured of some images, and the value of any metric for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.catalog import CATALOG, LENGTHS, MetricInfo
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.histograms import ScoreHistogram
from segmetrics.metrics.object_counts import ObjectCounts

Values = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp] | npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """The measurements of n images and R classes and regions.

    Attributes
    ----------
    counts
        Pixels, shape (n, R).
    columns
        Metrics that were measured image by image, shape (n, R) each; a distance is infinite where
        exactly one of the two masks is empty.
    diagonals
        Shape (n,): the diagonal of each image, in the unit of the distances.
    objects
        Shape (n, R).
    histograms, near
        Shape (n, C, 256), of the C classes whose places among the R are `scored`: of all pixels,
        and of those near a mask (`near_masks`).
    """

    counts: ConfusionCounts
    columns: Mapping[str, Values] = field(default_factory=dict)
    diagonals: Values | None = None
    objects: ObjectCounts | None = None
    histograms: ScoreHistogram | None = None
    near: ScoreHistogram | None = None
    scored: tuple[int, ...] = ()

    @property
    def n_images(self) -> int:
        """n."""
        return int(self.counts.tp.shape[0])

    def rows(self, index: Index) -> Observations:
        """Those of some images."""
        return Observations(
            counts=self.counts.rows(index),
            columns={name: values[index] for name, values in self.columns.items()},
            diagonals=None if self.diagonals is None else self.diagonals[index],
            objects=None if self.objects is None else self.objects[index],
            histograms=None if self.histograms is None else self.histograms.rows(index),
            near=None if self.near is None else self.near.rows(index),
            scored=self.scored,
        )

    @property
    def metrics(self) -> tuple[MetricInfo, ...]:
        """The metrics of the catalogue that these measurements give."""
        there = {
            "counts": True,
            "objects": self.objects is not None,
            "scores": self.histograms is not None,
            "near": self.near is not None,
        }
        return tuple(
            metric
            for metric in CATALOG.values()
            if there.get(metric.family, metric.name in self.columns)
        )

    def per_image(self, metric: MetricInfo, *, both_empty_is_one: bool) -> Values:
        """Shape (n, R), NaN where undefined; infinite distances are the image's diagonal.

        Images without a class count as 1 (`both_empty_is_one`) only beside images that have it: of
        empty images alone (a slice, say) a perfect mean would be no evidence of anything.
        """
        if metric.family == "counts":
            values = metric.values(self.counts, both_empty_is_one=both_empty_is_one)
            if not both_empty_is_one:
                return values
            there = (self.counts.tp + self.counts.fn).any(axis=0)
            plain = metric.values(self.counts, both_empty_is_one=False)
            return np.where(there, values, plain)
        if metric.family == "column":
            return self._finite(metric.name)
        if metric.family == "objects":
            return metric.values(self.objects, both_empty_is_one=False)
        held = self.near if metric.family == "near" else self.histograms
        return self._at_scored(metric.values(held, both_empty_is_one=False))

    def pooled(self, metric: MetricInfo) -> Values:
        """Shape (R,): the metric of all images together.

        A class that is nowhere, in no image, is undefined whatever single images are worth.
        """
        if metric.family == "counts":
            return metric.values(self.counts.sum(), both_empty_is_one=False)
        if metric.family == "objects" and self.objects is not None:
            return metric.values(self.objects.sum(), both_empty_is_one=False)
        held = {"scores": self.histograms, "near": self.near}.get(metric.family)
        if held is not None:
            pooled = metric.values(held.sum(axis=0), both_empty_is_one=False)
            full: Values = self._at_scored(pooled[np.newaxis])[0]
            return full
        raise TypeError(f"{metric.name} has no pooled value")

    def replaced(self, metric: MetricInfo) -> npt.NDArray[np.int64]:
        """Shape (R,): how many infinite distances stand as the diagonal of their image."""
        if metric.name not in LENGTHS:
            return np.zeros(self.counts.tp.shape[1], np.int64)
        infinite: npt.NDArray[np.int64] = np.isinf(self.columns[metric.name]).sum(axis=0)
        return infinite

    def _finite(self, name: str) -> Values:
        values = self.columns[name]
        if name not in LENGTHS or self.diagonals is None:
            return values
        finite: Values = np.where(np.isinf(values), self.diagonals[:, np.newaxis], values)
        return finite

    def _at_scored(self, values: Values) -> Values:
        full = np.full((values.shape[0], self.counts.tp.shape[1]), np.nan)
        full[:, list(self.scored)] = values
        return full
