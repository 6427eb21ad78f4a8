"""Experiments of DVC and fresh clones log to one store: every evaluation once, nothing is lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.pipeline
# A parameter that only `check` and later stages depend on: six variants in little time.
GOOD = ("0.71", "0.72", "0.73", "0.74", "0.75", "0.76")

# Every artifact of every run, read as a reader of the store would.
_READ = """
import json, sys, tempfile, mlflow
from pathlib import Path
client = mlflow.MlflowClient(sys.argv[1])
mlflow.set_tracking_uri(sys.argv[1])
found = {}
for run in client.search_runs([e.experiment_id for e in client.search_experiments()]):
    with tempfile.TemporaryDirectory() as folder:
        client.download_artifacts(run.info.run_id, "", folder)
        files = [p for p in Path(folder).rglob("*") if p.is_file()]
        settings = json.loads((Path(folder) / "settings.json").read_text())
        found[run.info.run_id] = {
            "files": sorted(p.relative_to(folder).as_posix() for p in files if p.stat().st_size),
            "good": settings["grade"]["good"]["dice"],
            "uri": run.info.artifact_uri,
        }
print(json.dumps(found))
"""


def artifacts(project):
    uri = f"sqlite:///{project.folder / 'mlflow.db'}"
    lines = project.ok(sys.executable, "-c", _READ, uri).splitlines()
    # MLflow may write bars of progress around it.
    return json.loads(next(line for line in reversed(lines) if line.startswith(("{", "["))))


@pytest.fixture(scope="module")
def tracked(finished, tmp_path_factory):
    """The finished project, committed, with a store of its own that has its evaluation."""
    project = finished.copy(tmp_path_factory.mktemp("experiments") / "project")
    shutil.rmtree(project.folder / "mlartifacts")
    (project.folder / "mlflow.db").unlink()
    project.ok("dvc", "repro", "-f", "-s", "track")
    project.ok("git", "add", "-A")
    project.ok("git", "commit", "-qm", "evaluated")
    return project


def test_a_temporary_copy_finds_the_run_of_the_main_folder(tracked):
    before = tracked.store()
    # A relative path: from the copy it would lead to a store of its own, lost with the copy.
    told = tracked.ok("dvc", "exp", "run", "--temp", MLFLOW_TRACKING_URI="sqlite:///mlflow.db")
    (run,) = before["runs"]
    # DVC does not carry the receipt into the copy: the stage really runs, and finds the run.
    assert f"MLflow run {run} in the experiment story" in told
    assert tracked.store() == before
    assert not (tracked.folder / "mlruns").exists()


def test_a_clone_finds_the_run_and_changes_no_lock(tracked, tmp_path):
    """On a store that both reach, whatever key of hashed ids a clone makes for itself."""
    before = tracked.store()
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(tracked.folder), str(folder)], check=True)
    clone = type(tracked)(folder)
    clone.ok("dvc", "cache", "dir", "--local", str(tracked.folder / ".dvc" / "cache"))
    uri = f"sqlite:///{tracked.folder / 'mlflow.db'}"
    clone.ok("dvc", "checkout", "--allow-missing")
    told = clone.ok("dvc", "repro", MLFLOW_TRACKING_URI=uri)
    assert (
        re.findall(r"Running stage '([^']+)'", told) == ["track", "gate"][: told.count("Running")]
    )
    assert f"MLflow run {before['runs'][0]} in the experiment story" in told
    assert clone.ok("git", "status", "--porcelain") == ""
    assert not (folder / "mlflow.db").exists()
    assert tracked.store() == before


def test_six_variants_from_a_queue_with_two_jobs(tracked):
    sets = ["-S", f"grade.good.dice={','.join(GOOD)}", "-S", "gate.enforce=false"]
    tracked.ok("dvc", "exp", "run", "--queue", *sets)
    # The workers keep what they were started with: a pipe would stay open for minutes.
    tracked.ok("sh", "-c", "dvc queue start -j 2 >/dev/null 2>&1")
    try:
        end = time.monotonic() + 900
        while re.search(r"Queued|Running", status := tracked.ok("dvc", "queue", "status")):
            assert time.monotonic() < end, status
            time.sleep(3)
    finally:
        tracked.ok("sh", "-c", "dvc queue stop >/dev/null 2>&1")
    assert status.count("Success") == 6, status
    store = tracked.store()
    assert store["statuses"] == ["FINISHED"] * 7
    found = artifacts(tracked)
    assert sorted(str(run["good"]) for run in found.values()) == [*GOOD, "0.8"]
    assert len({tuple(run["files"]) for run in found.values()}) == 1
    main = (tracked.folder / "mlartifacts").as_uri()
    assert all(run["uri"].startswith(main) for run in found.values())
    names = [tags.get("segmetrics.dvc_experiment") for tags in store["tags"]]
    assert len({*names} - {None}) == 6
    # The copies are gone, and none of them left anything in the folder that is worked in.
    assert tracked.ok("git", "status", "--porcelain") == ""
