"""The options of `segmetrics score` that stand for sections of params.yaml."""

from __future__ import annotations

from segmetrics.config.models import check_name
from segmetrics.config.suggest import suggest
from segmetrics.data.labels import LabelScheme
from segmetrics.errors import ConfigError


def parse_scheme(
    *, classes: str | None, binary: bool, exclude: str | None, ignore: str
) -> LabelScheme | None:
    """The label scheme of `--classes`, `--binary`, `--exclude` and `--ignore`.

    None where neither `--classes` nor `--binary` was given: classes are then discovered.

    Raises
    ------
    ConfigError
        An option cannot be understood.
    """
    ignored = [_label(word, "--ignore") for word in _words(ignore)]
    if binary:
        names = {"background": 0, "foreground": 1}
        if set(ignored) & {0, 255}:
            raise ConfigError("--ignore", "0 and 255 are background and foreground with --binary")
        excluded = _words("background" if exclude is None else exclude)
        scheme = LabelScheme.of(names, ignore=ignored, exclude=excluded, encoding="binary")
    elif classes is not None:
        names = _classes(classes)
        owner = {value: name for name, value in names.items()}
        for value in (v for v in ignored if v in owner):
            raise ConfigError("--ignore", f"label {value} is the class {owner[value]} already")
        excluded = _words(exclude or "")
        scheme = LabelScheme.of(names, ignore=ignored, exclude=excluded)
    else:
        if ignored or exclude:
            raise ConfigError(
                "--ignore, --exclude", "need to know the classes", "add --classes or --binary"
            )
        return None
    unknown = [name for name in excluded if name not in names]
    if unknown:
        hint = suggest(unknown[0], names)
        raise ConfigError("--exclude", f'"{unknown[0]}" is not a class', hint)
    if not scheme.scored:
        raise ConfigError("--exclude", "leaves no class to score")
    return scheme


def _classes(text: str) -> dict[str, int]:
    classes: dict[str, int] = {}
    for word in _words(text):
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(
                "--classes", f'"{word}" is not name=value', "write background=0,tumour=1"
            )
        try:
            check_name(name)
        except ValueError as error:
            raise ConfigError("--classes", str(error)) from error
        number = _label(value, "--classes")
        if name in classes or number in classes.values():
            raise ConfigError("--classes", f'"{word}" repeats a name or a value')
        classes[name] = number
    if not classes:
        raise ConfigError("--classes", "names no class", "write background=0,tumour=1")
    return classes


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _label(text: str, option: str) -> int:
    if not text.isdecimal():
        raise ConfigError(option, f'"{text}" is not a label value', "give a number from 0 on")
    return int(text)
