"""The rules in force and what they can decide: for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from segmetrics.gates.lint import Remark
from segmetrics.gates.rules import EVERY, MIN_GROUPS, Rule
from segmetrics.metrics.catalog import CATALOG
from segmetrics.planning import Plan, sentence

if TYPE_CHECKING:
    from rich.console import Console

    from segmetrics.policy import Policy


def print_policy(
    policy: Policy, console: Console, remarks: Sequence[Remark] = (), chance: str = ""
) -> None:
    """The domain, every rule with its source and reason, what is to be said of them, the grade.

    Parameters
    ----------
    chance
        One sentence on how likely a good model passes.
    """
    domain = policy.domain
    _line(console, f"domain {domain.name}: {domain.priority}")
    if not policy.rules:
        console.print("there are no rules, so nothing can pass", style="bold red")
    table = Table(box=None, show_header=False, padding=(0, 2, 1, 0))
    table.add_column("rule", overflow="fold", max_width=28)
    table.add_column("what", overflow="fold")
    for rule in policy.rules:
        table.add_row(Text(rule.name, style="bold"), _block(rule, policy))
    console.print(table)
    _line(console, _grade(policy))
    for one in policy.left_out:
        text = f"not in force: {one.rule.name} ({required(one.rule)}): {one.reason}; {one.remedy}"
        _line(console, text)
    if remarks:
        _line(console, "Remarks:")
    for remark in remarks:
        _line(console, f"- {remark.rule}: {remark.kind}: {remark.text}")
    if chance:
        _line(console, chance)


def _line(console: Console, text: str) -> None:
    """Names may hold brackets; long lines wrap in the terminal, so that they can be copied."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _block(rule: Rule, policy: Policy) -> Text:
    text = Text(required(rule))
    if rule.class_name == EVERY:
        text.append(f"\n{_every(policy)}")
    text.append(f"\n{_decides(rule, policy.min_groups)}; {_missed(rule)}; from {rule.source}")
    if rule.rationale:
        text.append(f"\n{rule.rationale}", style="dim")
    return text


def _every(policy: Policy) -> str:
    """`every class is a, b; the region whole is left out: name it in a rule of its own`."""
    regions = tuple(policy.definition.regions) if policy.definition else ()
    text = f"every class is {', '.join(policy.scored) or 'none: all are excluded'}"
    if not regions:
        return text
    many = len(regions) > 1
    return (
        f"{text}; the region{'s' if many else ''} {', '.join(regions)} {'are' if many else 'is'} "
        f"left out: name {'each' if many else 'it'} in a rule of its own"
    )


def _decides(rule: Rule, min_groups: int) -> str:
    if rule.statistic == "point":
        return "the value decides (point)"
    least = min_groups if rule.min_groups is None else rule.min_groups
    return f"the whole interval decides, of {least} groups or more (conservative)"


def _missed(rule: Rule) -> str:
    return {"block": "blocks if not met", "warn": "only warns"}[rule.severity]


def _grade(policy: Policy) -> str:
    good, bad = policy.bands.good, policy.bands.bad
    blocks = "blocks" if policy.domain.bad_grade_blocks else "warns"
    return (
        f"grade ({policy.domain.aggregate}): good where Dice > {good.dice:g} and IoU > "
        f"{good.iou:g}; bad, which {blocks}, where Dice < {bad.dice:g} or IoU < {bad.iou:g}; else "
        f"fair"
    )


def required(rule: Rule) -> str:
    """`recall (group_mean) of every class on test >= 0.85`."""
    of = {"every": "every class", "mean": "the class mean"}.get(rule.class_name, rule.class_name)
    where = f" on {rule.split}"
    if rule.slice_by is not None and rule.slice_value is not None:
        where += f" where {rule.slice_by.text}={rule.slice_value}"
    elif rule.slice_by is not None:
        where += f" for {'the worst' if rule.worst else 'each'} {rule.slice_by.text}"
        where += f" ({', '.join(rule.slice_by.bins)})" if rule.slice_by.bins else ""
    if rule.size is not None:
        where += f", objects of size {rule.size}"
    minus = {"baseline": " minus the baseline's", "annotators": " minus that of people"}
    where += minus.get(rule.against or "", "")
    return f"{rule.metric} ({rule.aggregate}) of {of}{where} {rule.bound_text}"


def policy_json(
    policy: Policy, remarks: Sequence[Remark] = (), plan: Plan | None = None
) -> dict[str, Any]:
    """The same as plain JSON values; `chance` is null where nothing tells it."""
    domain = policy.domain
    bands = {name: {"dice": b.dice, "iou": b.iou} for name, b in _bands(policy)}
    return {
        "domain": domain.name,
        "priority": domain.priority,
        "primary": domain.primary,
        "judge": policy.judge,
        "rules": [_rule_json(rule, policy.min_groups) for rule in policy.rules],
        "left_out": [
            {**_rule_json(one.rule, policy.min_groups), "reason": one.reason, "remedy": one.remedy}
            for one in policy.left_out
        ],
        "remarks": [{"rule": r.rule, "kind": r.kind, "text": r.text} for r in remarks],
        "grade": {"aggregate": domain.aggregate, **bands, "blocks": domain.bad_grade_blocks},
        "chance": plan and {
            "groups": plan.groups,
            "above": list(plan.levels),
            "chance": list(plan.chances),
        },
    }  # fmt: skip


def _bands(policy: Policy) -> tuple[tuple[str, Any], ...]:
    return ("good", policy.bands.good), ("bad", policy.bands.bad)


def _rule_json(rule: Rule, min_groups: int = MIN_GROUPS) -> dict[str, Any]:
    by = rule.slice_by
    return {
        "name": rule.name,
        "metric": rule.metric,
        "class": rule.class_name,
        "aggregate": rule.aggregate,
        "split": rule.split,
        "slice": by and {
            "columns": list(by.columns), "bins": list(by.edges), "value": rule.slice_value,
            "worst": rule.worst,
        },
        "size": rule.size,
        "bound": rule.bound,
        "statistic": rule.statistic,
        "min_groups": min_groups if rule.min_groups is None else rule.min_groups,
        "severity": rule.severity,
        "source": rule.source,
        "rationale": rule.rationale,
    }  # fmt: skip


def print_plan(plan: Plan, console: Console) -> None:
    """The table of chances, the groups needed, and what was left out."""
    text = (
        f"{plan.groups} groups, {plan.source}; {plan.test_sets} simulated test sets. How often a "
        f"model passes whose true values lie above (or below) every bound by:"
    )
    _line(console, text)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    table.add_column("rule", overflow="fold")
    table.add_column("decides", overflow="fold")
    for level in plan.levels:
        table.add_column(points(level), justify="right", no_wrap=True)
    for rule in plan.rules:
        several = f" (least likely of {rule.numbers})" if rule.numbers > 1 else ""
        decides = "value" if rule.statistic == "point" else "interval"
        table.add_row(Text(rule.name + several), decides, *map(_percent, rule.chances))
    table.add_section()
    whole = [f"{_percent(c)} ± {100 * plan.error(c):.0f}" for c in plan.chances]
    table.add_row(Text("all rules", style="bold"), "", *whole)
    console.print(table)
    _line(console, sentence(plan))
    text = (
        "± is two standard errors of the simulation. All rules see the same test sets, so another "
        "seed moves the whole table by as much, up or down together."
    )
    _line(console, text)
    if any(rule.statistic == "point" for rule in plan.rules):
        text = (
            "Rules that compare the value pass a model at or below its bound as often as the "
            "columns -2 and 0 say; `statistic: conservative` hardly ever does."
        )
        _line(console, text)
    for name, reason in plan.left_out:
        _line(console, f"left out: {name}: {reason}")


def points(level: float) -> str:
    """`+4`; `-2`."""
    return f"{100 * level:+g}" if level else "0"


def _percent(chance: float) -> str:
    return f"{chance:.0%}"


# How `measure:` in params.yaml asks for what is not always measured.
_ASKED = {
    "": "always",
    "surface": "measure.surface",
    "boundary": "measure.boundary_iou",
    "centreline": "measure.cldice",
    "objects": "measure.objects",
    "scores": "measure.scores",
}


def print_catalog(console: Console) -> None:
    """Every metric: what it is, its range, which way is better, whether rules may use it."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    for name in ("metric", "what it is", "range", "better", "aggregates", "measured", "rules"):
        table.add_column(name, overflow="fold")
    for metric in CATALOG.values():
        unit = {"1": "", "length": " data.unit", "objects": " objects"}[metric.unit]
        table.add_row(
            metric.name,
            Text(metric.text),
            f"{metric.low:g} to {metric.high:g}{unit}",
            metric.better,
            ", ".join(metric.aggregates),
            _ASKED[metric.needs],
            "yes" if metric.rule else "no",
        )
    console.print(table)
