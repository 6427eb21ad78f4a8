"""The demo model on the real images it was not trained on; skipped where they are missing."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.pipeline

REPOSITORY = Path(__file__).resolve().parents[2]
NUCLEI = REPOSITORY.parent / "shared" / "data" / "nuclei"


@pytest.mark.skipif(not NUCLEI.is_dir(), reason=f"the nuclei images are not at {NUCLEI}")
def test_init_and_repro_on_the_nuclei_test_split(project, tmp_path):
    folder = tmp_path / "nuclei"
    for kind in ("images", "masks", "models"):
        (folder / kind).mkdir(parents=True)
    with (NUCLEI / "samples.csv").open() as stream:
        modality = {r["id"]: r["modality"] for r in csv.DictReader(stream) if r["split"] == "test"}
    for name in modality:
        for kind in ("images", "masks"):
            shutil.copyfile(NUCLEI / kind / f"{name}.png", folder / kind / f"{name}.png")
    shutil.copyfile(REPOSITORY / "models" / "unet.onnx", folder / "models" / "unet.onnx")

    project.folder = folder
    project.ok("git", "init", "-q")
    project.ok("dvc", "init", "-q")
    words = ["--images", "images", "--masks", "masks", "--model", "models/unet.onnx"]
    output = project.ok("segmetrics", "init", *words, ".")
    (add,) = (line.split() for line in output.splitlines() if line.startswith("  dvc add"))
    project.ok(*add)
    project.repro()

    counts = {kind: np.zeros(3, np.int64) for kind in set(modality.values())}
    for name, kind in modality.items():
        reference = np.asarray(Image.open(folder / "masks" / f"{name}.png")) != 0
        written = folder / "results" / "predictions" / "test" / f"{name}.png"
        predicted = np.asarray(Image.open(written)) >= 128
        hit = (predicted & reference).sum()
        counts[kind] += np.array([hit, predicted.sum() - hit, reference.sum() - hit])
    metrics = json.loads((folder / "results" / "metrics.json").read_text())["test"]
    assert metrics["samples"] == 106
    tp, fp, fn = sum(counts.values())
    assert metrics["dice_pooled"] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-9)
    assert metrics["dice_pooled"] >= 0.94
    by_kind = {kind: 2 * c[0] / (2 * c[0] + c[1] + c[2]) for kind, c in counts.items()}
    assert by_kind["fluorescence"] > 0.94
    assert by_kind["histology"] > 0.86
    assert project.store()["statuses"] == ["FINISHED"]
