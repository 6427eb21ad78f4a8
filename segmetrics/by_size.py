"""Object metrics by the size of the objects: are the small ones missed?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.evaluation import SizeScope, Table
from segmetrics.stats.observations import Observations
from segmetrics.stats.scopes import EvaluationOptions, aggregated
from segmetrics.tables import Measurements
from segmetrics.tables.objects import ObjectTable

_METRICS = tuple(metric for metric in CATALOG.values() if metric.family == "objects")
_THIRDS = ("smallest_third", "middle_third", "largest_third")
_NAMES = {0: ("all",), 1: ("small", "large"), 2: ("small", "medium", "large")}


def bucket_names(n_edges: int) -> tuple[str, ...]:
    """The names of the buckets between numeric edges: small, medium, large where there are two."""
    return _NAMES.get(n_edges) or tuple(f"size_{i}" for i in range(1, n_edges + 2))


def evaluate_sizes(
    measurements: Measurements, groups: npt.NDArray[np.intp], options: EvaluationOptions
) -> dict[str, dict[str, SizeScope]]:
    """Object metrics of each class and region by size bucket; empty without objects.

    Parameters
    ----------
    options
        Their `size_edges` are sizes in pixels that separate the buckets, each belonging to the
        upper one. None: thirds of the reference objects of the class; to be shown, not to be judged
        by, because they move with the data (and their intervals leave that out).
    """
    table = measurements.objects
    if table is None:
        return {}
    return {
        name: _class_sizes(table, target, groups, options)
        for target, name in enumerate(measurements.targets.names)
    }


def _class_sizes(
    table: ObjectTable, target: int, groups: npt.NDArray[np.intp], options: EvaluationOptions
) -> dict[str, SizeScope]:
    edges = options.size_edges
    own = table.target == target
    sizes = table.size[own & ~table.predicted]
    if edges is None and not sizes.size:
        return {}
    names = _THIRDS if edges is None else bucket_names(len(edges))
    limits = _thirds(sizes) if edges is None else np.array(edges, np.int64)
    bucket = np.searchsorted(limits, table.size, side="right").astype(np.int64)
    counts = table.counts_by(bucket, len(names))
    ends = [0, *limits.tolist(), None]
    scopes: dict[str, SizeScope] = {}
    for place, name in enumerate(names):
        inside = own & (bucket == place)
        observed = Observations(
            counts=ConfusionCounts.zeros((table.shape[0], 1)),
            objects=counts[:, target : target + 1, place],
        )
        scopes[name] = SizeScope(
            low=ends[place] or 0,
            high=ends[place + 1],
            references=int((inside & ~table.predicted).sum()),
            predictions=int((inside & table.predicted).sum()),
            table=_table(observed, groups, options),
        )
    return scopes


def _thirds(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.quantile(sizes, [1 / 3, 2 / 3], method="higher").astype(np.int64)


def _table(
    observed: Observations, groups: npt.NDArray[np.intp], options: EvaluationOptions
) -> Table:
    found = aggregated(observed, groups, (), options, only=_METRICS)
    return {
        aggregate: {name: values[0] for name, values in per_class.items()}
        for aggregate, (per_class, _) in found.items()
    }
