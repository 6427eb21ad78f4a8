"""What no single value of params.yaml shows: settings that contradict one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from segmetrics.by_size import bucket_names
from segmetrics.config.models import Rule, Settings
from segmetrics.config.suggest import suggest
from segmetrics.gates.domains import DOMAINS, resolve_rules
from segmetrics.gates.rules import EVERY, MEAN
from segmetrics.metrics.catalog import CATALOG, MetricInfo

Contradiction = tuple[tuple[str | int, ...], str, str]


def contradictions(s: Settings) -> Iterator[Contradiction]:
    """What no single value shows: (place, what is wrong, what would do)."""
    yield from _data(s)
    if s.operating_point.decision == "fixed" and s.operating_point.threshold is None:
        yield ("operating_point", "threshold"), "is missing for `decision: fixed`", "set it to 0.5"
    if s.operating_point.decision == "argmax" and s.operating_point.threshold is not None:
        yield ("operating_point", "threshold"), "means nothing with `argmax`", "set it to null"
    yield from _removed(s)
    yield from _measure(s)
    good, bad = s.grade.good, s.grade.bad
    if good.dice < bad.dice or good.iou < bad.iou:
        yield ("grade", "good"), "lies below grade.bad", "raise it, or lower grade.bad"
    for name, rule in s.rules.items():
        if rule is not None:
            yield from _rule(s, name, rule)


def _measure(s: Settings) -> Iterator[Contradiction]:
    m = s.measure
    if m.surface and "nsd" in m.surface.metrics and m.surface.tolerance is None:
        yield (
            ("measure", "surface", "tolerance"),
            "is missing for nsd, and there is no usual value",
            f"set what is close enough, in {s.data.unit}",
        )
    if m.scores and s.operating_point.decision == "argmax":
        yield (
            ("measure", "scores"),
            "needs probabilities, `decision: argmax` has label maps",
            "set it to false",
        )
    edges = m.objects.size_edges if m.objects else None
    if edges is not None and list(edges) != sorted(set(edges)):
        yield ("measure", "objects", "size_edges"), "do not ascend", "sort them"
    if s.data.unit == "mm" and s.data.spacing is None:
        text = "is mm, but data.spacing is not given"
        yield ("data", "unit"), text, "give the size of a pixel, or `spacing: file`"


def _removed(s: Settings) -> Iterator[Contradiction]:
    critical = s.data.safety_critical_classes
    rules = resolve_rules(DOMAINS[s.domain], {}, judge=s.data.judge, safety_critical=critical)
    known = [rule.name for rule in rules]
    for name, rule in s.rules.items():
        if rule is None and name not in known:
            hint = f"{suggest(name, known)} (rules: {', '.join(known) or 'none'})".strip()
            yield ("rules", name), f"null removes no rule of the domain {s.domain}", hint


def _data(s: Settings) -> Iterator[Contradiction]:
    data, splits = s.data, ", ".join(s.data.splits)
    for role in ("judge", "compare", "tune"):
        split = getattr(data, role)
        if split is not None and split not in data.splits:
            hint = f"{suggest(split, data.splits)} (splits: {splits})".strip()
            yield ("data", role), f'"{split}" is not in data.splits', hint
    if len(set(data.splits)) < len(data.splits):
        yield ("data", "splits"), f"names a split twice ({splits})", "keep one of them"
    for key in ("exclude", "safety_critical_classes"):
        for i, name in enumerate(getattr(data, key)):
            if name not in data.classes:
                yield ("data", key, i), *_no_class(name, data.classes)
    if set(data.exclude) >= set(data.classes):
        yield ("data", "exclude"), "excludes every class", "keep at least one to be scored"
    yield from _labels(s)
    yield from _regions(s)
    if s.domain == "autonomous_driving" and not data.safety_critical_classes:
        yield (
            ("data", "safety_critical_classes"),
            "is empty; the domain autonomous_driving needs it",
            "name the classes whose recall must not fall, such as [pedestrian, bicyclist]",
        )
    paths = {("data", "root"): data.root, ("data", "samples"): data.samples}
    for place, path in (paths | {("infer", "source"): s.infer.source}).items():
        if not path:
            yield place, "is empty", "give a path"


def _regions(s: Settings) -> Iterator[Contradiction]:
    classes = s.data.classes
    labels = {n: set(v if isinstance(v, tuple) else (v,)) for n, v in classes.items()}
    for region, parts in s.data.regions.items():
        at = ("data", "regions", region)
        if region in classes:
            yield at, "is the name of a class already", "choose another name"
        for i, part in enumerate(parts):
            if isinstance(part, str) and part not in classes and not part.startswith("#"):
                yield (*at, i), *_no_class(part, classes)
            elif part not in classes and not any(part in values for values in labels.values()):
                yield (*at, i), f"label {part} is no class", "declare it in data.classes"
        for name, values in labels.items():
            held = {part for part in parts if part in values}
            if held and held != values:
                text = f"holds only some labels of the class {name} ({sorted(values)})"
                yield at, text, "split that class in data.classes"


def _labels(s: Settings) -> Iterator[Contradiction]:
    owner: dict[int | str, str] = {}
    for name, values in s.data.classes.items():
        for value in values if isinstance(values, tuple) else (values,):
            if value in owner:
                text = f"label {value} belongs to {owner[value]} already"
                yield ("data", "classes", name), text, "give every label to one class"
            owner[value] = name
    for i, value in enumerate(s.data.ignore):
        if value in owner:
            text = f"label {value} is the class {owner[value]} already"
            yield ("data", "ignore", i), text, "ignore it or declare it"
    if s.data.encoding in ("channels", "files"):
        yield from _multilabel(s)
    if s.data.predicted == "instances" and s.data.encoding != "instances":
        text = f"needs `encoding: instances`, found {s.data.encoding}"
        yield ("data", "predicted"), text, "set it to foreground"
    if s.data.encoding in ("binary", "instances"):
        if len(s.data.classes) != 2 or 0 not in owner:
            yield (
                ("data", "classes"),
                f"{list(s.data.classes)} with `encoding: {s.data.encoding}`, which knows two "
                f"classes, one of them with label 0",
                "declare for example {background: 0, tumour: 1}",
            )
        if s.data.encoding == "binary" and {0, 255} & set(s.data.ignore):
            text = "0 and 255 are background and foreground with `encoding: binary`"
            yield ("data", "ignore"), text, "set it to []"


def _multilabel(s: Settings) -> Iterator[Contradiction]:
    how = f"`encoding: {s.data.encoding}`"
    if s.data.ignore:
        yield ("data", "ignore"), f"means nothing with {how}: a pixel has no one label", "empty it"
    if s.infer.command is None and s.infer.source.lower().endswith(".onnx"):
        text = f"is a model that gives one class a pixel, {how} has several"
        yield ("infer", "source"), text, "give predictions (a folder) or set infer.command"
    if s.operating_point.decision != "argmax":
        text = f"has no meaning with {how}: predictions are masks"
        yield ("operating_point", "decision"), text, "set {decision: argmax, threshold: null}"


def _rule(s: Settings, name: str, rule: Rule) -> Iterator[Contradiction]:
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
    if metric is not None:
        for key, bound in (("at_least", rule.at_least), ("at_most", rule.at_most)):
            if bound is not None and not metric.low <= bound <= metric.high:
                text = f"{bound:g} is outside the range of {metric.name}"
                yield (*at, key), text, f"it runs from {metric.low:g} to {metric.high:g}"
    yield from _subject(s, at, rule)
    if metric is not None:
        yield from _measured(s, at, rule, metric)
    if metric is not None:
        yield from _direction(at, rule, metric)
    if rule.at_least is None and rule.at_most is None:
        yield at, "has no bound", "give at_least or at_most"
    elif rule.at_least is not None and rule.at_most is not None and rule.at_least > rule.at_most:
        yield at, f"nothing is >= {rule.at_least:g} and <= {rule.at_most:g}", "mend the bounds"
    if rule.worst and not isinstance(rule.slice, str):
        yield (*at, "worst"), "needs `slice:` with the name of a column", "add it or remove worst"


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
        yield (*at, "class"), *_no_class(rule.class_name, named)
    if rule.split is not None and rule.split not in s.data.splits:
        hint = f"(splits: {', '.join(s.data.splits)})"
        yield (*at, "split"), f'"{rule.split}" is not in data.splits', hint


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


_HOW = {
    "surface": "add it to measure.surface.metrics",
    "boundary": "set measure.boundary_iou, such as 0.02",
    "centreline": "set measure.cldice: true",
    "objects": "set measure.objects, such as {match: iou, at_least: 0.5}",
    "scores": "set measure.scores: true, for probability models",
}


def _no_class(name: object, classes: Iterable[str]) -> tuple[str, str]:
    known = list(classes)
    return (
        f'"{name}" is not a class',
        f"{suggest(str(name), known)} (classes: {', '.join(known)})".strip(),
    )
