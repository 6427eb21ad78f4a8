"""`data:`: classes, labels, regions, splits."""

from __future__ import annotations

from collections.abc import Iterator

from segmetrics.config.contradictions.common import Contradiction, no_class
from segmetrics.config.models import Settings
from segmetrics.config.suggest import suggest


def check_data(s: Settings) -> Iterator[Contradiction]:
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
                yield ("data", key, i), *no_class(name, data.classes)
    if set(data.exclude) >= set(data.classes):
        yield ("data", "exclude"), "excludes every class", "keep at least one to be scored"
    yield from _labels(s)
    yield from _regions(s)
    yield from _critical(s)
    paths = {("data", "root"): data.root, ("data", "samples"): data.samples}
    for place, path in (paths | {("infer", "source"): s.infer.source}).items():
        if not path:
            yield place, "is empty", "give a path"


def _critical(s: Settings) -> Iterator[Contradiction]:
    at, critical = ("data", "safety_critical_classes"), s.data.safety_critical_classes
    if s.domain == "autonomous_driving" and not critical:
        yield (
            at,
            "is empty; the domain autonomous_driving needs it",
            "name the classes whose recall must not fall, such as [pedestrian, bicyclist]",
        )
    for i, name in enumerate(critical):
        if name in s.data.exclude:
            text = f'"{name}" is excluded (data.exclude), and cannot be safety-critical as well'
            yield (*at, i), text, "remove it from one of them"


def _regions(s: Settings) -> Iterator[Contradiction]:
    classes = s.data.classes
    labels = {n: set(v if isinstance(v, tuple) else (v,)) for n, v in classes.items()}
    for region, parts in s.data.regions.items():
        at = ("data", "regions", region)
        if region in classes:
            yield at, "is the name of a class already", "choose another name"
        for i, part in enumerate(parts):
            if isinstance(part, str) and part not in classes and not part.startswith("#"):
                yield (*at, i), *no_class(part, classes)
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
    runs_model = s.infer.command is None and s.infer.source.lower().endswith(".onnx")
    if s.operating_point.decision == "argmax":
        if runs_model:
            text = f'"argmax" gives a pixel one class, {how} has several'
            remedy = "set {decision: fixed, threshold: 0.5}: every class has its own probability"
            yield ("operating_point", "decision"), text, remedy
    elif s.data.encoding == "channels":
        values = [v if isinstance(v, tuple) else (v,) for v in s.data.classes.values()]
        first = [min(v for v in several if isinstance(v, int)) for several in values]
        if first != sorted(first):
            text = "are not in the order of their channels, in which probabilities are read"
            yield ("data", "classes"), text, "sort them by the number of the channel"
