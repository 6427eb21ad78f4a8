"""The stages samples, infer, operate and measure in a project: results, messages, exit codes."""

from __future__ import annotations

import importlib
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from segmetrics.cli import main
from segmetrics.tables import read_measurements

MEASURE = ("measure", "test", "results/predictions/test")


class Project:
    """A project folder; stages run in this process, as `python -m` runs them."""

    def __init__(
        self, folder: Path, dataset: Any, models: Any, outcome: Callable[..., Any]
    ) -> None:
        self.folder, self.data, self.models = folder, dataset, models
        self._outcome = outcome

    def params(self, section: str, **values: Any) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        params[section] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def stage(self, name: str, *arguments: str) -> Any:
        module = importlib.import_module(f"stages.{name}")
        sys.argv = [f"stages/{name}.py", *arguments]
        return self._outcome(module.main)

    def ok(self, *words: str) -> str:
        done = self.stage(*words)
        assert done.code == 0, done.err
        return done.out

    def refused(self, *words: str) -> str:
        """The message of a stage that ends with 2."""
        done = self.stage(*words)
        assert done.code == 2
        assert done.err.startswith("error: ")
        return done.err.removeprefix("error: ").rstrip("\n")


@pytest.fixture
def project(dataset, tmp_path, models, outcome, monkeypatch, repository) -> Project:
    """Four samples of 0/1 masks and a model that gives probabilities."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(repository)
    monkeypatch.setattr(sys, "argv", sys.argv)
    dataset.fill(4)
    models.brightness(tmp_path / "models" / "unet.onnx", level=0.45)
    options = ["--images", "data/images", "--masks", "data/masks"]
    assert outcome(main, ["init", *options, "--model", "models/unet.onnx"]).code == 0
    return Project(tmp_path, dataset, models, outcome)


def test_the_chain_from_images_to_tables(project):
    assert project.ok("samples", "test") == "test: 4 samples checked\n"
    assert project.ok("infer", "test") == "test: 4 predictions (probability)\n"
    assert project.ok("operate") == "operating point: fixed, threshold 0.5\n"
    assert project.ok(*MEASURE) == "test: 4 pairs measured\n"
    tp = 0
    for row in project.data.rows:
        image = np.asarray(Image.open(project.data.root / row.image)) / np.float32(255)
        mask = np.asarray(Image.open(project.data.root / row.mask))
        tp += int(((image >= np.float32(0.45)) & (mask == 1)).sum())
    measured = read_measurements(project.folder / "results/measurements/test")
    assert measured.counts.tp.sum(axis=0)[1] == tp
    point = json.loads((project.folder / "results/operating_point.json").read_text())
    assert point == {"threshold": 0.5, "source": "fixed"}


def test_a_threshold_is_tuned_and_then_measured_with(project):
    """The split tunes and is judged here, which `check` would block; the stages do as they say."""
    project.params("data", tune="test")
    project.params("measure", scores=True)
    project.params("operating_point", decision="tuned", threshold=None)
    assert project.refused("operate").startswith("results/samples/test.csv: there is no such file")
    project.ok("samples", "test")
    assert "needs a folder of predictions" in project.refused("operate")
    assert project.refused("operate", "results/predictions") == (
        "results/predictions/test: there is no such folder"
    )
    project.ok("infer", "test")
    told = project.ok("operate", "results/predictions")
    written = json.loads((project.folder / "results/operating_point.json").read_text())
    assert written["source"] == "tuned"
    assert written["tuned_on"] == "test"
    assert written["objective"] == "f1"
    shown = f"{written['threshold']:g} (f1: {written['value']:.4f} on test)"
    assert told.splitlines()[-1] == f"operating point: tuned, threshold {shown}"
    project.ok(*MEASURE)
    measured = read_measurements(project.folder / "results/measurements/test")
    counts = measured.counts.sum()
    dice = 2 * counts.tp[1] / (2 * counts.tp[1] + counts.fp[1] + counts.fn[1])
    assert written["value"] == pytest.approx(dice, abs=1e-15)


def huge() -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 0) + b"IDAT" + b"\x35\xaf\x06\x1e"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (b"text", "not a picture that can be read; expected PNG, TIFF, BMP or JPEG"),
        (huge(), "decompression bomb: Image size (3600000000 pixels) exceeds limit"),
    ],
)
@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_file_that_cannot_be_read(project, kind, content, text):
    path = project.folder / "data" / kind / "test1.png"
    path.unlink() if content is None else path.write_bytes(content)
    message = project.refused("samples", "test")
    assert message.startswith(f"data/{kind}/test1.png: {text}")
    assert "\n" not in message
    assert not (project.folder / "results").exists()


@pytest.mark.parametrize(
    ("pixels", "text"),
    [
        (np.zeros((16, 16, 3), np.uint8), "is a RGB picture (16x16x3), not a mask"),
        (np.full((16, 16), 3, np.uint8), "undeclared label 3 (256 pixels); declare it"),
        (np.eye(16, dtype=np.uint8) * 255, "holds only 0 and 255 (16 pixels of 255), which"),
        (np.zeros((8, 16), np.uint8), "the mask is 8 x 16, its image data/images/test1.png is 16"),
    ],
)
def test_a_mask_that_cannot_be_used(project, pixels, text):
    Image.fromarray(pixels).save(project.folder / "data/masks/test1.png")
    assert project.refused("samples", "test").startswith(f"data/masks/test1.png: {text}")


def test_samples_csv_with_problems(project):
    path = project.folder / "data" / "samples.csv"
    path.write_text(path.read_text() + "TEST0,a,b,test\n../x,c,b,test\nshort\n")
    assert project.refused("samples", "test").splitlines() == [
        "data/samples.csv: 3 problems",
        '  data/samples.csv:6: the id "TEST0" is that of line 2 already; give every row an id '
        "of its own",
        '  data/samples.csv:7: the id "../x" cannot be a file name; use letters, digits and _ - . '
        '(ids become file names: no / \\ : * ? " < > |)',
        "  data/samples.csv:8: 1 fields instead of 4, as many as the header has; write an empty "
        "field between commas, and text with commas in double quotes",
    ]


def test_a_split_without_samples(project):
    project.params("data", splits=["test", "val"])
    assert project.refused("samples", "val") == (
        'data/samples.csv: no samples in the split "val" (splits there: test); '
        "mend the split column or data.splits in params.yaml"
    )


def test_a_missing_root(project):
    project.params("data", root="gone")
    assert project.refused("samples", "test") == (
        'data.root: there is no folder "gone"; mend params.yaml'
    )


def test_stages_out_of_order(project):
    assert project.refused("infer", "test").startswith(
        "results/samples/test.csv: there is no such file"
    )
    project.ok("samples", "test")
    assert project.refused(*MEASURE).startswith("results/operating_point.json: not an operating")
    project.ok("operate")
    lines = project.refused(*MEASURE).splitlines()
    assert lines == ["results/predictions/test: there is no such folder"]


@pytest.mark.parametrize(
    ("maker", "options", "text"),
    [
        ("logits", {}, "expected probabilities in [0, 1], found values from -"),
        ("levels", {"k": 3}, "gives 3 channels [N, 3, H, W]; data.classes declares 2 classes"),
        ("without_channels", {}, "expected an input float32 [N, C, H, W] or [N, C, D, H, W]"),
        ("finished_labels", {}, "expected an output [N, K, H, W] of one score per class, found"),
        ("half_size", {}, "expected an output ["),
        ("not_a_number", {}, "gives NaN or infinite scores; check its export"),
        ("brightness", {"size": (16, 16)}, "takes only 16 x 16 pixels, infer.size is null"),
        ("weights_elsewhere", {}, 'keeps its weights in another file ("weights.bin")'),
    ],
)
def test_a_model_that_does_not_fit(project, maker, options, text):
    getattr(project.models, maker)(project.folder / "models" / "unet.onnx", **options)
    project.ok("samples", "test")
    assert project.refused("infer", "test").startswith(f"models/unet.onnx: {text}")
    assert not (project.folder / "results/predictions/test/manifest.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("unet.onnx", b"no model", "cannot be loaded as an ONNX model ("),
        ("unet.pt", b"\x80\x04.", "only ONNX models are loaded (other formats may execute code)"),
        ("unet.pkl", b"\x80\x04.", "only ONNX models are loaded (other formats may execute code)"),
        ("gone.onnx", None, "there is no such model; mend infer.source in params.yaml"),
    ],
)
def test_a_file_that_is_no_model(project, name, content, text):
    if content is not None:
        (project.folder / "models" / name).write_bytes(content)
    project.params("infer", source=f"models/{name}")
    project.ok("samples", "test")
    assert project.refused("infer", "test").startswith(f"models/{name}: {text}")


def test_label_maps_with_a_fixed_threshold(project):
    project.models.levels(project.folder / "models" / "unet.onnx", 2)
    for words in (("samples", "test"), ("infer", "test"), ("operate",)):
        project.ok(*words)
    assert project.refused(*MEASURE) == (
        'operating_point.decision: "fixed" needs probabilities, results/predictions/test holds '
        "label maps; set operating_point: {decision: argmax, threshold: null}"
    )


def test_probabilities_with_argmax(project):
    project.params("operating_point", decision="argmax", threshold=None)
    for words in (("samples", "test"), ("infer", "test"), ("operate",)):
        project.ok(*words)
    assert project.refused(*MEASURE) == (
        'operating_point.decision: "argmax" needs label maps, results/predictions/test holds '
        "probabilities; set operating_point: {decision: fixed, threshold: 0.5}"
    )


def test_another_process_warns_about_jpeg_and_ends_without_traceback(project):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=project.folder,
            env=os.environ | {"COLUMNS": "160"},
            capture_output=True,
            text=True,
            check=False,
        )

    project.params("data", encoding="binary")
    square = np.zeros((16, 16), np.uint8)
    square[3:12, 5:9] = 255
    Image.fromarray(square).save(project.folder / "data/masks/test1.png", "JPEG")
    done = run("stages.samples", "test")
    assert (done.returncode, done.stdout) == (0, "test: 4 samples checked\n")
    assert done.stderr.startswith("warning: data/masks/test1.png (")
    assert "JPEG masks are lossy" in done.stderr
    (project.folder / "models" / "unet.onnx").write_bytes(b"no model")
    done = run("stages.infer", "test")
    assert done.returncode == 2
    assert done.stderr.startswith("error: models/unet.onnx: cannot be loaded as an ONNX model (")
    assert "Traceback" not in done.stderr
