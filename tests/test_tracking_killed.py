"""Tracking that is killed, or that several do at once: one finished run, with everything in it."""

from __future__ import annotations

import json
import random
import signal

import pytest
from tracking_project import TrackedProject, evaluated_project

pytest.importorskip("mlflow")

# Runs `track` in a child for every moment: killed before the n-th call of the store's client or of
# the copying of artifacts, then once more undisturbed. Prints what each moment was.
_KILLED = """
import json, os, runpy, shutil, signal, sys
import mlflow
from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.artifact import local_artifact_repo

calls = []

def counted(owner, name, stop):
    method = getattr(owner, name)
    def call(*arguments, **options):
        calls.append(name)
        if len(calls) == stop:
            print(name, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*arguments, **options)
    setattr(owner, name, call)

def track(stop):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    calls.clear()
    for name in ("create_experiment", "create_run", "log_batch", "log_artifacts", "log_inputs",
                 "create_logged_model", "finalize_logged_model", "set_terminated", "delete_run"):
        counted(MlflowClient, name, stop)
    # Between the steps of one request, before anything is committed or after it.
    for name in ("_log_metrics", "_log_model_metrics", "_log_params", "_log_inputs_impl"):
        counted(SqlAlchemyStore, name, stop)
    counted(shutil, "copytree", stop)
    counted(shutil, "copy2", stop)
    from segmetrics.tracking import once
    counted(once, "write_json", stop)
    sys.argv = ["track"]
    try:
        runpy.run_module("stages.track", run_name="__main__")
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(len(calls) if not end.code else 255)

if sys.argv[1:] == ["count"]:
    print(os.waitstatus_to_exitcode(track(0)))
else:
    for stop in map(int, sys.argv[1:]):
        # Once a run is finished, fewer calls are needed.
        status = track(stop)
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) != 255, stop
    assert os.waitstatus_to_exitcode(track(0)) != 255
"""


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> TrackedProject:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import onnx_models

    return evaluated_project(tmp_path_factory.mktemp("evaluated") / "project", onnx_models)


@pytest.fixture(scope="module")
def whole(evaluated, tmp_path_factory):
    """The project, what its run holds when nobody disturbs, and how many calls that takes."""
    project = evaluated.copy(tmp_path_factory.mktemp("whole") / "project")
    calls = int(project.ok("-c", _KILLED, "count").splitlines()[-1])
    return content(project.store()), calls


def content(store):
    """What has to be the same, whatever happened in between."""
    (run,) = store["runs"]
    (model,) = store["models"]
    assert run["status"] == "FINISHED"
    assert model["status"] == "READY"
    assert run["models"] == [model["id"]]
    told = {key: run[key] for key in ("metrics", "params", "artifacts", "datasets")}
    return told | {
        "tags": sorted(run["tags"]),
        "of_model": sorted({m[0] for m in model["metrics"]}),
    }


@pytest.fixture
def project(evaluated, tmp_path) -> TrackedProject:
    return evaluated.copy(tmp_path / "project")


def test_killed_at_every_call_once_and_then_finished(project, whole):
    """One store, killed at call after call: each time a half-written run is left and replaced."""
    expected, calls = whole
    assert calls >= 12
    told = project.ok("-c", _KILLED, *map(str, range(1, calls + 1))).splitlines()
    moments = [line for line in told if line.isidentifier()]
    assert len(moments) >= 20
    assert len(set(moments)) >= 10
    assert content(project.store()) == expected


# Starts to track and is killed by its parent after so many seconds.
_KILLED_LATER = """
import os, runpy, signal, sys, time
child = os.fork()
if child == 0:
    sys.argv = ["track"]
    runpy.run_module("stages.track", run_name="__main__")
time.sleep(float(sys.argv[1]))
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
"""


@pytest.mark.parametrize("seed", range(6))
def test_killed_from_outside_at_some_moment(project, whole, seed):
    project.ok("-c", _KILLED_LATER, str(random.Random(seed).uniform(0.05, 2.0)))
    project.track()
    assert content(project.store()) == whole[0]


def test_four_at_once_on_a_fresh_store(project, whole):
    several = [project.start("-m", "stages.track") for _ in range(4)]
    outputs = [process.communicate(timeout=600)[0] for process in several]
    assert [p.returncode for p in several] == [0] * 4, outputs
    assert len({json.dumps(output.splitlines()[-1]) for output in outputs}) == 1
    assert content(project.store()) == whole[0]


# Killed while the tables of a fresh store are made, at some statement of it.
_CREATING = """
import os, runpy, signal, sys
import sqlalchemy.event as event
from sqlalchemy.engine import Engine
seen = []

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *_):
    seen.append(statement)
    if len(seen) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

runpy.run_module("stages.track", run_name="__main__")
"""


@pytest.mark.parametrize("statement", [30, 150])
def test_killed_while_a_fresh_store_is_made(project, whole, statement):
    done = project.run("-c", _CREATING, str(statement))
    assert done.returncode == -signal.SIGKILL
    assert not (project.folder / "mlflow.db").exists()
    project.track()
    assert content(project.store()) == whole[0]
