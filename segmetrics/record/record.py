"""Everything that goes into a run, read from the files of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segmetrics.baseline.keep import Keeping
from segmetrics.data.samples import read_samples
from segmetrics.evidence import Layout, digest, eval_id, read_current_verdict, read_json
from segmetrics.record.private import Names, outgoing
from segmetrics.record.shy import private_evaluation, with_hidden
from segmetrics.stats.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that goes into a run.

    Attributes
    ----------
    settings
        The settings that determine results, nested.
    verdict
        It is as it may leave.
    evaluation
        Its slices and annotators are as they may leave; its ids are not yet.
    keeping
        What is kept of the evaluation, to compare later ones with.
    model_digest
        SHA-256 of `infer.source`: a model, or the folder of given predictions.
    names
        How the names of samples, groups and people leave the machine.
    images
        Whether pictures may.
    """

    eval_id: str
    experiment: str
    settings: Mapping[str, Any]
    evaluation: Evaluation
    verdict: Mapping[str, Any]
    keeping: Keeping
    model_digest: str
    names: Names
    images: bool = False


def read_record(
    layout: Layout,
    settings: Mapping[str, Any],
    *,
    keeping: Keeping,
    experiment: str,
    names: Names,
    images: bool = False,
) -> Record:
    """Everything that goes into the run of the evaluation at hand.

    Raises
    ------
    DataError
        A file is missing or damaged, or the verdict is of other files than those at hand.
    """
    verdict = read_current_verdict(layout, settings)
    names = with_hidden(names, read_samples(layout.samples), settings)
    evaluation = Evaluation.from_json(read_json(layout.evaluation), str(layout.evaluation))
    return Record(
        eval_id=eval_id(layout, settings),
        experiment=experiment,
        settings=settings,
        evaluation=private_evaluation(evaluation, names),
        verdict=outgoing(verdict, names),
        keeping=keeping,
        model_digest=digest(layout.source),
        names=names,
        images=images,
    )
