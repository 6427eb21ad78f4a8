"""`dvc repro` as a user meets it: what it writes, what runs again, what a failed rule does."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.pipeline

LATE = {"check", "report", "track", "gate"}


def read(project: Any, name: str) -> Any:
    return json.loads((project.folder / "results" / name).read_text())


def test_first_run_gives_numbers_that_numpy_gives_too(finished):
    dice, counts = [], np.zeros(3, np.int64)
    with (finished.folder / "data" / "samples.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test"]
    for row in rows:
        written = finished.folder / "results" / "predictions" / "test" / f"{row['id']}.png"
        predicted = np.asarray(Image.open(written)) >= 128
        true = np.asarray(Image.open(finished.folder / "data" / row["mask"])) == 1
        each = [(predicted & true).sum(), (predicted & ~true).sum(), (~predicted & true).sum()]
        counts += np.array(each)
        dice.append(2 * each[0] / (2 * each[0] + each[1] + each[2]))
    metrics = read(finished, "metrics.json")["test"]
    tp, fp, fn = counts
    assert 0.8 < metrics["dice_pooled"] < 1
    assert metrics["dice_pooled"] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-12)
    assert metrics["iou_pooled"] == pytest.approx(tp / (tp + fp + fn), abs=1e-12)
    assert metrics["precision_pooled"] == pytest.approx(tp / (tp + fp), abs=1e-12)
    assert metrics["recall_pooled"] == pytest.approx(tp / (tp + fn), abs=1e-12)
    assert metrics["dice_image_mean"] == pytest.approx(np.mean(dice), abs=1e-12)
    groups = np.reshape(dice, (3, 2)).mean(axis=1)  # two images a group
    assert metrics["dice_group_mean"] == pytest.approx(groups.mean(), abs=1e-12)
    assert metrics["samples"] == 6
    assert metrics["groups"] == 3


def test_second_run_does_nothing(finished):
    output = finished.ok("dvc", "repro")
    assert "Running stage" not in output
    assert "up to date" in output


def test_git_sees_only_what_is_to_be_committed(finished):
    status = finished.ok("git", "status", "--porcelain", "-uall").split("\n")
    found = {line[3:] for line in status if line}
    assert found == {"dvc.lock", "results/metrics.json", "results/verdict.json"}


def test_a_rule_reads_no_image_again(project):
    f2 = {"metric": "f2", "at_least": 0.7, "statistic": "point"}
    project.params(lambda p: p["rules"].update(f2=f2))
    assert project.repro() == {"evaluate"} | LATE


def test_limits_of_overfitting_predict_nothing_again_and_another_sample_does(project):
    project.params(lambda p: p["checks"]["overfit"].update(warn=0.2, max=0.3))
    assert project.repro() == LATE
    project.params(lambda p: p["checks"]["overfit"].update(sample=1))
    again = {
        f"{stage}@{split}" for stage in ("infer", "measure") for split in ("test", "val", "train")
    }
    # `operate` looks at the predictions, whatever it is asked for.
    assert project.repro() == again | {"operate", "evaluate", "overlays"} | LATE
    assert read(project, "evaluation.json")["splits"]["train"]["sampled"] == {"n": 1, "of": 2}
    assert project.run("segmetrics", "verdict").returncode == 0


def test_how_many_images_are_drawn_changes_neither_numbers_nor_the_run(project):
    before = read(project, "verdict.json")
    project.params(lambda p: p.update(report={"worst": 1, "median": 0, "best": 1}))
    assert project.repro() == {"overlays", "report", "track"}, "the receipt is what it was"
    assert read(project, "verdict.json") == before
    index = read(project, "overlays/index.json")
    assert [image["kind"] for image in index["images"]] == ["worst", "best"]
    page = (project.folder / "results" / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert page.count("<figcaption><b>") == 2


def test_excluded_classes_are_a_dependency_of_inference(project):
    """`infer` reads them: of classes that overlap, an excluded one may have no plane."""
    project.params(lambda p: p["data"].update(exclude=[]))
    assert "infer@test" in json.loads(project.ok("dvc", "status", "--json"))


def test_runtime_reruns_nothing(project):
    project.params(lambda p: p["runtime"].update(workers=1, batch=1))
    assert project.repro() == set()


def test_a_slice_column_reruns_evaluate_and_what_follows(project):
    path = project.folder / "data" / "samples.csv"
    lines = path.read_text().splitlines()
    lines = [lines[0] + ",stain", *(f"{line},{'xy'[i % 2]}" for i, line in enumerate(lines[1:]))]
    path.write_text("\n".join(lines) + "\n")
    lists = {f"samples@{split}" for split in ("test", "val", "train")}
    assert project.repro() == lists | {"evaluate"} | LATE
    slices = read(project, "evaluation.json")["splits"]["test"]["slices"]
    assert set(slices) == {"scanner", "stain"}
    assert slices["stain"]["x"]["samples"] == 3


def test_a_changed_train_image_leaves_the_test_split_alone(project):
    path = project.folder / "data" / "images" / "train-0.png"
    image = np.asarray(Image.open(path)).copy()
    image[:9] = 255
    Image.fromarray(image).save(path)
    ran = project.repro()
    assert {"infer@train", "measure@train", "evaluate"} <= ran
    assert not {"infer@test", "measure@test", "infer@val", "measure@val"} & ran


def test_an_impossible_rule_fails_everywhere(project):
    project.repro("-f", "-s", "track")  # the passing run, in the copy's own store
    project.repro()
    project.ok("git", "add", ".")
    project.ok("git", "commit", "-qm", "passing")
    assert "now is version 1" in project.ok("segmetrics", "promote", "--allow-first")
    dream = {"metric": "dice", "at_least": 0.9999, "statistic": "point"}
    project.params(lambda p: p["rules"].update(dream=dream))

    done = project.run("dvc", "repro")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert "dream: dice (group_mean) of mean is" in done.stdout

    verdict = read(project, "verdict.json")
    assert verdict["decision"] == "fail"
    assert [r["name"] for r in verdict["rules"] if r["outcome"] == "fail"] == ["dream"]
    diff = json.loads(project.ok("dvc", "metrics", "diff", "--json"))
    assert diff["results/verdict.json"]["decision"] == {"old": "pass", "new": "fail"}
    assert project.store()["decisions"] == ["fail", "pass"]

    refused = project.run("segmetrics", "promote")
    assert refused.returncode == 1
    assert "the verdict is fail: dream" in refused.stderr
    assert project.store()["champion"] == "1"


def test_gate_enforce_false_goes_on_but_promotes_nothing(project):
    def change(params: dict[str, Any]) -> None:
        params["rules"]["dream"] = {"metric": "dice", "at_least": 0.9999, "statistic": "point"}
        params["gate"]["enforce"] = False

    project.params(change)
    output = project.ok("dvc", "repro")
    assert "promotion stays refused" in output
    assert project.run("segmetrics", "promote").returncode == 1
    assert project.store()["champion"] is None
