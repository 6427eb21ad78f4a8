"""Loading params.yaml: every problem with its line, its place and the nearest known key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from segmetrics.config import yaml12
from segmetrics.config.models import Rule, Settings
from segmetrics.errors import ConfigError, Problem
from segmetrics.format import FORMAT
from segmetrics.gates.domains import DOMAINS, resolve_rules
from segmetrics.gates.rules import EVERY, MEAN
from segmetrics.metrics.catalog import CATALOG


def load_settings(path: Path) -> Settings:
    """Read and check params.yaml.

    Raises
    ------
    ConfigError
        Missing, not YAML, or anything in it is wrong; everything is reported together.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            str(path), "there is no such file", "run `segmetrics init`, or go to the project folder"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read as UTF-8 text ({error})") from error
    document = yaml12.parse(text, str(path))
    if not isinstance(document.value, dict):
        raise ConfigError(str(path), "does not hold keys and values", "see `segmetrics init`")
    found = document.value.get("format")
    if "format" in document.value and (type(found) is not int or found != FORMAT):
        raise ConfigError(
            _place(document, path, ("format",)),
            f"is {found!r}; this version of segmetrics reads format {FORMAT}",
            f"read CHANGELOG.md, set `format: {FORMAT}` and run `dvc repro`",
        )
    try:
        settings = Settings.model_validate(document.value)
    except ValidationError as error:
        raise ConfigError.of(
            [_problem(e, document, path) for e in _distinct(error)], str(path)
        ) from None
    problems = [
        Problem(_place(document, path, where), what, remedy)
        for where, what, remedy in _contradictions(settings)
    ]
    if problems:
        raise ConfigError.of(problems, str(path))
    return settings


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean "tumour"?`, or nothing where no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f'did you mean "{near[0]}"?' if near else ""


def _distinct(error: ValidationError) -> list[ErrorDetails]:
    """One error per place: a value that fits no member of a union fails once for each of them.

    The member whose type fits knows best what is wrong. A section or list whose entry is wrong is
    not reported as too short because of that entry.
    """
    seen: dict[tuple[str | int, ...], ErrorDetails] = {}
    for details in error.errors(include_url=False, include_context=True):
        known = seen.setdefault(_key_path(details["loc"]), details)
        if _wrong_type(known["type"]) and not _wrong_type(details["type"]):
            seen[_key_path(details["loc"])] = details
    short = {path for path, details in seen.items() if details["type"] == "too_short"}
    for path in short:
        if any(other[: len(path)] == path for other in seen if other != path):
            del seen[path]
    return list(seen.values())


def _wrong_type(kind: str) -> bool:
    return kind.endswith("_type") or kind == "literal_error"


def _key_path(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path in the file: pydantic adds the names of union members and of key checks."""
    path: list[str | int] = []
    for part in loc:
        # A class or rule may be called `int`, too.
        named = tuple(path) in (("data", "classes"), ("rules",))
        member = part in ("str", "int", "constrained-int") and not named
        if member or (isinstance(part, str) and "[" in part):
            break
        path.append(part)
    return tuple(path)


def _place(document: yaml12.Document, path: Path, loc: tuple[str | int, ...]) -> str:
    line = document.line(loc)
    dotted = ".".join(str(part) for part in loc)
    return f"{path}:{line}: {dotted}" if line else f"{path}: {dotted}"


# What pydantic calls by the names of Python.
_SHAPES = {
    "model_type": "has to hold keys and values",
    "dict_type": "has to hold keys and values",
    "tuple_type": "has to be a list, such as [a, b]",
    "too_short": "holds too few entries",
    "too_long": "holds too many entries",
}


def _problem(error: ErrorDetails, document: yaml12.Document, path: Path) -> Problem:
    loc = _key_path(error["loc"])
    place = _place(document, path, loc)
    kind, value = error["type"], error.get("input")
    if kind == "extra_forbidden":
        known = _keys_at(loc[:-1])
        remedy = f"{suggest(str(loc[-1]), known)} (keys: {', '.join(known)})".strip()
        return Problem(place, "unknown key", remedy)
    if kind == "missing":
        whole = "every section has to be there; " if len(loc) == 1 else "add it; "
        return Problem(place, "is missing", f"{whole}see `segmetrics init`")
    if kind == "none_required" or loc == ("data", "regions"):
        only = "{}" if loc == ("data", "regions") else "null"
        return Problem(place, "is not supported by this version", f"set it to {only}, or remove it")
    if kind == "literal_error":
        known = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        if loc == ("runtime", "workers"):
            return Problem(place, f"{value!r} is neither auto nor a number from 1 on")
        if len(known) == 1:
            only = f"set it to {known[0].lower()}, or remove it"
            return Problem(place, f"{value!r} is not supported by this version", only)
        hint = suggest(str(value), known)
        return Problem(place, f"{value!r} is not one of {', '.join(known)}", hint)
    if loc[:1] == ("rules",) and loc[2:] == ("slice",):
        text = "has to be a column or one {column: value}, the value text or a whole number"
        return Problem(place, f"{text} (found {value!r})")
    if kind in _SHAPES:
        return Problem(place, f"{_SHAPES[kind]} (found {value!r})")
    message = error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(value, dict) or kind == "value_error" else f" (found {value!r})"
    return Problem(place, message[0].lower() + message[1:] + shown)


def _keys_at(loc: tuple[str | int, ...]) -> list[str]:
    """The known keys of the section at a path."""
    model: Any = Settings
    for part in loc:
        field = model.model_fields.get(part) if _is_section(model) else None
        model = next(_sections(field.annotation), None) if field is not None else model
    if not _is_section(model):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _is_section(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _sections(annotation: Any) -> Iterator[Any]:
    """The section types inside an annotation (`dict[str, Rule | None]` holds Rule)."""
    if _is_section(annotation):
        yield annotation
    elif get_origin(annotation) in (dict, Union, UnionType):
        for part in get_args(annotation):
            yield from _sections(part)


Contradiction = tuple[tuple[str | int, ...], str, str]


def _contradictions(s: Settings) -> Iterator[Contradiction]:
    """What no single value shows: (place, what is wrong, what would do)."""
    yield from _data(s)
    if s.operating_point.decision == "fixed" and s.operating_point.threshold is None:
        yield ("operating_point", "threshold"), "is missing for `decision: fixed`", "set it to 0.5"
    if s.operating_point.decision == "argmax" and s.operating_point.threshold is not None:
        yield ("operating_point", "threshold"), "means nothing with `argmax`", "set it to null"
    yield from _removed(s)
    good, bad = s.grade.good, s.grade.bad
    if good.dice < bad.dice or good.iou < bad.iou:
        yield ("grade", "good"), "lies below grade.bad", "raise it, or lower grade.bad"
    for name, rule in s.rules.items():
        if rule is not None:
            yield from _rule(s, name, rule)


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


def _labels(s: Settings) -> Iterator[Contradiction]:
    owner: dict[int, str] = {}
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
    if s.data.encoding == "binary":
        if len(s.data.classes) != 2 or sorted(owner)[:1] != [0]:
            yield (
                ("data", "classes"),
                f"{list(s.data.classes)} with `encoding: binary`, which knows two classes, one of "
                f"them with label 0",
                "declare for example {background: 0, tumour: 1}",
            )
        if 0 in s.data.ignore or 255 in s.data.ignore:
            text = "0 and 255 are background and foreground with `encoding: binary`"
            yield ("data", "ignore"), text, "set it to []"


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
    if rule.class_name not in (MEAN, EVERY) and rule.class_name not in s.data.classes:
        yield (*at, "class"), *_no_class(rule.class_name, s.data.classes)
    if rule.split is not None and rule.split not in s.data.splits:
        hint = f"(splits: {', '.join(s.data.splits)})"
        yield (*at, "split"), f'"{rule.split}" is not in data.splits', hint
    if rule.at_least is None and rule.at_most is None:
        yield at, "has no bound", "give at_least or at_most"
    elif rule.at_least is not None and rule.at_most is not None and rule.at_least > rule.at_most:
        yield at, f"nothing is >= {rule.at_least:g} and <= {rule.at_most:g}", "mend the bounds"
    if rule.worst and not isinstance(rule.slice, str):
        yield (*at, "worst"), "needs `slice:` with the name of a column", "add it or remove worst"


def _no_class(name: str, classes: Iterable[str]) -> tuple[str, str]:
    known = list(classes)
    return (
        f'"{name}" is not a class',
        f"{suggest(name, known)} (classes: {', '.join(known)})".strip(),
    )
