"""Real projects: a git and DVC repository with images, masks and a small real ONNX model."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from warm import made_once, search_path, shared

from segmetrics.gates.domains import DOMAINS

ONNX = pytest.importorskip("onnx")
pytest.importorskip("dvc")
pytest.importorskip("mlflow")

SPLITS = {"test": 6, "val": 2, "train": 2}


# Run outside the tests' process: other packages' warnings are not ours, and the import is slow.
_ASK_STORE = """
import json, sys, mlflow
client = mlflow.MlflowClient(sys.argv[1])
runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
versions = client.search_model_versions("name = 'story'")
try:
    champion = str(client.get_model_version_by_alias("story", "champion").version)
except mlflow.MlflowException:
    champion = None
print(json.dumps({
    "decisions": sorted(r.data.tags["segmetrics.decision"] for r in runs),
    "statuses": sorted(r.info.status for r in runs),
    "runs": [r.info.run_id for r in runs],
    "metrics": [r.data.metrics for r in runs],
    "params": [r.data.params for r in runs],
    "tags": [r.data.tags for r in runs],
    "artifacts": [[a.path for a in client.list_artifacts(r.info.run_id)] for r in runs],
    "versions": sorted(str(v.version) for v in versions),
    "champion": champion,
}))
"""


class Project:
    """A project folder and how to run things in it."""

    def __init__(self, folder: Path, *, cold: bool = False) -> None:
        self.folder = folder
        self.cold = cold

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words, cwd=self.folder, env=self._environment(env), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.folder, env=self._environment(env), text=True,
            capture_output=True, check=False, timeout=300,
        )  # fmt: skip

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "DVC", "GIT_"))}
        quiet = {"DVC_NO_ANALYTICS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
        usual = clean | quiet | {"COLUMNS": "160"}
        # `python`, `dvc` and `segmetrics` are those of the environment that runs the tests.
        return usual | {"PATH": search_path(usual, cold=self.cold)} | more

    def ok(self, *words: str, **env: str) -> str:
        done = self.run(*words, **env)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def repro(self, *words: str, **env: str) -> set[str]:
        """Run `dvc repro`, which has to pass; gives the stages that ran."""
        return stages_run(self.ok("dvc", "repro", *words, **env))

    def params(self, change: Callable[[dict[str, Any]], object]) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        change(params)
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def store(self) -> dict[str, Any]:
        """What the embedded MLflow store holds."""
        uri = f"sqlite:///{self.folder / 'mlflow.db'}"
        output = self.run("python", "-c", _ASK_STORE, uri)
        assert output.returncode == 0, output.stderr
        answer: dict[str, Any] = json.loads(output.stdout.splitlines()[-1])
        return answer

    def replace_model(self, level: float) -> None:
        """Another model in the place of the present one."""
        (self.folder / "models" / "unet.onnx").unlink()
        brightness_model(self.folder / "models" / "unet.onnx", level)

    def copy(self, to: Path) -> Project:
        shutil.copytree(self.folder, to, symlinks=True)
        return Project(to)


def stages_run(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def brightness_model(path: Path, level: float = 0.5) -> None:
    """One probability per pixel: sigmoid(20 (x - level)); a real, if simple, ONNX model."""
    from onnx import TensorProto, helper

    shape = ["n", 1, "h", "w"]
    nodes = [
        helper.make_node("Sub", ["image", "level"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "steepness"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    values = [
        helper.make_tensor("level", TensorProto.FLOAT, [1], [level]),
        helper.make_tensor("steepness", TensorProto.FLOAT, [1], [20.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, shape)],
        values,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    ONNX.save(model, str(path))


def write_data(folder: Path, seed: int = 1) -> None:
    """Bright blobs on a dark, noisy ground, and their masks; sizes differ from image to image."""
    rng = np.random.default_rng(seed)
    rows = ["id,image,mask,split,group,scanner"]
    for split, n in SPLITS.items():
        for i in range(n):
            name = f"{split}-{i}"
            height, width = 40 + 8 * (i % 3), 48
            y, x = np.mgrid[:height, :width]
            mask = (y - 20) ** 2 + (x - 20 - i) ** 2 < (9 + i) ** 2
            image = np.where(mask, 170, 70) + rng.normal(0, 22, mask.shape)
            for kind, array in (("images", np.clip(image, 0, 255)), ("masks", mask)):
                (folder / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array.astype(np.uint8)).save(folder / kind / f"{name}.png")
            rows.append(
                f"{name},images/{name}.png,masks/{name}.png,{split},{split}{i // 2},{'AB'[i % 2]}"
            )
    (folder / "samples.csv").write_text("\n".join(rows) + "\n")


def new_project(folder: Path, *, cold: bool = False) -> Project:
    """A committed project that has not run yet; `cold`: each stage is a new interpreter."""
    folder.mkdir(parents=True)
    project = Project(folder, cold=cold)
    project.ok("git", "init", "-q")
    project.ok("git", "config", "user.email", "tests@example.org")
    project.ok("git", "config", "user.name", "Tests")
    project.ok("dvc", "init", "-q")
    project.ok("dvc", "config", "core.analytics", "false")
    project.ok("segmetrics", "init", "--domain", "medical", ".")
    write_data(folder / "data")
    brightness_model(folder / "models" / "unet.onnx")

    def fit(params: dict[str, Any]) -> None:
        params["data"] |= {"splits": list(SPLITS), "compare": "train", "tune": "val"}
        params["operating_point"] = {"decision": "fixed", "threshold": 0.5}
        params["tracking"]["experiment"] = "story"
        params["promotion"]["model"] = "story"
        # Six images certify nothing: the story is judged by the values.
        params["rules"] = {
            rule.name: {"metric": rule.metric, "class": rule.class_name, "statistic": "point",
                        "at_least": rule.at_least}
            for rule in DOMAINS["medical"].rules
        }  # fmt: skip

    project.params(fit)
    project.ok("git", "add", ".")
    project.ok("git", "commit", "-qm", "start")
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first `dvc repro`; copy it, do not change it."""

    def make(folder: Path) -> None:
        assert len(new_project(folder, cold=True).repro()) == 17

    return Project(made_once(shared(tmp_path_factory) / "finished", make))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an MLflow store in which nothing is."""

    def make(folder: Path) -> None:
        folder.mkdir()
        script = "from segmetrics.tracking.connection import connect\nwith connect(): pass"
        Project(folder).ok("python", "-c", script)

    return made_once(shared(tmp_path_factory) / "empty-store", make)


@pytest.fixture
def project(finished: Project, empty_store: Path, tmp_path: Path) -> Project:
    """A copy of the finished project, with an empty MLflow store of its own."""
    copy = finished.copy(tmp_path / "project")
    # The store names its artifacts by absolute path: the copy starts a new one.
    shutil.rmtree(copy.folder / "mlartifacts")
    shutil.copyfile(empty_store / "mlflow.db", copy.folder / "mlflow.db")
    with closing(sqlite3.connect(copy.folder / "mlflow.db")) as store, store:
        store.execute(
            "UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?)",
            (empty_store.as_uri(), copy.folder.as_uri()),
        )
    return copy
