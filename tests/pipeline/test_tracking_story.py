"""MLflow and promotion for real: one run per evaluation, an alias that moves only on a pass."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from PIL import Image

pytestmark = pytest.mark.pipeline
ARTIFACTS = {
    "verdict.json", "verdict.md", "evaluation.json", "settings.json", "per_class.json",
    "rules.json", "slices.json", "worst_images.json", "baseline", "report.html",
}  # fmt: skip


@pytest.fixture
def tracked(project):
    """The project with its passing evaluation in a store of its own."""
    project.ok("dvc", "repro", "-f", "-s", "track")
    project.repro()
    return project


def test_a_run_holds_parameters_metrics_tags_and_artifacts(tracked):
    store = tracked.store()
    assert store["statuses"] == ["FINISHED"]
    metrics, params, tags = store["metrics"][0], store["params"][0], store["tags"][0]
    short = json.loads((tracked.folder / "results" / "metrics.json").read_text())
    assert metrics["test/dice_pooled"] == short["test"]["dice_pooled"]
    assert metrics["test/dice_group_mean/foreground"] == short["test"]["dice_group_mean"]
    assert metrics["train/recall_image_mean/foreground"] > 0.5
    assert "val/accuracy_pooled/background" in metrics
    assert params["domain"] == "medical"
    assert params["data.classes.foreground"] == "1"
    assert params["operating_point.threshold"] == "0.5"
    assert tags["segmetrics.decision"] == "pass"
    assert tags["segmetrics.primary"] == "recall"
    assert tags["mlflow.note.content"].startswith("**`unet` passes**: recall (group_mean) on test")
    assert "\n\nPASS: all rules met" in tags["mlflow.note.content"]
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert set(store["artifacts"][0]) == ARTIFACTS


def test_sample_ids_leave_hashed(tracked):
    stored = [p for p in (tracked.folder / "mlartifacts").rglob("*") if p.is_file()]
    assert any(p.suffix == ".parquet" for p in stored)
    # Parquet would compress the ids: read the table too.
    import pyarrow.parquet as pq

    tables = [pq.read_table(p).column("id").to_pylist() for p in stored if p.suffix == ".parquet"]
    assert all(len(i) == 16 and not i.startswith("test") for ids in tables for i in ids)
    assert not any(b"test-0" in p.read_bytes() for p in stored)


def test_the_same_evaluation_twice_is_one_run(tracked):
    first = tracked.store()["runs"]
    receipt = (tracked.folder / "results" / "tracking.json").read_text()
    tracked.ok("dvc", "repro", "-f", "-s", "track")
    assert tracked.store()["runs"] == first
    assert (tracked.folder / "results" / "tracking.json").read_text() == receipt


def test_a_deleted_store_is_rebuilt(tracked):
    before = tracked.store()
    (tracked.folder / "mlflow.db").unlink()
    shutil.rmtree(tracked.folder / "mlartifacts")
    tracked.ok("dvc", "repro", "-f", "-s", "track")
    after = tracked.store()
    assert after["metrics"] == before["metrics"]
    assert after["statuses"] == ["FINISHED"]
    assert tracked.repro() == set()


def test_promote_twice_is_one_version_that_mlflow_loads(tracked):
    assert "story@champion now is version 1 (is new)." in tracked.ok(
        "segmetrics", "promote", "--allow-first"
    )
    assert "already is version 1" in tracked.ok("segmetrics", "promote", "--allow-first")
    store = tracked.store()
    assert store["versions"] == ["1"]
    assert store["champion"] == "1"
    script = (
        "import mlflow, numpy as np, sys; mlflow.set_tracking_uri(sys.argv[1]);"
        "m = mlflow.pyfunc.load_model('models:/story@champion');"
        "print(float(m.predict(np.full((1, 1, 2, 2), 0.5, np.float32))['probability'][0, 0, 0, 0]))"
    )
    uri = f"sqlite:///{tracked.folder / 'mlflow.db'}"
    assert tracked.run("python", "-c", script, uri).stdout.splitlines()[-1] == "0.5"
    model = (tracked.folder / "models" / "unet.onnx").read_bytes()
    stored = list((tracked.folder / "mlartifacts").rglob("model.onnx"))
    assert [path.read_bytes() for path in stored] == [model]


def edit_verdict(folder):
    path = folder / "results" / "verdict.json"
    path.write_text(path.read_text().replace('"grade": "fair"', '"grade": "good"', 1) + " ")
    data = json.loads(path.read_text())
    data["rules"][0]["value"] = 0.99
    path.write_text(json.dumps(data))


def edit_evaluation(folder):
    path = folder / "results" / "evaluation.json"
    data = json.loads(path.read_text())
    data["splits"]["test"]["mean"]["pooled"]["dice"]["value"] = 0.99
    path.chmod(0o644)
    path.write_text(json.dumps(data))


def edit_model(folder):
    path = folder / "models" / "unet.onnx"
    path.write_bytes(path.read_bytes() + b"\0")


def edit_rules(folder):
    path = folder / "params.yaml"
    text = path.read_text()
    assert "at_least: 0.75" in text
    path.write_text(text.replace("at_least: 0.75", "at_least: 0.74"))


def edit_grade(folder):
    path = folder / "params.yaml"
    text = path.read_text()
    assert "dice: 0.8\n" in text
    path.write_text(text.replace("dice: 0.8\n", "dice: 0.81\n"))


def edit_prediction_list(folder):
    path = folder / "results" / "predictions" / "test" / "manifest.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0', 1))


def lose_table(folder):
    (folder / "results" / "measurements" / "test" / "images.parquet").unlink()


@pytest.mark.parametrize(
    ("edit", "code", "reason"),
    [
        (edit_verdict, 1, "verdict.json: is not what its inputs give"),
        (edit_evaluation, 1, "evaluation.json: is not what the tables give"),
        (edit_model, 1, "was computed from other files or settings: models/unet.onnx"),
        # Rules say which slices there are, so an evaluation belongs to its rules.
        (edit_rules, 1, "evaluation.json: is not what the tables give"),
        (edit_grade, 1, "was computed from other files or settings: params.yaml"),
        (edit_prediction_list, 1, "or settings: results/predictions/test/manifest.json"),
        (lose_table, 2, "images.parquet: there is no such table"),
    ],
)
def test_promote_refuses_what_was_edited(finished, tmp_path, edit, code, reason):
    project = finished.copy(tmp_path / "project")
    edit(project.folder)
    done = project.run("segmetrics", "promote")
    assert done.returncode == code, done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert project.store()["versions"] == []


def test_promote_refuses_what_was_not_tracked(project):
    (project.folder / "mlflow.db").unlink()
    done = project.run("segmetrics", "promote", "--allow-first")
    assert done.returncode == 3
    assert "there is no such MLflow store; run `dvc repro -f -s track` first" in done.stderr
    project.ok("dvc", "repro", "-f", "-s", "track")
    project.params(lambda p: p["tracking"].update(experiment="elsewhere"))
    done = project.run("segmetrics", "promote", "--allow-first")
    assert done.returncode == 1
    assert "holds no finished, passing run of this evaluation" in done.stderr
    assert "dvc repro -f -s track" in done.stderr


def test_an_earlier_pass_does_not_outlive_a_broken_mask(tracked):
    mask = tracked.folder / "data" / "masks" / "test-0.png"
    Image.new("RGB", (48, 40)).save(mask)
    done = tracked.run("dvc", "repro")
    assert done.returncode != 0
    assert "not a mask with one label per pixel" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    verdict = tracked.run("segmetrics", "verdict")
    assert verdict.returncode == 1
    assert "is of an earlier run: results/samples/test.csv" in verdict.stderr
    assert tracked.run("segmetrics", "promote").returncode == 2
    assert tracked.store()["versions"] == []


def test_an_unreachable_server_keeps_results_and_says_what_would_do(project):
    project.params(lambda p: p["tracking"].update(experiment="elsewhere"))
    env = {
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "2",
    }
    done = project.run("dvc", "repro", **env)
    assert done.returncode != 0
    assert "results and verdict are kept; check MLFLOW_TRACKING_URI" in done.stderr
    assert "Traceback" not in done.stderr
    assert (project.folder / "results" / "verdict.json").exists()
    # The receipt is the same as before, so the gate has nothing new to look at.
    assert project.repro() == {"track"}


# A `track` that stops in the middle of its run until a file appears.
_HALFWAY = """
import runpy, sys, time
from pathlib import Path
from segmetrics.tracking import writing
collect = writing.collect_artifacts

def halfway(*arguments):
    Path("halfway").touch()
    while not Path("go").exists():
        time.sleep(0.05)
    collect(*arguments)

writing.collect_artifacts = halfway
sys.argv = ["track"]
runpy.run_module("stages.track", run_name="__main__")
"""


def test_a_run_that_another_process_is_writing_is_not_taken_for_a_dead_one(project):
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(project.run, "python", "-c", _HALFWAY)
        while not (project.folder / "halfway").exists():
            assert not first.done(), first.result().stderr
        second = pool.submit(project.run, "python", "-m", "stages.track")
        # It waits for the first one; without the lock it would delete that run and end here.
        wait([second], timeout=5)
        (project.folder / "go").touch()
        results = [first.result(), second.result()]
    assert [r.returncode for r in results] == [0, 0], [r.stderr for r in results]
    store = project.store()
    assert store["statuses"] == ["FINISHED"]
    assert set(store["artifacts"][0]) == ARTIFACTS


# A run of this evaluation that nobody finished, as an MLflow server would hold it.
_UNFINISHED = """
import sys, mlflow
from segmetrics.tracking import EVAL_ID, store, tags as names
client = mlflow.MlflowClient(sys.argv[1])
runs = client.search_runs([client.get_experiment_by_name("story").experiment_id])
tags = {EVAL_ID: runs[0].data.tags[EVAL_ID]}
tags |= {"segmetrics.decision": "unknown", names.WRITER: sys.argv[2] or store.writer()}
print(client.create_run(runs[0].info.experiment_id, tags=tags).info.run_id)
client.delete_run(runs[0].info.run_id)
"""


@pytest.mark.parametrize(("writer", "stays"), [("", False), ("another machine", True)])
def test_an_unfinished_run_is_replaced_unless_another_machine_may_be_writing_it(
    tracked, writer, stays
):
    uri = f"sqlite:///{tracked.folder / 'mlflow.db'}"
    unfinished = tracked.ok("python", "-c", _UNFINISHED, uri, writer).split()[-1]
    tracked.ok("dvc", "repro", "-f", "-s", "track")
    store = tracked.store()
    assert (unfinished in store["runs"]) == stays
    assert store["statuses"] == ["FINISHED", "RUNNING"][: 1 + stays]
