"""A real project whose evaluation passes, with its own MLflow store or a server's."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from tracking_project import TrackedProject, evaluated_project

from segmetrics.cli import main

MODEL = "story"


class Project(TrackedProject):
    """Commands run in this process: importing MLflow takes longer than what they do."""

    def cli(self, outcome: Any, *words: str) -> Any:
        return outcome(main, list(words))

    def done(self, outcome: Any, *words: str) -> str:
        found = self.cli(outcome, *words)
        assert found.code == 0, found.out + found.err
        return str(found.out)

    def stage(self, outcome: Any, name: str, *arguments: str) -> None:
        sys.argv = [f"stages/{name}.py", *arguments]
        found = outcome(importlib.import_module(f"stages.{name}").main)
        assert found.code == 0, found.err

    def again(self, outcome: Any) -> dict[str, Any]:
        """What `dvc repro` would do; gives the verdict."""
        for split in ("test", "train"):
            self.stage(outcome, "samples", split)
            self.stage(outcome, "infer", split)
        self.stage(outcome, "operate", "results/predictions")
        for split in ("test", "train"):
            self.stage(outcome, "measure", split, f"results/predictions/{split}")
        for name in ("leakage", "evaluate", "check", "track"):
            self.stage(outcome, name)
        found: dict[str, Any] = json.loads(Path("results/verdict.json").read_text())
        return found


def passing_project(folder: Path, models: Any) -> Project:
    """Evaluated and passing, not tracked."""
    made = evaluated_project(folder, models)
    project = Project(made.folder)
    path = project.folder / "data/samples.csv"
    # Nobody is in two splits here: that would block.
    path.write_text(path.read_text().replace("train,patient-joan", "train,patient-jane"))
    rule = {"metric": "dice", "class": "foreground", "against": "baseline", "margin": 0.2}
    project.params(
        promotion={"model": MODEL},
        rules={"no_worse": rule | {"statistic": "point"}},
        checks={"on_missing_baseline": "skip"},
        statistics={"resamples": 400},
    )
    project.evaluate()
    return project


def enter(source: Project, to: Path, monkeypatch: pytest.MonkeyPatch, uri: str = "") -> Project:
    """A copy of a project as the working folder."""
    shutil.copytree(source.folder, to)
    return here(Project(to), monkeypatch, uri)


def here(project: Project, monkeypatch: pytest.MonkeyPatch, uri: str = "") -> Project:
    """A project as the working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    monkeypatch.setattr(sys, "argv", sys.argv)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    if uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return project
