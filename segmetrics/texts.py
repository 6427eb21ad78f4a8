"""A verdict in words: for the terminal and as Markdown."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from segmetrics.gates.domains import DOMAINS
from segmetrics.stats.evaluation import Evaluation, Scope

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
_SHOWN = ("dice", "iou", "precision", "recall", "accuracy")


def terminal() -> Console:
    """Standard output with colours; a reader that has seen enough (`| head`) changes no exit code.

    Rich itself would end the process with 1, which here means a failed verdict.
    """
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return Terminal()


def headline(verdict: Mapping[str, Any]) -> str:
    """One sentence: decision, grade, domain, and how many rules failed."""
    failed = [rule for rule in verdict["rules"] if rule["outcome"] != "pass"]
    blocking = [f for f in verdict["findings"] if f["severity"] == "block"]
    warned = sum(rule["severity"] == "warn" for rule in failed)
    why = f"{len(failed)} of {len(verdict['rules'])} rules not met" if failed else "all rules met"
    why = why if verdict["rules"] else "there are no rules"
    why += f" ({warned} of them only warn)" if warned else ""
    why += f", {len(blocking)} blocking finding{'s' * (len(blocking) > 1)}" if blocking else ""
    priority = DOMAINS[verdict["domain"]].priority if verdict["domain"] in DOMAINS else ""
    judged = verdict["judged"]
    what = f"{judged['samples']} samples in {judged['groups']} groups of {judged['split']}"
    return (
        f"{verdict['decision'].upper()}: {why}; grade {verdict['grade']}; {what}; "
        f"domain {verdict['domain']} ({priority})"
    )


def print_verdict(verdict: Mapping[str, Any], console: Console) -> None:
    """Headline, rules, findings and what to do next."""
    colour = _COLOURS.get(verdict["decision"], "red")
    console.print(headline(verdict), style=f"bold {colour}", markup=False, soft_wrap=True)
    console.print(_rule_table(verdict["rules"]))
    for rule in verdict["rules"]:
        if rule["outcome"] != "pass":
            text = f"{rule['name']}: {rule['reason']}"
            console.print(f"- {text}", markup=False, highlight=False, soft_wrap=True)
    for finding in verdict["findings"]:
        text = f"{finding['severity']}: {finding['name']}: {finding['text']}{_ids(finding)}"
        console.print(f"- {text}", markup=False, highlight=False, soft_wrap=True)
    console.print(next_step(verdict), markup=False, highlight=False, soft_wrap=True)


def _ids(finding: Mapping[str, Any]) -> str:
    """The first images that a finding is about; its text names none, because it may be sent."""
    names = finding["data"].get("ids", ())
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f" (images: {', '.join(names[:5])}{more})" if names else ""


def next_step(verdict: Mapping[str, Any]) -> str:
    """What to do after this verdict."""
    if verdict["decision"] == "pass":
        if {f["name"] for f in verdict["findings"]} & {"given_predictions", "source_not_named"}:
            return (
                "Next: to promote a model, let segmetrics run it: infer.source, or an "
                "infer.command with {source}."
            )
        return "Next: `segmetrics promote` registers the model and moves the alias."
    return (
        "Next: look at the rules above (`segmetrics rules` says where each comes from), improve "
        "the model or, if a bound does not fit your use, change it in params.yaml; then run "
        "`dvc repro`."
    )


def _rule_table(rules: Sequence[Mapping[str, Any]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    table.add_column("rule", overflow="fold")
    table.add_column("of", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("bound", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    for rule in rules:
        what = f"{rule['metric']} ({rule['aggregate']}), {rule['class']}"
        what += f", {rule['slice']}" if rule["slice"] else ""
        warns = rule["severity"] == "warn" and rule["outcome"] != "pass"
        outcome = rule["outcome"] + (" (warns)" if warns else "")
        # Text, not markup: names may hold brackets.
        table.add_row(
            Text(rule["name"]),
            Text(what),
            number(rule["value"]),
            bound_text(rule["bound"]),
            Text(outcome, style=_COLOURS.get(rule["outcome"], "red")),
        )
    return table


def bound_text(bound: Mapping[str, float]) -> str:
    """`>= 0.85`."""
    signs = {"at_least": ">=", "at_most": "<="}
    return " and ".join(f"{signs[name]} {value:g}" for name, value in bound.items())


def number(value: float | None) -> str:
    """Four decimals; an undefined value is a dash."""
    return "-" if value is None else f"{value:.4f}"


def verdict_markdown(verdict: Mapping[str, Any], evaluation: Evaluation) -> str:
    """The verdict as GitHub-flavoured Markdown, beginning with a sentence."""
    lines = [headline(verdict), "", "| rule | metric | class | slice | value | bound | outcome |"]
    lines.append("|---|---|---|---|---|---|---|")
    for rule in verdict["rules"]:
        cells = (
            rule["name"], f"{rule['metric']} {rule['aggregate']}", rule["class"],
            rule["slice"] or "", number(rule["value"]), bound_text(rule["bound"]), rule["outcome"],
        )  # fmt: skip
        lines.append(_row(cells))
    if verdict["findings"]:
        lines += [
            "",
            *(f"- **{f['severity']}** {f['name']}: {f['text']}" for f in verdict["findings"]),
        ]
    for name, split in evaluation.splits.items():
        lines += ["", f"**{name}**: {split.samples} images in {split.groups} groups", ""]
        lines += _metric_rows(split)
    return "\n".join(lines) + "\n"


def _metric_rows(scope: Scope) -> list[str]:
    lines = [
        "| class | aggregate | " + " | ".join(_SHOWN) + " |",
        "|---|---|" + "---|" * len(_SHOWN),
    ]
    for name in [*scope.classes, "mean"]:
        for aggregate in scope.mean:
            estimates = [scope.estimate(name, aggregate, metric) for metric in _SHOWN]
            values = [number(e.value if e else None) for e in estimates]
            lines.append(_row([name, aggregate, *values]))
    return lines


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
