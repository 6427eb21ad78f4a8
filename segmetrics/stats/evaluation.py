"""The evaluation of all splits, as named, frozen things and as evaluation.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segmetrics.errors import DataError
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.thresholds import ThresholdSummary
from segmetrics.stats.worst import WorstImages

SCHEMA = 1
# aggregate -> metric -> estimate
Table = Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True, slots=True)
class Scope:
    """The metrics of a set of samples: a whole split or one value of a slice column."""

    samples: int
    groups: int
    classes: Mapping[str, Table]
    mean: Table

    def estimate(self, class_name: str, aggregate: str, metric: str) -> Estimate | None:
        """The estimate of a class (or `mean`); None where it was not computed."""
        table = self.mean if class_name == "mean" else self.classes.get(class_name, {})
        return table.get(aggregate, {}).get(metric)

    def to_json(self) -> dict[str, Any]:
        """As in evaluation.json."""
        return {
            "samples": self.samples,
            "groups": self.groups,
            "classes": {name: _table_json(table) for name, table in self.classes.items()},
            "mean": _table_json(self.mean),
        }


@dataclass(frozen=True, slots=True)
class SizeScope:
    """The object metrics of one class in one size bucket.

    Attributes
    ----------
    low, high
        Sizes in pixels, `low <= size < high`; None: no upper end.
    references, predictions
        How many objects of that size there are. A matched pair counts where its reference object
        belongs, a false object where it belongs itself.
    """

    low: int
    high: int | None
    references: int
    predictions: int
    table: Table

    def to_json(self) -> dict[str, Any]:
        """As in evaluation.json."""
        ends = {"low": self.low, "high": self.high}
        objects = {"references": self.references, "predictions": self.predictions}
        return {**ends, **objects, **_table_json(self.table)}


@dataclass(frozen=True, slots=True)
class SplitEvaluation(Scope):
    """A split: its own metrics, its confusion matrix and the same metrics by slice.

    Attributes
    ----------
    labels, confusion
        Class names and pixels by reference class (row) and predicted class (column).
    other
        Pixels by reference class that were predicted as no scored class.
    reference_pixels, pixels
        Pixels of each class in the references, and all that were counted. (Where classes overlap
        the confusion matrix is empty and these are not.)
    slices
        Column -> value -> metrics.
    slices_left_out
        Column -> why it has no slices.
    sizes
        Class -> size bucket -> object metrics.
    annotators
        `anna vs ben` or `anna vs model` -> metrics, the first one taken as the reference.
    worst
        Class or region -> the images that it does worst in.
    listed
        How many samples the split has, where only `samples` of them were drawn and measured; 0
        where all were.
    thresholds
        Class -> its chosen threshold and the best ones; empty without scores.
    """

    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    other: tuple[int, ...] = ()
    reference_pixels: tuple[int, ...] = ()
    pixels: int = 0
    slices: Mapping[str, Mapping[str, Scope]] = field(default_factory=dict)
    slices_left_out: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, Mapping[str, SizeScope]] = field(default_factory=dict)
    annotators: Mapping[str, Scope] = field(default_factory=dict)
    worst: Mapping[str, WorstImages] = field(default_factory=dict)
    listed: int = 0
    thresholds: Mapping[str, ThresholdSummary] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As in evaluation.json."""
        return {
            **Scope.to_json(self),
            "confusion": {
                "labels": list(self.labels),
                "counts": [list(row) for row in self.confusion],
                "other": list(self.other),
                "reference": list(self.reference_pixels),
                "pixels": self.pixels,
            },
            "slices": {
                column: {value: scope.to_json() for value, scope in values.items()}
                for column, values in self.slices.items()
            },
            "slices_left_out": dict(self.slices_left_out),
            "sizes": {
                name: {bucket: scope.to_json() for bucket, scope in buckets.items()}
                for name, buckets in self.sizes.items()
            },
            "annotators": {name: scope.to_json() for name, scope in self.annotators.items()},
            "worst": {name: worst.to_json() for name, worst in self.worst.items()},
            "sampled": {"n": self.samples, "of": self.listed} if self.listed else None,
            "scores": {name: summary.to_json() for name, summary in self.thresholds.items()},
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All splits, and the digests of what they were computed from."""

    splits: Mapping[str, SplitEvaluation]
    inputs: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The whole of evaluation.json."""
        splits = {name: split.to_json() for name, split in self.splits.items()}
        return {"schema": SCHEMA, "splits": splits, "inputs": dict(self.inputs)}

    @classmethod
    def from_json(cls, data: Any, where: str) -> Evaluation:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            Another schema, or something is missing.
        """
        try:
            if data["schema"] != SCHEMA:
                raise DataError(
                    where, f"schema {data['schema']} instead of {SCHEMA}", "run `dvc repro`"
                )
            splits = {name: _split(value) for name, value in data["splits"].items()}
            return cls(splits, dict(data["inputs"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                where, f"not an evaluation ({error!r})", "run `dvc repro evaluate`"
            ) from error


def metrics_json(evaluation: Evaluation, scored: Sequence[str]) -> dict[str, Any]:
    """The short metrics.json for `dvc metrics show` and `diff`: numbers only, `scored` classes."""
    shown = ("dice", "iou", "precision", "recall", "hd95", "nsd", "object_f1", "pq")
    result: dict[str, Any] = {}
    for name, split in evaluation.splits.items():
        result[name] = {
            "samples": split.samples,
            "groups": split.groups,
            **_flat(split.mean, shown),
        }
        result[name] |= {
            label: _flat(table, shown) for label, table in split.classes.items() if label in scored
        }
    return result


def _flat(table: Table, metrics: tuple[str, ...]) -> dict[str, float]:
    return {
        f"{metric}_{aggregate}": estimate.value
        for aggregate, values in table.items()
        for metric, estimate in values.items()
        if metric in metrics and estimate.value is not None
    }


def _table_json(table: Table) -> dict[str, Any]:
    return {a: {m: e.to_json() for m, e in metrics.items()} for a, metrics in table.items()}


def _table(data: Any) -> Table:
    return {a: {m: _estimate(e) for m, e in metrics.items()} for a, metrics in data.items()}


def _estimate(data: Any) -> Estimate:
    estimate = Estimate(**data)
    for number in (estimate.value, estimate.low, estimate.high):
        # JSON readers take NaN and Infinity; nothing may be judged by them.
        if number is not None and not math.isfinite(number):
            raise TypeError(f"{number} is no value")
    return estimate


def _scope(data: Any) -> Scope:
    classes = {name: _table(table) for name, table in data["classes"].items()}
    return Scope(data["samples"], data["groups"], classes, _table(data["mean"]))


def _size_scope(data: Any) -> SizeScope:
    own = ("low", "high", "references", "predictions")
    tables = {aggregate: values for aggregate, values in data.items() if aggregate not in own}
    low, high, references, predictions = (data[name] for name in own)
    return SizeScope(low, high, references, predictions, _table(tables))


def _split(data: Any) -> SplitEvaluation:
    whole = _scope(data)
    return SplitEvaluation(
        samples=whole.samples,
        groups=whole.groups,
        classes=whole.classes,
        mean=whole.mean,
        labels=tuple(data["confusion"]["labels"]),
        confusion=tuple(tuple(row) for row in data["confusion"]["counts"]),
        other=tuple(data["confusion"]["other"]),
        reference_pixels=tuple(data["confusion"]["reference"]),
        pixels=data["confusion"]["pixels"],
        slices={
            column: {value: _scope(scope) for value, scope in values.items()}
            for column, values in data["slices"].items()
        },
        slices_left_out=data["slices_left_out"],
        sizes={
            name: {bucket: _size_scope(scope) for bucket, scope in buckets.items()}
            for name, buckets in data["sizes"].items()
        },
        annotators={name: _scope(scope) for name, scope in data["annotators"].items()},
        worst={name: WorstImages.from_json(worst) for name, worst in data.get("worst", {}).items()},
        listed=(data.get("sampled") or {}).get("of", 0),
        thresholds={
            name: ThresholdSummary.from_json(summary)
            for name, summary in data.get("scores", {}).items()
        },
    )
