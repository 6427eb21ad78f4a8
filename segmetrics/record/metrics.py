"""The metrics of an evaluation under the names that MLflow shows and groups them by."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from segmetrics.gates.domains import DOMAINS
from segmetrics.record.keys import key_part, whole_key
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation, Table

_OF_SLICES = ("dice", "iou", "precision", "recall")


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One number of a run.

    Attributes
    ----------
    split
        The split that it is of, a data set of the run.
    main
        Whether it is the value of a class or of the class mean: no end of an interval, no slice.
    """

    name: str
    value: float
    split: str
    main: bool = False


def metric_values(evaluation: Evaluation, verdict: Mapping[str, Any]) -> list[MetricValue]:
    """All numbers, each under a name of its own; undefined ones are absent.

    `split/metric_aggregate` is the class mean, `split/metric_aggregate/class` a class or region,
    both with the ends of their interval in `.../low` and `.../high`; below them stand
    `.../slice/<column> <value>` and `.../size/<bucket>`. (`mean`, `low`, `high` are no classes.)
    """
    sliced = _sliced(verdict)
    found: list[MetricValue] = []
    for name, split in evaluation.splits.items():
        found += _scope(split, key_part(name), name)
        found += _slices(split, key_part(name), name, sliced)
        found += _sizes(split, key_part(name), name)
    return found


def _sliced(verdict: Mapping[str, Any]) -> Collection[tuple[str, str]]:
    """Metric and aggregate of what is logged for slices: usual ones, and what rules look at."""
    domain = DOMAINS[verdict["domain"]]
    usual = {(metric, str(domain.aggregate)) for metric in (*_OF_SLICES, domain.primary)}
    return usual | {(rule["metric"], rule["aggregate"]) for rule in verdict["rules"]}


def _tables(scope: Scope) -> Iterator[tuple[str, Table]]:
    yield "", scope.mean
    for name, table in scope.classes.items():
        yield f"/{key_part(name)}", table


def _estimates(table: Table) -> Iterator[tuple[str, str, Estimate]]:
    for aggregate, metrics in table.items():
        for metric, estimate in metrics.items():
            if estimate.value is not None:
                yield metric, aggregate, estimate


def _scope(scope: Scope, key: str, split: str) -> Iterator[MetricValue]:
    for suffix, table in _tables(scope):
        for metric, aggregate, estimate in _estimates(table):
            name = f"{key}/{metric}_{aggregate}{suffix}"
            yield from _with_ends(name, estimate, split)


def _with_ends(name: str, estimate: Estimate, split: str) -> Iterator[MetricValue]:
    ends = {"": estimate.value, "/low": estimate.low, "/high": estimate.high}
    for end, value in ends.items():
        if value is not None:
            yield MetricValue(whole_key(name + end), value, split, main=not end)


def _slices(
    split: SplitEvaluation, key: str, name: str, wanted: Collection[tuple[str, str]]
) -> Iterator[MetricValue]:
    for column, values in split.slices.items():
        for value, scope in values.items():
            # Servers before MLflow 3 take no colon; a space of the column is escaped, so that it is
            # plain where the value begins.
            cell = f"{key_part(column).replace(' ', '_x20_')} {key_part(value)}"
            for suffix, table in _tables(scope):
                for metric, aggregate, estimate in _estimates(table):
                    if (metric, aggregate) in wanted and estimate.value is not None:
                        path = f"{key}/{metric}_{aggregate}{suffix}/slice/{cell}"
                        yield MetricValue(whole_key(path), estimate.value, name)


def _sizes(split: SplitEvaluation, key: str, name: str) -> Iterator[MetricValue]:
    for label, buckets in split.sizes.items():
        for bucket, scope in buckets.items():
            for metric, aggregate, estimate in _estimates(scope.table):
                if estimate.value is not None:
                    path = f"{key}/{metric}_{aggregate}/{key_part(label)}/size/{key_part(bucket)}"
                    yield MetricValue(whole_key(path), estimate.value, name)
