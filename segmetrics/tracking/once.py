"""An evaluation is one run, whoever logs it and however often, also after a crash."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.evidence import Layout
from segmetrics.files import write_json
from segmetrics.record import Record
from segmetrics.tracking.connection import connect, takes_models
from segmetrics.tracking.deadline import Deadline
from segmetrics.tracking.experiment import find_experiment
from segmetrics.tracking.store import writer
from segmetrics.tracking.tags import EVAL_ID, UPLOAD, WRITER, upload_text
from segmetrics.tracking.writing import write_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECEIPT_SCHEMA = 1
_PATIENCE_S = 3600.0  # logging takes seconds; a run of another machine that is older is dead


def log_evaluation(record: Record, layout: Layout) -> str:
    """Log an evaluation once; gives the run's id.

    A finished run of the same `eval_id` is found and left alone; a half-written one is replaced,
    unless another machine may still be writing it. Where two machines finish at once, the first
    run stays.

    Where that run was sent with other settings of `tracking.upload` it still is left alone, with a
    warning: what was sent cannot be called back.

    Raises
    ------
    TrackingError
        The server or store fails, or takes too long; nothing that counts as finished was left
        there.
    """
    deadline = Deadline()
    with connect() as client:
        models = takes_models()
        experiment = find_experiment(client, record)
        runs = find_runs(client, experiment, record.eval_id)
        finished = _finished(runs)
        for run in runs:
            if run.info.status != "FINISHED" and not _alive(run):
                client.delete_run(run.info.run_id)
        if finished:
            _warn_of_upload(next(r for r in runs if r.info.run_id == finished[0]), record)
            return finished[0]
        own = write_run(client, experiment, record, layout, models=models, deadline=deadline)
        first, *others = _finished(find_runs(client, experiment, record.eval_id))
        if own in others:
            client.delete_run(own)
        return first


def _warn_of_upload(run: Any, record: Record) -> None:
    """Say where a run was sent with other names or pictures than may leave now."""
    before, now = run.data.tags.get(UPLOAD, "unknown"), upload_text(record)
    if before != now:
        warnings.warn(
            f"tracking.upload: the MLflow run {run.info.run_id} of this evaluation was sent with "
            f"{before}; params.yaml says {now}, which changes nothing of what was sent. To send it "
            f"again: `mlflow runs delete --run-id {run.info.run_id}`, `mlflow gc` on the server "
            f"(before it nothing is erased), then `dvc repro -f -s track`",
            stacklevel=2,
        )


def _finished(runs: Sequence[Any]) -> list[str]:
    """The ids of finished runs, in an order that everybody agrees on: the first one stays."""
    done = [run.info for run in runs if run.info.status == "FINISHED"]
    return [info.run_id for info in sorted(done, key=lambda i: (i.start_time, i.run_id))]


def _alive(run: Any) -> bool:
    """Whether a process of another machine or user may be writing this run.

    For one user of this machine the lock of `connect` keeps others out: a run that is not finished
    is dead.
    """
    elsewhere = run.data.tags.get(WRITER) != writer()
    young = time.time() - run.info.start_time / 1000 < _PATIENCE_S
    return bool(run.info.status == "RUNNING" and elsewhere and young)


def write_receipt(path: Path, eval_id: str) -> None:
    """Write tracking.json: nothing but the schema and the `eval_id`, so that it repeats exactly."""
    write_json(path, {"schema": RECEIPT_SCHEMA, "eval_id": eval_id})


def find_runs(client: MlflowClient, experiment: str, eval_id: str) -> list[Any]:
    """The runs of an evaluation, newest first."""
    query = f"tags.`{EVAL_ID}` = '{eval_id}'"
    return list(client.search_runs([experiment], filter_string=query))
