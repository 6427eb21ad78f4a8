"""From the stage to the verdict: leakage.json in time, out of date, missing; and what leaks add."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme, layout, result_settings
from segmetrics.data.samples import SampleRow
from segmetrics.errors import PromotionError
from segmetrics.evaluate import EvaluationOptions, evaluate_counts
from segmetrics.leakage.project import effect_of, has_stage, shared_groups
from segmetrics.recheck import look_again
from segmetrics.stats.aggregate import group_index
from segmetrics.tables import read_measurements


def row(name: str, split: str, group: str | None = None) -> SampleRow:
    return SampleRow(name, f"{name}.png", f"{name}.png", split, group or name, {})


def test_groups_in_two_splits():
    rows = [row("a", "test", "p"), row("b", "test", "q"), row("c", "train", "p")]
    shared = shared_groups([*rows, row("d", "aside", "q")], "test")
    assert shared.groups == {"p": ("train",), "q": ("aside",)}  # any split counts
    assert shared.samples == ("a", "b")
    assert shared.known
    assert not shared_groups([row("a", "test"), row("b", "train")], "test").known


def test_a_pipeline_with_the_stage_is_known_as_such(tmp_path, repository):
    templates = repository / "segmetrics" / "templates"
    assert has_stage(templates / "pipeline.yaml")
    assert has_stage(repository / "dvc.yaml")
    assert not has_stage(templates / "pipeline.minimal.yaml")
    assert not has_stage(tmp_path / "dvc.yaml")
    for way in ("cmd: python stages/leakage.py", "outs: [results/leakage.json]"):
        (tmp_path / "dvc.yaml").write_text(way)
        assert has_stage(tmp_path / "dvc.yaml")
    (tmp_path / "dvc.yaml").write_bytes(b"\xff\xfe")
    assert has_stage(tmp_path / "dvc.yaml")


@pytest.mark.parametrize("aggregate", ["pooled", "image_mean", "group_mean"])
def test_what_leaked_samples_add(run_measure, dataset, aggregate):
    measured = read_measurements(run_measure())
    rows = {r.id: row(r.id, "test", f"g{int(r.id[-1]) % 4}") for r in dataset.rows}
    options = EvaluationOptions(scored=("cell", "wall"))
    leaked = ["test1", "test5", "test6"]
    effect = effect_of(measured, rows, leaked, options, metric="dice", aggregate=aggregate)
    values = []
    for keep in (list(measured.ids), [i for i in measured.ids if i not in leaked]):
        places = np.array([measured.ids.index(i) for i in keep])
        scope = evaluate_counts(
            measured.observations.rows(places),
            group_index([rows[i].group for i in keep]),
            measured.classes,
            options,
        )
        values.append(scope.estimate("mean", aggregate, "dice").value)
    assert (effect.value, effect.without, effect.samples) == (*values, 6)
    assert effect.difference == values[0] - values[1] != 0
    all_of_them = effect_of(measured, rows, list(rows), options, metric="dice", aggregate=aggregate)
    assert (all_of_them.without, all_of_them.difference, all_of_them.samples) == (None, None, 0)


class Demo:
    """The demo project of the repository with two copies of training images, run by stages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stage(self, name: str, *arguments: str) -> None:
        sys.argv = [name, *arguments]
        assert not importlib.import_module(f"stages.{name}").main()

    def findings(self) -> dict[str, dict]:
        self.stage("check")
        verdict = json.loads(Path("results/verdict.json").read_text())
        return {f["name"]: f for f in verdict["findings"] if "leakage" in f["name"]}


@pytest.fixture
def demo(tmp_path, repository, monkeypatch) -> Demo:
    """Given predictions: the masks themselves."""
    for name in ("data", "baseline"):
        shutil.copytree(repository / name, tmp_path / name)
    shutil.copy(repository / "dvc.yaml", tmp_path)
    params = (repository / "params.yaml").read_text()
    params = params.replace("source: models/unet.onnx", "source: data/given")
    params = params.replace("[test, val, train]", "[test, train]").replace(
        "tune: val", "tune: null"
    )
    params = params.replace(
        "{decision: fixed, threshold: 0.5}", "{decision: argmax, threshold: null}"
    )
    (tmp_path / "params.yaml").write_text(params.replace("scores: true", "scores: false"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    header, *lines = Path("data/samples.csv").read_text().splitlines()
    test = [line for line in lines if ",test," in line][:8]
    train = [line for line in lines if ",train," in line][:8]
    Path("data/samples.csv").write_text("\n".join([header, *test, *train]) + "\n")
    for n in range(2):
        (_, source), (_, copy) = (line.split(",")[:2] for line in (train[n], test[n]))
        with Image.open(f"data/{source}") as picture:
            picture.transpose(Image.Transpose.ROTATE_180).save(f"data/{copy}")
    for split, listed in (("test", test), ("train", train)):
        for line in listed:
            name, _, mask = line.split(",")[:3]
            (tmp_path / "data/given" / split).mkdir(parents=True, exist_ok=True)
            shutil.copy(f"data/{mask}", f"data/given/{split}/{name}.png")
    project = Demo(tmp_path)
    for split in ("test", "train"):
        project.stage("samples", split)
        project.stage("infer", split)
    project.stage("operate")
    for split in ("test", "train"):
        project.stage("measure", split, f"results/predictions/{split}")
    project.stage("evaluate")
    return project


def test_from_the_stage_to_the_verdict(demo, capsys):
    missing = demo.findings()
    assert list(missing) == ["stale_leakage"]
    assert missing["stale_leakage"]["severity"] == "block"
    demo.stage("leakage")
    assert "2 similar" in capsys.readouterr().out
    assert Path("results/leakage_pairs.png").exists()
    found = demo.findings()
    assert list(found) == ["leakage_similar"]
    assert found["leakage_similar"]["severity"] == "block"
    assert "turned by 180 degrees" in found["leakage_similar"]["text"]
    assert found["leakage_similar"]["data"]["effect"]["samples"] == 6
    inputs = json.loads(Path("results/verdict.json").read_text())["inputs"]
    assert "results/leakage.json" in inputs

    report = Path("results/leakage.json")
    first = report.read_bytes()
    demo.stage("leakage")
    assert report.read_bytes() == first


def test_a_report_of_other_lists_or_settings_blocks(demo):
    demo.stage("leakage")
    report = Path("results/leakage.json")
    for key in ("results/samples/train.csv", "params.yaml"):
        data = json.loads(report.read_text())
        data["inputs"][key] = "0" * 64
        kept = report.read_bytes()
        report.write_text(json.dumps(data))
        found = demo.findings()
        assert list(found) == ["stale_leakage"]
        assert found["stale_leakage"]["severity"] == "block"
        assert key in found["stale_leakage"]["text"]
        report.write_bytes(kept)
    report.write_text("{}")
    assert demo.findings()["stale_leakage"]["severity"] == "block"
    report.unlink()
    Path("dvc.yaml").unlink()  # as a pipeline without the stage
    assert demo.findings()["leakage_unverified"]["severity"] == "warn"


def promotable() -> None:
    """The last thing that promotion checks about leakage."""
    settings = load_settings(Path("params.yaml"))
    files, scheme = layout(settings), label_scheme(settings)
    look_again(files, result_settings(settings), judged="test", scheme=scheme, workers=1)


def test_an_edited_report_is_not_promoted(demo):
    """`check` can only compare digests, which the one who edits leaves as they are."""
    promotable()  # without a report the verdict tells
    demo.stage("leakage")
    promotable()
    report = Path("results/leakage.json")
    data = json.loads(report.read_text())
    data["pairs"] = []
    data["counts"] |= {"similar": 0}
    data["samples"] |= {"similar": []}
    report.write_text(json.dumps(data))
    assert not demo.findings()  # as if there were no copies
    with pytest.raises(PromotionError, match="is not what the images and masks at hand give"):
        promotable()


def test_edited_fingerprints_are_not_promoted(demo):
    demo.stage("leakage")
    (store,) = Path("results/fingerprints").glob("images-*.npy")
    prints = np.load(store)
    prints["words"] = np.random.default_rng(0).integers(0, 2**63, prints["words"].shape)
    np.save(store, prints)
    demo.stage("leakage")
    assert "leakage_similar" not in demo.findings()
    with pytest.raises(PromotionError, match="is not what the images and masks at hand give"):
        promotable()


def test_other_files_of_one_image_within_the_judged_split_warn(demo):
    """A mirrored copy as a new group makes no value wrong, but the interval too narrow."""
    table = Path("data/samples.csv")
    lines = [line.split(",") for line in table.read_text().splitlines() if ",test," in line]
    one, two = lines[3:5]
    with Image.open(f"data/{one[1]}") as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(f"data/{two[1]}")
    demo.stage("samples", "test")
    demo.stage("leakage")
    found = demo.findings()
    assert found["leakage_within"]["severity"] == "warn"
    assert found["leakage_within"]["data"]["samples"] == [max(one[0], two[0])]
    assert found["leakage_within"]["data"]["effect"]["samples"] == 7
    assert "mirrored left to right" in found["leakage_within"]["text"]

    # In one group they are one thing.
    table.write_text(table.read_text().replace(f",test,{two[4]},", f",test,{one[4]},"))
    assert "leakage_within" not in demo.findings()


def test_the_same_pixels_in_another_file_and_group_block(demo):
    """Three images saved many times, with another text each, are no 84 patients."""
    table = Path("data/samples.csv")
    lines = [line.split(",") for line in table.read_text().splitlines() if ",test," in line]
    one, two = lines[3:5]
    path = Path(f"data/{one[1]}")
    with Image.open(path) as picture:
        text = PngImagePlugin.PngInfo()
        text.add_text("copy", "2")
        picture.save(f"data/{two[1]}", pnginfo=text)
    assert path.read_bytes() != Path(f"data/{two[1]}").read_bytes()
    demo.stage("samples", "test")
    demo.stage("leakage")
    found = demo.findings()
    assert found["leakage_repeated"]["severity"] == "block"
    assert found["leakage_repeated"]["data"]["samples"] == [max(one[0], two[0])]
    assert "leakage_within" not in found

    table.write_text(table.read_text().replace(f",test,{two[4]},", f",test,{one[4]},"))
    assert not {"leakage_repeated", "leakage_within"} & demo.findings().keys()


def test_copies_within_the_judged_split_block(demo):
    """Forty copies of the best image would turn `inconclusive` into `pass`."""
    table = Path("data/samples.csv")
    lines = [line.split(",") for line in table.read_text().splitlines() if ",test," in line]
    one, two = lines[3:5]
    assert one[4] != two[4]
    shutil.copy(f"data/{one[1]}", f"data/{two[1]}")
    demo.stage("samples", "test")
    demo.stage("leakage")
    found = demo.findings()["leakage_repeated"]
    assert found["severity"] == "block"
    assert found["data"]["samples"] == [max(one[0], two[0])]
    assert found["data"]["effect"]["samples"] == 7

    # In one group they are one thing, as any two images of a slide.
    table.write_text(table.read_text().replace(f",test,{two[4]},", f",test,{one[4]},"))
    assert "leakage_repeated" not in demo.findings()
