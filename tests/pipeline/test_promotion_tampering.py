"""Files edited between gate and promotion: every way is refused, and named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from segmetrics.cli import main

pytestmark = pytest.mark.pipeline


def fresh(path: Path) -> Path:
    """A file of its own: it may be a read-only link into DVC's cache."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


def replaced(path: Path, old: str, new: str) -> None:
    text = fresh(path).read_text()
    assert re.search(old, text), (path, old)
    path.write_text(re.sub(old, new, text, count=1))


def edited(path: Path, change) -> None:
    data = json.loads(fresh(path).read_text())
    change(data)
    path.write_text(json.dumps(data, indent=1) + "\n")


def repainted(path: Path) -> None:
    with Image.open(path) as picture:
        pixels = np.asarray(picture).copy()
    path.unlink()
    pixels[0, 0] = 255 - pixels[0, 0] if pixels.max() > 1 else 1 - pixels[0, 0]
    Image.fromarray(pixels).save(path)


def rule_value(folder):
    edited(folder / "results/verdict.json", lambda d: d["rules"][0].update(value=0.999))


def finding_gone(folder):
    edited(folder / "results/verdict.json", lambda d: d["findings"].clear())


def verdict_gone(folder):
    (folder / "results/verdict.json").unlink()


def short_metrics(folder):
    edited(folder / "results/metrics.json", lambda d: d["test"].update(dice_pooled=0.999))


def evaluation_value(folder):
    mean = ("splits", "test", "mean", "pooled", "dice")

    def change(data):
        for key in mean:
            data = data[key]
        data["value"] = 0.999

    edited(folder / "results/evaluation.json", change)


def table_rows(folder):
    path = folder / "results/measurements/test/images.parquet"
    table = pq.read_table(path)
    fp = table.column("fp").to_numpy().copy() * 0
    path.unlink()
    at = table.schema.get_field_index("fp")
    pq.write_table(table.set_column(at, "fp", pa.array(fp)), path)


def table_gone(folder):
    (folder / "results/measurements/test/confusion.parquet").unlink()


def other_model(folder):
    fresh(folder / "models/unet.onnx").write_bytes(b"\0")


def prediction(folder):
    repainted(folder / "results/predictions/test/test-1.png")


def mask(folder):
    repainted(folder / "data/masks/test-1.png")


def image(folder):
    repainted(folder / "data/images/test-1.png")


def train_mask(folder):
    repainted(folder / "data/masks/train-1.png")


def manifest(folder):
    replaced(folder / "results/predictions/test/manifest.json", r'"source": ?"', '"source": "0')


def sample_list(folder):
    path = fresh(folder / "results/samples/test.csv")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


def samples(folder):
    path = folder / "data/samples.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


def threshold(folder):
    replaced(folder / "results/operating_point.json", r"0\.5", "0.25")


def leakage(folder):
    edited(folder / "results/leakage.json", lambda d: d.update(edited=1))


def leakage_gone(folder):
    (folder / "results/leakage.json").unlink()


def looser_rule(folder):
    replaced(folder / "params.yaml", r"at_least: 0\.75", "at_least: 0.5")


def looser_grade(folder):
    replaced(folder / "params.yaml", r"dice: 0\.8\n", "dice: 0.7\n")


def fewer_checks(folder):
    replaced(folder / "params.yaml", r"similar: block", "similar: note")


def other_domain(folder):
    replaced(folder / "params.yaml", r"domain: medical", "domain: balanced")


def another_baseline(folder):
    (folder / "baseline" / "baseline.json").write_text("{}")


EDITS = {
    rule_value: "verdict.json: is not what its inputs give",
    finding_gone: "verdict.json: is not what its inputs give",
    verdict_gone: "verdict.json: there is no such file",
    short_metrics: "metrics.json: is not what the tables give",
    evaluation_value: "evaluation.json: is not what the tables give",
    table_rows: "images.parquet: its rows are not those that were written",
    table_gone: "confusion.parquet: there is no such table",
    other_model: "was computed from other files or settings: models/unet.onnx",
    prediction: "measurements/test: is not what the masks and predictions at hand give",
    mask: "masks/test-1.png: changed since it was listed",
    image: "images/test-1.png: changed since it was listed",
    train_mask: "masks/train-1.png: changed since it was listed",
    manifest: "results/predictions/test/manifest.json",
    sample_list: "samples are not in all of samples.csv, sample list and tables: test-5",
    samples: "samples.csv",
    threshold: "edited or stale (results/operating_point.json changed)",
    leakage: "leakage.json",
    leakage_gone: "leakage.json",
    looser_rule: "evaluation.json: is not what the tables give: edited or stale (params.yaml",
    looser_grade: "was computed from other files or settings: params.yaml",
    fewer_checks: "was computed from other files or settings: params.yaml",
    other_domain: "was computed from other files or settings: params.yaml",
    another_baseline: "baseline",
}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_what_was_edited_is_refused_and_named(finished, tmp_path, monkeypatch, outcome, edit):
    project = finished.copy(tmp_path / "project")
    edit(project.folder)
    monkeypatch.chdir(project.folder)
    # Nothing is there: whoever gets as far as the server is refused for this reason.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    done = outcome(main, ["promote", "--allow-first"])
    assert done.code in (1, 2), done.err
    assert EDITS[edit] in done.err, done.err
    assert ";" in done.err  # and what would do


def test_what_was_not_edited_gets_as_far_as_the_server(finished, tmp_path, monkeypatch, outcome):
    monkeypatch.chdir(finished.copy(tmp_path / "project").folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    done = outcome(main, ["promote", "--allow-first"])
    assert (done.code, done.out) == (3, "")
    assert "there is no such MLflow store" in done.err
