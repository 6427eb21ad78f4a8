"""A verdict on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from segmetrics.texts.words import (
    bound_text,
    headline,
    interval_header,
    interval_text,
    next_steps,
    number,
    outcome_text,
    subject,
    undefined_text,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}


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


def print_verdict(verdict: Mapping[str, Any], console: Console) -> None:
    """Headline, rules, reasons of those not met, findings and what to do next."""
    colour = _COLOURS.get(verdict["decision"], "red")
    console.print(headline(verdict), style=f"bold {colour}", markup=False, soft_wrap=True)
    console.print(_rule_table(verdict))
    lines = [
        f"- {rule['name']}: {rule['reason']}"
        for rule in verdict["rules"]
        if rule["outcome"] != "pass"
    ]
    lines += [f"- {f['severity']}: {f['name']}: {f['text']}{_ids(f)}" for f in verdict["findings"]]
    steps = next_steps(verdict)
    numbered = [f"{i}. {step}" for i, step in enumerate(steps, start=1)]
    lines += [f"Next: {steps[0]}."] if len(steps) == 1 else ["Next:", *numbered]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _ids(finding: Mapping[str, Any]) -> str:
    """The first images that a finding is about; its text names none, because it may be sent."""
    names = finding["data"].get("ids", ())
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f" (images: {', '.join(names[:5])}{more})" if names else ""


def _rule_table(verdict: Mapping[str, Any]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rules, judged = verdict["rules"], verdict["judged"]["split"]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    intervals = any(interval_text(rule) for rule in rules)
    longest = max((len(rule["name"]) for rule in rules), default=0)
    table.add_column("rule", overflow="fold", min_width=min(longest, 20))
    table.add_column("of", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    if intervals:
        table.add_column(interval_header(verdict), no_wrap=True)
    table.add_column("bound", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    for rule in rules:
        # Text, not markup: names may hold brackets.
        table.add_row(
            Text(rule["name"]),
            Text(subject(rule, judged) + undefined_text(rule)),
            number(rule["value"]),
            *([interval_text(rule)] if intervals else []),
            bound_text(rule["bound"]),
            Text(outcome_text(rule), style=_COLOURS.get(rule["outcome"], "red")),
        )
    return table
