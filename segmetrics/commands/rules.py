"""`segmetrics rules`: show the rules in force."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.commands.parsing import Commands, add_command, add_params
from segmetrics.errors import DataError, SegmetricsError

if TYPE_CHECKING:
    from segmetrics.config.models import Settings
    from segmetrics.gates.lint import Remark
    from segmetrics.planning import Plan
    from segmetrics.policy import Policy

_ENOUGH = 0.8  # a good model should pass more often than not, by far


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "rules",
        run,
        "show the rules in force: bounds, where each comes from, and why",
        "The presets' numbers are starting points: a rule of the same name in params.yaml\n"
        "replaces one, null removes it. After `dvc repro` it also says which rules the samples\n"
        "cannot inform, and how often a good model would pass.",
    )
    add_params(parser)
    parser.add_argument(
        "--metrics",
        action="store_true",
        help="list every metric instead: what it is, its range, how to ask for it",
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="text for people (default), JSON"
    )


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.judging import policy
    from segmetrics.gates.lint import lint_rules
    from segmetrics.policy_text import policy_json, print_catalog, print_policy
    from segmetrics.texts import terminal

    if arguments.metrics:
        print_catalog(terminal())
        return
    settings = load_settings(arguments.params)
    _check_columns(settings, arguments.params)
    in_force = policy(settings)
    remarks = [*lint_rules(in_force.rules), *_informed(settings, in_force)]
    plan = _plan(settings, in_force)
    if arguments.format == "json":
        print(json.dumps(policy_json(in_force, remarks, plan), indent=1, allow_nan=False))
    else:
        print_policy(in_force, terminal(), remarks, _chance(plan) if in_force.rules else "")


def _check_columns(settings: Settings, params: Path) -> None:
    """Refuse rules whose slices samples.csv cannot give, as far as it can be read.

    What it leaves out of the folders is a note.
    """
    from segmetrics.config.columns import check_slice_columns
    from segmetrics.data.samples import read_samples
    from segmetrics.data.unlisted import unlisted_note

    if not Path(settings.data.samples).exists():
        return
    try:
        check_slice_columns(settings, params)
    except DataError as error:
        print(f"note: slices not compared with samples.csv: {error}", file=sys.stderr)
        return
    samples = Path(settings.data.samples)
    note = unlisted_note(read_samples(samples), Path(settings.data.root), samples)
    if note:
        print(f"note: {note}", file=sys.stderr)


def _informed(settings: Settings, policy: Policy) -> list[Remark]:
    """What the evaluation at hand says about the rules; nothing where there is none."""
    from segmetrics.compare.against import project_against
    from segmetrics.config.build import layout
    from segmetrics.evidence import read_json
    from segmetrics.gates.against import Against
    from segmetrics.gates.judging import judge_rules
    from segmetrics.gates.lint import lint_results
    from segmetrics.stats.evaluation import Evaluation

    path = layout(settings).evaluation
    if not path.exists():
        return []
    try:
        evaluation = Evaluation.from_json(read_json(path), str(path))
    except SegmetricsError as error:
        print(f"note: not compared with the samples: {error}", file=sys.stderr)
        return []
    rules, against = policy.rules, Against()
    try:
        against, _ = project_against(layout(settings), policy, evaluation)
    except SegmetricsError as error:
        print(f"note: rules with `against` not looked at: {error}", file=sys.stderr)
        rules = tuple(rule for rule in rules if rule.against is None)
    results = judge_rules(
        rules, evaluation, policy.scored,
        statistic=policy.domain.statistic, min_groups=policy.min_groups, against=against,
    )  # fmt: skip
    return lint_results(results)


def _plan(settings: Settings, policy: Policy) -> Plan | None:
    """The chance at 4 points, from the tables at hand; None where there are none that fit."""
    from segmetrics.commands.plan import read_spread
    from segmetrics.config.build import layout
    from segmetrics.planning import USUAL, plan_from_tables

    if not layout(settings).measurements(policy.judge).exists() or not policy.rules:
        return None
    try:
        return plan_from_tables(policy, read_spread(settings), levels=(USUAL,), search=False)
    except SegmetricsError as error:
        print(f"note: no chance of a pass was computed: {error}", file=sys.stderr)
        return None


def _chance(plan: Plan | None) -> str:
    from segmetrics.planning import USUAL, sentence

    if plan is None:
        return "`segmetrics plan` says how often these rules would pass a good model."
    if plan.chance(USUAL) >= _ENOUGH:
        return sentence(plan)
    return (
        f"warning: {sentence(plan)} `segmetrics plan` says how many groups it takes, and which "
        f"rule is in the way."
    )
