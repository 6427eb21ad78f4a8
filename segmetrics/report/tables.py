"""Tables: classes, slices, sizes of objects, splits, annotators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segmetrics.metrics.catalog import LENGTHS
from segmetrics.report.data import ReportData
from segmetrics.report.html import Html, folded, paragraph, section, table
from segmetrics.report.words import (
    AGGREGATES,
    SHOWN,
    estimate_cell,
    metric_name,
    several,
    value_text,
)
from segmetrics.stats.evaluation import Scope, SizeScope

_FOLD_FROM = 20  # rows


def classes_section(data: ReportData) -> Html:
    """Every class by the domain's aggregate; the other aggregates are folded."""
    split = data.split
    parts = []
    for aggregate in dict.fromkeys((data.aggregate, *split.mean)):
        own = aggregate == data.aggregate
        rows = len(split.classes) + 1
        shown = _classes(data, aggregate)
        text = AGGREGATES[aggregate]
        title = f"{several(rows - 1, 'class')}, {text}" if own else text.capitalize()
        parts.append(folded(title, shown, fold=not own or rows > _FOLD_FROM))
    return section("classes", "Classes", *parts)


def _classes(data: ReportData, aggregate: str) -> Html:
    split, excluded = data.split, set(data.settings["data"]["exclude"])
    names = [*data.scored, *(n for n in split.classes if n not in data.scored)]
    metrics = _known([split], aggregate)
    rows = []
    for name in ["mean", *names] if len(data.scored) > 1 else names:
        shown = {"mean": "class mean"}.get(name, name)
        shown += " (not scored)" if name in excluded else ""
        shown += " (region)" if name not in (*split.labels, "mean") else ""
        rows.append([shown, *(estimate_cell(split.estimate(name, aggregate, m)) for m in metrics)])
    caption = (
        f"{data.judged}: {several(split.samples, 'image')} in {several(split.groups, 'group')}"
    )
    return table(caption, ["class", *_headers(data, metrics)], rows)


def _known(scopes: Sequence[Scope], aggregate: str) -> list[str]:
    """The usual metrics that any of the scopes has."""
    return [
        metric
        for metric in SHOWN
        if any(metric in table.get(aggregate, {}) for scope in scopes
               for table in (scope.mean, *scope.classes.values()))
    ]  # fmt: skip


def _headers(data: ReportData, metrics: Sequence[str]) -> list[str]:
    """Names of metrics, with the unit of those that have one."""
    unit = data.settings["data"]["unit"]
    return [f"{metric_name(m)} ({unit})" if m in LENGTHS else metric_name(m) for m in metrics]


def slices_section(data: ReportData) -> Html | None:
    """The class mean by slice, and the lowest class; None without slices."""
    split = data.split
    if not split.slices and not split.slices_left_out:
        return None
    parts = []
    for column, values in split.slices.items():
        shown = _slices(data, column, values)
        text = f"{column}: {several(len(values), 'slice')}"
        parts.append(folded(text, shown, fold=len(values) > _FOLD_FROM))
    for column, why in split.slices_left_out.items():
        parts.append(paragraph(f"Not sliced by {column}: {why}.", class_="soft small"))
    note = "Small slices have wide intervals: compare the intervals, not the values."
    return section("slices", "Slices", paragraph(note, class_="soft small"), *parts)


def _slices(data: ReportData, column: str, values: Mapping[str, Scope]) -> Html:
    aggregate, several_classes = data.aggregate, len(data.scored) > 1
    metrics = _known(list(values.values()), aggregate)
    rows = []
    for value, scope in values.items():
        cells = [estimate_cell(scope.estimate("mean", aggregate, m)) for m in metrics]
        lowest = [_lowest_class(data, scope)] if several_classes else []
        rows.append([value, scope.samples, scope.groups, *cells, *lowest])
    last = ["lowest class by Dice"] if several_classes else []
    columns = [column, "images", "groups", *_headers(data, metrics), *last]
    return table(f"{data.judged} by {column}, class mean", columns, rows)


def _lowest_class(data: ReportData, scope: Scope) -> str:
    found = {n: scope.estimate(n, data.aggregate, "dice") for n in data.scored}
    values = {n: e.value for n, e in found.items() if e is not None and e.value is not None}
    if not values:
        return "–"
    name = min(values, key=lambda n: (values[n], n))
    return f"{name} {value_text(values[name])}"


def sizes_section(data: ReportData) -> Html | None:
    """Objects found by size; None where objects are not measured."""
    rows = [
        _size_row(data, name, bucket, scope)
        for name, buckets in data.split.sizes.items()
        if name not in data.settings["data"]["exclude"]
        for bucket, scope in buckets.items()
    ]
    if not rows:
        return None
    columns = ["class, size", "pixels", "objects in the reference", "predicted", "found (recall)",
               "real (precision)"]  # fmt: skip
    shown = table(f"Objects of {data.judged} by size", columns, rows)
    text = f"{several(len(rows), 'row')}: objects by class and size"
    return section("sizes", "Sizes of objects", folded(text, shown, fold=len(rows) > _FOLD_FROM))


def _size_row(data: ReportData, name: str, bucket: str, scope: SizeScope) -> list[object]:
    found = scope.table.get(data.aggregate, {})
    high = scope.high
    pixels = f"{scope.low} and more" if high is None else f"{scope.low} to {high - 1}"
    if high is not None and scope.low == 0:
        pixels = f"below {high}"
    cells = [estimate_cell(found.get(m)) for m in ("object_recall", "object_precision")]
    return [f"{name}, {bucket}", pixels, scope.references, scope.predictions, *cells]


def people_section(data: ReportData) -> Html | None:
    """Annotators with one another and with the model; None where there is only one."""
    pairs = data.split.annotators
    if not pairs:
        return None
    rows = []
    for name, scope in pairs.items():
        cells = [estimate_cell(scope.estimate("mean", data.aggregate, m)) for m in ("dice", "iou")]
        rows.append([name, scope.samples, *cells])
    caption = "Class mean; Dice and IoU do not depend on who is taken as the reference"
    shown = table(caption, ["pair", "images", "Dice", "IoU"], rows)
    text = several(len(rows), "pair")
    return section("people", "What people reach", folded(text, shown, fold=len(rows) > _FOLD_FROM))


def splits_section(data: ReportData) -> Html | None:
    """The class mean of every split; None where there is only one."""
    splits = data.evaluation.splits
    if len(splits) < 2:
        return None
    metrics = _known(list(splits.values()), data.aggregate)
    rows = [
        [f"{name} (judged)" if name == data.judged else name,
         f"{split.samples} of {split.listed}" if split.listed else split.samples, split.groups,
         *(estimate_cell(split.estimate("mean", data.aggregate, m)) for m in metrics)]
        for name, split in splits.items()
    ]  # fmt: skip
    columns = ["split", "images", "groups", *_headers(data, metrics)]
    note = "A model that is much better on its training images knows them by heart: see Findings."
    shown = table("Class mean of every split", columns, rows)
    return section("splits", "Splits", paragraph(note, class_="soft small"), shown)
