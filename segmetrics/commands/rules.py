"""`segmetrics rules`: show the rules in force."""

from __future__ import annotations

import argparse

from segmetrics.commands.parsing import Commands, add_command, add_params


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "rules",
        run,
        "show the rules in force: bounds, where each comes from, and why",
        "The presets' numbers are starting points: a rule of the same name in params.yaml\n"
        "replaces one, null removes it.",
    )
    add_params(parser)
    parser.add_argument(
        "--metrics",
        action="store_true",
        help="list every metric instead: what it is, its range, how to ask for it",
    )


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.build import policy
    from segmetrics.tables_text import print_catalog, print_policy
    from segmetrics.texts import terminal

    if arguments.metrics:
        print_catalog(terminal())
        return
    print_policy(policy(load_settings(arguments.params)), terminal())
