"""The options of `segmetrics score` that stand for sections of params.yaml."""

from __future__ import annotations

import math

from segmetrics.config.names import check_name
from segmetrics.config.suggest import suggest
from segmetrics.data.colours import colour_label, colour_text
from segmetrics.data.labels import Encoding, LabelScheme
from segmetrics.data.schemes import NAMES, named_scheme
from segmetrics.errors import ConfigError
from segmetrics.pixels import PixelOptions


def parse_scheme(
    *, classes: str | None, binary: bool, exclude: str | None, ignore: str
) -> LabelScheme | None:
    """The label scheme of `--classes`, `--binary`, `--exclude` and `--ignore`.

    `--classes` is the name of a scheme (`cityscapes`), or `name=value` of each class, with several
    values joined by `+`. Values are numbers or colours, `#rrggbb`; colours mean `encoding: rgb`.
    None where neither `--classes` nor `--binary` was given: classes are then discovered.

    Raises
    ------
    ConfigError
        An option cannot be understood.
    """
    rgb = classes is not None and "#" in classes
    ignored = [_label(word, "--ignore", rgb) for word in _words(ignore)]
    if binary:
        values: dict[str, tuple[int, ...]] = {"background": (0,), "foreground": (1,)}
        if set(ignored) & {0, 255}:
            raise ConfigError("--ignore", "0 and 255 are background and foreground with --binary")
        excluded = _words("background" if exclude is None else exclude)
        encoding: Encoding = "binary"
    elif classes is not None:
        values, void = _classes(classes, rgb)
        owner = {label: name for name, labels in values.items() for label in labels}
        for label in (v for v in ignored if v in owner):
            text = _written(label, rgb)
            raise ConfigError("--ignore", f"label {text} is the class {owner[label]} already")
        excluded = _words(exclude or "")
        ignored += [label for label in void if label not in ignored]
        encoding = "rgb" if rgb else "labels"
    else:
        if ignored or exclude:
            raise ConfigError(
                "--ignore, --exclude", "need to know the classes", "add --classes or --binary"
            )
        return None
    unknown = [name for name in excluded if name not in values]
    if unknown:
        hint = suggest(unknown[0], values)
        raise ConfigError("--exclude", f'"{unknown[0]}" is not a class', hint)
    scheme = LabelScheme(
        tuple(values), tuple(values.values()), tuple(ignored), tuple(excluded), encoding
    )
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


def _classes(text: str, rgb: bool) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
    """The labels of each class, and the labels that a named scheme ignores."""
    words = _words(text)
    if not words:
        raise ConfigError("--classes", "names no class", "write background=0,tumour=1")
    if words[0] in NAMES and len(words) == 1:
        scheme, void = named_scheme(words[0])
        return {name: (label,) for name, label in scheme.items()}, void
    classes: dict[str, tuple[int, ...]] = {}
    seen: set[int] = set()
    for word in words:
        name, equals, labels = (part.strip() for part in word.partition("="))
        if not equals:
            near = suggest(word, NAMES) or f"write background=0,tumour=1, or {' or '.join(NAMES)}"
            raise ConfigError("--classes", f'"{word}" is not name=value', near)
        try:
            check_name(name)
        except ValueError as error:
            raise ConfigError("--classes", str(error)) from error
        numbers = [_label(label, "--classes", rgb) for label in labels.split("+")]
        if name in classes or seen & set(numbers) or len(set(numbers)) < len(numbers):
            raise ConfigError("--classes", f'"{word}" repeats a name or a value')
        classes[name] = tuple(numbers)
        seen |= set(numbers)
    return classes, ()


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _label(text: str, option: str, rgb: bool) -> int:
    text = text.strip()
    if rgb:
        if not text.startswith("#"):
            raise ConfigError(
                option, f'"{text}" is not a colour as other values are', "write #rrggbb"
            )
        try:
            return colour_label(text)
        except ConfigError as error:
            raise ConfigError(option, f'"{text}" is not a colour', "write #rrggbb") from error
    if text.startswith("#"):
        raise ConfigError(option, f'"{text}" is a colour, the classes are numbers', "give a number")
    if not (text.isascii() and text.isdecimal()):
        raise ConfigError(
            option, f'"{text}" is not a label value', "give a number from 0 on, or #rrggbb"
        )
    return int(text)


def _written(label: int, rgb: bool) -> str:
    return colour_text(label) if rgb else str(label)
