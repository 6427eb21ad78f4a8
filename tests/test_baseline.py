"""Baselines of a real project: set, shown, compared with, refused where edited."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from segmetrics.cli import main

N = 40
USUAL = {"against": "baseline", "metric": "dice", "class": "foreground", "margin": 0.02,
         "statistic": "conservative"}  # fmt: skip


class Project:
    """Forty test samples, every fourth of scanner B; given predictions that err at a rate."""

    def __init__(self, folder, outcome) -> None:
        self.folder, self._outcome = folder, outcome
        self.masks: dict[str, np.ndarray] = {}

    def params(self, **changes) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, values in changes.items():
            params[name] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def rule(self, **fields) -> None:
        self.params(rules={"no_worse": {**USUAL, **fields}})

    def cli(self, *words: str):
        return self._outcome(main, list(words))

    def stage(self, name: str, *arguments: str) -> str:
        sys.argv = [f"stages/{name}.py", *arguments]
        done = self._outcome(importlib.import_module(f"stages.{name}").main)
        assert done.code == 0, done.err
        return done.out

    def write(self, kind: str, name: str, mask) -> None:
        path = self.folder / kind / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(mask, np.uint8)).save(path)

    def predict(self, wrong, only: str = "") -> None:
        """Flip the first `wrong` (a share, by sample) of the foreground of every mask."""
        for i, (name, mask) in enumerate(self.masks.items()):
            if only and self.scanner(i) != only:
                continue
            made = mask.copy()
            inside = np.flatnonzero(mask.ravel() == 1)
            made.ravel()[inside[: int(inside.size * wrong)]] = 0
            self.write("given/test", name, made)

    @staticmethod
    def scanner(i: int) -> str:
        return "B" if i % 4 == 0 else "A"

    def samples_csv(self, without=()) -> None:
        rows = [
            f"{n},images/{n}.png,masks/{n}.png,test,p{i},{self.scanner(i)}"
            for i, n in enumerate(self.masks) if n not in without
        ]  # fmt: skip
        text = "\n".join(["id,image,mask,split,group,scanner", *rows]) + "\n"
        (self.folder / "data/samples.csv").write_text(text)

    def run(self) -> dict:
        for folder in ("predictions", "measurements"):
            shutil.rmtree(self.folder / "results" / folder, ignore_errors=True)
        self.stage("samples", "test")
        self.stage("operate")
        self.stage("infer", "test")
        self.stage("measure", "test", "results/predictions/test")
        self.stage("leakage")
        self.stage("evaluate")
        return self.check()

    def check(self) -> dict:
        self.stage("check")
        return json.loads((self.folder / "results/verdict.json").read_text())

    def set(self) -> None:
        done = self.cli("baseline", "set", "results")
        assert done.code == 0, done.err


@pytest.fixture
def project(tmp_path, outcome, monkeypatch, repository) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(repository)
    monkeypatch.setattr(sys, "argv", sys.argv)
    made = Project(tmp_path, outcome)
    rng = np.random.default_rng(1)
    for i in range(N):
        name, mask = f"s{i:02}", np.zeros((16, 16), np.uint8)
        mask[2 : 12 + i % 3, 2:12] = 1
        mask[0, i % 16] = 1
        mask[15, i // 16] = 1
        made.masks[name] = mask
        made.write("data/masks", name, mask)
        made.write("data/images", name, rng.integers(0, 255, (16, 16)))
    made.predict(0.1)
    done = outcome(main, ["init", "--predictions", "given", "--domain", "custom"])
    assert done.code == 0, done.err
    made.samples_csv()
    made.params(
        data={"splits": ["test"], "judge": "test", "compare": None, "tune": None,
              "root": "data", "samples": "data/samples.csv"},
        operating_point={"decision": "argmax", "threshold": None},
        statistics={"resamples": 500},
    )  # fmt: skip
    made.rule()
    made.run()
    return made


def rule(verdict: dict) -> dict:
    (found,) = verdict["rules"]
    return found


def test_nothing_to_compare_with_fails_unless_it_is_skipped(project):
    found = rule(project.check())
    assert (found["outcome"], found["value"], found["shared"]) == ("fail", None, None)
    assert "baseline holds no baseline" in found["reason"]
    project.params(checks={"on_missing_baseline": "skip"})
    verdict = project.check()
    assert (verdict["rules"], verdict["decision"]) == ([], "fail")
    (said,) = [f for f in verdict["findings"] if f["name"] == "baseline_skipped"]
    assert said["data"] == {"rules": ["no_worse"]}


def uninformed(project) -> list[str]:
    done = project.cli("rules", "--format", "json")
    assert done.code == 0, done.err
    remarks = json.loads(done.out)["remarks"]
    return [r["text"] for r in remarks if r["kind"] == "uninformed"]


def test_the_rules_are_shown_with_the_baseline_that_judges_them(project):
    (said,) = uninformed(project)
    assert "baseline holds no baseline" in said
    project.set()
    project.check()
    assert uninformed(project) == []
    next((project.folder / "baseline").glob("*.json")).write_text("{")
    done = project.cli("rules")
    assert (done.code, "rules with `against` not looked at" in done.err) == (0, True)


def test_the_same_predictions_are_no_worse(project):
    project.set()
    verdict = project.check()
    found = rule(verdict)
    assert (found["outcome"], found["value"], verdict["decision"]) == ("pass", 0.0, "pass")
    assert found["shared"] == {"samples": N, "candidate": N, "baseline": N}
    assert (found["against"], found["margin"]) == ("baseline", 0.02)
    assert found["bound"] == {"at_least": -0.02}
    assert -0.02 < found["low"] < 0 < found["high"]
    done = project.cli("verdict")
    assert (done.code, "against" in done.out) == (0, True)


def test_a_model_that_is_worse_everywhere_fails_and_its_samples_are_listed(project):
    project.set()
    project.predict(0.4)
    verdict = project.run()
    found = rule(verdict)
    assert found["outcome"] == "fail"
    assert found["high"] < -0.02
    (worse,) = [f for f in verdict["findings"] if f["name"] == "got_worse"]
    assert (worse["data"]["count"], len(worse["data"]["ids"]), worse["severity"]) == (N, N, "warn")
    assert not any(name in worse["text"] for name in project.masks)
    drops = np.array(worse["data"]["before"]) - np.array(worse["data"]["now"])
    assert (drops > 0.1).all()
    assert (np.diff(drops) <= 1e-9).all()


def test_one_slice_three_points_worse_is_refused_and_named(project):
    """Dice of the whole falls by 0.008, within the margin; that of scanner B by 0.03."""
    project.set()
    project.rule(slice="scanner", min_groups=10)
    project.predict(0.155, only="B")
    sliced = {found["slice"]: found for found in project.run()["rules"]}
    assert sliced["scanner=A"]["outcome"] == "pass"
    assert sliced["scanner=B"]["value"] == pytest.approx(-0.03, abs=0.004)
    assert sliced["scanner=B"]["outcome"] != "pass"
    assert sliced["scanner=B"]["shared"] == {"samples": 10, "candidate": 10, "baseline": 10}
    project.rule(slice="scanner", worst=True, statistic="point")
    worst = rule(project.run())
    assert (worst["slice"], worst["outcome"]) == ("scanner=B", "fail")
    project.params(rules={"no_worse": {**USUAL}})
    whole = rule(project.run())
    assert whole["outcome"] == "pass"


def test_a_relabelled_sample_is_not_compared(project):
    project.set()
    for name in ("s03", "s04"):
        project.masks[name][5, 5] = 0
        project.write("data/masks", name, project.masks[name])
    found = rule(project.run())
    assert found["shared"] == {"samples": N - 2, "candidate": N, "baseline": N}
    assert (found["outcome"], found["value"]) == ("pass", 0.0)
    project.params(checks={"min_shared": 0.96})
    found = rule(project.run())
    assert (found["outcome"], found["value"]) == ("fail", 0.0)
    assert "38 of 40 samples can be compared, fewer than 96%" in found["reason"]


def test_leaving_samples_out_of_the_candidate_does_not_help(project):
    project.set()
    project.samples_csv(without=[f"s{i:02}" for i in range(9)])
    for i in range(9):
        (project.folder / "given/test" / f"s{i:02}.png").unlink()
    found = rule(project.run())
    assert found["shared"] == {"samples": 31, "candidate": 31, "baseline": 40}
    assert found["outcome"] == "fail"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"classes": {"background": 0, "cell": 1}}, 'its labels are those of "foreground" there'),
        ({"classes": {"background": 0, "cell": [1, 2]}}, 'the baseline has no class "cell"'),
        ({"ignore": [9]}, "data.ignore is (9,), in the baseline ()"),
    ],
)
def test_a_class_without_counterpart_fails_or_is_left_out(project, data, said):
    project.set()
    project.params(data=data)
    name = list(data.get("classes", {"foreground": 1}))[-1]
    project.rule(**{"class": name})
    found = rule(project.run())
    assert (found["outcome"], said in found["reason"]) == ("fail", True), found["reason"]
    project.params(checks={"on_missing_baseline": "skip"})
    verdict = project.check()
    assert (verdict["rules"], verdict["decision"]) == ([], "fail")
    if "classes" in data:
        removed = [f for f in verdict["findings"] if f["name"] == "baseline_classes_removed"]
        assert list(removed[0]["data"]["classes"]) == ["foreground"]


def test_a_class_mean_over_fewer_classes_says_so(project):
    """`wall` is new: the mean fails, or is over what both have."""
    project.set()
    project.params(data={"classes": {"background": 0, "foreground": 1, "wall": 2}})
    project.rule(**{"class": "mean"})
    found = rule(project.run())
    assert found["outcome"] == "fail"
    assert 'the baseline has no class "wall"' in found["reason"]
    project.params(checks={"on_missing_baseline": "skip"})
    found = rule(project.check())
    assert (found["outcome"], found["value"]) == ("pass", 0.0)
    assert "over foreground alone" in found["reason"]


def test_other_settings_of_a_metric_are_not_compared(project):
    project.params(measure={"surface": {"metrics": ["nsd"], "tolerance": 1.0}})
    project.rule(metric="nsd")
    project.run()
    project.set()
    assert rule(project.check())["outcome"] == "pass"
    project.params(measure={"surface": {"metrics": ["nsd"], "tolerance": 2.0}})
    found = rule(project.run())
    assert found["outcome"] == "fail"
    assert "the settings of nsd" in found["reason"]


def test_objects_of_a_size_are_compared(project):
    project.params(measure={"objects": {"match": "iou", "at_least": 0.5, "size_edges": [50]}})
    project.rule(metric="object_recall", size="large", aggregate="pooled")
    project.run()
    project.set()
    found = rule(project.check())
    assert (found["slice"], found["value"]) == ("size=large", 0.0)
    project.predict(0.6)
    found = rule(project.run())
    assert (found["value"], found["outcome"]) == (-1.0, "fail")


def test_set_keeps_the_readme_and_repeats_exactly(project):
    folder = project.folder / "baseline"
    readme = (folder / "README.md").read_text()
    project.set()
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    project.check()
    done = project.cli("baseline", "set", "results")
    assert (done.code, (folder / "README.md").read_text()) == (0, readme)
    assert {p for p in folder.rglob("*") if p.is_file()} == {*before}
    assert not [p for p in project.folder.iterdir() if p.name.startswith(".baseline")]
    again = project.cli("baseline", "set", "results")
    assert "already is this evaluation" in again.out


def test_show_and_clear(project):
    assert "is empty" in project.cli("baseline", "show").out
    project.set()
    shown = project.cli("baseline", "show").out
    for text in ("fail, grade", "40 in 40 groups of test", "foreground", "SHA-256 "):
        assert text in shown
    assert "is empty now" in project.cli("baseline", "clear").out
    assert [p.name for p in (project.folder / "baseline").iterdir()] == ["README.md"]
    assert "already" in project.cli("baseline", "clear").out


def _edit(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: _edit(f, "samples.csv"), "samples.csv changed"),
        (lambda f: _edit(f, "measurements/test/images.parquet"), "images.parquet changed"),
        (lambda f: (f / "verdict.json").unlink(), "verdict.json is missing"),
        (lambda f: (f / "baseline.json").unlink(), "baseline.json: is missing, but there is"),
        (lambda f: (f / "extra.csv").write_text("x"), "extra.csv does not belong here"),
        (
            lambda f: (f / "baseline.json").write_text(
                (f / "baseline.json").read_text().replace('"encoding": "', '"encoding": "x')
            ),
            "was changed after it was written",
        ),
    ],
)
def test_an_edited_baseline_is_refused_by_name(project, spoil, said):
    project.set()
    spoil(project.folder / "baseline")
    done = project.cli("baseline", "show")
    assert (done.code, said in done.err) == (2, True), done.err
    sys.argv = ["stages/check.py"]
    done = project._outcome(importlib.import_module("stages.check").main)
    assert (done.code, said in done.err) == (2, True)


def test_an_unfinished_evaluation_is_not_kept(project):
    project.rule(margin=0.03)
    done = project.cli("baseline", "set", "results")
    assert (done.code, "params.yaml changed since the verdict" in done.err) == (2, True)
    project.check()
    path = project.folder / "results/measurements/test/images.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    done = project.cli("baseline", "set", "results")
    assert (done.code, "images.parquet" in done.err) == (2, True)


def test_a_swap_that_fails_leaves_the_former_baseline(project, monkeypatch):
    project.set()
    before = {p: p.read_bytes() for p in (project.folder / "baseline").rglob("*") if p.is_file()}
    project.predict(0.3)
    project.run()
    rename = Path.rename

    def failing(self, target):
        if Path(target).name == "baseline" and not self.name.endswith(".old"):
            raise OSError(28, "No space left on device", str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert project.cli("baseline", "set", "results").code == 2
    after = {p: p.read_bytes() for p in (project.folder / "baseline").rglob("*") if p.is_file()}
    assert after == before
    assert not [p for p in project.folder.iterdir() if p.name.startswith(".baseline")]


def test_a_folder_with_other_things_is_not_replaced(project):
    (project.folder / "notes").mkdir()
    (project.folder / "notes" / "mine.txt").write_text("keep")
    done = project.cli("baseline", "set", "results", "--folder", "notes")
    assert (done.code, "mine.txt" in done.err) == (2, True)
    assert (project.folder / "notes" / "mine.txt").read_text() == "keep"


def test_the_verdict_is_stale_after_the_baseline_changed(project):
    project.set()
    done = project.cli("verdict")
    assert (done.code, "baseline" in done.err) == (1, True)


def test_compare_says_what_the_rule_says(project):
    project.set()
    project.predict(0.4)
    found = rule(project.run())
    done = project.cli("compare", "baseline", "results", "--format", "json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    (row,) = [
        r for r in report["rows"]
        if (r["where"], r["class"], r["metric"]) == ("all", "foreground", "dice")
    ]  # fmt: skip
    assert row["difference"]["value"] == pytest.approx(found["value"], abs=1e-12)
    assert row["outcome"] == "worse"
    assert report["shared"] == {
        "samples": N, "candidate": N, "baseline": N, "share": 1.0, "groups": N,
    }  # fmt: skip
    assert {r["where"] for r in report["rows"]} == {"all", "scanner=A", "scanner=B"}
    assert report["sentence"].startswith("B is worse than A by 0.")
    for form in ("table", "markdown", "latex"):
        text = project.cli("compare", "baseline", "results", "--format", form).out
        assert report["sentence"] in text
        assert f"{row['difference']['value']:+.4f}" in text


def annotate(project, shares) -> None:
    """A second annotator, who leaves out a share of the foreground of every sample."""
    for i, (name, mask) in enumerate(project.masks.items()):
        if i < len(shares):
            made = mask.copy()
            inside = np.flatnonzero(mask.ravel() == 1)
            made.ravel()[inside[: int(inside.size * shares[i])]] = 0
            project.write("data/ben", name, made)
    path = project.folder / "data/samples.csv"
    header, *rows = path.read_text().splitlines()
    rows = [f"{row},{f'ben/s{i:02}.png' if i < len(shares) else ''}" for i, row in enumerate(rows)]
    path.write_text("\n".join([header + ",mask:ben", *rows]) + "\n")


def dice(one, two) -> float:
    return 2 * (one & two).sum() / (one.sum() + two.sum())


def test_the_model_is_held_against_people(project):
    """People agree to about 0.82; the model misses a tenth, or nearly half."""
    project.rule(against="annotators", margin=0.03)
    failed = rule(project.run())
    assert (failed["outcome"], failed["value"]) == ("fail", None)
    assert "names no further annotators" in failed["reason"]
    annotate(project, [0.3] * N)
    found = rule(project.run())
    read = {
        kind: [
            np.asarray(Image.open(project.folder / kind / f"{name}.png")) == 1
            for name in project.masks
        ]
        for kind in ("data/masks", "data/ben", "given/test")
    }
    wanted = np.mean([
        (dice(a, m) + dice(b, m)) / 2 - dice(a, b) for a, b, m in zip(*read.values(), strict=True)
    ])  # fmt: skip
    assert found["value"] == pytest.approx(wanted, abs=1e-9)
    assert found["value"] > 0.05
    assert (found["outcome"], found["against"]) == ("pass", "annotators")
    project.predict(0.6)
    assert rule(project.run())["outcome"] == "fail"


def test_people_who_saw_few_samples_say_too_little(project):
    project.params(checks={"on_missing_baseline": "skip"})
    project.rule(against="annotators")
    annotate(project, [0.3] * 20)
    found = rule(project.run())
    assert (found["outcome"], found["shared"]["samples"]) == ("fail", 20)
    assert "add masks of further annotators" in found["reason"]


def test_compare_takes_two_results_folders(project):
    shutil.copytree(project.folder / "results", project.folder / "before")
    project.predict(0.05)
    project.run()
    done = project.cli("compare", "before", "results", "--format", "json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["sentence"].startswith("B is better than A by 0.02")
    assert not any("paired by name" in note for note in report["notes"])
    # Another definition than before's: nothing says what its classes were, but their names.
    project.params(data={"ignore": [9]})
    done = project.cli("compare", "before", "results", "--format", "json")
    assert any("paired by name" in note for note in json.loads(done.out)["notes"])
