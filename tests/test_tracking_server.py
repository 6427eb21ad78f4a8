"""Tracking against servers: a real one over HTTP, and those that refuse, hang or are too old."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tracking_project import TrackedProject, environment, evaluated_project

pytest.importorskip("mlflow")


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> TrackedProject:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import onnx_models

    return evaluated_project(tmp_path_factory.mktemp("evaluated") / "project", onnx_models)


@pytest.fixture
def project(evaluated, tmp_path) -> TrackedProject:
    return evaluated.copy(tmp_path / "project")


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def server(tmp_path):
    """The address of a real MLflow server that keeps the artifacts itself."""
    port = free_port()
    words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    words += ["--artifacts-destination", str(tmp_path / "artifacts")]
    process = subprocess.Popen(
        [sys.executable, *words], cwd=tmp_path, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            assert process.poll() is None, "the server ended"
            with closing(socket.socket()) as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_a_run_on_a_server_is_the_same_and_is_one(project, server):
    project.track(MLFLOW_TRACKING_URI=server)
    project.track(MLFLOW_TRACKING_URI=server)
    assert not (project.folder / "mlflow.db").exists()
    (run,) = (there := project.store(server))["runs"]
    project.track()
    (own,) = project.store()["runs"]
    for key in ("status", "metrics", "params", "artifacts", "datasets"):
        assert run[key] == own[key]
    assert len(there["models"]) == 1
    assert run["models"] == [there["models"][0]["id"]]
    names = {m[0]: m[2] for m in there["models"][0]["metrics"]}
    assert names["test/dice_group_mean/foreground"] == "test"


class Answer(BaseHTTPRequestHandler):
    """Answers everything alike; a status of 0 is silence."""

    status, version = 500, ""

    def do_GET(self) -> None:
        if self.path == "/version" and self.version:
            self._send(200, self.version.encode())
        elif self.status == 0:
            time.sleep(20)
        elif self.version:
            self._send(200, b'{"experiments": []}')
        else:
            self._send(self.status, b"no")

    do_POST = do_GET  # noqa: N815  (the name that http.server looks for)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering():
    """`answering(status, version)`: the address of a server that answers so."""
    servers = []

    def start(status: int, version: str = "") -> str:
        handler = type("Handler", (Answer,), {"status": status, "version": version})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "version", "text"),
    [
        (401, "", "wants credentials, or refuses those given (401); results and verdict are kept; "
         "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"),
        (403, "", "the MLflow server forbids this (403"),
        (500, "", "results and verdict are kept; check MLFLOW_TRACKING_URI and run `dvc repro`"),
        (0, "", "gave no answer within 2 s); results and verdict are kept; check MLFLOW_TRACKING"),
        (200, "2.1.0", "the MLflow server is 2.1; this needs 2.9 or newer; upgrade it"),
    ],
)  # fmt: skip
def test_a_server_that_does_not_take_it(project, answering, status, version, text):
    uri = answering(status, version).replace("//", "//someone:secret@")
    quick = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}
    done = project.run("-m", "stages.track", MLFLOW_TRACKING_URI=uri, **quick)
    assert done.returncode == 3, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
    assert (project.folder / "results/verdict.json").exists()
    assert not (project.folder / "results/tracking.json").exists()


def test_ui_prints_command_and_link(project):
    done = project.run("-m", "segmetrics.cli", "ui", "--print")
    assert done.returncode == 3
    assert 'there is no experiment "cells" in MLflow yet; run `dvc repro` first' in done.stderr
    project.track()
    command, link = project.ok("-m", "segmetrics.cli", "ui", "--print").splitlines()[-2:]
    assert "mlflow server --host 127.0.0.1 --port 5000" in command
    assert command.endswith(f"--backend-store-uri {project.uri}")
    wanted = "runs?workflowType=machine_learning&viewStateShareKey=segmetrics"
    assert link == f"http://127.0.0.1:5000/#/experiments/1/{wanted}"


def test_ui_says_that_a_port_is_taken(project):
    project.track()
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = str(one.getsockname()[1])
        done = project.run("-m", "segmetrics.cli", "ui", "--port", port)
    assert done.returncode == 3
    assert f"--port: port {port} cannot be used" in done.stderr


def test_ui_ends_cleanly(project):
    """Ctrl-C ends MLflow with all its workers: its port is free again."""
    import signal

    project.track()
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "segmetrics.cli", "ui", "--port", str(port)], text=True,
        cwd=project.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    first = process.stdout.readline()
    assert first.startswith(f"http://127.0.0.1:{port}/#/experiments/1/runs?"), first
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 0, rest
    assert rest.endswith("MLflow ended.\n")
    with closing(socket.socket()) as one:
        assert one.connect_ex(("127.0.0.1", port)) != 0
