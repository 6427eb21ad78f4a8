"""Two folders of masks, compared: the result of `segmetrics score`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.data.labels import LabelScheme
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.overlap import Values
from segmetrics.pixels import Question
from segmetrics.stats.evaluation import SplitEvaluation
from segmetrics.stats.observations import Observations


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Two folders compared: per image, and all together.

    Attributes
    ----------
    ids
        File names without ending, sorted.
    observations
        The counts of n images and K classes, and distances where they were asked for.
    digests
        SHA-256 of each reference and prediction, uint8, shape (n, 2, 32).
    """

    ids: tuple[str, ...]
    observations: Observations
    digests: npt.NDArray[np.uint8]
    question: Question
    evaluation: SplitEvaluation

    @property
    def counts(self) -> ConfusionCounts:
        """Shape (n, K)."""
        return self.observations.counts

    @property
    def scheme(self) -> LabelScheme:
        """The classes."""
        return self.question.scheme

    def values(self, metric: str) -> Values:
        """The metric of every image and class, NaN where undefined, shape (n, K)."""
        return self.observations.per_image(CATALOG[metric], both_empty_is_one=False)

    def spread(self, metric: str) -> list[float]:
        """Sample standard deviation over the images where the metric is defined, by class."""
        values = self.values(metric)
        columns = [column[np.isfinite(column)] for column in values.T]
        return [float(c.std(ddof=1)) if c.size > 1 else float("nan") for c in columns]
