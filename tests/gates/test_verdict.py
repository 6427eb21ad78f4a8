"""The decision, and that taking evidence away never makes it a pass."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segmetrics.evaluate import EvaluationOptions, evaluate_counts
from segmetrics.gates.domains import DOMAINS, Domain
from segmetrics.gates.grade import Band, Bands
from segmetrics.gates.rules import Finding, Rule, RuleResult
from segmetrics.gates.verdict import Verdict, decide, judge
from segmetrics.metrics import ConfusionCounts
from segmetrics.metrics.catalog import CATALOG
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation
from segmetrics.stats.slice_by import SliceBy

CLASSES = ("background", "tumour", "vessel")
SCORED = CLASSES[1:]
SCANNER = SliceBy(("scanner",))
BANDS = Bands()
RULE = Rule("r", "dice", "mean", "pooled", "test", at_least=0.5)


def result(outcome: str, severity: str = "block") -> RuleResult:
    rule = dataclasses.replace(RULE, severity=severity)
    return RuleResult(rule, "mean", None, None, outcome, "")


def found(severity: str) -> Finding:
    return Finding("f", severity, "", {})


P, I, F = result("pass"), result("inconclusive"), result("fail")  # noqa: E741
WARNED = result("fail", "warn")


@pytest.mark.parametrize(
    ("results", "findings", "decision"),
    [
        ([], [], "fail"),
        ([result("pass", "warn")], [], "fail"),
        ([P], [], "pass"),
        ([P, F], [], "fail"),
        ([I, F], [], "fail"),
        ([P, I], [], "inconclusive"),
        ([P, WARNED], [], "pass"),
        ([P], [found("warn"), found("note")], "pass"),
        ([P], [found("block")], "fail"),
        ([I], [found("block")], "fail"),
    ],
)
def test_decision(results, findings, decision):
    assert decide(results, findings) == decision


def doubtful(value_meets: bool, severity: str = "block") -> RuleResult:
    return dataclasses.replace(result("inconclusive", severity), value_meets=value_meets)


@pytest.mark.parametrize(
    ("results", "findings", "decision"),
    [
        ([P, doubtful(True)], [], "pass"),
        ([doubtful(True)], [], "pass"),
        ([P, doubtful(False)], [], "inconclusive"),
        ([doubtful(True), doubtful(False)], [], "inconclusive"),
        ([doubtful(False, "warn")], [], "fail"),
        ([doubtful(True, "warn")], [], "fail"),
        ([P, doubtful(False, "warn")], [], "pass"),
        ([doubtful(True), F], [], "fail"),
        ([doubtful(True)], [found("block")], "fail"),
        ([], [], "fail"),
    ],
)
def test_decision_where_inconclusive_rules_only_warn(results, findings, decision):
    assert decide(results, findings, on_inconclusive="warn") == decision


def test_rules_that_are_let_through_are_named():
    conservative = dataclasses.replace(RULE, statistic="conservative")
    whole = evaluation(right=9, wrong=1)  # no intervals
    verdict = judged(whole, rules=(conservative,), on_inconclusive="warn")
    assert (verdict.decision, names(verdict)) == ("pass", [("inconclusive_rules", "warn")])
    assert verdict.findings[0].text == (
        "inconclusive and let through, because `checks.on_inconclusive` is `warn`: r. Their values "
        "meet the bounds, their intervals do not certify it"
    )
    assert verdict.to_json()["on_inconclusive"] == "warn"
    blocked = judged(whole, rules=(conservative,))
    assert (blocked.decision, names(blocked)) == ("inconclusive", [])
    hard = dataclasses.replace(conservative, at_least=0.99)
    missed = judged(whole, rules=(hard,), on_inconclusive="warn")
    assert (missed.decision, names(missed)) == ("inconclusive", [])


def scope_of(matrices: np.ndarray, groups: np.ndarray) -> Scope:
    counts = ConfusionCounts.from_matrix(matrices)
    return evaluate_counts(counts, groups, CLASSES, EvaluationOptions(SCORED))


def split_of(matrices: np.ndarray, groups: np.ndarray, scanners: list[str]) -> SplitEvaluation:
    whole, total = scope_of(matrices, groups), matrices.sum(axis=0)
    rows = {v: [i for i, s in enumerate(scanners) if s == v] for v in sorted(set(scanners))}
    return SplitEvaluation(
        whole.samples, whole.groups, whole.classes, whole.mean,
        labels=CLASSES,
        confusion=tuple(map(tuple, total[:, :-1].tolist())),
        other=tuple(total[:, -1].tolist()),
        slices={"scanner": {v: scope_of(matrices[i], groups[i]) for v, i in rows.items()}},
    )  # fmt: skip


def evaluation(right: int, wrong: int) -> Evaluation:
    """Two images: `right` pixels of each class found, `wrong` exchanged between neighbours."""
    matrix = np.zeros((3, 4), np.int64)
    matrix[:, :3] = right * np.eye(3, dtype=int) + wrong * np.roll(np.eye(3, dtype=int), 1, axis=1)
    split = split_of(np.stack([matrix, matrix]), np.arange(2), ["A", "B"])
    return Evaluation({"test": split}, {})


def judged(whole: Evaluation, rules=(RULE,), domain: Domain = DOMAINS["balanced"],
           bands: Bands = BANDS, split: str = "test", **more) -> Verdict:  # fmt: skip
    return judge(
        whole, rules, domain=domain, bands=bands, split=split, scored=SCORED,
        inputs={"evaluation.json": "ab"}, **more,
    )  # fmt: skip


def names(verdict: Verdict) -> list[tuple[str, str]]:
    return [(finding.name, finding.severity) for finding in verdict.findings]


def test_a_pass():
    verdict = judged(evaluation(right=9, wrong=1))  # Dice 0.9, IoU 9/11
    assert (verdict.decision, verdict.grade, verdict.findings) == ("pass", "good", ())
    assert verdict.primary.value == pytest.approx(0.9)
    assert (verdict.primary.metric, verdict.primary.aggregate) == ("dice", "image_mean")


def test_a_bad_grade_blocks_in_a_preset_although_every_rule_passes():
    poor = evaluation(right=5, wrong=5)  # Dice 0.5, IoU 1/3
    verdict = judged(poor)
    assert [r.outcome for r in verdict.rules] == ["pass"]
    assert (verdict.decision, verdict.grade, names(verdict)) == (
        "fail", "bad", [("bad_grade", "block")],
    )  # fmt: skip
    assert verdict.findings[0].text == (
        "the grade is bad: class mean of Dice 0.500 and IoU 0.333 (image_mean); "
        "bad is Dice < 0.5 or IoU < 0.4"
    )
    custom = judged(poor, domain=DOMAINS["custom"])
    assert (custom.decision, names(custom)) == ("pass", [("bad_grade", "warn")])


def test_no_rules_never_pass():
    for domain in DOMAINS.values():
        verdict = judged(evaluation(9, 0), rules=(), domain=domain)
        assert (verdict.decision, names(verdict)) == ("fail", [("no_rules", "block")])


def test_rules_that_all_only_warn_never_pass():
    warn = dataclasses.replace(RULE, severity="warn")
    verdict = judged(evaluation(9, 0), rules=(warn,))
    assert (verdict.decision, names(verdict)) == ("fail", [("no_blocking_rule", "block")])


def test_rules_on_excluded_classes_alone_never_pass():
    """A model that predicts nothing has a fine Dice of the background."""
    background = dataclasses.replace(RULE, class_name="background", at_least=0.1)
    verdict = judged(evaluation(6, 4), rules=(background,), domain=DOMAINS["custom"])
    assert [r.outcome for r in verdict.rules] == ["pass"]
    assert (verdict.decision, names(verdict)) == ("fail", [("no_blocking_rule", "block")])
    assert "the rules that block look at excluded classes alone: r (background)" in (
        verdict.findings[0].text
    )
    named = dataclasses.replace(background, name="b")
    assert judged(evaluation(6, 4), rules=(named, RULE)).decision == "pass"


def test_rules_on_another_split_alone_never_pass():
    """A preset's rules, replaced by the same ones on the training split, say nothing of test."""
    both = {"test": evaluation(6, 4).splits["test"], "train": evaluation(9, 0).splits["test"]}
    on_train = dataclasses.replace(RULE, split="train", at_least=0.9)
    verdict = judged(Evaluation(both, {}), rules=(on_train,))
    assert [r.outcome for r in verdict.rules] == ["pass"]
    assert (verdict.decision, names(verdict)) == ("fail", [("no_rule_on_judged", "block")])
    warned = dataclasses.replace(RULE, severity="warn")
    assert judged(Evaluation(both, {}), rules=(on_train, warned)).decision == "fail"
    assert judged(Evaluation(both, {}), rules=(on_train, RULE)).decision == "pass"


def test_a_missing_judged_split_never_passes():
    on_train = Evaluation({"train": evaluation(9, 0).splits["test"]}, {})
    verdict = judged(on_train, rules=(dataclasses.replace(RULE, split="train"),))
    assert (verdict.decision, verdict.grade, verdict.primary.value) == ("fail", "bad", None)


def test_a_given_blocking_finding_fails():
    stale = Finding("stale_evaluation", "block", "other files", {})
    verdict = judged(evaluation(9, 0), findings=[stale])
    assert (verdict.decision, verdict.findings) == ("fail", (stale,))


def test_a_verdict_as_json():
    data = judged(evaluation(9, 1)).to_json()
    assert {key: data[key] for key in data if key not in ("rules", "findings")} == {
        "schema": 1, "decision": "pass", "grade": "good", "domain": "balanced",
        "primary": "dice", "on_inconclusive": "block", "inputs": {"evaluation.json": "ab"},
        "judged": {"split": "test", "samples": 2, "groups": 2}, "confidence": None,
    }  # fmt: skip
    assert data["rules"][0]["outcome"] == "pass"
    json.dumps(data, allow_nan=False)


# Any evaluation that could have been measured, any rules, and any one loss of evidence.
cells = st.integers(0, 3) | st.integers(50, 100)


@st.composite
def evaluations(draw) -> Evaluation:
    splits = {}
    for name in ("train", "test"):
        n = draw(st.integers(1, 4))
        flat = draw(st.lists(cells, min_size=n * 12, max_size=n * 12))
        matrices = np.array(flat, np.int64).reshape(n, 3, 4)
        # The diagonal outweighs the rest often enough for passes.
        matrices[:, range(3), range(3)] *= draw(st.sampled_from([1, 100]))
        groups = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
        scanners = draw(st.lists(st.sampled_from("AB"), min_size=n, max_size=n))
        splits[name] = split_of(matrices, groups, scanners)
    return Evaluation(splits, {})


@st.composite
def rules(draw) -> Rule:
    metric = draw(st.sampled_from([m for m in CATALOG.values() if m.rule and m.family == "counts"]))
    by = draw(st.sampled_from([None, SCANNER]))
    bound = draw(st.sampled_from([-1.0, 0.0, 0.1, 0.5, 0.9]))
    side = draw(st.sampled_from(["at_least", "at_most"]))
    return Rule(
        "r", metric.name, draw(st.sampled_from([*SCORED, "mean", "every"])),
        draw(st.sampled_from(metric.aggregates)), draw(st.sampled_from(["train", "test"])),
        slice_by=by,
        slice_value=draw(st.sampled_from([None, "A"])) if by else None,
        worst=draw(st.booleans()),
        severity=draw(st.sampled_from(["block", "block", "warn"])),
        **{side: bound if side == "at_least" else 1 - bound},
    )  # fmt: skip


def paths(data: dict) -> list[tuple[str, ...]]:
    """What can be lost: a split, class, aggregate, metric, slice column or value, or a number."""
    found: list[tuple[str, ...]] = []

    def walk(node: object, path: tuple[str, ...]) -> None:
        if isinstance(node, dict):
            for key, inner in node.items():
                if key not in ("confusion", "slices_left_out", "inputs", "sizes", "annotators"):
                    walk(inner, (*path, key))
            if len(path) > 1 and path[-1] not in ("classes", "mean", "slices", "test", "train"):
                found.append(path)
        elif path[-1] == "value":
            found.append(path)

    walk(data, ())
    return [*found, *(("splits", name) for name in data["splits"])]


def without(whole: Evaluation, path: tuple[str, ...]) -> Evaluation:
    data = json.loads(json.dumps(whole.to_json()))
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if path[-1] == "value":
        inner["value"] = None
    else:
        del inner[path[-1]]
    return Evaluation.from_json(data, "e.json")


@settings(max_examples=200, deadline=None)
@given(evaluations(), st.lists(rules(), min_size=1, max_size=3), st.sampled_from(list(DOMAINS)),
       st.sampled_from([Bands(), Bands(bad=Band(0.0, 0.0))]), st.data())  # fmt: skip
def test_losing_evidence_never_turns_a_verdict_into_a_pass(whole, some, domain, bands, data):
    before = judged(whole, some, DOMAINS[domain], bands)
    assume(before.decision != "pass")
    every = paths(whole.to_json())
    large = [path for path in every if len(path) <= 5]  # whole splits, classes and slices
    path = data.draw(st.sampled_from(large) | st.sampled_from(every))
    after = judged(without(whole, path), some, DOMAINS[domain], bands)
    assert after.decision != "pass", path


@pytest.mark.parametrize(("by", "worst"), [(None, False), (SCANNER, False), (SCANNER, True)])
@pytest.mark.parametrize("class_name", ["mean", "every"])
def test_hiding_the_image_or_class_that_fails_does_not_help(class_name, worst, by):
    good, bad = np.zeros((3, 4), np.int64), np.zeros((3, 4), np.int64)
    good[range(3), range(3)] = 10
    bad[:, 3] = 10
    half = np.where(np.arange(3)[:, None] == 2, bad, good)  # all of the vessel is missed
    rule = dataclasses.replace(RULE, class_name=class_name, slice_by=by, worst=worst,
                               at_least=0.7)  # fmt: skip
    for images in itertools.permutations([good, half, bad], 2):
        split = split_of(np.stack(images), np.arange(2), ["A", "B"])
        whole = Evaluation({"test": split}, {})
        if judged(whole, [rule], DOMAINS["custom"]).decision == "pass":
            continue
        every = paths(whole.to_json())
        values = [path for path in every if path[-3:] == ("pooled", "dice", "value")]
        for path in [*values, *(path for path in every if len(path) <= 5)]:
            after = judged(without(whole, path), [rule], DOMAINS["custom"])
            assert after.decision != "pass", path


@settings(max_examples=100, deadline=None)
@given(evaluations(), rules(), st.sampled_from(["nan", "inf", "-inf"]))
def test_a_value_that_is_no_number_never_passes(whole, rule, nothing):
    def spoil(scope: Scope) -> Scope:
        bad = Estimate(float(nothing), None, None, 1, 0)
        tables = {n: {a: dict.fromkeys(m, bad) for a, m in t.items()}
                  for n, t in {**scope.classes, "mean": scope.mean}.items()}  # fmt: skip
        return dataclasses.replace(scope, mean=tables.pop("mean"), classes=tables)

    spoiled = {}
    for name, split in whole.splits.items():
        slices = {c: {v: spoil(s) for v, s in by.items()} for c, by in split.slices.items()}
        spoiled[name] = dataclasses.replace(spoil(split), slices=slices)
    assert judged(Evaluation(spoiled, {}), [rule], DOMAINS["custom"]).decision == "fail"
