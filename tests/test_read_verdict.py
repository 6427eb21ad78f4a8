"""verdict.json as it is read back: a pass has to agree with its own rules and findings."""

from __future__ import annotations

import json

import pytest

from segmetrics.errors import VerdictError
from segmetrics.evidence import read_verdict


def verdict(outcome: str, **more) -> dict:
    rule = {"name": "r", "severity": "block", "outcome": outcome}
    return {
        "schema": 1, "decision": "pass", "grade": "good", "domain": "custom", "judged": {},
        "inputs": {}, "rules": [rule], "findings": [], **more,
    }  # fmt: skip


WARN = {"on_inconclusive": "warn"}
DENIED = [
    verdict("fail"),
    verdict("fail", **WARN),
    verdict("inconclusive"),
    verdict("inconclusive", on_inconclusive="block"),
    verdict("unknown", **WARN),
    verdict("inconclusive", findings=[{"severity": "block"}], **WARN),
    verdict("pass", rules=[], **WARN),
]


@pytest.mark.parametrize("data", DENIED)
def test_a_pass_that_its_rules_deny_is_refused(tmp_path, data):
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(data))
    with pytest.raises(VerdictError, match="which its own rules and findings deny"):
        read_verdict(path)


@pytest.mark.parametrize("data", [verdict("pass"), verdict("inconclusive", **WARN)])
def test_a_pass_that_its_rules_allow(tmp_path, data):
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(data))
    assert read_verdict(path) == data
