"""The tables that MLflow shows side by side for several runs.

Each is `{"columns": [...], "data": [[...], ...]}`, as `mlflow.log_table` writes it. The first
column says what a row is about and is unique: MLflow compares rows of runs by it. The second one is
what it shows of each run until somebody chooses another: it has to say how good the run is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from segmetrics.gates.domains import DOMAINS
from segmetrics.record.description import estimate_text
from segmetrics.record.record import Record
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Scope
from segmetrics.texts import bound_text

Table = dict[str, list[Any]]
_SHOWN = ("dice", "iou", "precision", "recall", "hd95", "nsd", "object_f1", "pq")


def per_class(record: Record) -> Table:
    """Every class and the class mean, by split and aggregate; the judged split first."""
    splits = record.evaluation.splits
    judged = record.verdict["judged"]["split"]
    rows = [
        [f"{split} {name} {aggregate}", primary, split, name, aggregate, *values]
        for split in sorted(splits, key=lambda split: split != judged)
        for name, aggregate, primary, values in _metric_rows(splits[split], record)
    ]
    own = ["of", _primary(record), "split", "class", "aggregate"]
    return {"columns": [*own, *_metric_columns()], "data": rows}


def slices(record: Record) -> Table:
    """The same of every slice."""
    rows = [
        [f"{split} {column}={value} {name} {aggregate}", primary, split, column, value, name,
         aggregate, scope.samples, scope.groups, *values]
        for split, evaluation in record.evaluation.splits.items()
        for column, scopes in evaluation.slices.items()
        for value, scope in scopes.items()
        for name, aggregate, primary, values in _metric_rows(scope, record)
    ]  # fmt: skip
    own = ["of", _primary(record), "split", "column", "value", "class", "aggregate", "samples",
           "groups"]  # fmt: skip
    return {"columns": [*own, *_metric_columns()], "data": rows}


def _primary(record: Record) -> str:
    """The name of the column with the metric that runs are ranked by, and its interval."""
    return f"primary: {DOMAINS[record.verdict['domain']].primary}"


def _metric_columns() -> list[str]:
    return [f"{metric}{end}" for metric in _SHOWN for end in ("", " low", " high")]


def _metric_rows(
    scope: Scope, record: Record
) -> Iterator[tuple[str, str, str, list[float | None]]]:
    """Class, aggregate, the primary metric in words, and all numbers."""
    primary = DOMAINS[record.verdict["domain"]].primary
    for name in [*scope.classes, "mean"]:
        for aggregate in scope.mean:
            found = [scope.estimate(name, aggregate, metric) for metric in _SHOWN]
            values = [v for estimate in found for v in _numbers(estimate)]
            yield name, aggregate, estimate_text(scope.estimate(name, aggregate, primary)), values


def _numbers(estimate: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)


def rules(record: Record) -> Table:
    """Every rule with its bound, value, interval and outcome."""
    columns = ["rule", "outcome", "metric", "aggregate", "class", "slice", "split", "value", "low",
               "high", "bound", "severity", "source", "reason"]  # fmt: skip
    rows = []
    for rule in record.verdict["rules"]:
        size = f" size={rule['size']}" if rule.get("size") else ""
        where = f" {rule['slice']}" if rule["slice"] else ""
        name = f"{rule['name']} {rule['class']}{where}{size}"
        cells = (rule.get(column) for column in columns[1:] if column != "bound")
        row = dict(zip([c for c in columns[1:] if c != "bound"], cells, strict=True))
        row |= {"rule": name, "bound": bound_text(rule["bound"])}
        rows.append([row[column] for column in columns])
    return {"columns": columns, "data": rows}


def worst_images(record: Record) -> Table:
    """The images that each class does worst in; their ids as they may leave."""
    rows = []
    for split, evaluation in record.evaluation.splits.items():
        for name, worst in evaluation.worst.items():
            for place, image in enumerate(worst.images, start=1):
                shown = "" if record.names.ids == "none" else record.names(image.id)
                rows.append([f"{split} {name} {place}", image.dice, shown, split, name, place,
                             image.precision, image.recall])  # fmt: skip
    columns = ["of", "dice", "id", "split", "class", "place", "precision", "recall"]
    return {"columns": columns, "data": rows}


TABLES: Mapping[str, Callable[[Record], Table]] = {
    "per_class.json": per_class,
    "rules.json": rules,
    "slices.json": slices,
    "worst_images.json": worst_images,
}
