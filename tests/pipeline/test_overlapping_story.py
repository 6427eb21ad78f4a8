"""A model of classes that overlap, one sigmoid for each, through a real `dvc repro`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

pytestmark = pytest.mark.pipeline

CLASSES = {"cell": 0, "nucleus": 1}
CENTRES = (0.3, 0.6)
SPLITS = {"test": 4, "val": 1, "train": 1}


def write_images(folder: Path) -> None:
    """Nuclei are bright and lie in cells, which are less so."""
    rng = np.random.default_rng(11)
    rows = ["id,image,mask,split,group"]
    for split, n in SPLITS.items():
        for i in range(n):
            name, y, x = f"{split}-{i}", *np.mgrid[:40, :48]
            far = np.hypot(y - 20, x - 20 - i)
            masks = far < 15, far < 6 + i
            image = 40 + 75 * masks[0] + 80 * masks[1] + rng.normal(0, 25, far.shape)
            for kind in ("images", "masks"):
                (folder / kind).mkdir(parents=True, exist_ok=True)
            pixels = np.clip(image, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
            pages = [Image.fromarray(mask.astype(np.uint8)) for mask in masks]
            path = folder / "masks" / f"{name}.tif"
            pages[0].save(path, save_all=True, append_images=pages[1:])
            rows.append(f"{name},images/{name}.png,masks/{name}.tif,{split},{split}{i}")
    (folder / "samples.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture
def overlapping(project: Any, models: Any, tmp_path: Path) -> Any:
    """A committed project of two overlapping classes that has not run yet."""
    project.folder = tmp_path / "overlapping"
    folder = project.folder
    write_images(folder / "data")
    models.overlapping(folder / "models" / "unet.onnx", CENTRES)
    options = ["--images", "data/images", "--masks", "data/masks", "--model", "models/unet.onnx"]
    for words in (
        ("git", "init", "-q"),
        ("git", "config", "user.email", "tests@example.org"),
        ("git", "config", "user.name", "Tests"),
        ("dvc", "init", "-q"),
        ("dvc", "config", "core.analytics", "false"),
    ):
        project.ok(*words)
    listed = (folder / "data" / "samples.csv").read_text()
    (folder / "data" / "samples.csv").unlink()
    project.ok("segmetrics", "init", "--domain", "medical", *options, ".")
    (folder / "data" / "samples.csv").write_text(listed)

    def fit(params: dict[str, Any]) -> None:
        # What `init` saw in the model and in the masks.
        assert params["data"]["encoding"] == "channels"
        assert params["data"]["classes"] == {"class_0": 0, "class_1": 1}
        assert params["operating_point"] == {"decision": "fixed", "threshold": 0.5}
        params["data"] |= {"splits": list(SPLITS), "compare": "train", "tune": "val"}
        params["data"] |= {"classes": CLASSES, "regions": {"either": ["cell", "nucleus"]}}
        params["measure"] |= {"scores": True}
        params["rules"] = {"nuclei": {"metric": "dice", "class": "nucleus", "at_least": 0.5}}
        params["gate"] = {"enforce": False}  # four images prove nothing of a model

    project.params(fit)
    project.ok("git", "add", ".")
    project.ok("git", "commit", "-qm", "start")
    return project


def dice_of_numpy(folder: Path, threshold: float) -> dict[str, float]:
    counts: dict[str, np.ndarray] = {}
    with (folder / "data" / "samples.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test"]
    for row in rows:
        predicted = folder / "results" / "predictions" / "test" / f"{row['id']}.tif"
        pages = []
        for path in (folder / "data" / row["mask"], predicted):
            with Image.open(path) as picture:
                pages.append([np.asarray(page) for page in ImageSequence.Iterator(picture)])
        true = [mask != 0 for mask in pages[0]]
        found = [q >= 256 * threshold for q in pages[1]]
        for masks in (true, found):
            masks.append(masks[0] | masks[1])
        for name, t, p in zip((*CLASSES, "either"), true, found, strict=True):
            sums = np.array([(t & p).sum(), t.sum() + p.sum()])
            counts[name] = counts.get(name, np.zeros(2, np.int64)) + sums
    return {name: float(2 * both / all_) for name, (both, all_) in counts.items()}


def test_overlapping_classes_go_through_the_whole_pipeline(overlapping: Any) -> None:
    overlapping.repro()
    results = overlapping.folder / "results"

    def metrics() -> dict[str, Any]:
        found: dict[str, Any] = json.loads((results / "metrics.json").read_text())["test"]
        return found

    wanted, first = dice_of_numpy(overlapping.folder, 0.5), metrics()
    assert 0.6 < wanted["nucleus"] < 1
    assert 0.6 < wanted["cell"] < 1
    for name in CLASSES:
        assert first[name]["dice_pooled"] == pytest.approx(wanted[name], abs=1e-12)
    classes = json.loads((results / "evaluation.json").read_text())["splits"]["test"]["classes"]
    for name in CLASSES:
        assert 0.9 < classes[name]["pooled"]["average_precision"]["value"] <= 1
    either = classes["either"]["pooled"]["dice"]["value"]
    assert either == pytest.approx(wanted["either"], abs=1e-12)
    verdict = json.loads((results / "verdict.json").read_text())
    (rule,) = [rule for rule in verdict["rules"] if rule["name"] == "nuclei"]
    assert rule["class"] == "nucleus"

    # Another threshold needs no model.
    point = {"decision": "fixed", "threshold": 0.75}
    overlapping.params(lambda params: params.update(operating_point=point))
    ran = overlapping.repro()
    assert "measure@test" in ran
    assert not any(stage.startswith("infer") for stage in ran)
    moved = dice_of_numpy(overlapping.folder, 0.75)
    assert moved != wanted
    assert metrics()["nucleus"]["dice_pooled"] == pytest.approx(moved["nucleus"], abs=1e-12)

    overlapping.params(lambda params: params["operating_point"].update(decision="argmax"))
    refused = overlapping.run("dvc", "repro")
    assert refused.returncode != 0
    assert "argmax" in refused.stderr
