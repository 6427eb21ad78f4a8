"""What the checks share."""

from __future__ import annotations

from collections.abc import Iterable

from segmetrics.config.models import Settings
from segmetrics.config.suggest import suggest

Contradiction = tuple[tuple[str | int, ...], str, str]


def no_class(name: object, classes: Iterable[str]) -> tuple[str, str]:
    """What is wrong with a name that is no class, and what would do."""
    known = list(classes)
    return (
        f'"{name}" is not a class',
        f"{suggest(str(name), known)} (classes: {', '.join(known)})".strip(),
    )


def excluded(s: Settings) -> set[str]:
    """The classes that `data.exclude` names, and the regions that hold no other ones."""
    names: set[str] = set(s.data.exclude)
    parts: set[int | str] = {*names}
    for name in names & set(s.data.classes):
        values = s.data.classes[name]
        parts |= {*values} if isinstance(values, tuple) else {values}
    return names | {region for region, held in s.data.regions.items() if {*held} <= parts}
