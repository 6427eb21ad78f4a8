"""One MLflow run per evaluation, found again by its `eval_id`."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.errors import TrackingError
from segmetrics.evidence import Layout
from segmetrics.files import sha256_bytes, write_json
from segmetrics.record import Record, collect_artifacts, flat_params, metric_values
from segmetrics.texts import verdict_markdown

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECEIPT_SCHEMA = 1
EVAL_ID = "segmetrics.eval_id"
_WRITER = "segmetrics.writer"
_PATIENCE_S = 3600.0  # logging takes seconds; a run of another machine that is older is dead
_NOTE_LENGTH = 4500  # characters; MLflow takes 5,000 in a tag (older servers) or 8,000
_BATCH = 900  # MLflow takes at most 1,000 metrics and 100 parameters a request


def store_root() -> Path:
    """The folder of the default store: DVC's root, also from an experiment's temporary copy."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or the SQLite store at the DVC root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{store_root() / 'mlflow.db'}"


@contextmanager
def connect() -> Iterator[MlflowClient]:
    """A client of `MLFLOW_TRACKING_URI` or of `mlflow.db` at the DVC root.

    Raises
    ------
    TrackingError
        MLflow is not installed, or the server or store fails while the block runs.
    """
    # Usage statistics would wait for a network that may not be there.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own patience with a server that is not there is many minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    uri = tracking_uri()
    try:
        import mlflow
        from filelock import FileLock
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise TrackingError(
            "tracking", f"MLflow is not installed ({error})", 'pip install "segmetrics[pipeline]"'
        ) from error
    try:
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        # The client creates a fresh SQLite store: several processes at once would fail. And a run
        # of this machine that is not finished is taken for a dead one: nobody may be writing it.
        with FileLock(_lock_file(uri)):
            client = mlflow.MlflowClient(uri, os.environ.get("MLFLOW_REGISTRY_URI") or uri)
            client.search_experiments(max_results=1)
            yield client
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        text = (str(error).strip().splitlines() or ["no reason given"])[0][:300]
        raise TrackingError(
            uri.split("@")[-1],
            f"MLflow failed ({type(error).__name__}: {text})",
            "results and verdict are kept; check MLFLOW_TRACKING_URI and run `dvc repro` again",
        ) from error


def _lock_file(uri: str) -> Path:
    """One lock a store: beside the embedded one; for a server in the folder for temporary files."""
    if uri.startswith("sqlite:"):
        return store_root() / ".mlflow.lock"
    return Path(tempfile.gettempdir()) / f"segmetrics-{_writer(uri)}.lock"


def _writer(*more: str) -> str:
    """Tells users and machines apart without naming them."""
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return sha256_bytes("\n".join((socket.gethostname(), user, *more)).encode())[:16]


def log_evaluation(record: Record, layout: Layout) -> str:
    """Log an evaluation once; gives the run's id.

    A finished run of the same `eval_id` is found and left alone; a half-written one is replaced,
    unless another machine may still be writing it. Where two machines finish at once, the first
    run stays.
    """
    with connect() as client:
        experiment = _experiment(client, record.experiment)
        runs = find_runs(client, experiment, record.eval_id)
        finished = _finished(runs)
        for run in runs:
            if run.info.status != "FINISHED" and not _alive(run):
                client.delete_run(run.info.run_id)
        if finished:
            return finished[0]
        own = _log(client, experiment, record, layout)
        first, *others = _finished(find_runs(client, experiment, record.eval_id))
        if own in others:
            client.delete_run(own)
        return first


def _finished(runs: Sequence[Any]) -> list[str]:
    """The ids of finished runs, in an order that everybody agrees on: the first one stays."""
    done = [run.info for run in runs if run.info.status == "FINISHED"]
    return [info.run_id for info in sorted(done, key=lambda i: (i.start_time, i.run_id))]


def _alive(run: Any) -> bool:
    """Whether a process of another machine or user may be writing this run.

    For one user of this machine the lock of `connect` keeps others out: a run that is not finished
    is dead.
    """
    elsewhere = run.data.tags.get(_WRITER) != _writer()
    young = time.time() - run.info.start_time / 1000 < _PATIENCE_S
    return bool(run.info.status == "RUNNING" and elsewhere and young)


def write_receipt(path: Path, eval_id: str) -> None:
    """Write tracking.json: nothing but the schema and the `eval_id`, so that it repeats exactly."""
    write_json(path, {"schema": RECEIPT_SCHEMA, "eval_id": eval_id})


def find_runs(client: MlflowClient, experiment: str, eval_id: str) -> list[Any]:
    """The runs of an evaluation, newest first."""
    query = f"tags.`{EVAL_ID}` = '{eval_id}'"
    return list(client.search_runs([experiment], filter_string=query))


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage != "active":
            raise TrackingError(
                "tracking.experiment",
                f'the experiment "{name}" was deleted in MLflow',
                f"restore it (`mlflow experiments restore -x {found.experiment_id}`) or rename it",
            )
        return str(found.experiment_id)
    location = None
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        location = (store_root() / "mlartifacts" / name).as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def _log(client: MlflowClient, experiment: str, record: Record, layout: Layout) -> str:
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException

    run = client.create_run(experiment, tags=_tags(record), run_name=_run_name(record, layout))
    run_id = str(run.info.run_id)
    try:
        now = int(time.time() * 1000)
        metrics = [Metric(k, v, now, 0) for k, v in metric_values(record.evaluation).items()]
        params = [Param(k, v[:6000]) for k, v in flat_params(record.settings).items()]
        for start in range(0, len(params), 100):
            client.log_batch(run_id, params=params[start : start + 100])
        for start in range(0, len(metrics), _BATCH):
            client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
        with tempfile.TemporaryDirectory() as folder:
            collect_artifacts(Path(folder), record, layout)
            client.log_artifacts(run_id, folder)
        client.set_terminated(run_id, "FINISHED")
    except BaseException:
        # Also when interrupted: a run that did not end well must not look as if it had. Where even
        # this fails the run stays RUNNING, and is replaced the next time.
        with suppress(MlflowException, OSError):
            client.set_terminated(run_id, "FAILED")
        raise
    return run_id


def _run_name(record: Record, layout: Layout) -> str:
    return f"{layout.source.stem} {record.verdict['decision']} {record.eval_id[:8]}"


def _tags(record: Record) -> dict[str, str]:
    verdict = record.verdict
    tags = {
        EVAL_ID: record.eval_id,
        _WRITER: _writer(),
        "segmetrics.decision": verdict["decision"],
        "segmetrics.grade": verdict["grade"],
        "segmetrics.domain": verdict["domain"],
        "segmetrics.primary": verdict["primary"],
        "segmetrics.model_sha256": record.model_digest,
        "mlflow.note.content": _note(verdict_markdown(verdict, record.evaluation)),
    }
    commit = _git("rev-parse", "HEAD")
    if commit:
        tags["mlflow.source.git.commit"] = commit
        tags["segmetrics.git_dirty"] = str(_dirty()).lower()
    if os.environ.get("DVC_EXP_NAME"):
        tags["segmetrics.dvc_experiment"] = os.environ["DVC_EXP_NAME"]
    return tags


def _dirty() -> bool:
    """Whether the working tree differs from the commit in more than what `dvc repro` writes."""
    written = [":(exclude)dvc.lock", ":(exclude)results"]
    return bool(_git("status", "--porcelain", "--", ".", *written))


def _note(text: str) -> str:
    """The description of a run; MLflow refuses long tags, and `verdict.md` has the whole."""
    if len(text) <= _NOTE_LENGTH:
        return text
    return text[:_NOTE_LENGTH].rpartition("\n")[0] + "\n\nThe rest is in verdict.md.\n"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
