"""The experiment that runs are logged to, and how its table of runs looks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from segmetrics.errors import TrackingError
from segmetrics.gates.domains import DOMAINS
from segmetrics.record import Record
from segmetrics.tracking.store import artifact_location, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

VIEW = "segmetrics"
_VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
_WIDTH = 190  # pixels; MLflow's own 100 cut the names off
# Without it MLflow opens the experiment as one of language models.
_KIND = {"mlflow.experimentKind": "custom_model_development"}


def find_experiment(client: MlflowClient, record: Record) -> str:
    """The id of the experiment, which is made where there is none.

    Raises
    ------
    TrackingError
        It was deleted.
    """
    name = record.experiment
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != "active":
        raise TrackingError(
            "tracking.experiment",
            f'the experiment "{name}" was deleted in MLflow',
            f"restore it (`mlflow experiments restore -x {found.experiment_id}`) or rename it",
        )
    tags = _KIND | {_VIEW_TAG: json.dumps(_view(record))}
    if found is None:
        location = artifact_location(tracking_uri(), name)
        return str(client.create_experiment(name, artifact_location=location, tags=tags))
    experiment = str(found.experiment_id)
    for key, value in tags.items():
        if found.tags.get(key) is None or (key == _VIEW_TAG and found.tags[key] != value):
            client.set_experiment_tag(experiment, key, value)
    return experiment


def _view(record: Record) -> dict[str, object]:
    """The table of runs as MLflow's link to a shared view describes it: its columns, in order."""
    shown = columns(record)
    widths = dict.fromkeys(shown, _WIDTH)
    return {"selectedColumns": shown, "columnOrder": shown, "columnWidths": widths}


def columns(record: Record) -> list[str]:
    """The columns of the table of runs: verdict, grade, domain, primary metric, the usual four."""
    domain = DOMAINS[record.verdict["domain"]]
    split = record.verdict["judged"]["split"]
    metrics = dict.fromkeys((domain.primary, "dice", "iou", "precision", "recall"))
    tags = [f"tags.`segmetrics.{name}`" for name in ("decision", "grade", "domain")]
    return [*tags, *(f"metrics.`{split}/{name}_{domain.aggregate}`" for name in metrics)]
