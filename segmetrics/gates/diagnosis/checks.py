"""What `checks:` of params.yaml says: how severe each finding is, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["block", "warn", "note"]


@dataclass(frozen=True, slots=True)
class OverfitLimits:
    """Gaps of the class mean between the compared and the judged split: above `block` it blocks."""

    warn: float = 0.05
    block: float = 0.10


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What people reach: class means of some metrics, and who says so."""

    values: Mapping[str, float]
    source: str


@dataclass(frozen=True, slots=True)
class Checks:
    """Severities of the findings that can be switched, and their limits."""

    accuracy_paradox: Level = "warn"
    overfit: OverfitLimits = OverfitLimits()
    small_objects: Level = "warn"
    catastrophic: Level = "warn"
    perfection: Level = "warn"
    copies: Level = "block"
    human_ceiling: Ceiling | None = None
