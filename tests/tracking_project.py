"""A small evaluated project without git and DVC, to be tracked; and how to ask a store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image
from warm import search_path

REPOSITORY = Path(__file__).parents[1]
SPLITS = ("test", "train")
# What may be found nowhere in a store: ids and groups that nothing else is called like.
IDS = {split: [f"{split}-maria-{i}" for i in range(4)] for split in SPLITS}

_STAGES = """
import runpy, sys
for words in (*(("samples", s) for s in sys.argv[1:]), *(("infer", s) for s in sys.argv[1:]),
              ("operate", "results/predictions"),
              *(("measure", s, f"results/predictions/{s}") for s in sys.argv[1:]),
              ("leakage",), ("evaluate",), ("check",)):
    argv, sys.argv = sys.argv, list(words)
    try:
        runpy.run_module(f"stages.{words[0]}", run_name="__main__")
    except SystemExit as end:
        assert not end.code, words
    sys.argv = argv
"""

_ASK = """
import json, sys, mlflow
client = mlflow.MlflowClient(sys.argv[1])
experiments = [e.experiment_id for e in client.search_experiments()]

def files(run, path=None):
    for found in client.list_artifacts(run, path):
        yield from files(run, found.path) if found.is_dir else [found.path]

runs = [client.get_run(r.info.run_id) for r in client.search_runs(experiments)]
models = client.search_logged_models(experiments) if len(sys.argv) < 3 else []
print(json.dumps({
    "runs": [{
        "id": r.info.run_id, "status": r.info.status, "name": r.info.run_name,
        "metrics": r.data.metrics, "params": r.data.params, "tags": r.data.tags,
        "artifacts": sorted(files(r.info.run_id)),
        "datasets": [[d.dataset.name, d.dataset.digest, d.dataset.schema, d.dataset.profile,
                      d.tags[0].value] for d in r.inputs.dataset_inputs],
        "models": [m.model_id for m in (r.inputs.model_inputs or [])],
    } for r in runs],
    "models": [{
        "id": m.model_id, "name": m.name, "status": str(m.status), "tags": m.tags,
        "metrics": [[x.key, x.value, x.dataset_name, x.dataset_digest, x.run_id]
                    for x in m.metrics or []],
    } for m in models],
    "experiments": {client.get_experiment(e).name: client.get_experiment(e).tags
                    for e in experiments},
}))
"""


def environment(**more: str) -> dict[str, str]:
    """That of a stage, without what a user may have set."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "DVC", "GIT_"))}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "COLUMNS": "160"}
    return clean | quiet | {"PYTHONPATH": str(REPOSITORY)} | more


@dataclass(frozen=True)
class TrackedProject:
    """A project folder whose verdict is written."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["python", *words], cwd=self.folder, env=self._environment(env), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["python", *words], cwd=self.folder, env=self._environment(env), text=True,
            capture_output=True, check=False, timeout=600,
        )  # fmt: skip

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        return environment(PATH=search_path(environment())) | more

    def ok(self, *words: str, **env: str) -> str:
        done = self.run(*words, **env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def track(self, **env: str) -> str:
        return self.ok("-m", "stages.track", **env)

    def store(self, uri: str = "", *more: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            self.ok("-c", _ASK, uri or self.uri, *more).splitlines()[-1]
        )
        return answer

    def params(self, **sections: Any) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, values in sections.items():
            params[name] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def evaluate(self) -> None:
        self.ok("-c", _STAGES, *SPLITS)

    def copy(self, to: Path) -> TrackedProject:
        shutil.copytree(self.folder, to)
        return TrackedProject(to)


def evaluated_project(folder: Path, models: Any) -> TrackedProject:
    """Four images in each of two splits, judged point by point."""
    folder.mkdir(parents=True)
    project = TrackedProject(folder)
    project.ok("-m", "segmetrics.cli", "init", "--domain", "medical", ".")
    _write_data(folder / "data")
    models.brightness(folder / "models" / "unet.onnx", level=0.45)
    rule = {"metric": "dice", "class": "foreground", "slice": "scanner", "statistic": "point"}
    names = ("recall_floor", "f2", "dice", "iou")
    own = dict.fromkeys(names) | {"scanners": rule | {"at_least": 0.6}}
    project.params(
        data={"splits": list(SPLITS), "compare": "train"},
        operating_point={"decision": "fixed", "threshold": 0.5},
        rules=own,
        tracking={"experiment": "cells"},
    )
    project.evaluate()
    return project


def _write_data(folder: Path) -> None:
    rng = np.random.default_rng(3)
    rows = ["id,image,mask,split,group,scanner"]
    for split in SPLITS:
        for i, name in enumerate(IDS[split]):
            y, x = np.mgrid[:40, :48]
            centre = int(rng.integers(14, 26))
            mask = (y - centre) ** 2 + (x - 20 - i) ** 2 < (8 + i + 3 * (split == "train")) ** 2
            image = np.where(mask, 170, 70) + rng.normal(0, 22, mask.shape)
            for kind, array in (("images", np.clip(image, 0, 255)), ("masks", mask)):
                (folder / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array.astype(np.uint8)).save(folder / kind / f"{name}.png")
            # One patient is in both splits: a finding that names her.
            group = "patient-joan" if i == 0 else f"patient-{split}-{i}"
            files = f"images/{name}.png,masks/{name}.png"
            rows.append(f"{name},{files},{split},{group},{'AB'[i % 2]} (3T)")
    (folder / "samples.csv").write_text("\n".join(rows) + "\n")
