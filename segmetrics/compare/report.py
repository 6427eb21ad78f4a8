"""All differences of two evaluations, with what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from segmetrics.by_size import bucket_names
from segmetrics.compare.pairs import Mask, Pairs
from segmetrics.gates.rules import MEAN, MIN_GROUPS, Shared
from segmetrics.metrics.catalog import CATALOG, Aggregate, MetricInfo
from segmetrics.stats.paired import Difference
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy

ALWAYS = ("dice", "iou", "precision", "recall")
# A column with more values than this is a measurement or a name, not a slice.
MOST_SLICES = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One difference, `second - first`.

    Attributes
    ----------
    where
        `all`, a slice (`scanner=A`) or a size (`size=small`).
    class_name
        A class, a region, or `mean` (of the classes that both score).
    first, second
        The two values on the shared samples; None where undefined.
    """

    where: str
    class_name: str
    metric: str
    aggregate: str
    first: float | None
    second: float | None
    difference: Difference

    @property
    def outcome(self) -> str:
        """`better`, `worse` or (metrics that are best at 0) `differs`; else why there is none."""
        d = self.difference
        if d.value is None:
            return "undefined"
        if d.low is None or d.high is None or d.low <= 0 <= d.high:
            return "no clear difference"
        better = CATALOG[self.metric].better
        if better == "zero":
            return "differs"
        return "better" if (d.low > 0) == (better == "higher") else "worse"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "where": self.where,
            "class": self.class_name,
            "metric": self.metric,
            "aggregate": self.aggregate,
            "first": self.first,
            "second": self.second,
            "difference": self.difference.to_json(),
            "outcome": self.outcome,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The comparison of two evaluations; `scored` are the classes of the mean."""

    first: str
    second: str
    split: str
    confidence: float
    shared: Shared
    groups: int
    scored: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "first": self.first,
            "second": self.second,
            "split": self.split,
            "confidence": self.confidence,
            "shared": {**asdict(self.shared), "share": self.shared.share, "groups": self.groups},
            "rows": [row.to_json() for row in self.rows],
            "notes": list(self.notes),
        }


def compare_pairs(
    pairs: Pairs,
    *,
    first: str,
    second: str,
    metrics: Sequence[str],
    aggregate: Aggregate,
    resampling: Resampling,
    defined: bool,
) -> Report:
    """Every difference of classes, regions, class mean, slices and sizes.

    Parameters
    ----------
    first, second
        What the two are called.
    metrics
        Those asked for; empty: Dice, IoU, precision and recall, and what else both measured. Slices
        and sizes are then compared by Dice and object recall alone.
    defined
        Whether both say how their classes are defined.
    """
    notes = list(_notes(pairs, defined))
    asked = [CATALOG[name] for name in metrics] if metrics else _measured(pairs)
    usable = []
    for metric in asked:
        why = pairs.unlike(metric)
        if not why and aggregate not in metric.aggregates:
            why = f"{metric.name} has no {aggregate} value"
        if why:
            notes.append(f"{metric.name} is left out: {_neutral(why)}")
        else:
            usable.append(metric)
    rows = [r for m in usable for r in _rows(pairs, "all", m, aggregate, resampling, pairs.whole)]
    finer = usable if metrics else [m for m in usable if m.name == "dice"]
    for where, mask in _slices(pairs):
        rows += [r for m in finer for r in _rows(pairs, where, m, aggregate, resampling, mask)]
    rows += _sizes(pairs, usable, bool(metrics), aggregate, resampling)
    groups = int(np.unique(pairs.groups).size)
    if groups < MIN_GROUPS:
        notes.append(f"{groups} groups are few: a real difference may well look like none")
    return Report(
        first=first,
        second=second,
        split=pairs.second.split,
        confidence=resampling.confidence,
        shared=pairs.shared,
        groups=groups,
        scored=pairs.classes.scored,
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _measured(pairs: Pairs) -> list[MetricInfo]:
    both = {m.name for m in pairs.one.metrics} & {m.name for m in pairs.two.metrics}
    more = [
        m for m in CATALOG.values()
        if m.name in both and m.family != "counts" and not pairs.unlike(m)
    ]  # fmt: skip
    return [CATALOG[name] for name in ALWAYS] + more


def _rows(
    pairs: Pairs,
    where: str,
    metric: MetricInfo,
    aggregate: Aggregate,
    resampling: Resampling,
    mask: Mask,
) -> Iterator[Row]:
    if aggregate not in metric.aggregates or not mask.any():
        return
    scored, names = pairs.classes.scored, pairs.classes.names
    if where != "all":
        # The whole table has the excluded classes once; more of them would hide the others.
        defined = pairs.second.definition
        names = tuple(n for n in names if n in scored or n in defined.regions)
    targets: list[tuple[str, ...]] = [(name,) for name in names]
    shown = list(names)
    if len(scored) > 1:
        targets.append(scored)
        shown.append(MEAN)
    found = pairs.difference(metric, aggregate, targets, resampling, mask)
    one, two = pairs.values(metric, aggregate, mask)
    for name, target, difference in zip(shown, targets, found, strict=True):
        places = pairs.places(target)
        values = [float(np.mean(side[places])) for side in (one, two)]
        a, b = (value if np.isfinite(value) else None for value in values)
        yield Row(where, name, metric.name, aggregate, a, b, difference)


def _slices(pairs: Pairs) -> Iterator[tuple[str, Mask]]:
    cells = pairs.second.cells
    columns = list(next(iter(cells.values())).columns) if cells else []
    for column in columns:
        by = SliceBy((column,))
        values = sorted({value for value in pairs.second.slices(by) if value is not None})
        if 1 < len(values) <= MOST_SLICES:
            for value in values:
                yield f"{column}={value}", pairs.slice(by, value)[0]


def _sizes(
    pairs: Pairs,
    usable: Sequence[MetricInfo],
    named: bool,
    aggregate: Aggregate,
    resampling: Resampling,
) -> Iterator[Row]:
    objects = [m for m in usable if m.family == "objects" and (named or m.name == "object_recall")]
    edges = pairs.second.definition.size_edges
    if not edges or not objects:
        return
    for bucket, name in enumerate(bucket_names(len(edges))):
        own = pairs.of_size(edges, bucket)
        for metric in objects:
            for row in _rows(own, f"size={name}", metric, aggregate, resampling, own.whole):
                if row.class_name != MEAN:
                    yield row


def _notes(pairs: Pairs, defined: bool) -> Iterator[str]:
    shared, pairing, classes = pairs.shared, pairs.pairing, pairs.classes
    left = shared.candidate - shared.samples, shared.baseline - shared.samples
    if any(left):
        yield f"left out: {left[1]} samples that only A has, {left[0]} that only B has"
    if pairing.ambiguous:
        text = "samples of B have the mask of a sample of A, but another image and id"
        yield f"{pairing.ambiguous} {text}: they are left out"
    if pairing.other_references:
        text = "shared samples have another reference mask in B: part of the difference is theirs"
        yield f"{pairing.other_references} {text}"
    if pairing.other_images:
        yield f"{pairing.other_images} shared samples have another image in B"
    if len(classes.scored) > 1:
        yield f"the class mean is over {', '.join(classes.scored)}"
    if not defined:
        yield "classes are paired by name: not both say which label values they are"
    for name, why in classes.lacking.items():
        yield f"{name} of B is left out: {_neutral(why)}"
    for name, why in classes.removed.items():
        if name not in classes.lacking:
            yield f"{name} of A is left out: in B it is {why}"


def _neutral(text: str) -> str:
    """The same words where no baseline is compared with, but A."""
    return text.replace("the baseline", "A").replace("this evaluation", "B")
