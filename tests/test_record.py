"""Sample ids as they may leave the machine."""

from __future__ import annotations

import pytest

from segmetrics.gates.leakage import leakage_findings
from segmetrics.gates.leakage_report import (
    LeakageLevels,
    LeakageReport,
    LeakedPair,
    SharedGroups,
)
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


def test_names_in_the_words_of_a_leakage_finding_are_hidden_too():
    pair = LeakedPair("pixels", "anna-1", "ben-2", "train", 0, "as it is")
    report = LeakageReport(
        "test", ("train",), (pair,), {"pixels": 1, "similar": 0, "masks": 0, "review": 0},
        {"pixels": ("anna-1",), "similar": (), "masks": (), "review": ()}, {"test": 1, "train": 1},
        {}, {},
    )  # fmt: skip
    shared = SharedGroups({"anna": ("train",)}, ("anna-1",), True)
    findings = leakage_findings(report, shared, LeakageLevels(), judged="test", effects={})
    verdict = {"decision": "fail", "findings": [f.to_json() for f in findings]}
    assert "anna" in str(verdict)
    assert outgoing_verdict(verdict, "plain") == verdict
    for ids in ("hashed", "none"):
        found = outgoing_verdict(verdict, ids)
        assert "anna" not in str(found)
        assert "ben" not in str(found)
        assert [f["name"] for f in found["findings"]] == [f.name for f in findings]
    assert hash_id("ben-2") in str(outgoing_verdict(verdict, "hashed"))
