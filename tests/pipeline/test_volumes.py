"""A 3-D model on NIfTI volumes of two channels, through a real `dvc repro`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

nibabel = pytest.importorskip("nibabel", reason="NIfTI needs nibabel")
pytestmark = pytest.mark.pipeline

CLASSES = {"background": 0, "white": 1, "grey": 4}
SPLITS = {"test": 4, "val": 2, "train": 2}
SHAPES = ((24, 20, 9), (16, 24, 12))
AFFINE = np.array([[0.0, -0.5, 0, 12], [0.5, 0, 0, -3], [0, 0, 7.5, 40], [0, 0, 0, 1]])


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(array, AFFINE).to_filename(path)


def load(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


def write_volumes(folder: Path) -> None:
    """Channel k is bright where the k-th tissue is; the model looks for just that."""
    rng = np.random.default_rng(3)
    rows = ["id,image,image:flair,mask,split,group"]
    for split, n in SPLITS.items():
        for i in range(n):
            name, shape = f"{split}-{i}", SHAPES[i % 2]
            coarse = rng.integers(0, 3, tuple(-(-side // 8) for side in shape))
            coarse.flat[:3] = 0, 1, 2
            index = np.kron(coarse, np.ones((8, 8, 8), np.int64))[tuple(map(slice, shape))]
            for k, channel in enumerate(("t1", "flair"), start=1):
                bright = np.where(index == k, 900, 100) + rng.integers(-60, 60, shape)
                write(folder / channel / f"{name}.nii.gz", bright.astype(np.int16))
            labels = np.array(list(CLASSES.values()), np.uint8)[index]
            write(folder / "masks" / f"{name}.nii.gz", labels)
            files = (f"{kind}/{name}.nii.gz" for kind in ("t1", "flair", "masks"))
            rows.append(",".join([name, *files, split, f"{split}{i}"]))
    (folder / "samples.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture
def volumes(project: Any, models: Any, tmp_path: Path) -> Any:
    """A committed project of volumes that has not run yet."""
    project.folder = tmp_path / "volumes"
    project.folder.mkdir()
    for words in (
        ("git", "init", "-q"),
        ("git", "config", "user.email", "tests@example.org"),
        ("git", "config", "user.name", "Tests"),
        ("dvc", "init", "-q"),
        ("dvc", "config", "core.analytics", "false"),
        ("segmetrics", "init", "--domain", "medical", "."),
    ):
        project.ok(*words)
    write_volumes(project.folder / "data")
    models.unet_3d(project.folder / "models" / "unet.onnx")

    def fit(params: dict[str, Any]) -> None:
        params["data"] |= {
            "splits": list(SPLITS),
            "compare": "train",
            "tune": "val",
            "classes": CLASSES,
            "exclude": ["background"],
        }
        params["infer"] |= {"scale": 1000.0, "multiple": 2}
        params["operating_point"] = {"decision": "argmax", "threshold": None}
        # What is tested is the way of the data; four volumes prove nothing of a model.
        params["gate"] = {"enforce": False}

    project.params(fit)
    project.ok("git", "add", ".")
    project.ok("git", "commit", "-qm", "start")
    return project


def test_volumes_go_through_the_whole_pipeline(volumes: Any) -> None:
    volumes.repro()
    folder, counts = volumes.folder, np.zeros((2, 3), np.int64)
    with (folder / "data" / "samples.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test"]
    for row in rows:
        path = folder / "results" / "predictions" / "test" / f"{row['id']}.nii.gz"
        image = nibabel.load(folder / "data" / row["image"])
        written = nibabel.load(path)
        assert (written.affine == image.affine).all()
        assert written.header.get_zooms() == image.header.get_zooms()
        predicted, true = load(path), load(folder / "data" / row["mask"])
        for c, value in enumerate((1, 4)):
            p, t = predicted == value, true == value
            counts[c] += (p & t).sum(), (p & ~t).sum(), (~p & t).sum()
    metrics = json.loads((folder / "results" / "metrics.json").read_text())["test"]
    for (tp, fp, fn), name in zip(counts, ("white", "grey"), strict=True):
        dice = 2 * tp / (2 * tp + fp + fn)
        assert dice > 0.7
        assert metrics[name]["dice_pooled"] == pytest.approx(dice, abs=1e-12)
    listed = (folder / "results" / "samples" / "test.csv").read_text().splitlines()
    assert "image:flair,image_sha256:flair" in listed[0]
    assert listed[1].endswith(",0.5x0.5x7.5")

    assert volumes.repro() == set()
    second = folder / "data" / "flair" / "test-1.nii.gz"
    write(second, np.full(SHAPES[1], 900, np.int16))
    ran = volumes.repro()
    assert {"samples@test", "infer@test", "measure@test"} <= ran
    after = json.loads((folder / "results" / "metrics.json").read_text())["test"]
    assert after["grey"]["precision_pooled"] < metrics["grey"]["precision_pooled"]


def test_a_volume_of_another_place_than_its_mask_is_refused(volumes: Any) -> None:
    path = volumes.folder / "data" / "masks" / "test-0.nii.gz"
    turned = np.diag([-1.0, -1.0, 1.0, 1.0]) @ AFFINE
    nibabel.Nifti1Image(load(path), turned).to_filename(path)
    done = volumes.run("dvc", "repro", "infer@test")
    assert done.returncode != 0
    assert "test-0.nii.gz" in done.stderr
    assert "grid" in done.stderr
