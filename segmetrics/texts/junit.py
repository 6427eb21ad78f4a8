"""A verdict as JUnit XML: a test case per rule and finding, for CI systems that show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from segmetrics.texts.words import headline, subject

# Characters that XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def verdict_junit(verdict: Mapping[str, Any]) -> str:
    """The verdict as one `<testsuite>`.

    The first test case is the decision itself, which fails unless it is a pass, so a reader of the
    report sees green only where the gate opens. Rules and findings that only warn, and rules that
    are let through, are passed cases with their text in `<system-out>`.
    """
    suite = Element("testsuite", name="segmetrics")
    decision, judged = verdict["decision"], verdict["judged"]["split"]
    first = _case(suite, "verdict", "decision")
    if decision != "pass":
        _fail(first, decision, headline(verdict))
    for rule in verdict["rules"]:
        case = _case(suite, "rules", f"{rule['name']}: {subject(rule, judged)}")
        # Of a pass, what is inconclusive was let through (`checks.on_inconclusive: warn`).
        fine = ("pass", "inconclusive") if decision == "pass" else ("pass",)
        if rule["outcome"] not in fine and rule["severity"] == "block":
            _fail(case, rule["outcome"], rule["reason"])
        else:
            _note(case, rule["reason"])
    for finding in verdict["findings"]:
        case = _case(suite, "findings", finding["name"])
        if finding["severity"] == "block":
            _fail(case, "finding", finding["text"])
        else:
            _note(case, f"{finding['severity']}: {finding['text']}")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in suite)))
    suite.set("errors", "0")
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: Element, kind: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=f"segmetrics.{kind}", name=_clean(name))


def _fail(case: Element, kind: str, text: str) -> None:
    SubElement(case, "failure", type=kind, message=_clean(text)).text = _clean(text)


def _note(case: Element, text: str) -> None:
    SubElement(case, "system-out").text = _clean(text)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
