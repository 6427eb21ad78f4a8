"""Two evaluations of one split, paired: any difference of any of their classes and samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.baseline.definition import Definition
from segmetrics.compare.pairing import (
    By,
    CommonClasses,
    Pairing,
    common_classes,
    of_classes,
    pair_samples,
)
from segmetrics.gates.rules import Shared
from segmetrics.metrics.catalog import Aggregate, MetricInfo
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.aggregate import group_keys
from segmetrics.stats.observations import Observations
from segmetrics.stats.paired import Difference, paired_differences
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy
from segmetrics.stats.sums import group_sums
from segmetrics.tables import Measurements

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cells:
    """The group of a sample, and its cells of samples.csv to slice by."""

    group: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One split of one evaluation: its tables, the rows of its samples, what its classes are."""

    name: str
    split: str
    measurements: Measurements
    cells: Mapping[str, Cells]
    definition: Definition

    def slices(self, by: SliceBy) -> list[str | None]:
        """The slice of each sample, in the order of the tables; None: none."""
        cells = [self.cells[i] for i in self.measurements.ids]
        known = set(cells[0].columns) if cells else set()
        if not {*by.columns} <= known:
            return [None] * len(cells)
        return [by.value(cell.columns) for cell in cells]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The samples and classes that two evaluations share; `second - first` is compared.

    Attributes
    ----------
    one, two
        What was measured of the shared samples (rows) and the common classes, in this order.
    groups
        Shape (n,): the groups of the second.
    """

    first: Side
    second: Side
    pairing: Pairing
    classes: CommonClasses
    one: Observations
    two: Observations
    groups: npt.NDArray[np.intp]

    @classmethod
    def of(cls, *, first: Side, second: Side, by: By = "reference") -> Pairs:
        """Pair two evaluations."""
        pairing = pair_samples(first=first.measurements, second=second.measurements, by=by)
        classes = common_classes(first.definition, second.definition)
        groups = group_keys([second.cells[i].group for i in second.measurements.ids])
        sides = ((first, pairing.first), (second, pairing.second))
        one, two = (
            of_classes(
                side.measurements.observations.rows(rows),
                [side.measurements.classes.index(name) for name in classes.names],
            )
            for side, rows in sides
        )
        return cls(first, second, pairing, classes, one, two, groups[pairing.second])

    @property
    def whole(self) -> Mask:
        """Shape (n,): every shared sample."""
        return np.ones(self.pairing.second.size, bool)

    @property
    def shared(self) -> Shared:
        """Of all samples."""
        sizes = [len(side.measurements.ids) for side in (self.second, self.first)]
        return Shared(self.pairing.second.size, *sizes)

    def slice(self, by: SliceBy, value: str) -> tuple[Mask, Shared]:
        """Which shared samples lie in a slice, by the cells of the second.

        Those that only the first has are in the slice that its own cells say.
        """
        own = np.array([found == value for found in self.second.slices(by)], bool)
        there = np.array([found == value for found in self.first.slices(by)], bool)
        there[self.pairing.first] = False
        rows = own[self.pairing.second]
        both = int(rows.sum())
        return rows, Shared(both, int(own.sum()), both + int(there.sum()))

    def places(self, names: Sequence[str]) -> list[int]:
        """The places of common classes among `one` and `two`."""
        return [self.classes.names.index(name) for name in names]

    def difference(
        self,
        metric: MetricInfo,
        aggregate: Aggregate,
        targets: Sequence[Sequence[str]],
        resampling: Resampling,
        rows: Mask | None = None,
    ) -> list[Difference]:
        """`second - first` of the mean of some classes each, on some of the shared samples."""
        chosen = np.flatnonzero(self.whole if rows is None else rows)
        return paired_differences(
            metric,
            candidate=self.two.rows(chosen),
            baseline=self.one.rows(chosen),
            groups=self.groups[chosen],
            aggregate=aggregate,
            targets=[self.places(names) for names in targets],
            resampling=resampling,
            both_empty_is_one=self.both_empty_is_one,
        )

    @property
    def both_empty_is_one(self) -> bool:
        """As the second has it; where the first has not, Dice and IoU are not compared."""
        return self.second.definition.both_empty == "one"

    def values(
        self, metric: MetricInfo, aggregate: Aggregate, rows: Mask
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Of the first and the second by common class, NaN where undefined."""
        chosen = np.flatnonzero(rows)
        local = np.unique(self.groups[chosen], return_inverse=True)[1].reshape(-1)
        one, two = (
            group_sums(
                metric, o.rows(chosen), local, aggregate, both_empty_is_one=self.both_empty_is_one
            ).value
            for o in (self.one, self.two)
        )
        return one, two

    def unlike(self, metric: MetricInfo) -> str:
        """Why a metric cannot be compared; empty where it can."""
        names = {m.name for m in self.one.metrics}, {m.name for m in self.two.metrics}
        for where, found in zip(("the baseline", "this evaluation"), names, strict=True):
            if metric.name not in found:
                return f"{metric.name} was not measured in {where}"
        return self.second.definition.metric_unlike(metric, self.first.definition)

    def of_size(self, edges: Sequence[int], bucket: int) -> Pairs:
        """The same with the objects of one size bucket alone."""
        found = []
        for side, rows in ((self.first, self.pairing.first), (self.second, self.pairing.second)):
            table = side.measurements.objects
            if table is None:
                raise ValueError(f"{side.name} has no objects")
            of = np.searchsorted(np.array(edges), table.size, side="right").astype(np.int64)
            counts = table.counts_by(of, len(edges) + 1)
            places = [side.measurements.classes.index(name) for name in self.classes.names]
            objects = counts[:, :, bucket][rows][:, places]
            zeros = ConfusionCounts.zeros((rows.size, len(places)))
            found.append(Observations(counts=zeros, objects=objects))
        return Pairs(
            self.first, self.second, self.pairing, self.classes, found[0], found[1], self.groups
        )
