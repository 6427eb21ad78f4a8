"""Tracking over HTTP: a real server with passwords, a slow one, one of an old version."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tracking_project import TrackedProject, environment, evaluated_project

pytest.importorskip("mlflow")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> TrackedProject:
    """Evaluated; its receipts are overwritten, nothing else is."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import onnx_models

    return evaluated_project(tmp_path_factory.mktemp("evaluated") / "project", onnx_models)


@contextmanager
def running(folder: Path, *words: str, **env: str):
    """The port of a real server that keeps everything in a folder."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    own = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    own += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    own += ["--artifacts-destination", str(folder / "artifacts"), *words]
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, *own], cwd=folder, env=environment(**env), start_new_session=True,
            stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        while True:
            assert process.poll() is None, log.read_text()
            with closing(socket.socket()) as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as port:
        yield port


class Proxy(BaseHTTPRequestHandler):
    """Passes everything on to `target`, after a while, and as a server of `version` would."""

    protocol_version = "HTTP/1.1"
    target, delay, version, refused = 0, 0.0, "", ()

    def do_GET(self) -> None:
        time.sleep(self.delay)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.version and self.path == "/version":
            self._send(200, {}, self.version.encode())
        elif any(part in self.path for part in self.refused):
            # What a server says of an address that it does not know.
            self._send(404, {}, b"Not Found")
        else:
            with closing(http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)) as one:
                one.request(self.command, self.path, body, dict(self.headers))
                answer = one.getresponse()
                kind = {"Content-Type": answer.getheader("Content-Type", "text/plain")}
                self._send(answer.status, kind, answer.read())

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  (names of http.server)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxy(target: int, **ways: object):
    """The address of a proxy in front of a server."""
    handler = type("Handler", (Proxy,), {"target": target} | ways)
    own = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    own.daemon_threads = True
    threading.Thread(target=own.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{own.server_port}"
    finally:
        own.shutdown()
        own.server_close()


def test_a_slow_server_ends_with_a_message_and_the_run_counts_for_nothing(project, server):
    """Each request is answered in time, but there are many of them."""
    receipt = project.folder / "results/tracking.json"
    with proxy(server, delay=1.0) as uri:
        limit = {"SEGMETRICS_TRACKING_SECONDS": "4"}
        done = project.run("-m", "stages.track", MLFLOW_TRACKING_URI=uri, **limit)
    assert done.returncode == 3, done.stderr
    assert "is too slow: 4 s are over before the " in done.stderr
    assert "results and verdict are kept" in done.stderr
    assert "SEGMETRICS_TRACKING_SECONDS=3600" in done.stderr
    assert "Traceback" not in done.stderr
    assert not receipt.exists()
    direct = f"http://127.0.0.1:{server}"
    assert [run["status"] for run in project.store(direct)["runs"]] == ["FAILED"]
    project.track(MLFLOW_TRACKING_URI=direct)
    assert [run["status"] for run in project.store(direct)["runs"]] == ["FINISHED"]
    receipt.unlink()


def test_a_server_without_logged_models_gets_everything_else(project, server):
    """MLflow 2.9 as far as tracking sees: it says its version and has no such addresses."""
    direct = f"http://127.0.0.1:{server}"
    project.params(tracking={"experiment": "old"})
    with proxy(server, version="2.9.2", refused=("logged-models",)) as uri:
        told = project.track(MLFLOW_TRACKING_URI=uri)
        again = project.track(MLFLOW_TRACKING_URI=uri)
    assert told.count("the MLflow server is 2.9; metrics by model need 3.0 or newer") == 1
    assert told.splitlines()[-1] == again.splitlines()[-1]
    store = project.store(direct)
    (run,) = (r for r in store["runs"] if r["id"] in told)
    assert run["status"] == "FINISHED"
    assert run["models"] == []
    assert run["metrics"]["test/dice_group_mean/foreground"] > 0.5
    assert "baseline/measurements/test/images.parquet" in run["artifacts"]
    assert {d[0] for d in run["datasets"]} == {"test", "train"}


def test_a_server_that_is_too_old_gets_nothing(project, server):
    with proxy(server, version="2.8.1") as uri:
        done = project.run("-m", "stages.track", MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 3
    assert "the MLflow server is 2.8; this needs 2.9 or newer" in done.stderr


PASSWORD = "a long password 1"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for a password; its administrator is `admin`."""
    pytest.importorskip("flask_wtf", reason="`pip install mlflow[auth]`: the server needs it")
    folder = tmp_path_factory.mktemp("guarded")
    config = folder / "auth.ini"
    config.write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{folder / 'auth.db'}\n"
        f"admin_username = admin\nadmin_password = {PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "grant_default_workspace_access = false\n"
    )
    env = {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "s" * 32,
           "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # fmt: skip
    with running(folder, "--app-name", "basic-auth", **env) as port:
        _make_user(port, "reader", PASSWORD)
        yield f"http://127.0.0.1:{port}"


def _make_user(port: int, name: str, password: str) -> None:
    import base64

    token = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as one:
        body = json.dumps({"username": name, "password": password})
        one.request("POST", "/api/2.0/mlflow/users/create", body, headers)
        answer = one.getresponse()
        assert answer.status == 200, answer.read()


def credentials(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password}


def test_a_server_with_passwords(project, guarded):
    """Nobody, a wrong password, somebody who may only read, and the administrator."""
    project.params(tracking={"experiment": "guarded"})
    to = {"MLFLOW_TRACKING_URI": guarded}
    for given in ({}, credentials("admin", "wrong password")):
        done = project.run("-m", "stages.track", **to, **given)
        assert done.returncode == 3, done.stderr
        assert "wants credentials, or refuses those given (401)" in done.stderr
        assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in done.stderr
        assert "Traceback" not in done.stderr
    told = project.track(**to, **credentials("admin"))
    assert "in the experiment guarded" in told
    # Who may only read finds the finished run: nothing is to be written.
    assert project.track(**to, **credentials("reader")).splitlines()[-1] == told.splitlines()[-1]
    run = told.splitlines()[-1].split()[2]
    project.ok("-c", _DELETE, run, **to, **credentials("admin"))
    done = project.run("-m", "stages.track", **to, **credentials("reader"))
    assert done.returncode == 3, done.stderr
    assert "the MLflow server forbids this (403" in done.stderr
    assert "ask for the right to write" in done.stderr
    assert PASSWORD not in done.stderr


_DELETE = "import mlflow, sys; mlflow.MlflowClient().delete_run(sys.argv[1])"
