"""A verdict in words, for the terminal and as Markdown."""

from __future__ import annotations

import io
from xml.etree import ElementTree

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
        ("inconclusive", [rule("a", "inconclusive")], [],
         "INCONCLUSIVE: 1 of 1 rules inconclusive"),
        ("fail", [rule(), rule("a", "fail"), rule("b", "inconclusive", "warn")], [],
         "FAIL: 1 of 3 rules not met, 1 inconclusive (1 of them only warn)"),
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
    assert "segmetrics promote" in " ".join(texts.next_steps(verdict("pass", [rule()])))
    assert "promote" not in " ".join(texts.next_steps(verdict(decision, [rule("a", decision)])))


def test_a_pass_of_given_predictions_says_what_promotion_would_take():
    given = {"name": "given_predictions", "severity": "note", "text": "given", "data": {}}
    (step,) = texts.next_steps(verdict("pass", [rule()], [given]))
    assert step.startswith("to promote a model, let segmetrics run it")


def test_the_next_steps_are_those_of_this_verdict():
    the_rules = [
        rule(), rule("a", "fail"), rule("a", "fail"), rule("warned", "fail", "warn"),
        rule("b", "inconclusive", needed_groups=80), rule("c", "inconclusive", needed_groups=120),
    ]  # fmt: skip
    steps = texts.next_steps(verdict("fail", the_rules, [finding("block"), finding("warn")]))
    assert [step.split(" ")[0] for step in steps] == ["mend", "improve", "add", "run"]
    assert "(leakage)" in steps[0]
    assert "(a)" in steps[1]
    assert steps[2].endswith("to decide b (about 80 groups), c (about 120) at the values seen now")


def test_rules_that_take_as_many_groups_are_named_together_the_fewest_first():
    numbers = {"dice": 100, "recall_floor": 90, "f2": 90, "no_interval": None}
    some = [rule(name, "inconclusive", needed_groups=n) for name, n in numbers.items()]
    some.append(rule("f2", "inconclusive", needed_groups=40))  # of another class
    (step, _) = texts.next_steps(verdict("inconclusive", some))
    assert step == (
        "add groups (patients, slides, drives) to decide recall_floor, f2 (about 90 groups), "
        "dice (about 100), no_interval at the values seen now"
    )
    (step, _) = texts.next_steps(verdict("inconclusive", [rule("c", "inconclusive")]))
    assert step == "add groups (patients, slides, drives) to decide c"


def test_what_no_number_of_groups_settles_is_not_promised():
    at_bound = {"low": 0.7, "high": 0.8, "needed_groups": None}
    some = [
        rule("b", "inconclusive", needed_groups=80), rule("iou", "inconclusive", **at_bound),
        rule("iou", "inconclusive", needed_groups=90, low=0.7, high=0.8),
    ]  # fmt: skip
    first, second, _ = texts.next_steps(verdict("inconclusive", some))
    assert first.endswith("to decide b (about 80 groups) at the values seen now")
    assert second.startswith(
        "iou lies at its bound: no realistic number of groups settles it; improve the model"
    )
    two = [rule(name, "inconclusive", **at_bound) for name in ("iou", "dice")]
    (step, _) = texts.next_steps(verdict("inconclusive", two))
    assert step.startswith("iou, dice lie at their bounds: no realistic number of groups settles")


def test_a_value_on_the_wrong_side_is_no_matter_of_more_groups():
    low = {"value": 0.7, "low": 0.6, "high": 0.8, "needed_groups": 410}
    some = [rule("b", "inconclusive", needed_groups=80), rule("recall", "inconclusive", **low)]
    first, second, _ = texts.next_steps(verdict("inconclusive", some))
    assert first == (
        "improve the model: recall already misses its bound, and more groups would most likely "
        "confirm a fail"
    )
    assert second.endswith("to decide b (about 80 groups) at the values seen now")
    high = {"value": 9.0, "bound": {"at_most": 5}, "needed_groups": 410}
    some = [rule("hd95", "inconclusive", **high), rule("recall", "inconclusive", **low)]
    (step, _) = texts.next_steps(verdict("inconclusive", some))
    assert step.startswith("improve the model: hd95, recall already miss their bounds, and more")
    few = finding("note") | {"name": "few_groups", "data": {"groups": 10, "min_groups": 30}}
    first, second, _ = texts.next_steps(verdict("inconclusive", some, [few]))
    assert first == step
    assert second.startswith("add groups (patients, slides, drives): 10 are too few to certify")


def test_undefined_images_stand_beside_the_rule():
    one = rule("recall", undefined_images=5, images=106)
    whole = verdict("pass", [one, rule("dice", undefined_images=0, images=106)])
    text = " ".join(printed(whole).split())
    assert text.count("undefined in 5 of 106 images") == text.count("undefined in") == 1
    page = texts.verdict_markdown(whole)
    assert page.count("| tumour, undefined in 5 of 106 images |") == page.count("undefined") == 1


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
    assert "\nNext:\n1. improve the model" in text
    assert text.endswith("2. run `dvc repro`\n")
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
        low, high = (None, None) if value is None else (value - 0.1, value + 0.1)
        return {"pooled": {"dice": Estimate(value, low, high, 1, 0)}}

    split = SplitEvaluation(3, 2, {"tu|mour": table(0.5), "rare": table(None)}, table(0.5))
    return Evaluation({"test": split}, {})


def test_the_interval_has_a_column_where_there_is_one():
    assert "interval" not in printed(verdict("pass", [rule()]))
    text = printed(verdict("pass", [rule(low=0.79, high=0.83456), rule("b")]))
    assert "interval" in text
    assert "0.790 to 0.835" in text


def test_the_header_of_intervals_says_how_sure_they_are():
    for confidence, said in ((0.95, "95 % interval"), (0.995, "99.5 % interval")):
        one = {**verdict("pass", [rule(low=0.79, high=0.83)]), "confidence": confidence}
        assert said in printed(one)
        assert f"| {said} |" in texts.verdict_markdown(one)


def test_markdown_begins_with_the_headline_and_tabulates_rules_and_metrics():
    the_verdict = verdict("fail", [rule(slice="scanner=A|B", low=0.7, high=0.9),
                                   rule("n", "fail", value=None, reason="<b>\nodd")],
                          [finding("block")])  # fmt: skip
    text = texts.verdict_markdown(the_verdict, evaluation())
    assert text.splitlines() == [
        texts.headline(the_verdict),
        "",
        "| rule | metric | class | slice | value | interval | bound | outcome | why |",
        "|---|---|---|---|---|---|---|---|---|",
        "| dice | dice group_mean | tumour | scanner=A\\|B | 0.8123 | 0.700 to 0.900 | >= 0.75 | "
        "pass |  |",
        "| n | dice group_mean | tumour |  | - |  | >= 0.75 | fail | \\<b> odd |",
        "",
        "- **block** leakage: two patients in both",
        "",
        "Next:",
        "",
        "1. mend what the blocking findings name first (leakage): they may change values",
        "1. improve the model where it misses its bounds (n), or, if a bound does not fit your "
        "use, change it in params.yaml: `segmetrics rules` says where each comes from",
        "1. run `dvc repro`",
        "",
        "**test**: 3 images in 2 groups",
        "",
        "| class | aggregate | dice | iou | precision | recall | accuracy |",
        "|---|---|---|---|---|---|---|",
        "| tu\\|mour | pooled | 0.5000 (0.400 to 0.600) | - | - | - | - |",
        "| rare | pooled | - | - | - | - | - |",
        "| mean | pooled | 0.5000 (0.400 to 0.600) | - | - | - | - |",
    ]
    assert text.endswith("|\n")
    assert "images in" not in texts.verdict_markdown(the_verdict)


def cases(the_verdict: dict) -> dict[str, ElementTree.Element]:
    suite = ElementTree.fromstring(texts.verdict_junit(the_verdict))
    assert suite.get("tests") == str(len(suite))
    failed = [case for case in suite if case.find("failure") is not None]
    assert suite.get("failures") == str(len(failed))
    return {str(case.get("name")): case for case in suite}


def test_junit_has_a_case_for_the_decision_each_rule_and_each_finding():
    some = [rule(), rule("a", "fail"), rule("b", "inconclusive"), rule("w", "fail", "warn")]
    found = cases(verdict("fail", some, [finding("block"), finding("warn")]))
    kinds = {name: c.find("failure").get("type") for name, c in found.items() if len(c)
             and c.find("failure") is not None}  # fmt: skip
    assert kinds == {
        "decision": "fail",
        "a: dice (group_mean), tumour": "fail",
        "b: dice (group_mean), tumour": "inconclusive",
    } | ({"leakage": "finding"} if found["leakage"].find("failure") is not None else {})
    assert len(found) == 6  # the two findings share their name
    assert found["w: dice (group_mean), tumour"].findtext("system-out") == "w is what it is"


def test_junit_is_green_for_a_pass_alone():
    assert cases(verdict("pass", [rule()]))["decision"].find("failure") is None
    for decision in ("fail", "inconclusive", "unheard of"):
        assert cases(verdict(decision, [rule()]))["decision"].find("failure") is not None


def test_junit_is_green_where_an_inconclusive_rule_is_let_through():
    """Else a CI system that reads the report would stop what the gate lets go on."""
    found = cases(verdict("pass", [rule(), rule("a", "inconclusive"), rule("b", "fail")]))
    failed = [name for name, case in found.items() if case.find("failure") is not None]
    assert failed == ["b: dice (group_mean), tumour"]
    assert found["a: dice (group_mean), tumour"].findtext("system-out") == "a is what it is"


def test_junit_holds_any_text():
    odd = rule("<&\x00\x1b\ud800", "fail", reason='"]]>\x07')
    assert '"]]>?' in [c.findtext("failure") for c in cases(verdict("fail", [odd])).values()]


def test_the_step_summary_is_written_once_and_only_where_asked_for(tmp_path, monkeypatch, capsys):
    page = tmp_path / "summary.md"
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    texts.write_step_summary(verdict("pass", [rule()]))
    assert not page.exists()
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    for _ in range(2):
        texts.write_step_summary(verdict("pass", [rule()]))
    text = page.read_text()
    assert text.startswith("before\n## segmetrics\n\nPASS: all rules met")
    assert text.count("PASS") == 1
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "gone" / "summary.md"))
    texts.write_step_summary(verdict("pass", [rule()]))
    assert "warning: GITHUB_STEP_SUMMARY" in capsys.readouterr().err


def test_a_rule_on_another_split_says_so_in_every_text():
    """The headline names the judged split: a rule on the training split must not pass for one."""
    whole = verdict("pass", [rule(split="test"), rule("eased_on_another_split", split="train")])
    assert "dice (group_mean), tumour, on train" in " ".join(printed(whole).split())
    assert "| dice group_mean, on train | tumour |" in texts.verdict_markdown(whole)
    named = [name for name in cases(whole) if name.endswith(", on train")]
    assert named == ["eased_on_another_split: dice (group_mean), tumour, on train"]
    assert "on test" not in texts.verdict_markdown(whole)
