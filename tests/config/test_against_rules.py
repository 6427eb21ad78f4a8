"""Rules with `against:`: what they become, and what is refused."""

from __future__ import annotations

import string
from importlib.resources import files
from pathlib import Path

import pytest

from segmetrics.config import load_settings
from segmetrics.config.build import definition
from segmetrics.config.judging import policy
from segmetrics.errors import ConfigError

TEMPLATE = (files("segmetrics") / "templates" / "params.yaml").read_text("utf-8")
VALUES = {
    "domain": "custom", "root": "data", "samples": "data/samples.csv", "splits": "[train, test]",
    "judge": "test", "compare": "null", "tune": "null",
    "classes": "{background: 0, tumour: [1, 4], vessel: 2}", "exclude": "[background]",
    "ignore": "[255]", "encoding": "palette", "critical": "[]", "source": "models/unet.onnx",
    "size": "null", "operating_point": "{decision: argmax, threshold: null}", "name": "demo",
    "gate": "{enforce: true}",
}  # fmt: skip


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(rules="{}", **edits: str):
        text = string.Template(TEMPLATE).substitute(VALUES | {"rules": rules})
        for key, value in edits.items():
            found = [line for line in text.splitlines() if line.strip().startswith(f"{key}:")]
            text = text.replace(found[0], f"  {key}: {value}")
        Path("params.yaml").write_text(text, "utf-8")
        return load_settings(Path("params.yaml"))

    return write


def only(settings):
    (rule,) = policy(settings).rules
    return rule


def test_the_margin_becomes_the_bound(load):
    rule = only(load("{r: {metric: dice, class: mean, against: baseline, margin: 0.01}}"))
    assert (rule.against, rule.margin, rule.bound) == ("baseline", 0.01, {"at_least": -0.01})
    surface = "{metrics: [hd95]}"
    rule = only(
        load("{r: {metric: hd95, class: tumour, against: baseline, margin: 2}}", surface=surface)
    )
    assert (rule.bound, rule.bound_text) == ({"at_most": 2.0}, "<= 2")


def test_people_are_compared_image_by_image(load):
    rule = "{r: {metric: dice, class: tumour, against: annotators, margin: 0.02}}"
    assert only(load(rule)).aggregate == "image_mean"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{metric: dice, against: baseline}", "has `against: baseline` but no margin"),
        ("{metric: dice, margin: 0.1, at_least: 0.5}", "means nothing without `against`"),
        (
            "{metric: dice, against: baseline, margin: 0.1, at_least: 0.5}",
            "does not go with `against: baseline`",
        ),
        ("{metric: dice, against: baseline, margin: 0.1, at_most: 0.5}", "does not go with"),
        ("{metric: dice, against: baseline, margin: -0.1}", "greater than or equal to 0"),
        ("{metric: dice, against: champion, margin: 0.1}", "baseline"),
        ("{metric: volume_error, against: baseline, margin: 0.1}", "neither better nor worse"),
        ("{metric: accuracy, against: baseline, margin: 0.1}", "cannot be a rule"),
        ("{metric: nsd, against: baseline, margin: 0.1}", "nsd is not measured"),
        (
            "{metric: dice, against: annotators, margin: 0.1, aggregate: pooled}",
            "is no mean over images",
        ),
        (
            "{metric: object_f1, against: annotators, margin: 0.1}",
            "is not measured between annotators",
        ),
    ],
)
def test_what_contradicts_itself(load, rule, said):
    with pytest.raises(ConfigError) as error:
        load(f"{{r: {rule}}}")
    assert said in str(error.value)
    assert "rules.r" in str(error.value)


def test_the_checks_have_defaults_and_reach_the_policy(load):
    found = policy(load())
    assert (found.on_missing_baseline, found.min_shared) == ("fail", 0.8)
    found = policy(load(on_missing_baseline="skip", min_shared="0.5"))
    assert (found.on_missing_baseline, found.min_shared) == ("skip", 0.5)
    for wrong in ("0", "1.5", ".nan"):
        with pytest.raises(ConfigError, match="min_shared"):
            load(min_shared=wrong)


def test_the_definition_says_what_the_classes_are(load):
    found = definition(load(regions="{all: [tumour, 2]}", surface="{metrics: [nsd], tolerance: 2}"))
    assert found.classes == {"background": (0,), "tumour": (1, 4), "vessel": (2,)}
    assert found.regions == {"all": (1, 2, 4)}
    assert (found.scored, found.ignore, found.encoding) == (("tumour", "vessel"), (255,), "labels")
    assert found.families == {"surface": [[], "px"], "nsd": [[], "px", 2.0]}
    assert found == policy(load(regions="{all: [4, 1, vessel]}",
                                surface="{metrics: [nsd], tolerance: 2}")).definition  # fmt: skip
