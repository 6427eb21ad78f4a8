"""The presets as data, and how own rules replace, remove and add."""

from __future__ import annotations

import pytest

from segmetrics.gates.domains import DOMAINS, left_out_rules, resolve_rules
from segmetrics.gates.rules import Rule
from segmetrics.metrics.catalog import CATALOG


def listed(domain: str, mine=None, critical=()) -> dict[str, tuple]:
    rules = resolve_rules(DOMAINS[domain], mine or {}, judge="test", safety_critical=critical)
    return {r.name: (r.metric, r.class_name, r.aggregate, r.split, r.bound) for r in rules}


def bound(value: float) -> dict[str, float]:
    return {"at_least": value}


def test_medical_puts_recall_first():
    assert listed("medical") == {
        "recall_floor": ("recall", "every", "group_mean", "test", bound(0.85)),
        "f2": ("f2", "mean", "group_mean", "test", bound(0.80)),
        "dice": ("dice", "mean", "group_mean", "test", bound(0.75)),
        "iou": ("iou", "mean", "group_mean", "test", bound(0.65)),
    }
    assert DOMAINS["medical"].primary == "recall"


def small(mine=None, smallest: str | None = "small") -> Rule | None:
    rules = resolve_rules(DOMAINS["medical"], mine or {}, judge="test", smallest=smallest)
    return {rule.name: rule for rule in rules}.get("small_object_recall")


def test_medical_looks_at_small_objects_where_their_size_is_measured():
    rule = small()
    assert (rule.metric, rule.class_name, rule.size) == ("object_recall", "every", "small")
    assert (rule.bound, rule.statistic, rule.split) == (bound(0.60), "conservative", "test")
    assert small(smallest="size_1").size == "size_1"
    assert small(smallest=None) is None
    assert small({"small_object_recall": None}) is None


def test_what_is_left_out_is_said_with_the_way_to_switch_it_on():
    def names(mine=None, smallest=None, domain="medical"):
        found = left_out_rules(DOMAINS[domain], mine or {}, judge="test", smallest=smallest)
        return [one.rule.name for one in found]

    assert names() == ["small_object_recall"]
    assert names(smallest="small") == names(domain="balanced") == []
    # Removed or replaced is settled.
    assert names({"small_object_recall": None}) == names(own("small_object_recall")) == []
    (one,) = left_out_rules(DOMAINS["medical"], {}, judge="test", smallest=None)
    assert "size_edges: [64, 512]" in one.remedy
    assert "{small_object_recall: null}" in one.remedy


def test_autonomous_driving_puts_precision_first_with_a_recall_floor_for_critical_classes():
    assert listed("autonomous_driving", critical=["person", "rider"]) == {
        "precision_floor": ("precision", "mean", "pooled", "test", bound(0.85)),
        "f0.5": ("f0.5", "mean", "pooled", "test", bound(0.80)),
        "iou": ("iou", "every", "pooled", "test", bound(0.50)),
        "critical_recall_person": ("recall", "person", "pooled", "test", bound(0.80)),
        "critical_recall_rider": ("recall", "rider", "pooled", "test", bound(0.80)),
    }
    assert DOMAINS["autonomous_driving"].primary == "precision"


def test_balanced_asks_for_dice_and_iou():
    assert listed("balanced") == {
        "dice": ("dice", "mean", "image_mean", "test", bound(0.80)),
        "iou": ("iou", "mean", "image_mean", "test", bound(0.70)),
    }
    assert DOMAINS["balanced"].primary == "dice"


def test_custom_has_no_rules():
    assert listed("custom") == {}


def test_safety_critical_classes_mean_nothing_elsewhere():
    assert listed("medical", critical=["tumour"]) == listed("medical")


@pytest.mark.parametrize("name", DOMAINS)
def test_every_preset_is_named_explained_and_possible(name):
    domain = DOMAINS[name]
    assert domain.name == name
    assert domain.priority
    assert domain.aggregate in CATALOG[domain.primary].aggregates
    for rule in (*domain.rules, *domain.by_size):
        metric = CATALOG[rule.metric]
        assert metric.rule
        assert rule.aggregate in metric.aggregates
        assert (rule.source, rule.severity) == (f"preset {name}", "block")
        assert rule.rationale[0].isupper()
        assert rule.rationale.endswith(".")
        assert len(rule.bound) == 1


def test_a_bad_grade_blocks_in_every_preset():
    blocking = [name for name, domain in DOMAINS.items() if domain.bad_grade_blocks]
    assert blocking == ["medical", "autonomous_driving", "balanced"]


def own(name: str) -> dict[str, Rule]:
    return {name: Rule(name, "dice", "tumour", "pooled", "train", at_least=0.9)}


def test_a_rule_of_the_same_name_replaces_the_preset_s_in_its_place():
    rules = listed("medical", own("dice"))
    assert list(rules) == ["recall_floor", "f2", "dice", "iou"]
    assert rules["dice"] == ("dice", "tumour", "pooled", "train", bound(0.9))


def test_null_removes_a_rule():
    assert list(listed("medical", {"dice": None, "iou": None})) == ["recall_floor", "f2"]


def test_another_name_adds_a_rule():
    assert list(listed("balanced", own("extra"))) == ["dice", "iou", "extra"]


def test_a_critical_recall_can_be_replaced():
    rules = listed("autonomous_driving", own("critical_recall_person"), ["person"])
    assert rules["critical_recall_person"] == ("dice", "tumour", "pooled", "train", bound(0.9))


def test_the_presets_themselves_are_left_as_they_are():
    before = listed("medical")
    resolve_rules(DOMAINS["medical"], {"dice": None}, judge="train")
    assert listed("medical") == before
