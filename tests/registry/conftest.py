"""A real MLflow store, embedded or behind a server, and evaluations that were tracked there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from segmetrics.files import sha256_bytes, sha256_json
from segmetrics.registry.candidate import Candidate
from segmetrics.registry.promotion import Target

pytest.importorskip("mlflow", reason="the registry is MLflow's")


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of an SQLite store."""
    import mlflow

    uri = f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"
    mlflow.MlflowClient(uri).search_experiments()
    return uri


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of an MLflow server on this machine, which keeps the artifacts, too."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = f"sqlite:///{folder / 'server.db'}"
    words += ["--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts")]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, *words], cwd=folder, env=os.environ | quiet, stdout=log, stderr=log
        )
        uri = f"http://127.0.0.1:{port}"
        try:
            _wait(server, f"{uri}/health", folder / "log")
            yield uri
        finally:
            server.terminate()
            server.wait(timeout=60)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(log.read_text())


@dataclass
class Registry:
    """The store of a test; its model and experiment are the test's own."""

    folder: Path
    client: Any
    target: Target

    def evaluated(self, content: bytes, **changes: Any) -> Candidate:
        """A candidate of these bytes whose evaluation was tracked; `changes` of the baseline."""
        source = self.folder / "model.bin"
        source.write_bytes(content)
        digest = sha256_bytes(content)
        verdict = {
            "schema": 1,
            "decision": "pass",
            "grade": "good",
            "domain": "medical",
            "primary": "recall",
            "judged": {"split": "test", "samples": 3, "groups": 3},
            "inputs": {"params.yaml": sha256_json(1), "models/model.bin": digest},
            "rules": [{"name": "recall_floor", "outcome": "pass", "severity": "block"}],
            "findings": [{"name": "worst", "severity": "note", "data": {"ids": ["case 7"]}}],
        }
        file = sha256_json(verdict)
        eval_id = sha256_json({"inputs": verdict["inputs"], "verdict": file})
        candidate = Candidate(source, digest, eval_id, verdict, file, changes.get("baseline"))
        self.track(candidate)
        return candidate

    def track(self, candidate: Candidate) -> str:
        found = self.client.get_experiment_by_name(self.target.experiment)
        tags = {
            "segmetrics.eval_id": candidate.eval_id,
            "segmetrics.decision": "pass",
            "segmetrics.model_sha256": candidate.model_digest,
        }
        run = self.client.create_run(found.experiment_id, tags=tags).info.run_id
        file = self.folder / "verdict.json"
        # Names of samples leave hashed.
        hidden = [f | {"data": {"ids": ["0f"]}} for f in candidate.verdict["findings"]]
        file.write_text(json.dumps(dict(candidate.verdict) | {"findings": hidden}, indent=1))
        self.client.log_artifact(run, str(file))
        self.client.set_terminated(run, "FINISHED")
        return str(run)

    @property
    def champion(self) -> str | None:
        aliases = self.client.get_registered_model(self.target.model).aliases
        found = aliases.get(self.target.alias)
        return None if found is None else str(found)

    def uri(self, which: str) -> str:
        return f"models:/{self.target.model}{which}"


@pytest.fixture
def connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[str], Registry]:
    """`connected(uri)`: the store there."""

    def connect(uri: str) -> Registry:
        import mlflow

        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.chdir(tmp_path)
        for name in ("USERNAME", "PASSWORD"):
            monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
        name = request.node.name.replace("/", "-").replace(":", "-")[-80:]
        client = mlflow.MlflowClient(uri, uri)
        location = (tmp_path / "artifacts").as_uri() if uri.startswith("sqlite") else None
        client.create_experiment(name, artifact_location=location)
        return Registry(tmp_path, client, Target(name, "champion", name))

    return connect


@pytest.fixture
def registry(connected: Callable[[str], Registry], embedded: str) -> Registry:
    """The embedded store."""
    return connected(embedded)
