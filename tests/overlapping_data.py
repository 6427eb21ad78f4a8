"""Classes that overlap: schemes, and what tests read of files and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from segmetrics.data.labels import LabelScheme
from segmetrics.data.levels import read_levels_of_classes
from segmetrics.measure import measure_split
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import PixelOptions, Question
from segmetrics.tables import Targets, read_measurements

TWO = LabelScheme.of({"whole": 0, "core": 1}, encoding="channels")
REST = LabelScheme.of({"rest": 0, "whole": 1, "core": 2}, exclude=["rest"], encoding="channels")
CENTRES = (0.3, 0.6)
HALF = OperatingPoint("fixed", 0.5)


def stored(path: Path, scheme: LabelScheme = TWO) -> np.ndarray:
    return read_levels_of_classes(path.read_bytes(), str(path), scheme).labels


def truth(dataset, row) -> np.ndarray:
    """The pages of its mask."""
    with Image.open(dataset.root / row.mask) as picture:
        return np.stack([np.asarray(page) > 0 for page in ImageSequence.Iterator(picture)])


def measured(samples, predictions: Path, out: Path, scheme=TWO, *, point=HALF, workers=1):
    targets = Targets(scheme.names, (("any", (0, 1)),), overlapping=True, scores=True)
    question = Question(scheme, targets, point, PixelOptions(scores=True))
    measure_split(
        samples, predictions=predictions, out=out, question=question, spacing=(), workers=workers
    )
    return read_measurements(out)
