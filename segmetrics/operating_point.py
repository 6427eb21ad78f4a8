"""How predictions become labels, and the file that fixes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from segmetrics.data.masks import threshold_level
from segmetrics.errors import DataError
from segmetrics.files import write_json


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """How predictions become labels: `argmax` label maps, or probabilities from `threshold` on."""

    decision: Literal["argmax", "fixed"]
    threshold: float | None = None

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
        return self.decision + (f", threshold {self.threshold:g}" if self.threshold else "")


def write_operating_point(path: Path, point: OperatingPoint) -> None:
    """Write operating_point.json: `threshold` (null for argmax) and `source`."""
    write_json(path, {"threshold": point.threshold, "source": point.decision})


def read_operating_point(path: Path) -> OperatingPoint:
    """Read what `write_operating_point` wrote.

    Raises
    ------
    DataError
        Missing or damaged.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        threshold, source = data["threshold"], data["source"]
        if (source, threshold is None) not in (("argmax", True), ("fixed", False)):
            raise ValueError(f"source {source}, threshold {threshold}")
        return OperatingPoint(source, None if threshold is None else float(threshold))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            str(path), f"not an operating point ({error})", "run `dvc repro operate`"
        ) from error
