"""Two folders of masks, compared: the result of `segmetrics score`."""

from __future__ import annotations

from collections.abc import Mapping
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
from segmetrics.stats.scopes import EvaluationOptions, evaluate_counts, pixel_totals


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


def evaluate_pairs(
    ids: tuple[str, ...],
    counts: ConfusionCounts,
    *,
    columns: Mapping[str, Values],
    diagonals: Values | None,
    confusion: npt.NDArray[np.int64],
    digests: npt.NDArray[np.uint8],
    question: Question,
) -> Scored:
    """The metrics of n measured pairs.

    Parameters
    ----------
    counts
        Shape (n, K).
    columns
        Distances by name, shape (n, K).
    diagonals
        Shape (n,); None where no distances were measured.
    confusion
        Of all pairs together, shape (K, K + 1).
    digests
        Shape (n, 2, 32), see `Scored`.
    """
    scheme = question.scheme
    observed = Observations(counts, columns, diagonals)
    groups = np.arange(observed.n_images)
    scope = evaluate_counts(observed, groups, scheme.names, EvaluationOptions(scheme.scored))
    evaluation = SplitEvaluation(
        samples=scope.samples,
        groups=scope.groups,
        classes=scope.classes,
        mean=scope.mean,
        labels=scheme.names,
        confusion=tuple(tuple(row) for row in confusion[:, :-1].tolist()),
        other=tuple(confusion[:, -1].tolist()),
        **pixel_totals(counts, scheme.n_classes),
    )
    return Scored(ids, observed, digests, question, evaluation)
