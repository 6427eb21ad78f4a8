"""The domain presets: what each field of use asks for, as data.

Every number is a starting point to edit in params.yaml, not a claim about any regulation. A rule of
the same name there replaces the preset's; `null` removes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from segmetrics.gates.rules import EVERY, MEAN, Rule, Statistic
from segmetrics.metrics.catalog import Aggregate

JUDGED = ""  # the judged split, filled in by `resolve_rules`


@dataclass(frozen=True, slots=True)
class Domain:
    """A preset: a primary metric, an aggregate, rules.

    Attributes
    ----------
    primary
        The metric that runs are ranked by.
    aggregate
        That of the grade and of rules that name none.
    statistic
        What decides a rule that says none: `conservative` (the interval) or `point` (the value).
    critical_recall
        Recall that each of `data.safety_critical_classes` must reach; None: none is required.
    bad_grade_blocks
        Whether a bad grade alone fails the verdict.
    beta
        Of the F-beta that thresholds are tuned for.
    """

    name: str
    priority: str
    primary: str
    aggregate: Aggregate
    rules: tuple[Rule, ...]
    statistic: Statistic = "conservative"
    critical_recall: float | None = None
    bad_grade_blocks: bool = True
    beta: float = 1.0


def _rule(
    domain: str, name: str, metric: str, class_name: str, aggregate: Aggregate, at_least: float,
    rationale: str,
) -> Rule:  # fmt: skip
    return Rule(
        name=name,
        metric=metric,
        class_name=class_name,
        aggregate=aggregate,
        split=JUDGED,
        at_least=at_least,
        source=f"preset {domain}",
        rationale=rationale,
    )


_M, _A, _B = "medical", "autonomous_driving", "balanced"

DOMAINS: Mapping[str, Domain] = {
    _M: Domain(
        name=_M,
        priority="recall first: a missed tumour pixel is worse than an extra one",
        primary="recall",
        aggregate="group_mean",
        statistic="conservative",
        beta=2.0,
        rules=(
            _rule(_M, "recall_floor", "recall", EVERY, "group_mean", 0.85,
                  "what is missed is not looked at again; each class by itself"),
            _rule(_M, "f2", "f2", MEAN, "group_mean", 0.80,
                  "recall counts twice, yet marking everything does not pass"),
            _rule(_M, "dice", "dice", MEAN, "group_mean", 0.75,
                  "overlap good enough to work with"),
            _rule(_M, "iou", "iou", MEAN, "group_mean", 0.65,
                  "errors weigh more than in Dice; above the 0.6 that a mean Dice of 0.75 implies"),
        ),
    ),
    _A: Domain(
        name=_A,
        priority="precision first: a false obstacle causes a needless stop",
        primary="precision",
        aggregate="pooled",
        statistic="conservative",
        beta=0.5,
        rules=(
            _rule(_A, "precision_floor", "precision", MEAN, "pooled", 0.85,
                  "false obstacles cause needless stops"),
            _rule(_A, "f0.5", "f0.5", MEAN, "pooled", 0.80,
                  "precision counts twice, yet predicting nothing does not pass"),
            _rule(_A, "iou", "iou", MEAN, "pooled", 0.60,
                  "the benchmark metric of street scenes"),
        ),
        critical_recall=0.80,
    ),
    _B: Domain(
        name=_B,
        priority="Dice and IoU: a missed pixel and an extra one weigh the same",
        primary="dice",
        aggregate="image_mean",
        statistic="point",
        rules=(
            _rule(_B, "dice", "dice", MEAN, "image_mean", 0.80, "good overlap"),
            _rule(_B, "iou", "iou", MEAN, "image_mean", 0.70, "good overlap, errors weigh more"),
        ),
    ),
    "custom": Domain(
        name="custom",
        priority="the rules of params.yaml alone",
        primary="dice",
        aggregate="image_mean",
        statistic="point",
        rules=(),
        bad_grade_blocks=False,
    ),
}  # fmt: skip


def resolve_rules(
    domain: Domain,
    own: Mapping[str, Rule | None],
    *,
    judge: str,
    safety_critical: Sequence[str] = (),
) -> list[Rule]:
    """The rules in force: the preset's, replaced, removed and added to by `own`."""
    rules = {rule.name: replace(rule, split=judge) for rule in domain.rules}
    if domain.critical_recall is not None:
        for name in safety_critical:
            rule = _rule(
                domain.name, f"critical_recall_{name}", "recall", name, domain.aggregate,
                domain.critical_recall, "safety-critical: missing it is the accident",
            )  # fmt: skip
            rules[rule.name] = replace(rule, split=judge)
    for name, replacement in own.items():
        if replacement is None:
            rules.pop(name, None)
        else:
            rules[name] = replacement
    return [replace(rule, statistic=rule.statistic or domain.statistic) for rule in rules.values()]
