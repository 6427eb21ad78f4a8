"""The command line: help, rules and verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from segmetrics import __version__
from segmetrics.cli import _parser, main

COMMANDS = (
    "score",
    "init",
    "rules",
    "plan",
    "verdict",
    "compare",
    "ui",
    "baseline",
    "approve",
    "promote",
    "verify",
    "dossier",
    "retire",
)


def ended(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(words)
    return caught.value.code


def test_a_mistaken_command_is_told_all_there_are(capsys):
    assert ended("scor") == 2
    told = capsys.readouterr().err
    assert all(name in told for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_named_command_is_the_same_as_among_all(name, capsys):
    """Only its own module is loaded: its help must not tell."""
    assert ended(name, "--help") == 0
    alone = capsys.readouterr().out
    with pytest.raises(SystemExit):
        _parser().parse_args([name, "--help"])
    assert capsys.readouterr().out == alone


def test_help_names_commands_and_exit_codes(capsys):
    assert ended("--help") == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out or f"  {name}\n" in out for name in COMMANDS)
    assert "2  bad configuration or data" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    assert ended(command, "--help") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: segmetrics {command}")
    assert len(out.splitlines()) > 5


def test_the_version(capsys):
    assert ended("--version") == 0
    assert capsys.readouterr().out == f"segmetrics {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("no-such-command",),
        ("score",),
        ("score", "--references", "r"),
        ("score", "--references", "r", "--predictions", "p", "--binary", "--classes", "a=0"),
        ("score", "--references", "r", "--predictions", "p", "--workers", "many"),
        ("init", "--domain", "agriculture"),
    ],
)
def test_what_cannot_be_parsed_ends_with_2(words, capsys):
    assert ended(*words) == 2
    assert "usage: segmetrics" in capsys.readouterr().err


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, the current folder."""
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    return tmp_path


def test_rules_show_the_preset_and_own_rules(project, outcome):
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["rules"] = {"own_floor": {"metric": "recall", "at_least": 0.123}}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    done = outcome(main, ["rules"])
    assert (done.code, done.err) == (0, "")
    assert "domain balanced" in done.out
    assert "own_floor" in done.out
    assert "0.123" in done.out
    assert "good where Dice > 0.8 and IoU > 0.7" in done.out


def test_without_rules_it_is_said_that_nothing_can_pass(project, outcome):
    params = yaml.safe_load((project / "params.yaml").read_text())
    (project / "own.yaml").write_text(yaml.safe_dump(params | {"domain": "custom"}))
    done = outcome(main, ["rules", "--params", "own.yaml"])
    assert done.code == 0
    assert "there are no rules, so nothing can pass" in done.out


def test_rules_without_params(tmp_path, monkeypatch, outcome):
    monkeypatch.chdir(tmp_path)
    done = outcome(main, ["rules"])
    assert (done.code, done.err) == (
        2,
        "error: params.yaml: there is no such file; run `segmetrics init`, or go to the project "
        "folder\n",
    )


def test_rules_of_wrong_params(project, outcome):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("domain: balanced", "domain: balancd"))
    done = outcome(main, ["rules"])
    assert done.code == 2
    assert done.err.startswith("error: params.yaml:4: domain: 'balancd' is not one of ")
    assert 'did you mean "balanced"?' in done.err


def verdict(decision: str, outcome: str = "fail") -> dict:
    rule = {
        "name": "tumour_dice",
        "metric": "dice",
        "class": "tumour",
        "slice": None,
        "split": "test",
        "aggregate": "pooled",
        "statistic": "point",
        "bound": {"at_least": 0.8},
        "value": 0.75,
        "low": None,
        "high": None,
        "outcome": outcome,
        "severity": "block",
        "source": "params.yaml",
        "reason": "0.7500 is below 0.8",
    }
    finding = {"name": "accuracy_paradox", "severity": "warn", "text": "look [here]", "data": {}}
    return {
        "schema": 1,
        "decision": decision,
        "grade": "fair",
        "domain": "balanced",
        "primary": "dice",
        "judged": {"split": "test", "samples": 9, "groups": 4},
        "inputs": {},
        "rules": [rule],
        "findings": [finding],
    }


@pytest.fixture
def explain(tmp_path, outcome):
    """Explain a verdict, or a text that should be one."""

    def run(value):
        path = tmp_path / "verdict.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return outcome(main, ["verdict", str(path)])

    return run


@pytest.mark.parametrize("decision", ["fail", "inconclusive"])
def test_a_verdict_that_is_no_pass_ends_with_1_and_says_why(explain, decision):
    done = explain(verdict(decision))
    assert done.code == 1
    assert done.out.startswith(f"{decision.upper()}: ")
    assert "tumour_dice: 0.7500 is below 0.8" in done.out
    assert "warn: accuracy_paradox: look [here]" in done.out
    assert "improve the model where it misses its bounds (tumour_dice)" in done.out


@pytest.mark.parametrize(
    ("form", "begins"),
    [("markdown", "FAIL: 1 of 1 rules"), ("junit", "<?xml version="), ("json", "{")],
)
def test_a_verdict_for_tools(tmp_path, outcome, form, begins):
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(verdict("fail")))
    done = outcome(main, ["verdict", str(path), "--format", form])
    assert done.code == 1
    assert done.out.startswith(begins)
    assert "tumour_dice" in done.out
    assert done.out.endswith("\n")


def test_a_pass_ends_with_0(explain):
    done = explain(verdict("pass", "pass"))
    assert done.code == 0
    assert done.out.startswith("PASS: ")
    assert "segmetrics promote" in done.out


@pytest.mark.parametrize(
    "value",
    [
        "",
        "[]",
        "{}",
        '"pass"',
        verdict("passed"),
        verdict("pass") | {"schema": 2},
        {key: v for key, v in verdict("pass").items() if key != "rules"},
    ],
)
def test_what_is_no_verdict_never_passes(explain, value):
    done = explain(value)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert "verdict.json: " in done.err
    assert "run `dvc repro" in done.err


def test_a_verdict_that_is_not_there(tmp_path, monkeypatch, outcome):
    monkeypatch.chdir(tmp_path)
    done = outcome(main, ["verdict"])
    assert done.code == 2
    assert done.err.startswith("error: results/verdict.json: ")


def test_the_installed_command_ends_like_main(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "segmetrics.cli", "verdict", "gone.json"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: gone.json: ")
    assert "Traceback" not in done.stderr
