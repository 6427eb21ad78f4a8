"""The options of `segmetrics score` that stand for sections of params.yaml."""

from __future__ import annotations

import math

from segmetrics.config.names import check_name
from segmetrics.config.suggest import suggest
from segmetrics.data.labels import LabelScheme
from segmetrics.errors import ConfigError
from segmetrics.pixels import PixelOptions


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


def parse_surface(tolerance: float | None) -> PixelOptions:
    """What `--surface` asks for: all distances, or nothing.

    Raises
    ------
    ConfigError
        The tolerance is no distance.
    """
    if tolerance is None:
        return PixelOptions()
    if not math.isfinite(tolerance) or tolerance < 0:
        raise ConfigError("--surface", f"{tolerance:g} is no distance", "give 0 or more")
    return PixelOptions(surface=("hd", "hd95", "assd", "masd", "nsd"), tolerance=tolerance)


def parse_spacing(text: str | None) -> tuple[float, ...] | None:
    """What `--spacing` says: one value per axis; empty: not given; None: what the files say.

    Raises
    ------
    ConfigError
        It is neither `file` nor positive numbers.
    """
    if text is None:
        return ()
    if text.strip() == "file":
        return None
    try:
        values = tuple(float(word) for word in _words(text))
    except ValueError:
        values = ()
    if len(values) < 2 or not all(math.isfinite(v) and v > 0 for v in values):
        raise ConfigError("--spacing", f'"{text}" is no size of a pixel', "write 0.5,0.5 or file")
    return values


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
