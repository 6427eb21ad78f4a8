"""Writing a run: everything first, FINISHED last."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.evidence import Layout
from segmetrics.record import (
    DatasetFacts,
    Record,
    collect_artifacts,
    dataset_facts,
    flat_params,
    metric_values,
    outgoing_pictures,
    rule_margins,
)
from segmetrics.tracking.deadline import Deadline
from segmetrics.tracking.models import find_model
from segmetrics.tracking.store import is_local, tracking_uri
from segmetrics.tracking.tags import run_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

_BATCH = 900  # MLflow takes at most 1,000 metrics and 100 parameters a request


def write_run(
    client: MlflowClient,
    experiment: str,
    record: Record,
    layout: Layout,
    *,
    models: bool,
    deadline: Deadline,
) -> str:
    """A new run with everything that belongs to it; gives its id.

    Parameters
    ----------
    models
        Whether the server knows LoggedModel.
    deadline
        When to give up.
    """
    from mlflow.exceptions import MlflowException

    name = f"{layout.source.stem} {record.verdict['decision']} {record.eval_id[:8]}"
    run = client.create_run(experiment, tags=run_tags(record, layout), run_name=name)
    run_id = str(run.info.run_id)
    try:
        _write(_Target(client, run_id, experiment, deadline), record, layout, models)
        client.set_terminated(run_id, "FINISHED")
    except BaseException:
        # Also when interrupted: a run that did not end well must not look as if it had. Where even
        # this fails the run stays RUNNING, and is replaced the next time.
        with suppress(MlflowException, OSError):
            client.set_terminated(run_id, "FAILED")
        raise
    return run_id


@dataclass(frozen=True, slots=True)
class _Target:
    """The run that is written."""

    client: MlflowClient
    run_id: str
    experiment: str
    deadline: Deadline


def _write(to: _Target, record: Record, layout: Layout, models: bool) -> None:
    from mlflow.entities import LoggedModelInput, Param

    client = to.client
    params = [Param(key, value) for key, value in flat_params(record.settings).items()]
    for start in range(0, len(params), 100):
        to.deadline.check("the parameters")
        client.log_batch(to.run_id, params=params[start : start + 100])
    with tempfile.TemporaryDirectory() as folder:
        collect_artifacts(Path(folder), record, layout)
        _log_files(to, Path(folder))
    _log_worst(to, record, layout)
    to.deadline.check("the data sets")
    facts = dataset_facts(layout, record.evaluation)
    model = find_model(client, to.experiment, record, layout.source.stem) if models else None
    inputs = [LoggedModelInput(model)] if model else None
    client.log_inputs(to.run_id, datasets=[_dataset(f) for f in facts], models=inputs)
    # Last: what a model is said to be worth comes from a run that is all but finished.
    metrics = _metrics(record, facts, model)
    for start in range(0, len(metrics), _BATCH):
        to.deadline.check("the metrics")
        client.log_batch(to.run_id, metrics=metrics[start : start + _BATCH])


def _log_files(to: _Target, folder: Path) -> None:
    """Send the artifacts; to a server one by one, in as many requests as all at once would take."""
    if is_local(tracking_uri()):
        to.client.log_artifacts(to.run_id, str(folder))
        return
    for here in sorted({path.parent for path in folder.rglob("*") if path.is_file()}):
        place = here.relative_to(folder)
        for path in sorted(path for path in here.iterdir() if path.is_file()):
            name = path.relative_to(folder).as_posix()
            to.deadline.check(f"the artifact {name}")
            to.client.log_artifact(to.run_id, str(path), None if here == folder else str(place))


def _log_worst(to: _Target, record: Record, layout: Layout) -> None:
    """The overlays of the worst images, as a panel of images."""
    import mlflow

    for picture in outgoing_pictures(record, layout):
        if picture.worst:
            to.deadline.check(f"the picture {picture.source.name}")
            image = mlflow.Image(str(picture.source))
            to.client.log_image(to.run_id, image, key=picture.key, step=0, synchronous=True)


def _dataset(facts: DatasetFacts) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=facts.split, digest=facts.digest, source_type="local", source=facts.source,
        schema=facts.schema, profile=facts.profile,
    )  # fmt: skip
    return DatasetInput(dataset, [InputTag("mlflow.data.context", facts.split)])


def _metrics(record: Record, facts: Sequence[DatasetFacts], model: str | None) -> list[Metric]:
    """All metrics; values of classes and class means also belong to the model and a data set."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    digests = {f.split: f.digest for f in facts}
    metrics = []
    for v in metric_values(record.evaluation, record.verdict):
        of_model = (model, v.split, digests[v.split]) if v.main and model else (None, None, None)
        metrics.append(Metric(v.name, v.value, now, 0, *of_model))
    return metrics + [Metric(k, v, now, 0) for k, v in rule_margins(record.verdict).items()]
