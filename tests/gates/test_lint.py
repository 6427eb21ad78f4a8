"""Rules that others make needless or impossible."""

from __future__ import annotations

from segmetrics.gates.domains import DOMAINS, resolve_rules
from segmetrics.gates.judging import judge_rules
from segmetrics.gates.lint import lint_results, lint_rules
from segmetrics.gates.rules import Rule
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, SplitEvaluation
from segmetrics.stats.slice_by import SliceBy


def rule(name: str, metric: str, at_least: float | None = None, **more) -> Rule:
    usual = {"class_name": "tumour", "aggregate": "pooled", "split": "test"}
    return Rule(name=name, metric=metric, at_least=at_least, **usual | more)


def kinds(*rules: Rule) -> dict[str, str]:
    return {remark.rule: remark.kind for remark in lint_rules(rules)}


def test_iou_implies_dice_of_pooled_values():
    assert kinds(rule("d", "dice", 0.82), rule("i", "iou", 0.7)) == {"d": "implied"}
    (remark,) = lint_rules([rule("d", "dice", 0.82), rule("i", "iou", 0.7)])
    assert remark.text == "implied by i: dice is then at least 0.8235"
    # The one is a function of the other, so one of the two is always needless.
    assert kinds(rule("d", "dice", 0.83), rule("i", "iou", 0.7)) == {"i": "implied"}


def test_iou_does_not_imply_dice_of_means():
    means = {"aggregate": "image_mean"}
    assert kinds(rule("d", "dice", 0.82, **means), rule("i", "iou", 0.7, **means)) == {}
    assert kinds(rule("d", "dice", 0.8, **means), rule("i", "iou", 0.66, **means)) == {
        "i": "implied"
    }


def test_a_class_mean_is_a_mean_also_where_its_classes_are_pooled():
    whole = {"class_name": "mean"}
    assert kinds(rule("d", "dice", 0.82, **whole), rule("i", "iou", 0.7, **whole)) == {}


def test_only_rules_of_the_same_subject_are_compared():
    i = rule("i", "iou", 0.7)
    for more in (
        {"class_name": "vessel"}, {"aggregate": "group_mean"}, {"split": "val"},
        {"slice_by": SliceBy(("scanner",))},
    ):  # fmt: skip
        assert kinds(rule("d", "dice", 0.82, **more), i) == {}


def test_a_rule_that_only_warns_implies_nothing():
    assert kinds(rule("d", "dice", 0.82), rule("i", "iou", 0.7, severity="warn")) == {}


def test_of_two_bounds_on_one_number_the_lower_is_needless():
    assert kinds(rule("a", "dice", 0.8), rule("b", "dice", 0.7)) == {"b": "implied"}
    assert kinds(rule("a", "dice", 0.8), rule("b", "dice", 0.8)) == {"b": "implied"}


def test_every_class_implies_their_mean_and_not_the_reverse():
    every, mean = {"class_name": "every"}, {"class_name": "mean"}
    assert kinds(rule("a", "dice", 0.8, **every), rule("b", "dice", 0.8, **mean)) == {
        "b": "implied"
    }
    assert kinds(rule("a", "dice", 0.9, **mean), rule("b", "dice", 0.8, **every)) == {}


def test_precision_and_recall_imply_f_beta():
    some = rule("p", "precision", 0.9), rule("r", "recall", 0.8)
    found = [x for x in lint_rules([*some, rule("f", "f2", 0.81)]) if x.rule == "f"]
    assert [x.kind for x in found] == ["implied"]
    assert "p and r" in found[0].text


def test_what_nothing_can_satisfy():
    low = rule("low", "dice", 0.5, at_most=0.75)
    assert kinds(low, rule("i", "iou", 0.7)) == {"low": "contradictory"}
    assert kinds(low, rule("high", "dice", 0.8)) == {"low": "contradictory"}
    assert kinds(low, rule("high", "dice", 0.7)) == {}


def test_perfection_and_flattery():
    assert kinds(rule("r", "recall", 1.0)) == {"r": "unreachable"}
    assert kinds(rule("h", "hd95", at_most=0.0, aggregate="image_mean")) == {"h": "unreachable"}
    assert kinds(rule("s", "specificity", 0.9)) == {"s": "flattering"}


def test_no_rule_of_a_preset_is_needless():
    for domain in DOMAINS.values():
        critical = ["person"]
        rules = resolve_rules(domain, {}, judge="test", safety_critical=critical, smallest="small")
        assert lint_rules(rules) == [], domain.name


def evaluation(groups: int, value: float | None = 0.9) -> Evaluation:
    low, high = (None, None) if value is None else (value - 0.05, value + 0.05)
    table = {"pooled": {"dice": Estimate(value, low, high, 1, 0, groups=groups)}}
    return Evaluation({"test": SplitEvaluation(40, groups, {"tumour": table}, table)}, {})


def informed(whole: Evaluation, *rules: Rule, **options) -> dict[str, str]:
    results = judge_rules(rules, whole, ["tumour"], **options)
    return {r.rule: f"{r.kind}: {r.text}" for r in lint_results(results)}


def test_rules_that_no_sample_informs():
    d = rule("d", "dice", 0.8)
    assert informed(evaluation(40), d) == {}
    assert "undefined (0/0)" in informed(evaluation(40, None), d)["d"]
    elsewhere = rule("v", "dice", 0.8, class_name="vessel")
    sliced = rule("s", "dice", 0.8, slice_by=SliceBy(("scanner",)))
    found = informed(evaluation(40), elsewhere, sliced)
    assert found["v"].startswith("uninformed: dice (pooled) of vessel was not measured")
    assert found["s"].startswith('uninformed: no slices by "scanner"')


def test_rules_that_cannot_pass_for_lack_of_groups():
    d, point = rule("d", "dice", 0.8), rule("p", "dice", 0.8, statistic="point")
    own = rule("o", "dice", 0.8, min_groups=10)
    assert informed(evaluation(10), d, point, own) == {
        "d": "too_few: cannot pass: tumour has 10 groups, it needs 30"
    }
    assert set(informed(evaluation(10), d, own, min_groups=5)) == set()
