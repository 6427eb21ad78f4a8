"""How predictions become labels, and the file that fixes it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from segmetrics.data.masks import threshold_level
from segmetrics.errors import DataError
from segmetrics.files import write_json
from segmetrics.metrics.thresholds import Objective

Decision = Literal["argmax", "fixed", "tuned"]


@dataclass(frozen=True, slots=True)
class TuningRequest:
    """Where a threshold is to be looked for, and what it is to be best for."""

    split: str
    objective: Objective


@dataclass(frozen=True, slots=True)
class Tuning:
    """Where a threshold comes from.

    Attributes
    ----------
    tuned_on
        The split.
    digest
        Of the ids, references and predictions that it was chosen from.
    objective, value
        What it is best for (`f2`, `precision where recall >= 0.95`), and how good it is there.
    """

    tuned_on: str
    digest: str
    objective: str
    value: float


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """How predictions become labels: `argmax` label maps, or probabilities from `threshold` on.

    `tuning` is there where the threshold is not given but `tuned`.
    """

    decision: Decision
    threshold: float | None = None
    tuning: Tuning | None = None

    @property
    def probability(self) -> bool:
        """Whether predictions are probability maps."""
        return self.threshold is not None

    @property
    def level(self) -> int:
        """The smallest stored value `q = min(255, floor(256 p))` that counts as foreground."""
        if self.threshold is None:
            raise ValueError("label maps have no threshold")
        return threshold_level(self.threshold)

    def __str__(self) -> str:
        text = self.decision + (f", threshold {self.threshold:g}" if self.threshold else "")
        if self.tuning is None:
            return text
        return (
            f"{text} ({self.tuning.objective}: {self.tuning.value:.4f} on {self.tuning.tuned_on})"
        )


def write_operating_point(path: Path, point: OperatingPoint) -> None:
    """Write operating_point.json: `threshold` (null for argmax), `source`, and how it was tuned."""
    more = asdict(point.tuning) if point.tuning else {}
    write_json(path, {"threshold": point.threshold, "source": point.decision, **more})


def read_operating_point(path: Path) -> OperatingPoint:
    """Read what `write_operating_point` wrote.

    Raises
    ------
    DataError
        Missing or damaged.
    """
    try:
        return _point(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            str(path), f"not an operating point ({error})", "run `dvc repro operate`"
        ) from error


def _point(data: dict[str, Any]) -> OperatingPoint:
    threshold, source = data["threshold"], data["source"]
    if (source, threshold is None) not in (("argmax", True), ("fixed", False), ("tuned", False)):
        raise ValueError(f"source {source}, threshold {threshold}")
    if threshold is None:
        return OperatingPoint(source)
    if source == "fixed":
        return OperatingPoint(source, float(threshold))
    names = ("tuned_on", "digest", "objective")
    tuned_on, digest, objective = (data[name] for name in names)
    value, level = float(data["value"]), float(threshold) * 256
    if not all(isinstance(data[name], str) for name in names) or not math.isfinite(value):
        raise ValueError("no account of the tuning")
    if level not in range(1, 256):
        raise ValueError(f"threshold {threshold} is not one of 1/256 .. 255/256")
    return OperatingPoint(source, float(threshold), Tuning(tuned_on, digest, objective, value))
