"""Tables of scores for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from segmetrics.texts import number

if TYPE_CHECKING:
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
