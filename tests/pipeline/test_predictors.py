"""The whole pipeline with other predictors than a binary ONNX model."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

pytestmark = pytest.mark.pipeline

PREDICT = """
import csv, sys
from pathlib import Path
from PIL import Image
listed, out, weights = sys.argv[1:]
level = int(Path(weights).read_text())
for row in csv.DictReader(open(listed)):
    Image.open(row["image"]).point(lambda v: 255 * (v > level)).save(f"{out}/{row['id']}.png")
"""


def metrics(project):
    return json.loads((project.folder / "results" / "metrics.json").read_text())["test"]


def test_a_command_predicts_and_only_what_is_new(project):
    (project.folder / "predict.py").write_text(PREDICT)
    (project.folder / "models" / "weights.txt").write_text("128")

    def change(params):
        command = "python predict.py {samples} {out} {source}"
        params["infer"] |= {"source": "models/weights.txt", "command": command}
        params["operating_point"] = {"decision": "fixed", "threshold": 0.5}

    project.params(change)
    before = metrics(project)
    assert "infer@test" in project.repro()
    # The same threshold on brightness as the model, so nearly the same labels.
    assert metrics(project)["dice_pooled"] == pytest.approx(before["dice_pooled"], abs=0.02)
    assert "now is version 1" in project.ok("segmetrics", "promote", "--allow-first")

    (project.folder / "models" / "weights.txt").write_text("250")
    done = project.run("dvc", "repro")
    assert done.returncode != 0
    assert "FAIL" in done.stdout
    assert project.store()["champion"] == "1"


def test_a_failing_command_is_one_message(project):
    project.params(
        lambda p: p["infer"].update(command="python -c raise(SystemExit(3)) {samples} {out}")
    )
    done = project.run("dvc", "repro")
    assert done.returncode != 0
    assert "ended with status 3" in done.stderr
    assert "Traceback" not in done.stderr


def test_given_predictions_with_the_minimal_pipeline(finished, project, tmp_path):
    given = tmp_path / "fresh"
    shutil.copytree(finished.folder / "data", given / "data")
    for path in (finished.folder / "results" / "predictions" / "test").glob("*.png"):
        (given / "predicted" / "test").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, given / "predicted" / "test" / path.name)
    for kind in ("images", "masks"):
        for split in ("train", "val"):
            for path in (given / "data" / kind).glob(f"{split}-*.png"):
                path.unlink()
    (given / "data" / "samples.csv").unlink()
    project.folder = given
    project.ok("git", "init", "-q")
    project.ok("dvc", "init", "-q")
    words = ["--images", "data/images", "--masks", "data/masks", "--predictions", "predicted"]
    project.ok("segmetrics", "init", *words, "--minimal", ".")
    project.params(lambda p: p.update(operating_point={"decision": "fixed", "threshold": 0.5}))
    assert project.repro() == {
        "samples@test", "operate", "measure@test", "evaluate", "check", "track", "gate",
    }  # fmt: skip
    before = json.loads((finished.folder / "results" / "metrics.json").read_text())["test"]
    assert metrics(project)["dice_pooled"] == before["dice_pooled"]
    refused = project.run("segmetrics", "promote")
    assert refused.returncode == 1
    assert "can be judged, not promoted" in refused.stderr


def bands_model(path):
    """Three scores per pixel: dark, middle, bright."""
    shape = ["n", 1, "h", "w"]
    centres = helper.make_tensor("centres", TensorProto.FLOAT, [1, 3, 1, 1], [0.1, 0.5, 0.9])
    nodes = [
        helper.make_node("Sub", ["image", "centres"], ["off"]),
        helper.make_node("Abs", ["off"], ["far"]),
        helper.make_node("Neg", ["far"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "bands",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [centres],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))


def test_three_classes_by_argmax_with_void_and_palette(project):
    """Labels 0, 3 and 7 in palette masks, 255 ignored; equal to numpy on the written files."""
    rng = np.random.default_rng(5)
    values = np.array([0, 3, 7])
    for path in sorted((project.folder / "data" / "masks").glob("*.png")):
        height, width = np.asarray(Image.open(path)).shape
        index = rng.integers(0, 3, (height // 8, width // 8)).repeat(8, 0).repeat(8, 1)
        noise = rng.normal(0, 25, index.shape)
        grey = np.clip(np.array([25, 128, 230])[index] + noise, 0, 255).astype(np.uint8)
        labels = values[index].astype(np.uint8)
        labels[:2] = 255
        mask = Image.fromarray(labels).convert("P")
        mask.putdata(labels.ravel().tolist())
        Image.fromarray(grey).save(project.folder / "data" / "images" / path.name)
        mask.save(path)
    bands_model(project.folder / "models" / "unet.onnx")

    def change(params):
        params["data"] |= {
            "classes": {"ground": 0, "road": 3, "sky": 7}, "ignore": [255], "encoding": "palette",
            "exclude": [],
        }  # fmt: skip
        params["operating_point"] = {"decision": "argmax", "threshold": None}

    project.params(change)
    project.repro()
    tp, predicted, true = np.zeros(3), np.zeros(3), np.zeros(3)
    for path in sorted((project.folder / "data" / "masks").glob("test-*.png")):
        with (
            Image.open(path) as r,
            Image.open(project.folder / "results" / "predictions" / "test" / path.name) as p,
        ):
            assert p.mode == "P"
            reference, prediction = np.asarray(r), np.asarray(p)
        counted = reference != 255
        for k, value in enumerate(values):
            tp[k] += (counted & (reference == value) & (prediction == value)).sum()
            predicted[k] += (counted & (prediction == value)).sum()
            true[k] += (counted & (reference == value)).sum()
    found = [metrics(project)[name]["dice_pooled"] for name in ("ground", "road", "sky")]
    assert found == pytest.approx(list(2 * tp / (predicted + true)), abs=1e-12)
    assert metrics(project)["dice_pooled"] == pytest.approx(np.mean(found), abs=1e-12)
    assert min(found) > 0.8
