"""MLflow's own pages: the server that shows the store, and the link to the table of runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing

from segmetrics.errors import TrackingError
from segmetrics.tracking.connection import connect
from segmetrics.tracking.experiment import VIEW
from segmetrics.tracking.store import is_local, store_root, tracking_uri

_HOST = "127.0.0.1"  # no other machine may look: MLflow asks nobody for a password
_START_S, _END_S = 120.0, 10.0


def server_command(port: int) -> list[str] | None:
    """What starts MLflow on the store; None where a server has it already."""
    uri = tracking_uri()
    if not is_local(uri):
        return None
    mlflow = [sys.executable, "-m", "mlflow", "server", "--host", _HOST, "--port", str(port)]
    return [*mlflow, "--workers", "1", "--backend-store-uri", uri]


def address(port: int) -> str:
    """Where the pages are."""
    uri = tracking_uri()
    return f"http://{_HOST}:{port}" if is_local(uri) else uri.rstrip("/")


def link(base: str, experiment: str) -> str:
    """The link that opens the table of runs with useful columns.

    Raises
    ------
    TrackingError
        The store fails, or does not have the experiment yet.
    """
    with connect() as client:
        found = client.get_experiment_by_name(experiment)
    if found is None:
        what = f'there is no experiment "{experiment}" in MLflow yet'
        raise TrackingError("tracking.experiment", what, "run `dvc repro` first")
    query = f"workflowType=machine_learning&viewStateShareKey={VIEW}"
    return f"{base}/#/experiments/{found.experiment_id}/runs?{query}"


def serve(command: list[str], port: int, ready: Callable[[], None]) -> None:
    """Run MLflow until Ctrl-C; `ready` is called once it answers.

    Raises
    ------
    TrackingError
        The port is taken, or MLflow ends by itself.
    """
    _check_free(port)
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    # In a session of its own: Ctrl-C reaches us alone, and we end MLflow with all its workers.
    process = subprocess.Popen(
        command, cwd=store_root(), env=quiet | dict(os.environ), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        errors="replace",
    )  # fmt: skip
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        _wait(process, port)
        ready()
        _, told = process.communicate()
        raise TrackingError("MLflow", f"ended by itself: {_last(told)}", "look at the message")
    except KeyboardInterrupt:
        print("MLflow ended.")
    finally:
        signal.signal(signal.SIGTERM, former)
        _end(process)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _check_free(port: int) -> None:
    with closing(socket.socket()) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((_HOST, port))
        except OSError as error:
            what = f"port {port} cannot be used ({error.strerror})"
            raise TrackingError("--port", what, f"try another: --port {port + 1}") from error


def _wait(process: subprocess.Popen[str], port: int) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            told = process.communicate()[1]
            raise TrackingError("MLflow", f"did not start: {_last(told)}", "look at the message")
        with closing(socket.socket()) as one:
            if one.connect_ex((_HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise TrackingError("MLflow", f"did not start within {_START_S:.0f} s", "try again")


def _last(told: str) -> str:
    return (told.strip().splitlines() or ["it said nothing"])[-1][:300]


def _end(process: subprocess.Popen[str]) -> None:
    """End MLflow and its workers, whose group is that of the process we started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None and kind == signal.SIGKILL:
            return
        try:
            os.killpg(process.pid, kind)
            process.communicate(timeout=_END_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
