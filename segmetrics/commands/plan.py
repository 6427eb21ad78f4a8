"""`segmetrics plan`: how often the rules pass a good model, and how many groups that takes."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from segmetrics.commands.parsing import Commands, add_command, add_params, positive
from segmetrics.errors import ConfigError, DataError

if TYPE_CHECKING:
    from segmetrics.config.models import Settings
    from segmetrics.planning import Assumed, Spread


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "plan",
        run,
        "say how often these rules would pass a good model, and how many groups that takes",
        "From the measurements of the judged split that `dvc repro` made, or from an assumed\n"
        "spread before there are any. docs/planning.md says how.\n\n"
        "examples:\n"
        "  segmetrics plan\n"
        "  segmetrics plan --groups 200\n"
        "  segmetrics plan --groups 60 --sd 0.19 --per-group 10 --icc 0.5\n",
    )
    add_params(parser)
    parser.add_argument(
        "--groups",
        type=positive,
        metavar="N",
        help="groups (patients, slides, drives) of a test set (default: those measured)",
    )
    parser.add_argument(
        "--sd",
        type=_number,
        metavar="SD",
        help="assume this standard deviation of the values of images, such as 0.19",
    )
    parser.add_argument(
        "--per-group", type=positive, metavar="M", help="with --sd: images of each group"
    )
    parser.add_argument(
        "--icc",
        type=_number,
        metavar="R",
        help="with --sd: how alike the images of a group are, from 0 to 1 (default: 0.5)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 0 to 1')
    return value


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.judging import policy
    from segmetrics.planning import plan_from_assumption, plan_from_tables
    from segmetrics.policy_text import print_plan
    from segmetrics.texts import terminal

    assumed = _assumed(arguments)
    settings = load_settings(arguments.params)
    in_force = policy(settings)
    if assumed is not None:
        plan = plan_from_assumption(in_force, assumed, groups=arguments.groups)
    else:
        plan = plan_from_tables(in_force, read_spread(settings), groups=arguments.groups)
    if arguments.json:
        import json

        print(json.dumps(plan.to_json(), indent=1, allow_nan=False))
    else:
        print_plan(plan, terminal())


def _assumed(arguments: argparse.Namespace) -> Assumed | None:
    from segmetrics.planning import Assumed

    if arguments.sd is None:
        if arguments.per_group or arguments.icc is not None:
            raise ConfigError("plan", "--per-group and --icc need --sd", "add it, such as 0.19")
        return None
    if arguments.groups is None:
        raise ConfigError("plan", "--sd needs --groups", "say how many groups you plan")
    if arguments.sd == 0:
        raise ConfigError("--sd", "no spread, no doubt", "give a number above 0")
    icc = 0.5 if arguments.icc is None else arguments.icc
    return Assumed(arguments.sd, arguments.per_group or 1, icc)


def read_spread(settings: Settings) -> Spread:
    """The measurements of the judged split.

    Raises
    ------
    DataError
        They are missing, damaged, or of other samples or settings.
    """
    from segmetrics.config.build import evaluation_options, layout
    from segmetrics.data.samples import read_samples
    from segmetrics.evaluate import read_split
    from segmetrics.planning import Spread

    files, options = layout(settings), evaluation_options(settings)
    try:
        measured, rows = read_split(
            settings.data.judge, files.results, read_samples(files.samples), options.measured_with,
            files.subset,
        )  # fmt: skip
    except DataError as error:
        first = error.problems[0]
        other = "to plan without measurements: `segmetrics plan --groups N --sd S`"
        remedy = "; ".join(text for text in (first.remedy, other) if text)
        raise DataError(first.where, first.what, remedy) from error
    return Spread(measured, tuple(rows[i] for i in measured.ids), options.size_edges)
