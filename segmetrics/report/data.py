"""Everything that the page shows, read from the files of a project; no mask is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segmetrics.errors import DataError
from segmetrics.evidence import Layout, read_current_verdict, read_json
from segmetrics.gates.domains import DOMAINS
from segmetrics.metrics.histograms import ScoreHistogram
from segmetrics.overlays import Overlays, read_overlays
from segmetrics.stats.evaluation import Evaluation, SplitEvaluation
from segmetrics.tables import Measurements, read_measurements


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The stored scores of a class, all images of the judged split together.

    `whole` is of all pixels, `near` of those near a mask; shape (256,).
    """

    whole: ScoreHistogram
    near: ScoreHistogram | None


@dataclass(frozen=True, slots=True)
class ReportData:
    """What the page shows.

    Attributes
    ----------
    verdict
        As in verdict.json.
    settings
        Those that determine results, nested.
    source
        `infer.source`: the model, or the folder of given predictions.
    overlays, pictures
        Which images are shown, and the folder that holds them; None: they are not drawn.
    pairs
        The picture of the leaked pairs; None: there is none.
    scores
        By class; empty where nothing has scores.
    """

    verdict: Mapping[str, Any]
    evaluation: Evaluation
    settings: Mapping[str, Any]
    source: str
    overlays: Overlays | None = None
    pictures: Path | None = None
    pairs: Path | None = None
    scores: Mapping[str, Scores] = field(default_factory=dict)

    @property
    def judged(self) -> str:
        """The split that the verdict is about."""
        return str(self.verdict["judged"]["split"])

    @property
    def split(self) -> SplitEvaluation:
        """Its evaluation."""
        return self.evaluation.splits[self.judged]

    @property
    def aggregate(self) -> str:
        """The aggregate of the domain: that of its grade."""
        return DOMAINS[self.verdict["domain"]].aggregate

    @property
    def scored(self) -> tuple[str, ...]:
        """The classes that class means are over."""
        excluded = self.settings["data"]["exclude"]
        return tuple(name for name in self.split.labels if name not in excluded)

    @property
    def threshold(self) -> float | None:
        """The threshold in use; None for label maps."""
        chosen = [s.chosen for s in self.split.thresholds.values() if s.chosen]
        return chosen[0].threshold if chosen else None


def read_report_data(layout: Layout, settings: Mapping[str, Any]) -> ReportData:
    """Read the evaluation, verdict and overlays at hand.

    Raises
    ------
    DataError
        A file is missing or damaged, the verdict is of other files than those at hand, or the
        overlays are of another split or metric.
    """
    verdict = read_current_verdict(layout, settings)
    evaluation = Evaluation.from_json(read_json(layout.evaluation), str(layout.evaluation))
    judged = verdict["judged"]["split"]
    if judged not in evaluation.splits or verdict["domain"] not in DOMAINS:
        raise DataError(str(layout.verdict), "is of another evaluation", "run `dvc repro`")
    overlays = read_overlays(layout.overlays)
    if (overlays.split, overlays.metric) != (judged, verdict["primary"]):
        what = f"shows {overlays.split} by {overlays.metric}, not {judged} by {verdict['primary']}"
        raise DataError(str(layout.overlays), what, "run `dvc repro`")
    measured = read_measurements(layout.measurements(judged))
    return ReportData(
        verdict=verdict,
        evaluation=evaluation,
        settings=settings,
        source=layout.source.as_posix(),
        overlays=overlays,
        pictures=layout.overlays,
        pairs=layout.leakage_pairs if layout.leakage_pairs.is_file() else None,
        scores=pooled_scores(measured),
    )


def pooled_scores(measured: Measurements) -> dict[str, Scores]:
    """The score histograms of each class that has them, summed over images."""
    observed = measured.observations
    if observed.histograms is None:
        return {}
    whole = observed.histograms.sum(axis=0)
    near = observed.near.sum(axis=0) if observed.near else None
    return {
        measured.classes[target]: Scores(
            ScoreHistogram(whole.positives[k], whole.negatives[k]),
            ScoreHistogram(near.positives[k], near.negatives[k]) if near else None,
        )
        for k, target in enumerate(observed.scored)
    }
