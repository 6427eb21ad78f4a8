"""Names of classes, splits and rules."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")
# Words with a meaning of their own in metrics.json, MLflow metric names and rules.
_RESERVED = frozenset({"mean", "low", "high", "every", "worst", "samples", "groups"})


def check_name(name: str) -> str:
    """A class or split name that MLflow, JSON paths and file systems take."""
    if not _NAME.fullmatch(name) or name != name.strip() or len(name) > 60:
        raise ValueError(f'"{name}" may hold letters, digits, _ - . and spaces only')
    if name in _RESERVED:
        raise ValueError(f'"{name}" is reserved; choose another name')
    return name
