"""`rules:`: metrics, bounds, classes, slices, sizes."""

from __future__ import annotations

from collections.abc import Iterator

from segmetrics.by_size import bucket_names
from segmetrics.config.contradictions.against import check_against
from segmetrics.config.contradictions.common import Contradiction, excluded, no_class
from segmetrics.config.models import Rule, Settings
from segmetrics.config.suggest import suggest
from segmetrics.data.samples import IMAGE, KNOWN, MASK
from segmetrics.gates.domains import DOMAINS, SMALLEST, resolve_rules
from segmetrics.gates.idle import excludes_nothing
from segmetrics.gates.rules import EVERY, MEAN
from segmetrics.metrics.catalog import CATALOG, MetricInfo
from segmetrics.stats.slice_by import SliceBy


def check_removed(s: Settings) -> Iterator[Contradiction]:
    domain, critical = DOMAINS[s.domain], s.data.safety_critical_classes
    # Also where it is not measured: it may be removed for good.
    rules = resolve_rules(
        domain, {}, judge=s.data.judge, safety_critical=critical, smallest=SMALLEST
    )
    known = [rule.name for rule in rules]
    for name, rule in s.rules.items():
        if rule is None and name not in known:
            hint = f"{suggest(name, known)} (rules: {', '.join(known) or 'none'})".strip()
            yield ("rules", name), f"null removes no rule of the domain {s.domain}", hint


def check_rule(s: Settings, name: str, rule: Rule) -> Iterator[Contradiction]:
    at: tuple[str | int, ...] = ("rules", name)
    metric = CATALOG.get(rule.metric)
    if metric is None:
        hint = f"{suggest(rule.metric, CATALOG)} (metrics: {', '.join(CATALOG)})".strip()
        yield (*at, "metric"), f'"{rule.metric}" is not a metric', hint
    elif not metric.rule:
        yield (*at, "metric"), f"{rule.metric} cannot be a rule ({metric.text})", "use dice or f2"
    elif rule.aggregate is not None and rule.aggregate not in metric.aggregates:
        known = metric.aggregates
        hint = f"{suggest(rule.aggregate, known)} (aggregates: {', '.join(known)})".strip()
        yield (*at, "aggregate"), f'"{rule.aggregate}" is not an aggregate of {rule.metric}', hint
    yield from _subject(s, at, rule)
    if metric is not None:
        yield from _measured(s, at, rule, metric)
    if rule.against is not None or rule.margin is not None:
        yield from check_against(at, rule, metric)
    if rule.against is None:
        yield from _bounds(at, rule, metric)
    yield from _slices(at, rule)
    if rule.statistic == "point" and rule.min_groups is not None:
        text = "means nothing with `statistic: point`, which compares the value alone"
        yield (*at, "min_groups"), text, "remove one of them"


def _bounds(
    at: tuple[str | int, ...], rule: Rule, metric: MetricInfo | None
) -> Iterator[Contradiction]:
    if metric is not None:
        for key, bound in (("at_least", rule.at_least), ("at_most", rule.at_most)):
            if bound is not None and not metric.low <= bound <= metric.high:
                text = f"{bound:g} is outside the range of {metric.name}"
                yield (*at, key), text, f"it runs from {metric.low:g} to {metric.high:g}"
            elif bound is not None and excludes_nothing(metric.name, key, bound):
                text = f"{bound:g} excludes nothing: every {metric.name} meets it"
                yield (*at, key), text, "give a bound that a poor model misses"
        yield from _direction(at, rule, metric)
    if rule.at_least is None and rule.at_most is None:
        yield at, "has no bound", "give at_least or at_most"
    elif rule.at_least is not None and rule.at_most is not None and rule.at_least > rule.at_most:
        yield at, f"nothing is >= {rule.at_least:g} and <= {rule.at_most:g}", "mend the bounds"


def _direction(
    at: tuple[str | int, ...], rule: Rule, metric: MetricInfo
) -> Iterator[Contradiction]:
    """A bound on the wrong side alone would pass the worst model."""
    low, high = rule.at_least is not None, rule.at_most is not None
    if metric.better == "higher" and high and not low:
        yield (*at, "at_most"), f"higher {metric.name} is better", "use at_least"
    if metric.better == "lower" and low and not high:
        yield (*at, "at_least"), f"lower {metric.name} is better", "use at_most"
    if metric.better == "zero" and low != high:
        text = f"{metric.name} is best at 0 and may lie on either side of it"
        yield at, text, "give at_least (below 0) and at_most (above 0)"


def _subject(s: Settings, at: tuple[str | int, ...], rule: Rule) -> Iterator[Contradiction]:
    named = (*s.data.classes, *s.data.regions)
    if rule.class_name not in (MEAN, EVERY, *named):
        yield (*at, "class"), *no_class(rule.class_name, named)
    if rule.split is not None and rule.split not in s.data.splits:
        hint = f"(splits: {', '.join(s.data.splits)})"
        yield (*at, "split"), f'"{rule.split}" is not in data.splits', hint
    if rule.severity == "block" and rule.class_name in excluded(s):
        text = f'"{rule.class_name}" is excluded (data.exclude): it is counted, and decides nothing'
        remedy = "name a class that is scored, or set `severity: warn` to see the number"
        yield (*at, "class"), text, remedy


def _slices(at: tuple[str | int, ...], rule: Rule) -> Iterator[Contradiction]:
    columns = [rule.slice] if isinstance(rule.slice, str) else list(rule.slice or ())
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        yield (*at, "slice"), f"names {', '.join(repeated)} twice", "name every column once"
    elif isinstance(rule.slice, tuple) and len(columns) < 2:
        text = "crosses columns, and needs two or more of them"
        yield (*at, "slice"), text, "for one column write its name alone: `slice: scanner`"
    for column in columns:
        if column in KNOWN or column.startswith((IMAGE, MASK)):
            text = f"{column} is no column to slice by"
            yield (*at, "slice"), text, "add a column to samples.csv, such as scanner"
    if rule.worst and (rule.slice is None or isinstance(rule.slice, dict)):
        text = "needs `slice:` with the name of a column, or with columns to cross"
        yield (*at, "worst"), text, "add it or remove worst"
    if rule.bins is not None:
        yield from _bins(at, rule, columns, rule.bins)


def _bins(
    at: tuple[str | int, ...], rule: Rule, columns: list[str], edges: tuple[float, ...]
) -> Iterator[Contradiction]:
    if not columns:
        text = "needs `slice:` with the name of a numeric column"
        yield (*at, "bins"), text, "add it or remove bins"
    if len(columns) > 1:
        yield (*at, "bins"), "cuts one column, not several", "name one column, or remove bins"
    if list(edges) != sorted(set(edges)):
        yield (*at, "bins"), "do not ascend", "sort them"
    elif isinstance(rule.slice, dict) and len(columns) == 1:
        names = SliceBy((columns[0],), edges).bins
        (value,) = rule.slice.values()
        if value not in names:
            hint = f"{suggest(str(value), names)} (bins: {', '.join(names)})".strip()
            yield (*at, "slice"), f'"{value}" is no bin', hint


def _measured(
    s: Settings, at: tuple[str | int, ...], rule: Rule, metric: MetricInfo
) -> Iterator[Contradiction]:
    m = s.measure
    surface = m.surface.metrics if m.surface else ()
    asked = {
        "": True,
        "surface": metric.name in surface,
        "boundary": m.boundary_iou is not None,
        "centreline": m.cldice,
        "objects": m.objects is not None,
        "scores": m.scores,
    }
    if not asked[metric.needs]:
        yield (*at, "metric"), f"{metric.name} is not measured", _HOW[metric.needs]
    elif metric.family == "scores":
        yield from _scored(s, at, rule, metric)
    if rule.size is None:
        return
    edges = m.objects.size_edges if m.objects else None
    if metric.family != "objects":
        yield (*at, "size"), f"{metric.name} has no sizes", "use object_recall, object_f1 or pq"
    elif edges is None:
        text = "needs numeric edges: thirds of the data move with the data"
        yield (*at, "size"), text, "set measure.objects.size_edges, such as [64, 512]"
    elif rule.size not in bucket_names(len(edges)):
        names = bucket_names(len(edges))
        hint = f"{suggest(rule.size, names)} (sizes: {', '.join(names)})".strip()
        yield (*at, "size"), f'"{rule.size}" is no size', hint
    if rule.slice is not None or rule.class_name == MEAN:
        text = "goes with one class or `every`, and without slice"
        yield (*at, "size"), text, "name a class, remove slice"


def _scored(
    s: Settings, at: tuple[str | int, ...], rule: Rule, metric: MetricInfo
) -> Iterator[Contradiction]:
    """A model with one probability a pixel has scores of its one foreground class alone."""
    data = s.data
    zero = [name for name, v in data.classes.items() if 0 in (v if isinstance(v, tuple) else (v,))]
    others = [name for name in data.classes if name not in zero]
    if len(zero) != 1 or len(others) != 1:
        text = f"{metric.name} needs two classes, one of them with label 0"
        yield (*at, "metric"), text, "use dice or f2"
        return
    (background,), (foreground,) = zero, others
    alone = f"{metric.name} is measured of {foreground} alone, so nothing can pass"
    if rule.class_name in (background, *data.regions):
        yield (
            (*at, "class"),
            f'"{rule.class_name}" has no scores: {alone}',
            f"set it to {foreground}",
        )
    scored = [name for name in data.classes if name not in data.exclude]
    if rule.class_name in (MEAN, EVERY) and scored != [foreground]:
        text = f'"{rule.class_name}" is over {", ".join(scored) or "no class"}: {alone}'
        yield (*at, "class"), text, f"set it to {foreground}, or data.exclude to [{background}]"


_HOW = {
    "surface": "add it to measure.surface.metrics",
    "boundary": "set measure.boundary_iou, such as 0.02",
    "centreline": "set measure.cldice: true",
    "objects": "set measure.objects, such as {match: iou, at_least: 0.5}",
    "scores": "set measure.scores: true, for probability models",
}
