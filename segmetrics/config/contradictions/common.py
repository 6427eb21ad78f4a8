"""What the checks share."""

from __future__ import annotations

from collections.abc import Iterable

from segmetrics.config.suggest import suggest

Contradiction = tuple[tuple[str | int, ...], str, str]


def no_class(name: object, classes: Iterable[str]) -> tuple[str, str]:
    """What is wrong with a name that is no class, and what would do."""
    known = list(classes)
    return (
        f'"{name}" is not a class',
        f"{suggest(str(name), known)} (classes: {', '.join(known)})".strip(),
    )
