"""Baselines of a real project: set, shown, compared with, refused where edited."""

from __future__ import annotations

import importlib
import json
import shutil
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

from segmetrics.cli import main

N = 40


class Project:
    """Forty test samples, every fourth of scanner B; given predictions that err at a rate."""

    def __init__(self, folder, outcome) -> None:
        self.folder, self._outcome = folder, outcome
        self.masks: dict[str, np.ndarray] = {}

    def params(self, **changes) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, values in changes.items():
            params[name] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def rule(self, **fields) -> None:
        self.params(rules={"no_worse": {"against": "baseline", "metric": "dice"} | fields})

    def cli(self, *words: str):
        return self._outcome(main, list(words))

    def stage(self, name: str, *arguments: str) -> str:
        sys.argv = [f"stages/{name}.py", *arguments]
        done = self._outcome(importlib.import_module(f"stages.{name}").main)
        assert done.code == 0, done.err
        return done.out

    def write(self, kind: str, name: str, mask) -> None:
        path = self.folder / kind / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(mask, np.uint8)).save(path)

    def predict(self, wrong, only: str = "") -> None:
        """Flip the first `wrong` (a share, by sample) of the foreground of every mask."""
        for i, (name, mask) in enumerate(self.masks.items()):
            if only and self.scanner(i) != only:
                continue
            made = mask.copy()
            inside = np.flatnonzero(mask.ravel() == 1)
            made.ravel()[inside[: int(inside.size * wrong)]] = 0
            self.write("given/test", name, made)

    @staticmethod
    def scanner(i: int) -> str:
        return "B" if i % 4 == 0 else "A"

    def samples_csv(self, without=()) -> None:
        rows = [
            f"{n},images/{n}.png,masks/{n}.png,test,p{i},{self.scanner(i)}"
            for i, n in enumerate(self.masks) if n not in without
        ]  # fmt: skip
        text = "\n".join(["id,image,mask,split,group,scanner", *rows]) + "\n"
        (self.folder / "data/samples.csv").write_text(text)

    def run(self) -> dict:
        for name in ("infer", "measure"):
            shutil.rmtree(self.folder / "results" / "predictions", ignore_errors=True)
            if name == "infer":
                self.stage("samples", "test")
                self.stage("operate")
            arguments = ["test", "results/predictions/test"][: 1 + (name == "measure")]
            if name == "infer":
                self.stage(name, *arguments)
                continue
            self.stage("infer", "test")
            self.stage("measure", *arguments)
        self.stage("evaluate")
        return self.check()

    def check(self) -> dict:
        self.stage("check")
        return json.loads((self.folder / "results/verdict.json").read_text())

    def set(self) -> None:
        done = self.cli("baseline", "set", "results")
        assert done.code == 0, done.err


@pytest.fixture
def project(tmp_path, outcome, monkeypatch, repository) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(repository)
    monkeypatch.setattr(sys, "argv", sys.argv)
    made = Project(tmp_path, outcome)
    rng = np.random.default_rng(1)
    for i in range(N):
        name, mask = f"s{i:02}", np.zeros((16, 16), np.uint8)
        mask[2 : 12 + i % 3, 2:12] = 1
        mask[0, i % 16] = 1
        mask[15, i // 16] = 1
        made.masks[name] = mask
        made.write("data/masks", name, mask)
        made.write("data/images", name, rng.integers(0, 255, (16, 16)))
    made.predict(0.1)
    done = outcome(main, ["init", "--predictions", "given", "--domain", "custom"])
    assert done.code == 0, done.err
    made.samples_csv()
    made.params(
        data={"splits": ["test"], "judge": "test", "compare": None, "tune": None,
              "root": "data", "samples": "data/samples.csv"},
        operating_point={"decision": "argmax", "threshold": None},
        statistics={"resamples": 500},
    )  # fmt: skip
    made.rule(margin=0.02, **{"class": "foreground"})
    made.run()
    return made


def rule(verdict: dict) -> dict:
    (found,) = verdict["rules"]
    return found


def test_nothing_to_compare_with_fails_unless_it_is_skipped(project):
    found = rule(project.check())
    assert (found["outcome"], found["value"], found["shared"]) == ("fail", None, None)
    assert "baseline holds no baseline" in found["reason"]
    project.params(checks={"on_missing_baseline": "skip"})
    verdict = project.check()
    assert (verdict["rules"], verdict["decision"]) == ([], "fail")
    (said,) = [f for f in verdict["findings"] if f["name"] == "baseline_skipped"]
    assert said["data"] == {"rules": ["no_worse"]}


def test_the_same_predictions_are_no_worse(project):
    project.set()
    verdict = project.check()
    found = rule(verdict)
    assert (found["outcome"], found["value"], verdict["decision"]) == ("pass", 0.0, "pass")
    assert found["shared"] == {"samples": N, "candidate": N, "baseline": N}
    assert (found["against"], found["margin"]) == ("baseline", 0.02)
    assert found["bound"] == {"at_least": -0.02}
    assert -0.02 < found["low"] < 0 < found["high"]
    done = project.cli("verdict")
    assert (done.code, "against baseline" in done.out) == (0, True)
