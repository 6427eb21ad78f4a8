"""A verdict in words, for the terminal and as Markdown."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from segmetrics import texts
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, SplitEvaluation

PRIORITY = "recall first: a missed tumour pixel is worse than an extra one"


def rule(name: str = "dice", outcome: str = "pass", severity: str = "block", **more) -> dict:
    return {
        "name": name, "metric": "dice", "aggregate": "group_mean", "class": "tumour",
        "slice": None, "value": 0.81234, "bound": {"at_least": 0.75}, "outcome": outcome,
        "severity": severity, "source": "preset medical", "reason": f"{name} is what it is",
    } | more  # fmt: skip


def finding(severity: str) -> dict:
    return {"name": "leakage", "severity": severity, "text": "two patients in both", "data": {}}


def verdict(decision="pass", rules=(), findings=(), grade="good", domain="medical") -> dict:
    return {
        "decision": decision, "grade": grade, "domain": domain,
        "judged": {"split": "test", "samples": 9, "groups": 4},
        "rules": list(rules), "findings": list(findings),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "rules", "findings", "text"),
    [
        ("pass", [rule()], [], "PASS: all rules met"),
        ("pass", [rule()], [finding("warn")], "PASS: all rules met"),
        ("pass", [rule(), rule("a", "fail", "warn")], [],
         "PASS: 1 of 2 rules not met (1 of them only warn)"),
        ("fail", [rule(), rule("a", "fail"), rule("b", "fail")], [], "FAIL: 2 of 3 rules not met"),
        ("fail", [rule()], [finding("block")], "FAIL: all rules met, 1 blocking finding"),
        ("fail", [rule("a", "fail")], [finding("block"), finding("block")],
         "FAIL: 1 of 1 rules not met, 2 blocking findings"),
        ("fail", [], [finding("block")], "FAIL: there are no rules, 1 blocking finding"),
        ("inconclusive", [rule("a", "inconclusive")], [], "INCONCLUSIVE: 1 of 1 rules not met"),
    ],
)  # fmt: skip
def test_the_headline(decision, rules, findings, text):
    found = texts.headline(verdict(decision, rules, findings))
    what = "9 samples in 4 groups of test"
    assert found == f"{text}; grade good; {what}; domain medical ({PRIORITY})"


def test_a_domain_of_another_version_is_no_reason_to_crash():
    assert texts.headline(verdict(rules=[rule()], domain="new")).endswith("; domain new ()")


@pytest.mark.parametrize("decision", ["fail", "inconclusive"])
def test_only_a_pass_leads_to_promotion(decision):
    assert "segmetrics promote" in texts.next_step(verdict("pass"))
    assert "promote" not in texts.next_step(verdict(decision))


def test_an_undefined_value_is_a_dash():
    shown = [texts.number(value) for value in (None, 0.0, 0.81236, -1.0)]
    assert shown == ["-", "0.0000", "0.8124", "-1.0000"]


def test_bounds():
    assert texts.bound_text({"at_least": 0.75}) == ">= 0.75"
    assert texts.bound_text({"at_least": 0.1, "at_most": 0.2}) == ">= 0.1 and <= 0.2"
    assert texts.bound_text({}) == ""


def printed(the_verdict: dict) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    texts.print_verdict(the_verdict, console)
    return console.file.getvalue()


def test_the_terminal_shows_headline_rules_reasons_findings_and_the_next_step():
    failed = verdict("fail", [rule(), rule("iou", "fail")], [finding("warn")], "fair")
    text = printed(failed)
    assert text.startswith(
        "FAIL: 1 of 2 rules not met; grade fair; 9 samples in 4 groups of test; "
        "domain medical (recall first"
    )
    assert "- iou: iou is what it is\n" in text
    assert "- dice: dice is what it is" not in text
    assert "- warn: leakage: two patients in both\n" in text
    assert text.endswith("then run `dvc repro`.\n")
    (row,) = [line for line in text.splitlines() if line.lstrip().startswith("iou ")]
    for cell in ("0.8123", ">= 0.75", "fail", "tumour", "group_mean"):
        assert cell in row


@pytest.mark.parametrize("name", ["[red]", "[/]", "[/red]", "a[b]", "[link=x]y"])
def test_names_with_brackets_are_shown_as_they_are(name):
    odd = rule("odd", "fail", slice=f"s={name}", reason=f"reason {name}")
    text = printed(verdict("fail", [odd], [finding("block") | {"text": f"text {name}"}]))
    assert f"s={name}" in text.replace("\n", "")
    assert f"- odd: reason {name}\n" in text
    assert f"text {name}\n" in text


def test_what_a_rule_only_warns_of_is_said():
    assert "fail (warns)" in printed(verdict("pass", [rule(), rule("a", "fail", "warn")]))


def evaluation() -> Evaluation:
    def table(value: float | None):
        return {"pooled": {"dice": Estimate(value, None, None, 1, 0)}}

    split = SplitEvaluation(3, 2, {"tu|mour": table(0.5), "rare": table(None)}, table(0.5))
    return Evaluation({"test": split}, {})


def test_markdown_begins_with_the_headline_and_tabulates_rules_and_metrics():
    the_verdict = verdict("fail", [rule(slice="scanner=A|B"), rule("n", "fail", value=None)],
                          [finding("block")])  # fmt: skip
    text = texts.verdict_markdown(the_verdict, evaluation())
    assert text.splitlines() == [
        texts.headline(the_verdict),
        "",
        "| rule | metric | class | slice | value | bound | outcome |",
        "|---|---|---|---|---|---|---|",
        "| dice | dice group_mean | tumour | scanner=A\\|B | 0.8123 | >= 0.75 | pass |",
        "| n | dice group_mean | tumour |  | - | >= 0.75 | fail |",
        "",
        "- **block** leakage: two patients in both",
        "",
        "**test**: 3 images in 2 groups",
        "",
        "| class | aggregate | dice | iou | precision | recall | accuracy |",
        "|---|---|---|---|---|---|---|",
        "| tu\\|mour | pooled | 0.5000 | - | - | - | - |",
        "| rare | pooled | - | - | - | - | - |",
        "| mean | pooled | 0.5000 | - | - | - | - |",
    ]
    assert text.endswith("|\n")
