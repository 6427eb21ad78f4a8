"""What the scores of a split say about its threshold: the chosen one beside the best ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmetrics.metrics import overlap
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.histograms import BINS, ScoreHistogram
from segmetrics.metrics.thresholds import Objective, choose_level, counts_at
from segmetrics.stats.observations import Observations

BETAS = {"f0.5": 0.5, "f1": 1.0, "f2": 2.0}


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Precision, recall and F-beta of all images together at one threshold; None: undefined."""

    threshold: float
    values: Mapping[str, float | None]

    @classmethod
    def of(cls, counts: ConfusionCounts, threshold: float) -> AtThreshold:
        """From the counts (shape ()) at that threshold."""
        values = {"precision": overlap.precision(counts), "recall": overlap.recall(counts)}
        values |= {name: overlap.f_beta(counts, beta=beta) for name, beta in BETAS.items()}
        finite = {n: float(v) if math.isfinite(v) else None for n, v in values.items()}
        return cls(threshold, finite)

    def to_json(self) -> dict[str, Any]:
        """As in evaluation.json."""
        return {"threshold": self.threshold, **self.values}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AtThreshold:
        """Read what `to_json` wrote."""
        values = {name: data[name] for name in ("precision", "recall", *BETAS)}
        for number in (data["threshold"], *(v for v in values.values() if v is not None)):
            if not math.isfinite(number):
                raise TypeError(f"{number} is no value")
        return cls(data["threshold"], values)


@dataclass(frozen=True, slots=True)
class ThresholdSummary:
    """One class on one split.

    Attributes
    ----------
    chosen
        At the operating point.
    best
        By F-beta (`f0.5`, `f1`, `f2`): at the threshold that is best on this split. For
        information: a threshold that was chosen on the judged split is judged too well. Without
        those that no threshold reaches (nothing there or nothing found).
    """

    chosen: AtThreshold | None
    best: Mapping[str, AtThreshold]

    def to_json(self) -> dict[str, Any]:
        """As in evaluation.json."""
        return {
            "chosen": self.chosen.to_json() if self.chosen else None,
            "best": {name: at.to_json() for name, at in self.best.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ThresholdSummary:
        """Read what `to_json` wrote."""
        chosen = AtThreshold.from_json(data["chosen"]) if data["chosen"] else None
        best = {name: AtThreshold.from_json(at) for name, at in data["best"].items()}
        return cls(chosen, best)


def summarise_thresholds(
    observed: Observations, names: Sequence[str], *, level: int | None, threshold: float | None
) -> dict[str, ThresholdSummary]:
    """The summary of each class with scores, all images pooled; empty without scores.

    Parameters
    ----------
    names
        Of the R classes and regions.
    level, threshold
        The operating point: the smallest stored score that counts, and what it was set to.
    """
    if observed.histograms is None:
        return {}
    pooled = observed.histograms.sum(axis=0)
    found = {}
    for place, target in enumerate(observed.scored):
        one = ScoreHistogram(pooled.positives[place], pooled.negatives[place])
        best = {}
        for name, beta in BETAS.items():
            chosen = choose_level(one, Objective(beta))
            if chosen is not None:
                counts = counts_at(one, level=chosen.level)
                best[name] = AtThreshold.of(counts, chosen.level / BINS)
        here = None
        if level is not None and threshold is not None:
            here = AtThreshold.of(counts_at(one, level=level), threshold)
        found[names[target]] = ThresholdSummary(here, best)
    return found
