"""A client of the store, or one clear message why there is none."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from segmetrics.errors import TrackingError
from segmetrics.tracking.fresh import create_store
from segmetrics.tracking.store import is_local, lock_file, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

_OLDEST, _OF_MODELS = (2, 9), (3, 0)  # releases of servers: all of this works, LoggedModel works
_VERSION_TIMEOUT_S = 10
_KEPT = "results and verdict are kept"
_AGAIN = "run `dvc repro` again"


@contextmanager
def connect() -> Iterator[MlflowClient]:
    """A client of `MLFLOW_TRACKING_URI` or of `mlflow.db` at the DVC root.

    Raises
    ------
    TrackingError
        MLflow is not installed, or the server or store fails while the block runs.
    """
    _quieten()
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
        with FileLock(lock_file(uri)):
            create_store(uri)
            client = mlflow.MlflowClient(uri, os.environ.get("MLFLOW_REGISTRY_URI") or uri)
            client.search_experiments(max_results=1)
            yield client
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        what, remedy = _explain(error)
        raise TrackingError(_shown(uri), what, remedy) from error


def _quieten() -> None:
    # Usage statistics would wait for a network that may not be there.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own patience with a server that is not there is many minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")


def _shown(uri: str) -> str:
    """An address without the password that may stand in it."""
    return re.sub(r"//[^/@]*@", "//", uri)


def _explain(error: Exception) -> tuple[str, str]:
    """What went wrong with a store, and what would do."""
    whole = _shown(str(error))
    text = (whole.strip().splitlines() or ["no reason given"])[0][:300]
    code = str(getattr(error, "error_code", ""))
    status = re.search(r"error code (\d{3})", whole)
    if code == "UNAUTHENTICATED" or (status and status[1] == "401"):
        remedy = (
            f"{_KEPT}; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            f"MLFLOW_TRACKING_TOKEN, and {_AGAIN}"
        )
        return "the MLflow server wants credentials, or refuses those given (401)", remedy
    if code == "PERMISSION_DENIED" or (status and status[1] == "403"):
        remedy = (
            f"{_KEPT}; ask for the right to write, or change MLFLOW_TRACKING_USERNAME and "
            f"MLFLOW_TRACKING_PASSWORD or MLFLOW_TRACKING_TOKEN, and {_AGAIN}"
        )
        return f"the MLflow server forbids this (403: {text})", remedy
    remedy = f"{_KEPT}; check MLFLOW_TRACKING_URI and {_AGAIN}"
    if "timed out" in whole.lower() or "timeout" in whole.lower():
        seconds = os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]
        return f"MLflow failed (it gave no answer within {seconds} s)", remedy
    return f"MLflow failed ({type(error).__name__}: {text})", remedy


def takes_models() -> bool:
    """Whether the server knows LoggedModel (from MLflow 3 on); an older one is a warning.

    Raises
    ------
    TrackingError
        The server is older than any that this works with.
    """
    uri = tracking_uri()
    version = None if is_local(uri) else _server_version(uri)
    if version is None or version >= _OF_MODELS:
        return True
    shown, oldest = ".".join(map(str, version)), ".".join(map(str, _OLDEST))
    if version < _OLDEST:
        what = f"the MLflow server is {shown}; this needs {oldest} or newer"
        raise TrackingError(_shown(uri), what, "upgrade it, or unset MLFLOW_TRACKING_URI")
    warnings.warn(
        f"{_shown(uri)}: the MLflow server is {shown}; metrics by model need 3.0 or newer and are "
        f"left out",
        stacklevel=2,
    )
    return False


def _server_version(uri: str) -> tuple[int, int] | None:
    """Major and minor number of a server; None where it does not say."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request
    from requests.exceptions import RequestException

    try:
        answer = http_request(
            get_default_host_creds(uri), "/version", "GET", timeout=_VERSION_TIMEOUT_S,
            max_retries=0,
        )  # fmt: skip
    except (MlflowException, RequestException):
        return None
    found = re.match(r"(\d+)\.(\d+)", answer.text) if answer.status_code == 200 else None
    return (int(found[1]), int(found[2])) if found else None
