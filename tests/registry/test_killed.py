"""kill -9 at many moments: one more call ends as if nothing had happened, and nothing is half."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from champions import Project, passing_project
from killing import ARMED

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

# Runs a command in children of one process that has imported MLflow already, and kills each child
# at another moment; then runs it once more. From the same start every time.
_KILLED = (
    ARMED
    + """
import json, os, shutil, signal, sys
from pathlib import Path
import mlflow, mlflow.models, onnx
from segmetrics.baseline.folder import read_baseline
from segmetrics.cli import main
from segmetrics.files import sha256_path
from segmetrics.registry import audit, baselines, models, promotion
from segmetrics.registry.origin import read_origin

CLIENT = mlflow.MlflowClient
COMMANDS = {
    "rollback": (["promote", "--rollback", "--reason", "slow"], [
        (CLIENT, "set_registered_model_tag", 1, "after"),
        (CLIENT, "set_registered_model_alias", 1, "before"),
        (CLIENT, "set_registered_model_alias", 1, "after"),
        # The line of the file is written: going back again would go back one more.
        (promotion, "write_audit", 1, "before"),
    ]),
    "retire": (["retire", "models:/story/2", "--reason", "wrong"], [
        (CLIENT, "set_model_version_tag", 1, "after"),
        (CLIENT, "set_registered_model_tag", 1, "after"),
        (CLIENT, "delete_registered_model_alias", 1, "before"),
        (CLIENT, "delete_registered_model_alias", 1, "after"),
    ]),
    "pull": (["baseline", "pull"], [
        (baselines, "fetch", 1, "after"),
        (Path, "rename", 1, "before"),
        (Path, "rename", 1, "after"),
        (Path, "rename", 2, "after"),
    ]),
    "model": (["model", "pull", "models:/story/1"], [
        (models, "fetch", 1, "after"),
        (Path, "replace", 1, "before"),
        (Path, "replace", 1, "after"),
        (Path, "replace", 2, "after"),
    ]),
}

def child(words, *moment):
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if moment:
        armed(*moment)
    os._exit(main(words))

def asked(function):
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.write(writing, json.dumps(function()).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(process, 0)
    with os.fdopen(reading) as stream:
        return json.loads(stream.read())

def state():
    client = CLIENT("sqlite:///mlflow.db")
    moves = audit.read_entries(client, "story")
    found = client.search_model_versions("name = 'story'")
    return {
        "aliases": {a: str(v) for a, v in client.get_registered_model("story").aliases.items()},
        "versions": sorted(str(v.version) for v in found),
        "retired": sorted(str(v.version) for v in found if "segmetrics.retired" in v.tags),
        "moves": [[e.action, e.former, e.version] for e in moves],
        "lines": len(Path("promotions.jsonl").read_text().splitlines()),
        "files": files(),
    }

def files():
    baseline = read_baseline(Path("baseline")) if Path("baseline").exists() else None
    digest = sha256_path(Path("models/story.onnx")) if Path("models/story.onnx").exists() else ""
    origin = read_origin(Path("models/story.onnx"), digest)
    return {
        "baseline": baseline and baseline.model, "readme": Path("baseline/README.md").exists(),
        "model": digest, "origin": origin and origin.version,
    }

NAMES = ["mlflow.db", "promotions.jsonl", "baseline", "models"]

def copied(source, target):
    for name in NAMES:
        path = Path(target) / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        copy = shutil.copytree if (Path(source) / name).is_dir() else shutil.copyfile
        copy(Path(source) / name, path)

words, moments = COMMANDS[sys.argv[1]]
Path("start").mkdir()
copied(".", "start")
print("START", json.dumps(asked(state)))
for moment in moments:
    for left in Path().glob(".baseline.new-*"):
        shutil.rmtree(left)
    for left in Path().glob("mlflow.db-*"):  # journals of the killed
        left.unlink()
    copied("start", ".")
    killed = child(words, *moment)
    between = asked(files)
    again = child(words)
    name = f"{moment[3]} {moment[1]} {moment[2]}"
    print("RESULT", json.dumps([name, killed, between, again, asked(state)]), flush=True)
"""
)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """Two versions; `baseline/` is of the first, the second is the champion."""
    pytest.importorskip("mlflow")
    pytest.importorskip("onnx")
    import onnx_models

    project = passing_project(tmp_path_factory.mktemp("two") / "project", onnx_models)
    project.track()
    project.ok("-m", "segmetrics.cli", "promote", "--allow-first")
    project.ok("-m", "segmetrics.cli", "baseline", "pull")
    (project.folder / "models/unet.onnx").unlink()
    onnx_models.brightness(project.folder / "models/unet.onnx", level=0.47)
    project.evaluate()
    project.track()
    project.ok("-m", "segmetrics.cli", "promote")
    project.ok("-m", "segmetrics.cli", "model", "pull", "models:/story/2")
    return project


def killed(project, command):
    """What held at the start, and for every moment what was between and what at the end."""
    shutil.rmtree(project.folder / "start", ignore_errors=True)
    lines = project.ok("-c", _KILLED, command).splitlines()
    (start,) = [json.loads(s[6:]) for s in lines if s.startswith("START ")]
    results = [json.loads(s[7:]) for s in lines if s.startswith("RESULT ")]
    for name in ("mlflow.db", "promotions.jsonl"):
        shutil.copyfile(project.folder / "start" / name, project.folder / name)
    for name in ("baseline", "models"):
        shutil.rmtree(project.folder / name)
        shutil.copytree(project.folder / "start" / name, project.folder / name)
    assert [r[0] for r in results if r[1] != -9] == []
    assert [r[0] for r in results if r[3] != 0] == []
    return start, results


def test_a_rollback_goes_back_once(project):
    start, results = killed(project, "rollback")
    assert len(results) == 4
    wanted = start | {
        "aliases": {"champion": "1"},
        "moves": [*start["moves"], ["rollback", "2", "1"]],
        "lines": start["lines"] + 1,
    }
    for name, _, _, _, state in results:
        assert state == wanted, name


def test_a_retired_version_ends_without_alias(project):
    start, results = killed(project, "retire")
    assert len(results) == 4
    wanted = start | {
        "aliases": {},
        "retired": ["2"],
        "moves": [*start["moves"], ["retire", "2", None]],
        "lines": start["lines"] + 1,
    }
    for name, _, _, _, state in results:
        assert state == wanted, name


def test_a_baseline_is_the_old_one_the_new_one_or_none(project):
    start, results = killed(project, "pull")
    assert len(results) == 4
    old, new = start["files"]["baseline"], results[0][4]["files"]["baseline"]
    assert old != new
    for name, _, between, _, state in results:
        assert between["baseline"] in (old, new, None), name
        assert state == start | {"files": start["files"] | {"baseline": new}}, name
    assert {b["baseline"] for _, _, b, _, _ in results} == {old, new, None}


def test_a_model_is_the_old_one_or_the_new_one(project):
    start, results = killed(project, "model")
    assert len(results) == 4
    old, new = start["files"]["model"], results[0][4]["files"]["model"]
    for name, _, between, _, state in results:
        # An origin is never that of other bytes.
        told = (between["model"], between["origin"])
        assert told in ((old, "2"), (new, None), (new, "1")), name
        assert state == start | {"files": start["files"] | {"model": new, "origin": "1"}}, name
    assert list(Path(project.folder / "models").glob("*.tmp")) == []
