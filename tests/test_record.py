"""Sample ids as they may leave the machine."""

from __future__ import annotations

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.gates.leakage import leakage_findings
from segmetrics.gates.leakage_report import (
    KINDS,
    LeakageLevels,
    LeakageReport,
    LeakedPair,
    SharedGroups,
)
from segmetrics.record import Names, flat_params, metric_values, outgoing, project_key, rule_margins
from segmetrics.record.keys import key_part, whole_key
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation

HASHED = Names("hashed", b"key")
VERDICT = {
    "findings": [
        {
            "name": "catastrophic_images",
            "text": "1 of 9",
            "data": {"ids": ["p1", "p2"], "classes": {"id": {"ids": ["p1"], "dice": 0.1}}},
        }
    ],
    "worst": {"ids": {"images": [{"id": "p1", "dice": 0.0, "recall": None}]}},
    "shares": {"id": 0.5},
}


def test_plain():
    assert outgoing(VERDICT, Names("plain")) == VERDICT


def test_hashed_everywhere_and_nothing_else():
    found = outgoing(VERDICT, HASHED)
    one, two = HASHED("p1"), HASHED("p2")
    assert found["findings"][0]["data"] == {
        "ids": [one, two], "classes": {"id": {"ids": [one], "dice": 0.1}},
    }  # fmt: skip
    assert found["worst"] == {"ids": {"images": [{"id": one, "dice": 0.0, "recall": None}]}}
    assert found["shares"] == {"id": 0.5}
    assert found["findings"][0]["text"] == "1 of 9"


def test_none_leaves_them_out():
    found = outgoing(VERDICT, Names("none"))
    assert found["findings"][0]["data"] == {"classes": {"id": {"dice": 0.1}}}
    assert found["worst"] == {"ids": {"images": [{"dice": 0.0, "recall": None}]}}


@pytest.mark.parametrize("ids", ["hashed", "none"])
def test_no_id_is_left_anywhere(ids):
    assert "p1" not in str(outgoing(VERDICT, Names(ids, b"key")))


LEAKED = {
    "name": "leakage_pixels",
    "severity": "block",
    "text": "1 image of the split test has exactly the pixels: p1 = p9 (train). Remove it",
    "data": {
        "pairs": [{"kind": "pixels", "id": "p1", "other": "p9", "split": "train"}],
        "count": 1, "named": "p1 = p9 (train)", "samples": ["p1"], "leaked": 1, "effect": None,
    },
}  # fmt: skip


@pytest.mark.parametrize("ids", ["hashed", "none"])
def test_findings_about_leakage_name_nobody(ids):
    found = outgoing({"findings": [LEAKED]}, Names(ids, b"key"))["findings"][0]
    assert "p1" not in str(found)
    assert "p9" not in str(found)
    assert ("names left out" in found["text"]) == (ids == "none")
    assert found["data"]["leaked"] == 1


def test_hashes_are_keyed():
    """RFC 4231, test case 2: HMAC-SHA256 of a known text under a known key."""
    assert Names("hashed", b"Jefe")("what do ya want for nothing?") == "5bdcc146bf60754e"
    assert Names("hashed", b"a")("p1") != Names("hashed", b"b")("p1")
    assert Names("plain")("p1") == "p1"


def test_the_key_is_made_once_and_is_not_in_git(tmp_path, monkeypatch):
    monkeypatch.delenv("SEGMETRICS_ID_KEY", raising=False)
    (tmp_path / ".dvc").mkdir()
    key = project_key(tmp_path)
    assert len(key) == 64
    assert project_key(tmp_path) == key
    assert [p.name for p in (tmp_path / ".dvc/tmp").iterdir()] == ["segmetrics.key"]
    monkeypatch.setenv("SEGMETRICS_ID_KEY", "ours")
    assert project_key(tmp_path) == b"ours"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("scanner-A 1.5", "scanner-A 1.5"), ("3T (new)", "3T _x28_new_x29_"),
        ("a/b", "a_x2f_b"), ("..", "_x2e_."), ("", "_x2e_"), ("_x28_", "_x5f_x28_"),
        ("Größe", "Gr_xf6__xdf_e"), ("50%", "50_x25_"),
    ],
)  # fmt: skip
def test_parts_of_names_that_mlflow_takes(text, part):
    assert key_part(text) == part


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_two_parts_become_one(one, two):
    parts = key_part(one), key_part(two)
    assert (parts[0] == parts[1]) == (one == two or {one, two} == {"", "."})
    assert re.fullmatch(r"[A-Za-z0-9_.\- ]+", parts[0])
    assert posixpath.normpath(f"a/{parts[0]}") == f"a/{parts[0]}"


def test_names_that_are_too_long_stay_apart():
    one, two = whole_key("a" * 300), whole_key("a" * 301)
    assert len(one) == len(two) == 250
    assert one != two
    assert whole_key("a" * 250) == "a" * 250


def test_settings_are_flat():
    settings = {"a": {"b": 1, "c (d)": None, "e": {}}, "f": [1, 2], "g": "text"}
    flat = {"a.b": "1", "a.c _x28_d_x29_": "null", "a.e": "{}", "f": "[1, 2]", "g": "text"}
    assert flat_params(settings) == flat


def rule(name, value, **bound):
    return {"name": name, "value": value, "bound": bound, "outcome": "pass", "metric": "dice",
            "aggregate": "pooled"}  # fmt: skip


def test_margins_are_of_the_worst_and_absent_where_one_is_undefined():
    rules = [
        rule("dice", 0.9, at_least=0.8), rule("dice", 0.7, at_least=0.8),
        rule("hd95", 4.0, at_most=6.0), rule("iou", None, at_least=0.5),
        rule("iou", 0.9, at_least=0.5), rule("both", 0.5, at_least=0.2, at_most=0.6),
    ]  # fmt: skip
    found = rule_margins({"rules": rules})
    assert found == pytest.approx({"rules/dice": -0.1, "rules/hd95": 2.0, "rules/both": 0.1})


def estimate(value, low=None, high=None):
    return Estimate(value, low, high, 1, 0)


def test_names_of_metrics():
    """On paper: a class mean with interval, a class without, a slice, an undefined value."""
    whole = {"pooled": {"dice": estimate(0.5, 0.4, 0.6), "mcc": estimate(None)}}
    of_class = {"pooled": {"dice": estimate(0.5), "mcc": estimate(0.2)}}
    scope = Scope(1, 1, {"slice": of_class}, whole)
    split = SplitEvaluation(1, 1, {"slice": of_class}, whole, slices={"low": {"A": scope}})
    verdict = {"domain": "autonomous_driving", "rules": [rule("dice", 0.5, at_least=0.1)]}
    found = {
        v.name: (v.value, v.main) for v in metric_values(Evaluation({"t": split}, {}), verdict)
    }
    assert found == {
        "t/dice_pooled": (0.5, True),
        "t/dice_pooled/low": (0.4, False),
        "t/dice_pooled/high": (0.6, False),
        "t/dice_pooled/slice": (0.5, True),
        "t/mcc_pooled/slice": (0.2, True),
        "t/dice_pooled/slice/low A": (0.5, False),
        "t/dice_pooled/slice/slice/low A": (0.5, False),
    }


def test_names_in_the_words_of_a_leakage_finding_are_hidden_too():
    pair = LeakedPair("pixels", "anna-1", "ben-2", "train")
    report = LeakageReport(
        "test", ("train",), (pair,), dict.fromkeys(KINDS, 0) | {"pixels": 1},
        dict.fromkeys(KINDS, ()) | {"pixels": ("anna-1",)}, {"test": 1, "train": 1},
        {}, {},
    )  # fmt: skip
    shared = SharedGroups({"anna": ("train",)}, ("anna-1",), True)
    findings = leakage_findings(report, shared, LeakageLevels(), judged="test", effects={})
    verdict = {"decision": "fail", "findings": [f.to_json() for f in findings]}
    assert "anna" in str(verdict)
    assert outgoing(verdict, Names("plain")) == verdict
    for ids in ("hashed", "none"):
        found = outgoing(verdict, Names(ids, b"key"))
        assert "anna" not in str(found)
        assert "ben" not in str(found)
        assert [f["name"] for f in found["findings"]] == [f.name for f in findings]
    assert HASHED("ben-2") in str(outgoing(verdict, HASHED))
