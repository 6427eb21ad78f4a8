"""The findings of a real project: the sampled training split, its gap, people, copies, ids."""

from __future__ import annotations

import importlib
import json
import shutil
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

from segmetrics.cli import main
from segmetrics.config import load_settings
from segmetrics.config.build import layout, question, spacing
from segmetrics.errors import DataError, PromotionError
from segmetrics.operating_point import read_operating_point
from segmetrics.recheck import measure_again

SPLITS = ("test", "train")


class Project:
    """Seven test and nine training samples, of which four are drawn; predictions are given."""

    def __init__(self, folder, outcome) -> None:
        self.folder, self._outcome = folder, outcome

    def params(self, **changes) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, values in changes.items():
            params[name] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def stage(self, name: str, *arguments: str):
        sys.argv = [f"stages/{name}.py", *arguments]
        return self._outcome(importlib.import_module(f"stages.{name}").main)

    def ok(self, *words: str) -> str:
        done = self.stage(*words)
        assert done.code == 0, done.err
        return done.out

    def predict(self) -> None:
        for split in SPLITS:
            self.ok("infer", split)
            self.ok("measure", split, f"results/predictions/{split}")

    def run(self) -> dict:
        for split in SPLITS:
            self.ok("samples", split)
        self.ok("operate")
        self.predict()
        return self.judge()

    def judge(self) -> dict:
        self.ok("evaluate")
        return self.check()

    def check(self) -> dict:
        self.ok("check")
        return self.read("verdict.json")

    def read(self, name: str) -> dict:
        return json.loads((self.folder / "results" / name).read_text())

    def dice(self, ids) -> list[float]:
        values = []
        for name in ids:
            split = name.rstrip("0123456789")
            true = np.asarray(Image.open(self.folder / "data/masks" / f"{name}.png")) == 1
            made = np.asarray(Image.open(self.folder / "given" / split / f"{name}.png")) == 1
            values.append(2 * (true & made).sum() / (true.sum() + made.sum()))
        return values


@pytest.fixture
def project(dataset, tmp_path, outcome, monkeypatch, repository) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(repository)
    monkeypatch.setattr(sys, "argv", sys.argv)
    rng = np.random.default_rng(3)
    for split, n, wrong in (("test", 7, 0.10), ("train", 9, 0.02)):
        dataset.fill(n, split=split)
        for row in [r for r in dataset.rows if r.split == split]:
            mask = np.asarray(Image.open(dataset.root / row.mask))
            flipped = mask ^ (rng.random(mask.shape) < wrong)
            path = tmp_path / "given" / split / f"{row.id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(flipped.astype(np.uint8)).save(path)
    done = outcome(main, ["init", "--predictions", "given", "--domain", "balanced"])
    assert done.code == 0, done.err
    dataset.write_csv()
    made = Project(tmp_path, outcome)
    made.params(
        data={"splits": [*SPLITS], "compare": "train"},
        checks={"overfit": {"warn": 0.05, "max": 0.2, "sample": 4}},
        operating_point={"decision": "argmax", "threshold": None},
        statistics={"resamples": 500},
    )
    return made


def finding(verdict: dict, name: str) -> dict:
    (found,) = [f for f in verdict["findings"] if f["name"] == name]
    return found


def names(verdict: dict) -> set[str]:
    return {f["name"] for f in verdict["findings"]}


def test_the_gap_of_a_sampled_training_split_is_that_of_numpy(project):
    verdict = project.run()
    splits = project.read("evaluation.json")["splits"]
    assert splits["train"]["sampled"] == {"n": 4, "of": 9}
    assert splits["test"]["sampled"] is None
    drawn = sorted(p.stem for p in (project.folder / "results/predictions/train").glob("*.png"))
    assert len(drawn) == 4
    gap = finding(verdict, "overfit")
    means = [np.mean(project.dice(ids)) for ids in (drawn, [f"test{i}" for i in range(7)])]
    assert gap["data"]["train"] == pytest.approx(means[0], abs=1e-12)
    assert gap["data"]["test"] == pytest.approx(means[1], abs=1e-12)
    assert gap["data"]["gap"] == pytest.approx(means[0] - means[1], abs=1e-12)
    assert gap["data"]["low"] < gap["data"]["gap"] < gap["data"]["high"]
    assert gap["severity"] == "warn"
    assert "(4 of 9 samples)" in gap["text"]


def test_the_sample_list_still_holds_everybody(project):
    project.run()
    lines = (project.folder / "results/samples/train.csv").read_text().splitlines()
    assert len(lines) == 10


def test_limits_decide_without_predicting_again(project):
    project.run()
    project.params(checks={"overfit": {"warn": 0.01, "max": 0.02, "sample": 4}})
    verdict = project.check()
    assert finding(verdict, "overfit")["severity"] == "block"
    assert verdict["decision"] == "fail"


def test_another_sample_size_makes_the_tables_stale(project):
    project.run()
    project.params(checks={"overfit": {"warn": 0.05, "max": 0.2, "sample": 5}})
    for stage in ("check", "evaluate"):
        done = project.stage(stage)
        assert done.code == 2
        assert "1 samples are not in all of samples.csv, sample list and tables" in done.err
    project.predict()
    assert "stale_predictions" not in names(project.judge())
    assert project.read("evaluation.json")["splits"]["train"]["sampled"] == {"n": 5, "of": 9}


def perfect_mean(folder):
    path = folder / "results" / "evaluation.json"
    data = json.loads(path.read_text())
    for estimate in data["splits"]["test"]["mean"]["pooled"].values():
        estimate.update(value=0.999, low=0.998, high=1.0)
    path.write_text(json.dumps(data))
    return path


def more_groups(folder):
    path = folder / "results" / "evaluation.json"
    data = json.loads(path.read_text())
    data["splits"]["test"]["classes"]["foreground"]["pooled"]["dice"]["groups"] += 1
    path.write_text(json.dumps(data))
    return path


def one_slice_less(folder):
    path = folder / "results" / "evaluation.json"
    data = json.loads(path.read_text())
    data["splits"]["test"]["slices_left_out"] = {}
    data["splits"]["test"]["slices"] = {"scanner": {}}
    path.write_text(json.dumps(data))
    return path


def better_metrics(folder):
    path = folder / "results" / "metrics.json"
    data = json.loads(path.read_text())
    data["test"]["dice_pooled"] += 1e-6
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("edit", [perfect_mean, more_groups, one_slice_less, better_metrics])
def test_check_does_not_believe_edited_numbers(project, edit):
    project.run()
    (project.folder / "results" / "verdict.json").unlink()
    path = edit(project.folder)
    done = project.stage("check")
    assert done.code == 2
    name = path.relative_to(project.folder).as_posix()
    said = f"error: {name}: is not what the tables give: it was edited, or written by another"
    assert said in done.err
    assert "run `dvc repro -f -s evaluate`, then `dvc repro`" in done.err
    assert not (project.folder / "results" / "verdict.json").exists()
    assert project.judge()["decision"] in ("pass", "fail")  # the way out


def test_check_lets_the_last_digit_of_another_processor_pass(project):
    project.run()
    path = project.folder / "results" / "evaluation.json"
    data = json.loads(path.read_text())
    mean = data["splits"]["test"]["mean"]["image_mean"]["dice"]
    mean["value"] = float(np.nextafter(mean["value"], 0))
    path.write_text(json.dumps(data))
    assert project.check()["rules"]


def test_all_samples_with_null(project):
    project.params(checks={"overfit": {"warn": 0.05, "max": 0.2, "sample": None}})
    project.run()
    assert project.read("evaluation.json")["splits"]["train"]["sampled"] is None
    assert project.read("metrics.json")["train"]["samples"] == 9


def test_the_split_that_is_tuned_on_is_never_cut_down(project):
    project.params(data={"tune": "train"})
    project.run()
    assert project.read("metrics.json")["train"]["samples"] == 9


def test_predictions_of_samples_that_are_not_drawn_may_be_missing(project):
    project.run()
    drawn = {p.stem for p in (project.folder / "results/predictions/train").glob("*.png")}
    for path in (project.folder / "given/train").glob("*.png"):
        if path.stem not in drawn:
            path.unlink()
    shutil.rmtree(project.folder / "results")
    assert finding(project.run(), "overfit")["severity"] == "warn"
    (project.folder / "given/train" / f"{min(drawn)}.png").unlink()
    done = project.stage("infer", "train")
    assert f'no prediction for the sample "{min(drawn)}"' in done.err


def test_a_folder_that_no_stage_wrote_is_measured_directly(project):
    for split in SPLITS:
        project.ok("samples", split)
    project.ok("operate")
    assert project.ok("measure", "train", "given/train") == "train: 4 of 9 pairs measured\n"
    project.ok("measure", "test", "given/test")
    verdict = project.judge()
    assert finding(verdict, "overfit")["data"]["sampled"] == "4 of 9"
    assert "stale_predictions" not in names(verdict)
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(project.folder / "given/train/other.png")
    assert (
        "belongs to no sample of this split" in project.stage("measure", "train", "given/train").err
    )


def test_promotion_measures_the_same_samples_again(project):
    project.run()
    settings = load_settings(project.folder / "params.yaml")
    files = layout(settings)
    point = read_operating_point(files.operating_point)
    measure_again(files, question(settings, point), spacing(settings), 1)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(project.folder / "data/masks/train0.png")
    with pytest.raises((PromotionError, DataError), match=r"train0\.png: changed since"):
        measure_again(files, question(settings, point), spacing(settings), 1)


def test_without_a_training_split_nothing_is_known(project):
    project.params(data={"compare": None})
    found = finding(project.run(), "overfit_unverified")
    assert (found["severity"], found["data"]) == ("warn", {"reason": "data.compare is null"})


def test_a_class_that_the_drawn_samples_lack_leaves_the_gap_unverified(project):
    project.run()
    for drawn in (project.folder / "results/predictions/train").glob("*.png"):
        path = project.folder / "data/masks" / drawn.name
        empty = np.zeros_like(np.asarray(Image.open(path)))
        Image.fromarray(empty).save(path)
        Image.fromarray(empty).save(project.folder / "given/train" / path.name)
    found = finding(project.run(), "overfit_unverified")
    assert "dice (image_mean) of train is undefined" in found["text"]


def test_predictions_that_are_the_references(project):
    for path in (project.folder / "data/masks").glob("test*.png"):
        shutil.copy(path, project.folder / "given/test" / path.name)
    verdict = project.run()
    found = finding(verdict, "suspicious_perfection")
    assert found["severity"] == "warn"
    assert found["data"] == {"dice": 1.0, "iou": 1.0, "images": 7, "pixels_alike": 7}
    found = finding(verdict, "reference_copies")
    assert (found["severity"], verdict["decision"]) == ("block", "fail")
    assert found["data"] == {"images": 7, "bytes_alike": 7}
    project.params(checks={"copies": "warn"})
    assert finding(project.check(), "reference_copies")["severity"] == "warn"


def test_ignored_pixels_are_counted_and_an_image_without_its_class_is_named(project):
    """Void where the model is wrong makes it perfect; what it hides is said."""
    project.params(data={"ignore": [255]})
    assert "ignored_pixels" not in names(project.run())
    shares, pixels = [], 0
    for path in sorted((project.folder / "data/masks").glob("test*.png")):
        mask = np.asarray(Image.open(path))
        made = np.asarray(Image.open(project.folder / "given/test" / path.name))
        void = (mask == 1) | (made == 1) if path.stem == "test2" else (mask != made)
        Image.fromarray(np.where(void, 255, mask).astype(np.uint8)).save(path)
        shares.append((void.mean(), void.sum()))
        pixels += mask.size
    verdict = project.run()
    found = finding(verdict, "ignored_pixels")
    assert (found["severity"], found["data"]["ids"]) == ("warn", ["test2"])
    assert found["data"]["share"] == pytest.approx(sum(n for _, n in shares) / pixels, abs=1e-12)
    assert found["data"]["highest"] == pytest.approx(max(s for s, _ in shares), abs=1e-12)
    assert "1 of 7 images hold ignored pixels and none of a scored class" in found["text"]
    assert "test2" not in found["text"]
    assert "are the errors ignored?" in finding(verdict, "suspicious_perfection")["text"]


def test_a_human_ceiling_stands_beside_the_bounds(project):
    project.params(checks={"human_ceiling": {"dice": 0.74, "source": "second observer"}})
    found = finding(project.run(), "human_ceiling")
    assert found["data"]["rules_above"] == ["dice"]
    assert found["data"]["human_is_good"] is False


def test_an_image_that_fails_is_named_in_the_data_and_not_in_the_text(project):
    path = project.folder / "given/test/test3.png"
    mask = np.asarray(Image.open(project.folder / "data/masks/test3.png"))
    Image.fromarray(1 - mask).save(path)
    verdict = project.run()
    found = finding(verdict, "catastrophic_images")
    assert found["data"]["ids"] == ["test3"]
    worst = project.read("evaluation.json")["splits"]["test"]["worst"]["foreground"]
    assert worst["images"][0] == {"id": "test3", "dice": 0.0, "precision": 0.0, "recall": 0.0}
    assert not [f for f in verdict["findings"] if "test3" in f["text"]]
    shown = project._outcome(main, ["verdict"])
    assert "(images: test3)" in shown.out


def test_the_order_of_samples_changes_no_finding(project):
    verdict = project.run()
    path = project.folder / "data/samples.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(lines)]) + "\n")
    for split in SPLITS:
        project.ok("samples", split)
    assert project.judge()["findings"] == verdict["findings"]


@pytest.mark.parametrize(("domain", "severity"), [("balanced", "block"), ("custom", "warn")])
def test_empty_images_do_not_make_a_model_that_finds_nothing_pass(project, domain, severity):
    """Six of seven images lack the class: predicting nothing has a mean Dice of 6/7."""
    for path in sorted((project.folder / "data/masks").glob("test*.png")):
        empty = np.zeros_like(np.asarray(Image.open(path)))
        Image.fromarray(empty).save(project.folder / "given/test" / path.name)
        if path.stem != "test3":
            Image.fromarray(empty).save(path)
    project.params(measure={"both_empty": "one"})
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    rules = {"dice": {"metric": "dice", "at_least": 0.8}}
    params |= {"domain": domain, "rules": rules if domain == "custom" else {}}
    (project.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    verdict = project.run()
    assert {r["outcome"] for r in verdict["rules"]} == {"pass"}
    assert verdict["grade"] == "good"
    found = finding(verdict, "empty_images")
    assert (found["severity"], found["data"]["grade"]) == (severity, "bad")
    assert (found["data"]["dice"], found["data"]["dice_without"]) == (pytest.approx(6 / 7), 0.0)
    if severity == "block":
        assert verdict["decision"] == "fail"


def test_without_the_convention_there_is_nothing_to_say(project):
    assert "empty_images" not in names(project.run())
    project.params(measure={"both_empty": "one"})
    assert "empty_images" not in names(project.run())  # every image holds the class
