"""Loading params.yaml: every problem with its line, its place and the nearest known key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from segmetrics.config import yaml12
from segmetrics.config.contradictions import contradictions
from segmetrics.config.models import Settings
from segmetrics.config.suggest import suggest
from segmetrics.errors import ConfigError, Problem
from segmetrics.format import FORMAT

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


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
        for where, what, remedy in contradictions(settings)
    ]
    if problems:
        raise ConfigError.of(problems, str(path))
    return settings


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
        member = part in ("str", "int", "constrained-int", "constrained-str") and not named
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
        remedy = _decimal_comma(document.value, loc) or remedy
        return Problem(place, "unknown key", remedy)
    if kind == "missing":
        whole = "every section has to be there; " if len(loc) == 1 else "add it; "
        return Problem(place, "is missing", f"{whole}see `segmetrics init`")
    if kind == "none_required":
        return Problem(place, "is not supported by this version", "set it to null, or remove it")
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
        text = (
            "has to be a column, {column: value} with text or a whole number, or a list of columns"
        )
        return Problem(place, f"{text} (found {value!r})")
    if kind in _SHAPES:
        return Problem(place, f"{_SHAPES[kind]} (found {value!r})")
    if kind == "string_pattern_mismatch" and loc[:2] == ("data", "classes"):
        remedy = "give a whole number, a list of them, or a colour such as '#804080'"
        return Problem(place, f"{value!r} is no label value", remedy)
    message = error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(value, dict) or kind == "value_error" else f" (found {value!r})"
    return Problem(place, message[0].lower() + message[1:] + shown, _meant(error))


def _decimal_comma(document: Any, loc: tuple[str | int, ...]) -> str:
    """What to write where `{at_least: 0,7}` made a key of the 7; empty where that is not it."""
    section = document
    for part in loc[:-1]:
        section = section[part]
    keys = list(section) if isinstance(section, dict) else []
    at = keys.index(loc[-1]) if loc[-1] in keys else 0
    digits, before = str(loc[-1]), keys[at - 1] if at else None
    if before is None or not digits.isdigit() or section[loc[-1]] is not None:
        return ""
    whole = section[before]
    return f"a decimal comma? write {before}: {whole}.{digits}" if type(whole) is int else ""


def _meant(error: ErrorDetails) -> str:
    """What to write for a number that was meant otherwise; empty where nobody can tell."""
    value, limits = error.get("input"), error.get("ctx", {})
    if isinstance(value, str) and _DECIMAL_COMMA.fullmatch(value.strip()):
        return f"a decimal comma? write {value.strip().replace(',', '.')}"
    share = 1 in (limits.get("le"), limits.get("lt"))
    if share and isinstance(value, int | float) and 1 < value <= 100:
        return f"a percentage? write {value / 100:g}"
    return ""


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
