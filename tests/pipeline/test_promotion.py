"""Promotion for real: what moves an alias, what does not, and what the history says of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from killing import ARMED
from PIL import Image

pytestmark = pytest.mark.pipeline


@pytest.fixture
def tracked(project):
    """The project with its passing evaluation in a store of its own."""
    project.ok("dvc", "repro", "-f", "-s", "track")
    return project


def history(project):
    lines = (project.folder / "promotions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_first_version_has_to_be_allowed_and_a_dry_run_writes_nothing(tracked):
    done = tracked.run("segmetrics", "promote")
    assert done.returncode == 1
    assert "story@champion: points to no version yet" in done.stderr
    assert "segmetrics promote --allow-first" in done.stderr
    dry = tracked.ok("segmetrics", "promote", "--allow-first", "--dry-run")
    assert "dry run: story@champion would move to a new version; nothing was written." in dry
    assert tracked.store()["versions"] == []
    assert not (tracked.folder / "promotions.jsonl").exists()

    words = ("segmetrics", "promote", "--allow-first", "--reason", "the first: \u2028 ünïcode")
    assert "story@champion now is version 1 (is new)." in tracked.ok(*words, USER="anna")
    (entry,) = history(tracked)
    wanted = {"number": 1, "action": "promote", "model": "story", "alias": "champion"}
    wanted |= {"former": None, "version": "1", "reason": "the first: \u2028 ünïcode"}
    receipt = json.loads((tracked.folder / "results" / "tracking.json").read_text())
    wanted |= {"eval_id": receipt["eval_id"]}
    assert {k: v for k, v in entry.items() if k not in ("time", "who")} == wanted
    assert entry["who"]
    # The registry has the same; a lost file is written again, and nothing is noted twice.
    (tracked.folder / "promotions.jsonl").unlink()
    assert "already is version 1; nothing moved." in tracked.ok("segmetrics", "promote")
    assert history(tracked) == [entry]


def test_a_champion_is_replaced_only_by_what_was_compared_with_it(tracked):
    tracked.ok("segmetrics", "promote", "--allow-first")
    tracked.ok("segmetrics", "baseline", "set")
    (tracked.folder / "baseline").rename(tracked.folder / "kept")
    (tracked.folder / "baseline").mkdir()
    tracked.replace_model(0.51)
    tracked.repro()
    done = tracked.run("segmetrics", "promote", "--allow-first")
    assert done.returncode == 1
    assert "baseline/: is empty, but story@champion is version 1" in done.stderr
    assert "segmetrics baseline pull" in done.stderr

    (tracked.folder / "baseline").rmdir()
    (tracked.folder / "kept").rename(tracked.folder / "baseline")
    tracked.repro()
    dry = tracked.ok("segmetrics", "promote", "--dry-run")
    assert "would move from version 1 to a new version" in dry
    assert "now is version 2 (was version 1)" in tracked.ok("segmetrics", "promote")
    # The baseline still is of version 1.
    tracked.replace_model(0.52)
    tracked.repro()
    done = tracked.run("segmetrics", "promote")
    assert done.returncode == 1
    assert "baseline/: is of another model (" in done.stderr
    store = tracked.store()
    assert store["champion"] == "2"
    assert store["versions"] == ["1", "2"]


# What a failed verdict may be walked past with; each leaves DVC content.
def _ignore_errors(project):
    project.run("dvc", "repro", "--ignore-errors")


def _freeze(project):
    project.ok("dvc", "freeze", "gate")
    project.ok("dvc", "repro")


def _commit(project):
    project.run("dvc", "repro")
    project.ok("dvc", "commit", "-f")
    project.ok("dvc", "repro")


def _not_enforced(project):
    project.params(lambda p: p["gate"].update(enforce=False))
    project.ok("dvc", "repro")


@pytest.mark.parametrize("walk_past", [_ignore_errors, _freeze, _commit, _not_enforced])
def test_a_failed_verdict_is_refused_whatever_dvc_was_told(project, walk_past):
    dream = {"metric": "dice", "at_least": 0.9999, "statistic": "point"}
    project.params(lambda p: p["rules"].update(dream=dream))
    walk_past(project)
    done = project.run("segmetrics", "promote", "--allow-first")
    assert done.returncode == 1
    assert "verdict.json: the verdict is fail: dream" in done.stderr
    assert "`segmetrics verdict` gives the reasons" in done.stderr
    assert project.store()["versions"] == []


# Promotes in children of one process that has imported MLflow already, and kills each child at
# another moment; from the same start every time.
_KILLED = (
    ARMED
    + """
import json, os, shutil, signal, sys
from pathlib import Path
import mlflow, mlflow.onnx, onnx
from segmetrics.cli import main
from segmetrics.registry import audit, candidate, promotion, versions

CLIENT = mlflow.MlflowClient
MOMENTS = [
    (versions, "_package", 1, "before"),
    (CLIENT, "create_registered_model", 1, "after"),
    (CLIENT, "log_artifacts", 1, "before"),
    (CLIENT, "log_artifacts", 1, "after"),
    (CLIENT, "create_model_version", 1, "before"),
    (CLIENT, "create_model_version", 1, "after"),
    (CLIENT, "set_model_version_tag", 4, "before"),
    (CLIENT, "set_registered_model_tag", 1, "before"),
    (CLIENT, "set_registered_model_tag", 1, "after"),
    (CLIENT, "set_registered_model_alias", 1, "before"),
    (CLIENT, "set_registered_model_alias", 1, "after"),
    (os, "fsync", 1, "before"),
    (os, "fsync", 1, "after"),
]

def child(*moment):
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if moment:
        armed(*moment)
    os._exit(main(["promote", "--allow-first"]))

def state():
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        client = CLIENT("sqlite:///mlflow.db")
        model = client.get_registered_model("story")
        found = client.search_model_versions("name = 'story'")
        moves = audit.read_entries(client, "story")
        runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
        os.write(writing, json.dumps({
            "versions": [str(v.version) for v in found],
            "aliases": {alias: str(version) for alias, version in model.aliases.items()},
            "decisions": [v.tags["segmetrics.decision"] for v in found],
            "moves": [[e.action, e.former, e.version] for e in moves],
            "lines": len(Path("promotions.jsonl").read_text().splitlines()),
            "runs": [r.info.status for r in runs],
        }).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(process, 0)
    with os.fdopen(reading) as stream:
        return json.loads(stream.read())

shutil.copyfile("mlflow.db", "start.db")
shutil.copytree("mlartifacts", "start")
for moment in MOMENTS:
    for path in Path().glob("mlflow.db*"):
        path.unlink()
    Path("promotions.jsonl").unlink(missing_ok=True)
    shutil.rmtree("mlartifacts")
    shutil.copyfile("start.db", "mlflow.db")
    shutil.copytree("start", "mlartifacts")
    killed = child(*moment)
    again = child()
    name = f"{moment[3]} {moment[1]} {moment[2]}"
    print("RESULT", json.dumps([name, killed, again, state()]), flush=True)
"""
)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_killed_at_any_moment_one_more_run_ends_as_if_nothing_had_happened(tracked):
    output = tracked.ok("python", "-c", _KILLED)
    results = [json.loads(s[7:]) for s in output.splitlines() if s.startswith("RESULT ")]
    assert len(results) == 13
    for name, killed, again, state in results:
        assert killed == -9, name
        assert again == 0, name
        assert state == {
            "versions": ["1"],
            "aliases": {"champion": "1"},
            "decisions": ["pass"],
            "moves": [["promote", None, "1"]],
            "lines": 1,
            "runs": ["FINISHED"],
        }, name


def test_two_promoters_at_once_agree_or_one_wins(tracked, tmp_path):
    """Two projects with different models share a store; each may be the first."""
    other = tracked.copy(tmp_path / "other")
    other.replace_model(0.51)
    env = {"MLFLOW_TRACKING_URI": f"sqlite:///{tracked.folder / 'mlflow.db'}"}
    other.repro(**env)
    words = ("segmetrics", "promote", "--allow-first")
    running = [p.start(*words, **env) for p in (tracked, other, tracked)]
    errors = [process.communicate(timeout=300)[1] for process in running]
    codes = [process.returncode for process in running]
    store = tracked.store()
    # The two of one project agree; whoever comes second with another model was not compared.
    assert codes in ([0, 1, 0], [1, 0, 1]), errors
    assert store["champion"] == "1"
    assert store["versions"] == ["1"]
    assert sum("was not compared with the champion" in e for e in errors) == codes.count(1)
    lines = [Path(p.folder / "promotions.jsonl") for p in (tracked, other)]
    assert sum(len(p.read_text().splitlines()) for p in lines if p.exists()) == 1


def smoothing_model(path, level):
    """Thresholds the mean of 3 x 3 pixels: noise hardly gets through."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Sub", ["image", "level"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "steepness"], ["steep"]),
        helper.make_node("AveragePool", ["steep"], ["mean"], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Sigmoid", ["mean"], ["probability"]),
    ]
    constants = [
        helper.make_tensor("level", TensorProto.FLOAT, [1], [level]),
        helper.make_tensor("steepness", TensorProto.FLOAT, [1], [20.0]),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, "h", "w"])]
        for name in ("image", "probability")
    ]
    graph = helper.make_graph(nodes, "smoothing", *ends, constants)
    path.unlink()
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


def test_the_story_of_three_models(project):
    """A is the first; B is as good in all, but worse on scanner A; C replaces A; and back to A."""
    # The images of scanner B are brighter.
    for path in sorted((project.folder / "data" / "images").glob("*-[135].png")):
        pixels = np.asarray(Image.open(path)).astype(int) + 20
        path.unlink()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)

    def compared(params):
        rule = {"metric": "dice", "class": "foreground", "slice": "scanner", "statistic": "point"}
        params["rules"]["no_scanner_worse"] = rule | {"against": "baseline", "margin": 0.02}
        params["checks"]["on_missing_baseline"] = "skip"

    project.params(compared)
    project.replace_model(0.51)
    project.repro()
    project.ok("segmetrics", "promote", "--allow-first", "--reason", "the first")
    project.ok("segmetrics", "baseline", "set")
    first = dices(project)

    project.replace_model(0.57)
    assert project.run("dvc", "repro").returncode != 0
    second = dices(project)
    assert second["mean"] > first["mean"] - 0.02  # the total alone would have passed
    assert second["A"] < first["A"] - 0.03
    done = project.run("segmetrics", "promote")
    assert done.returncode == 1
    assert "the verdict is fail: no_scanner_worse (scanner=A);" in done.stderr
    assert "scanner=B" not in done.stderr

    smoothing_model(project.folder / "models" / "unet.onnx", 0.51)
    project.repro()
    assert "now is version 2 (was version 1)" in project.ok("segmetrics", "promote")
    back = project.ok("segmetrics", "promote", "--rollback", "--reason", "slow on the scanner")
    assert "now is version 1 (was version 2)" in back
    store = project.store()
    assert store["champion"] == "1"
    assert store["decisions"] == ["fail", "pass", "pass"]
    told = [(e["action"], e["former"], e["version"], e["reason"]) for e in history(project)]
    assert told == [
        ("promote", None, "1", "the first"),
        ("promote", "1", "2", ""),
        ("rollback", "2", "1", "slow on the scanner"),
    ]


def dices(project):
    """Dice of the foreground: of all, and of each scanner."""
    evaluation = json.loads((project.folder / "results" / "evaluation.json").read_text())
    test = evaluation["splits"]["test"]
    scopes = {"mean": test} | test["slices"]["scanner"]
    return {
        name: scope["classes"]["foreground"]["group_mean"]["dice"]["value"]
        for name, scope in scopes.items()
    }
