"""Sample ids as they may leave the machine."""

from __future__ import annotations

import pytest

from segmetrics.gates.leakage import leakage_findings
from segmetrics.gates.leakage_report import LeakageLevels, LeakageReport, LeakedPair, SharedGroups
from segmetrics.record import hash_id, outgoing, outgoing_verdict

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
    assert outgoing(VERDICT, "plain") == VERDICT


def test_hashed_everywhere_and_nothing_else():
    found = outgoing(VERDICT, "hashed")
    one, two = hash_id("p1"), hash_id("p2")
    assert found["findings"][0]["data"] == {
        "ids": [one, two], "classes": {"id": {"ids": [one], "dice": 0.1}},
    }  # fmt: skip
    assert found["worst"] == {"ids": {"images": [{"id": one, "dice": 0.0, "recall": None}]}}
    assert found["shares"] == {"id": 0.5}
    assert found["findings"][0]["text"] == "1 of 9"


def test_none_leaves_them_out():
    found = outgoing(VERDICT, "none")
    assert found["findings"][0]["data"] == {"classes": {"id": {"dice": 0.1}}}
    assert found["worst"] == {"ids": {"images": [{"dice": 0.0, "recall": None}]}}


@pytest.mark.parametrize("ids", ["hashed", "none"])
def test_no_id_is_left_anywhere(ids):
    assert "p1" not in str(outgoing(VERDICT, ids))


def leaky_verdict() -> dict:
    """A verdict whose findings about leakage name samples and groups."""
    none = {"similar": 0, "masks": 0, "review": 0}
    report = LeakageReport(
        judged="test",
        against=("train",),
        pairs=(LeakedPair("pixels", "anna1", "bert1", "train"),),
        counts={"pixels": 1, **none},
        samples={"pixels": ("anna1",), **dict.fromkeys(none, ())},
        hashed={"test": 1, "train": 1},
        left_out={},
        inputs={},
    )
    groups = SharedGroups({"carl": ("train",)}, ("anna1",), known=True)
    found = leakage_findings(report, groups, LeakageLevels(), judged="test", effects={})
    findings = [finding.to_json() for finding in found]
    assert {f["name"] for f in findings} == {"leakage_groups", "leakage_pixels"}
    return VERDICT | {"findings": [*VERDICT["findings"], *findings]}


@pytest.mark.parametrize("ids", ["hashed", "none"])
def test_no_name_leaves_with_a_finding_about_leakage(ids):
    verdict = leaky_verdict()
    sent = str(outgoing_verdict(verdict, ids))
    assert not [name for name in ("anna1", "bert1", "carl", "p1") if name in sent]
    assert (hash_id("anna1") in sent) == (ids == "hashed")
    assert "1 image of the split test" in sent
    assert outgoing_verdict(verdict, "plain") == verdict


def test_both_samples_of_a_pair_are_hashed_alike():
    (_, _, pixels) = outgoing_verdict(leaky_verdict(), "hashed")["findings"]
    (pair,) = pixels["data"]["pairs"]
    assert (pair["id"], pair["other"]) == (hash_id("anna1"), hash_id("bert1"))
