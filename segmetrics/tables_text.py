"""Tables for the terminal: scores, and the rules in force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from segmetrics.metrics.catalog import CATALOG
from segmetrics.texts import number

if TYPE_CHECKING:
    from rich.console import Console

    from segmetrics.gates.rules import Rule
    from segmetrics.judge import Policy
    from segmetrics.score import Scored
    from segmetrics.stats.evaluation import Scope

_SHOWN = ("dice", "iou", "precision", "recall", "accuracy")
_FAR = ("hd", "hd95", "assd", "masd", "nsd")


def score_table(scored: Scored) -> Table:
    """By class: pooled values, means over images and their sample standard deviation."""
    split = scored.evaluation
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{split.samples} pairs",
        padding=(0, 1, 0, 0),
        caption_justify="left",
        caption="pooled: all pixels together. image mean: of the n images where it is defined; "
        "sd: their sample standard deviation. -: undefined (0/0). *: not in the class mean.",
    )
    table.add_column("class", overflow="fold")
    table.add_column("", no_wrap=True)
    for metric in _SHOWN:
        table.add_column(metric, justify="right", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    spread = {metric: scored.spread(metric) for metric in _SHOWN}
    for k, name in enumerate(scored.scheme.names):
        mark = "" if name in scored.scheme.scored else " *"
        table.add_row(name + mark, "pooled", *_cells(split, name, "pooled", _SHOWN), "")
        defined = split.estimate(name, "image_mean", "dice")
        n = str(defined.defined) if defined else "0"
        table.add_row("", "image mean", *_cells(split, name, "image_mean", _SHOWN), n)
        deviations = [spread[metric][k] for metric in _SHOWN]
        table.add_row("", "sd", *("-" if math.isnan(v) else f"{v:.4f}" for v in deviations), "")
    if len(scored.scheme.scored) > 1:
        table.add_row("class mean", "pooled", *_cells(split, "mean", "pooled", _SHOWN), "")
        table.add_row("", "image mean", *_cells(split, "mean", "image_mean", _SHOWN), "")
    return table


def distance_table(scored: Scored) -> Table:
    """Distances by class: means over images and their sample standard deviation."""
    split = scored.evaluation
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption_justify="left",
        caption="where exactly one mask is empty (alone), the distance is the image's diagonal.",
    )
    table.add_column("class", overflow="fold")
    table.add_column("", no_wrap=True)
    for name in (*_FAR, "n", "alone"):
        table.add_column(name, justify="right", no_wrap=True)
    spread = {metric: scored.spread(metric) for metric in _FAR}
    for k, name in enumerate(scored.scheme.names):
        hd = split.estimate(name, "image_mean", "hd")
        n, alone = (str(hd.defined), str(hd.replaced)) if hd else ("0", "0")
        means = _cells(split, name, "image_mean", _FAR)
        table.add_row(Text(name), "image mean", *means, n, alone)
        deviations = [spread[metric][k] for metric in _FAR]
        shown = ("-" if math.isnan(v) else f"{v:.4f}" for v in deviations)
        table.add_row("", "sd", *shown, "", "")
    return table


def _cells(split: Scope, name: str, aggregate: str, metrics: Sequence[str]) -> list[str]:
    estimates = [split.estimate(name, aggregate, metric) for metric in metrics]
    return [number(estimate.value if estimate else None) for estimate in estimates]


def print_policy(policy: Policy, console: Console) -> None:
    """The domain, every rule with its source and reason, and the grade's bands."""
    domain = policy.domain
    console.print(f"domain {domain.name}: {domain.priority}", markup=False, soft_wrap=True)
    if not policy.rules:
        console.print("there are no rules, so nothing can pass", style="bold red")
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    table.add_column("rule", no_wrap=True)
    table.add_column("requires")
    table.add_column("if missed", no_wrap=True)
    table.add_column("from", no_wrap=True)
    for rule in policy.rules:
        requires = f"{_subject(rule)} {rule.bound_text}"
        why = f"\n{rule.rationale}" if rule.rationale else ""
        outcome = {"block": "fails", "warn": "warns"}[rule.severity]
        table.add_row(rule.name, Text(requires).append(why, style="dim"), outcome, rule.source)
    console.print(table)
    good, bad = policy.bands.good, policy.bands.bad
    blocks = "blocks" if domain.bad_grade_blocks else "warns"
    console.print(
        f"grade ({domain.aggregate}): good where Dice > {good.dice:g} and IoU > {good.iou:g}; bad, "
        f"which {blocks}, where Dice < {bad.dice:g} or IoU < {bad.iou:g}; else fair",
        markup=False,
        soft_wrap=True,
    )


# How `measure:` in params.yaml asks for what is not always measured.
_ASKED = {
    "": "always",
    "surface": "measure.surface",
    "boundary": "measure.boundary_iou",
    "centreline": "measure.cldice",
    "objects": "measure.objects",
    "scores": "measure.scores",
}


def print_catalog(console: Console) -> None:
    """Every metric: what it is, its range, which way is better, whether rules may use it."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    for name in ("metric", "what it is", "range", "better", "aggregates", "measured", "rules"):
        table.add_column(name, overflow="fold")
    for metric in CATALOG.values():
        unit = {"1": "", "length": " data.unit", "objects": " objects"}[metric.unit]
        table.add_row(
            metric.name,
            Text(metric.text),
            f"{metric.low:g} to {metric.high:g}{unit}",
            metric.better,
            ", ".join(metric.aggregates),
            _ASKED[metric.needs],
            "yes" if metric.rule else "no",
        )
    console.print(table)


def _subject(rule: Rule) -> str:
    """`recall (group_mean) of every class on test`."""
    of = {"every": "every class", "mean": "the class mean"}.get(rule.class_name, rule.class_name)
    where = f" on {rule.split}"
    if rule.slice_by is not None and rule.slice_value is not None:
        where += f" where {rule.slice_by.text}={rule.slice_value}"
    elif rule.slice_by is not None:
        where += f" for {'the worst' if rule.worst else 'each'} {rule.slice_by.text}"
        where += f" ({', '.join(rule.slice_by.bins)})" if rule.slice_by.bins else ""
    if rule.size is not None:
        where += f", objects of size {rule.size}"
    minus = {"baseline": " minus the baseline's", "annotators": " minus that of people"}
    where += minus.get(rule.against or "", "")
    return f"{rule.metric} ({rule.aggregate}) of {of}{where}"
