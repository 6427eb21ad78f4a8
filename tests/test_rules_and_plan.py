"""`segmetrics rules` and `segmetrics plan`, before and after a project has run."""

from __future__ import annotations

import importlib
import json
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

from segmetrics.cli import main
from segmetrics.config import load_settings
from segmetrics.config.judging import policy
from segmetrics.planning import Assumed, plan_from_assumption, sentence
from segmetrics.planning.assumed import _beta

N = 8


class Project:
    """Eight test images in a folder, predictions given; `params.yaml` is the user's."""

    def __init__(self, folder, outcome) -> None:
        self.folder, self._outcome = folder, outcome

    def params(self, **changes) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, values in changes.items():
            params[name] = params[name] | values if isinstance(values, dict) else values
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def run(self, *, checked: bool = False) -> None:
        stages = [("samples", "test"), ("operate",), ("measure", "test", "given/test")]
        for name, *words in [*stages, ("evaluate",), *([("check",)] if checked else [])]:
            sys.argv = [f"stages/{name}.py", *words]
            done = self._outcome(importlib.import_module(f"stages.{name}").main)
            assert done.code == 0, done.err

    def command(self, *words: str) -> str:
        done = self._outcome(main, list(words))
        assert done.code == 0, done.err
        return done.out

    def refused(self, *words: str) -> str:
        done = self._outcome(main, list(words))
        assert done.code == 2
        return done.err

    def rules(self) -> dict:
        return json.loads(self.command("rules", "--format", "json"))


@pytest.fixture
def project(dataset, tmp_path, outcome, monkeypatch, repository) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(repository)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setenv("COLUMNS", "100")
    rng = np.random.default_rng(3)
    dataset.fill(N)
    for i, row in enumerate(dataset.rows):
        mask = np.asarray(Image.open(dataset.root / row.mask))
        flipped = mask ^ (rng.random(mask.shape) < 0.02 * (1 + i % 4))
        path = tmp_path / "given" / "test" / f"{row.id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(flipped.astype(np.uint8)).save(path)
    words = ("init", "--minimal", "--predictions", "given", "--domain", "medical")
    assert outcome(main, list(words)).code == 0
    dataset.write_csv()
    made = Project(tmp_path, outcome)
    made.params(
        operating_point={"decision": "argmax", "threshold": None},
        statistics={"resamples": 500},
    )
    return made


def test_each_rule_is_shown_with_what_decides_and_why(project):
    project.params(rules={"own": {"metric": "dice", "at_least": 0.7, "statistic": "point",
                                  "severity": "warn", "rationale": "So we agreed."}})  # fmt: skip
    shown = " ".join(project.command("rules").split())
    assert "recall_floor recall (group_mean) of every class on test >= 0.85" in shown
    assert "the whole interval decides, of 30 groups or more (conservative); blocks" in shown
    assert "from preset medical What is missed is not looked at again." in shown
    assert "own dice (group_mean) of the class mean on test >= 0.7 the value decides (poi" in shown
    assert "only warns; from params.yaml So we agreed." in shown
    assert "not in force: small_object_recall" in shown
    assert "size_edges: [64, 512]" in shown
    assert "`segmetrics plan` says how often" in shown


def test_every_class_is_named_and_so_is_what_it_leaves_out(project):
    shown = " ".join(project.command("rules").split())
    assert "every class is foreground the whole interval" in shown
    project.params(data={"regions": {"all_of_it": [1]}})
    shown = " ".join(project.command("rules").split())
    text = "every class is foreground; the region all_of_it is left out: name it in a rule of its"
    assert text in shown
    project.params(data={"regions": {"all_of_it": [1], "both": [0, 1]}})
    assert "the regions all_of_it, both are left out: name each" in " ".join(
        project.command("rules").split()
    )


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_no_width_cuts_anything_off(project, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    name = "a_rule_with_quite_a_long_name_of_its_own"
    project.params(rules={name: {"metric": "dice", "at_least": 0.7, "rationale": "[odd] one."}})
    lines = project.command("rules").split("Remarks:")[0].splitlines()
    whole = "".join("".join(line.split()) for line in lines)
    for part in ("[odd]one.", "recall(group_mean)", "…"):
        assert (part in whole) is (part != "…")
    table = lines[1 : next(i for i, line in enumerate(lines) if line.startswith("grade"))]
    assert max(map(len, table)) <= columns


def test_what_the_rules_say_about_one_another(project):
    project.params(rules={
        "less": {"metric": "dice", "at_least": 0.7}, "all": {"metric": "recall", "at_least": 1.0},
    })  # fmt: skip
    shown = project.command("rules")
    assert "- less: implied: the rule dice (dice >= 0.75 of the class mean) asks for more" in shown
    assert "- all: unreachable: " in shown


def test_json_holds_it_all(project):
    found = project.rules()
    assert found["domain"] == "medical"
    (first, *_) = found["rules"]
    assert first == {
        "name": "recall_floor", "metric": "recall", "class": "every", "aggregate": "group_mean",
        "split": "test", "slice": None, "size": None, "bound": {"at_least": 0.85},
        "statistic": "conservative", "min_groups": 30, "severity": "block",
        "source": "preset medical", "rationale": first["rationale"],
    }  # fmt: skip
    assert [one["name"] for one in found["left_out"]] == ["small_object_recall"]
    assert (found["remarks"], found["chance"]) == ([], None)


def test_objects_with_edges_switch_the_small_ones_on(project):
    project.params(measure={"objects": {"size_edges": [9, 40]}})
    found = project.rules()
    assert found["left_out"] == []
    (small,) = [r for r in found["rules"] if r["name"] == "small_object_recall"]
    assert (small["size"], small["class"], small["bound"]) == ("small", "every", {"at_least": 0.6})
    project.params(rules={"small_object_recall": None})
    assert "small_object_recall" not in {r["name"] for r in project.rules()["rules"]}


def test_removing_a_rule_that_is_not_in_force_settles_it(project):
    project.params(rules={"small_object_recall": None})
    assert project.rules()["left_out"] == []


def add_column(project: Project, name: str, *values: str) -> None:
    """Add a column to samples.csv, its values in turn."""
    path = project.folder / "samples.csv"
    path = path if path.exists() else project.folder / "data" / "samples.csv"
    header, *lines = path.read_text().splitlines()
    cells = [f"{line},{values[i % len(values)]}" for i, line in enumerate(lines)]
    path.write_text("\n".join([f"{header},{name}", *cells]) + "\n")


MISTYPED = (
    'params.yaml: rules.modal.slice: samples.csv has no column "modalty"; '
    'did you mean "modality"? (columns: modality)'
)


@pytest.mark.parametrize("wanted", ["modalty", ["modality", "modalty"], {"modalty": "CT"}])
def test_a_slice_by_a_column_that_is_not_there_is_refused_before_anything_is_judged(
    project, outcome, monkeypatch, wanted
):
    add_column(project, "modality", "CT", "MR")
    rule = {"metric": "dice", "at_least": 0.5}
    project.params(rules={"modal": rule | {"slice": "modality"}})
    project.run()
    project.command("rules")
    project.params(rules={"modal": rule | {"slice": wanted}})
    assert MISTYPED in project.refused("rules")
    monkeypatch.setattr(sys, "argv", ["stages/evaluate.py"])
    done = outcome(importlib.import_module("stages.evaluate").main)
    assert done.code == 2
    assert MISTYPED in done.err


def test_all_columns_that_are_not_there_are_listed(project):
    rule = {"metric": "dice", "at_least": 0.5}
    project.params(rules={"a": rule | {"slice": "y"}, "b": rule | {"slice": "x"}})
    told = project.refused("rules")
    assert 'rules.a.slice: samples.csv has no column "y"; (columns: none to slice by)' in told
    assert 'rules.b.slice: samples.csv has no column "x"; (columns: none to slice by)' in told


def test_rows_that_vanished_are_a_note(project, outcome):
    """Deleting the rows of the samples that fail is no way to pass unseen."""
    assert "in no row" not in outcome(main, ["rules"]).err
    path = project.folder / "data/samples.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *lines[1:]]) + "\n")
    said = "1 file beside the listed images is in no row of data/samples.csv (1 in data/images)"
    done = outcome(main, ["rules"])
    assert (done.code, done.err.startswith(f"note: {said}")) == (0, True)
    sys.argv = ["stages/samples.py", "test"]
    assert f"note: {said}" in outcome(importlib.import_module("stages.samples").main).out


def test_rules_are_shown_where_samples_csv_cannot_be_read(project, outcome):
    project.params(rules={"a": {"metric": "dice", "at_least": 0.5, "slice": "x"}})
    path = project.folder / "data" / "samples.csv"
    path.write_text("id,image\n")
    done = outcome(main, ["rules"])
    assert done.code == 0
    assert "note: slices not compared with samples.csv: data/samples.csv:1: lacks" in done.err
    path.unlink()
    assert outcome(main, ["rules"]).code == 0


def test_after_a_run_it_says_what_cannot_pass_and_how_likely_a_good_model_does(project):
    add_column(project, "site", "")
    project.params(rules={"by_site": {"metric": "dice", "slice": "site", "at_least": 0.5}})
    project.run()
    found = project.rules()
    kinds = {(r["rule"], r["kind"]) for r in found["remarks"]}
    assert {("by_site", "uninformed"), ("dice", "too_few"), ("recall_floor", "too_few")} <= kinds
    assert found["chance"] == {"groups": N, "above": [0.04], "chance": [0.0]}
    assert f"warning: With {N} groups a model that is truly 4 points" in project.command("rules")


def test_tables_of_other_settings_are_a_note_and_not_an_error(project, outcome):
    project.run()
    project.params(measure={"objects": {"size_edges": [9, 40]}})
    done = outcome(main, ["rules"])
    assert done.code == 0
    assert "note: no chance of a pass was computed" in done.err
    (project.folder / "results" / "evaluation.json").write_text("{")
    done = outcome(main, ["rules"])
    assert done.code == 0
    assert "note: not compared with the samples" in done.err


def test_the_verdict_says_what_is_left_out_impossible_and_too_few(project):
    project.params(rules={"all": {"metric": "recall", "at_least": 1.0}})
    project.run(checked=True)
    verdict = json.loads((project.folder / "results" / "verdict.json").read_text())
    found = {f["name"]: f for f in verdict["findings"]}
    assert found["few_groups"]["data"] == {"groups": N, "min_groups": 30}
    assert found["rule_left_out"]["data"] == {"rule": "small_object_recall"}
    assert [r["rule"] for r in found["rule_lint"]["data"]["rules"]] == ["all"]
    assert {found[n]["severity"] for n in ("few_groups", "rule_left_out", "rule_lint")} == {"note"}
    assert verdict["decision"] != "pass"


def test_a_plan_from_the_tables(project):
    project.params(
        measure={"objects": {"size_edges": [9, 40]}},
        statistics={"min_groups": 5},
        rules={
            "far": {"metric": "fp_on_empty", "at_most": 0.1, "aggregate": "image_mean"},
            "border": {"metric": "volume_error", "at_least": -0.1, "at_most": 0.1},
            "soft": {"metric": "dice", "at_least": 0.5, "severity": "warn"},
        },
    )
    project.run()
    plan = json.loads(project.command("plan", "--groups", "40", "--json"))
    assert (plan["groups"], plan["split"]) == (40, "test")
    names = [rule["name"] for rule in plan["rules"]]
    assert {"recall_floor", "f2", "dice", "iou", "small_object_recall"} <= set(names)
    assert {"border", "soft"} <= {one["rule"] for one in plan["left_out"]}
    for rule in [*plan["rules"], plan]:
        chances = rule["chances"]
        assert chances == sorted(chances)
    assert all(plan["chances"][i] <= rule["chances"][i] for rule in plan["rules"] for i in (0, 3))
    assert plan["chances"][1] <= 0.05  # a model at its bounds
    assert [(n["chance"], n["above"]) for n in plan["needed"]] == [
        (0.8, 0.04), (0.9, 0.04), (0.8, 0.02),
    ]  # fmt: skip


def test_a_plan_before_there_is_anything(project):
    assert "there is no" in project.refused("plan")
    shown = project.command("plan", "--groups", "100", "--sd", "0.1", "--per-group", "10")
    assert "100 groups, an assumed standard deviation of 0.1 (10 images a group, corr" in shown
    assert "all rules" in shown


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--sd", "0.2"), "--sd needs --groups"),
        (("--icc", "0.2"), "need --sd"),
        (("--per-group", "3"), "need --sd"),
        (("--groups", "50", "--sd", "0.6"), "no values from 0 to 1 with mean"),
        (("--groups", "50", "--sd", "0"), "no spread, no doubt"),
    ],
)
def test_plans_that_are_refused(project, words, text):
    assert text in project.refused("plan", *words)


def test_a_plan_without_rules_is_refused(project):
    project.params(domain="custom")
    assert "no rule to plan with" in project.refused("plan", "--groups", "50", "--sd", "0.1")


def test_less_spread_and_more_groups_help(project):
    rules = policy(load_settings(project.folder / "params.yaml"))

    def chance(sd: float, groups: int, **more) -> float:
        plan = plan_from_assumption(rules, Assumed(sd, **more), groups=groups, search=False)
        return plan.chance(0.04)

    assert chance(0.19, 100) < chance(0.1, 100) <= chance(0.05, 200)
    assert chance(0.19, 100) <= chance(0.19, 400)
    # Ten independent images a group are worth more than ten alike.
    assert chance(0.19, 100, per_group=10, icc=0.9) <= chance(0.19, 100, per_group=10, icc=0.0)
    assert Assumed(0.2, 4, 0.25).of_groups == pytest.approx(0.2 * np.sqrt(0.25 + 0.75 / 4))


@pytest.mark.parametrize("mean", [0.55, 0.79, 0.895])
def test_the_assumed_groups_have_the_mean_and_about_the_spread(mean):
    """A mean that is 0.0013 off, the luck of 20,000 draws, moves all chances by several points."""
    for seed in range(3):
        values = _beta(mean, 0.19, np.random.default_rng(seed))
        assert values.mean() == pytest.approx(mean, abs=2e-5)
        assert values.std() == pytest.approx(0.19, rel=0.03)
        assert (values.min() >= 0, values.max() <= 1) == (True, True)


def test_a_chance_says_how_far_it_may_be_off(project):
    plan = json.loads(project.command("plan", "--groups", "100", "--sd", "0.15", "--json"))
    n = plan["test_sets"] + 4
    for chance, error in zip(plan["chances"], plan["errors"], strict=True):
        p = (chance * plan["test_sets"] + 2) / n
        assert error == pytest.approx(2 * (p * (1 - p) / n) ** 0.5)
    shown = " ".join(project.command("plan", "--groups", "100", "--sd", "0.15").split())
    assert f"{plan['chances'][3]:.0%} ± {100 * plan['errors'][3]:.0f}" in shown
    assert f"of test sets (± {100 * plan['errors'][3]:.0f} points)" in shown
    assert "another seed moves the whole table" in shown


def test_rules_that_compare_values_pass_poor_models_and_the_plan_says_so(project):
    project.params(domain="balanced")
    words = ("plan", "--groups", "60", "--sd", "0.19")
    plan = json.loads(project.command(*words, "--json"))
    assert 0.05 < plan["chances"][0] < 0.5  # 2 points below the bounds
    assert {rule["statistic"] for rule in plan["rules"]} == {"point"}
    assert "pass a model at or below its bound as often" in project.command(*words)


def test_the_sentence(project):
    rules = policy(load_settings(project.folder / "params.yaml"))
    plan = plan_from_assumption(rules, Assumed(0.05), groups=60)
    text = sentence(plan)
    assert text.startswith("With 60 groups a model that is truly 4 points better than every bound")
    assert text.count("groups needed") == 1
    assert "for 80% at 2 points" in text
