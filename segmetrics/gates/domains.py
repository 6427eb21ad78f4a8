"""The domain presets: what each field of use asks for, as data.

Every number is a starting point to edit in params.yaml, not a claim about any regulation. A rule of
the same name there replaces the preset's; `null` removes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from segmetrics.gates.rules import EVERY, MEAN, Rule, Statistic
from segmetrics.metrics.catalog import Aggregate

# Filled in by `resolve_rules`: the judged split, and the smallest bucket of object sizes.
JUDGED = ""
SMALLEST = "smallest"


@dataclass(frozen=True, slots=True)
class Domain:
    """A preset: a primary metric, an aggregate, rules.

    Attributes
    ----------
    primary
        The metric that runs are ranked by.
    aggregate
        That of the grade and of rules that name none.
    by_size
        Rules on the smallest objects, in force where objects are measured with numeric edges.
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
    by_size: tuple[Rule, ...] = ()
    statistic: Statistic = "conservative"
    critical_recall: float | None = None
    bad_grade_blocks: bool = True
    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule of a preset that is not in force, why not, and what would switch it on."""

    rule: Rule
    reason: str
    remedy: str


def _rule(
    domain: str, name: str, metric: str, class_name: str, aggregate: Aggregate, at_least: float,
    rationale: str, size: str | None = None,
) -> Rule:  # fmt: skip
    return Rule(
        name=name,
        metric=metric,
        class_name=class_name,
        aggregate=aggregate,
        split=JUDGED,
        at_least=at_least,
        size=size,
        source=f"preset {domain}",
        rationale=rationale,
    )


_M, _A, _B = "medical", "autonomous_driving", "balanced"

# Where a rationale names no source, the number is a convention of this package: edit it.
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
                  "What is missed is not looked at again. Each class by itself, because a mean "
                  "hides the one that is missed."),
            _rule(_M, "f2", "f2", MEAN, "group_mean", 0.80,
                  "Recall weighs more than precision, yet marking everything does not pass: with "
                  "recall 0.85 it takes a precision of about 0.65."),
            _rule(_M, "dice", "dice", MEAN, "group_mean", 0.75,
                  "Overlap good enough to work with; below the good grade (0.8), because people "
                  "often agree no better on small structures."),
            _rule(_M, "iou", "iou", MEAN, "group_mean", 0.65,
                  "Poor images weigh more than in Dice. Above the 0.60 that a mean Dice of 0.75 "
                  "implies, so it asks for more."),
        ),
        by_size=(
            _rule(_M, "small_object_recall", "object_recall", EVERY, "group_mean", 0.60,
                  "Pixel recall hardly feels a small lesion that is missed whole; this counts "
                  "lesions. Lower than the recall floor, because one pixel decides small ones.",
                  size=SMALLEST),
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
                  "False obstacles cause needless stops, and the cars behind cause the accident."),
            _rule(_A, "f0.5", "f0.5", MEAN, "pooled", 0.80,
                  "Precision weighs more than recall, yet predicting nothing does not pass: with "
                  "precision 0.85 it takes a recall of about 0.65."),
            _rule(_A, "iou", "iou", EVERY, "pooled", 0.50,
                  "The measure of street scenes (PASCAL VOC, Cityscapes). Each class by itself: a "
                  "mean over 19 hides a class that is not found. 0.5 is where a match begins in "
                  "PASCAL VOC."),
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
            _rule(_B, "dice", "dice", MEAN, "image_mean", 0.80,
                  "Good overlap: the bound of the good grade."),
            _rule(_B, "iou", "iou", MEAN, "image_mean", 0.70,
                  "Poor images weigh more than in Dice: the bound of the good grade."),
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
_CRITICAL = "Safety-critical: missing it is the accident that precision is not to be bought with."


def resolve_rules(
    domain: Domain,
    own: Mapping[str, Rule | None],
    *,
    judge: str,
    safety_critical: Sequence[str] = (),
    smallest: str | None = None,
) -> list[Rule]:
    """The rules in force: the preset's, replaced, removed and added to by `own`.

    Parameters
    ----------
    smallest
        The name of the smallest size bucket; None: no objects are measured with numeric edges, so
        that the rules `by_size` are left out.
    """
    rules = {rule.name: replace(rule, split=judge) for rule in domain.rules}
    if domain.critical_recall is not None:
        for name in safety_critical:
            rule = _rule(
                domain.name, f"critical_recall_{name}", "recall", name, domain.aggregate,
                domain.critical_recall, _CRITICAL,
            )  # fmt: skip
            rules[rule.name] = replace(rule, split=judge)
    if smallest is not None:
        rules |= {r.name: replace(r, split=judge, size=smallest) for r in domain.by_size}
    for name, replacement in own.items():
        if replacement is None:
            rules.pop(name, None)
        else:
            rules[name] = replacement
    return [replace(rule, statistic=rule.statistic or domain.statistic) for rule in rules.values()]


def left_out_rules(
    domain: Domain, own: Mapping[str, Rule | None], *, judge: str, smallest: str | None
) -> list[LeftOut]:
    """The rules of the preset that need sizes of objects where those are not measured.

    One that `own` replaces or removes (`null`) is settled, and not among them.
    """
    if smallest is not None:
        return []
    return [
        LeftOut(
            replace(rule, split=judge, statistic=domain.statistic),
            "objects are not measured with numeric edges of size",
            f"set measure.objects with size_edges, such as {{match: iou, at_least: 0.5, "
            f"size_edges: [64, 512]}} in pixels, or remove it: rules: {{{rule.name}: null}}",
        )
        for rule in domain.by_size
        if rule.name not in own
    ]
