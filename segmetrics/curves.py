"""The curves over thresholds of every split and class, for `dvc plots`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from segmetrics.files import write_text
from segmetrics.metrics import overlap
from segmetrics.metrics.histograms import BINS, ScoreHistogram
from segmetrics.metrics.overlap import Values
from segmetrics.metrics.thresholds import threshold_counts
from segmetrics.stats.thresholds import BETAS
from segmetrics.tables import Measurements

PRECISION_RECALL, THRESHOLD = "precision_recall.csv", "threshold.csv"
_RATES: Mapping[str, Callable[..., Values]] = {
    "precision": overlap.precision,
    "recall": overlap.recall,
    **{name: partial(overlap.f_beta, beta=beta) for name, beta in BETAS.items()},
}


def write_score_curves(folder: Path, splits: Mapping[str, Measurements]) -> None:
    """Write precision_recall.csv and threshold.csv; only their headers where nothing has scores.

    A line for each threshold 1/256 .. 255/256 of each split and class: `split, class, threshold,
    precision, recall`, and `split, class, threshold` with the rates and F-beta. An undefined rate
    is empty there; on the precision-recall curve its line is left out.
    """
    curve = ["split,class,threshold,recall,precision"]
    rates = [f"split,class,threshold,{','.join(_RATES)}"]
    for split, measured in splits.items():
        for name, pooled in _pooled(measured):
            counts = threshold_counts(pooled)
            values = {rate: compute(counts) for rate, compute in _RATES.items()}
            for level in range(1, BINS):
                start = f"{split},{name},{level / BINS:.6g}"
                at = {rate: _text(of[level]) for rate, of in values.items()}
                rates.append(",".join([start, *at.values()]))
                if at["precision"] and at["recall"]:
                    curve.append(f"{start},{at['recall']},{at['precision']}")
    for file, lines in ((PRECISION_RECALL, curve), (THRESHOLD, rates)):
        write_text(folder / file, "\n".join(lines) + "\n")


def _pooled(measured: Measurements) -> Iterator[tuple[str, ScoreHistogram]]:
    observed = measured.observations
    if observed.histograms is None:
        return
    pooled = observed.histograms.sum(axis=0)
    for place, target in enumerate(observed.scored):
        one = ScoreHistogram(pooled.positives[place], pooled.negatives[place])
        yield measured.classes[target], one


def _text(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""
