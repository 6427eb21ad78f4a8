"""`segmetrics approve`: sign an evaluation before its model is promoted."""

from __future__ import annotations

import argparse

from segmetrics.commands.parsing import Commands, add_command, add_params


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "approve",
        run,
        "sign a passing evaluation, for `promotion.approvers`",
        "The sign-off counts for this evaluation of this model only; nobody counts twice.\n\n"
        "examples:\n"
        '  segmetrics approve --current --by "Anna Muster"\n'
        '  segmetrics approve --eval-id 3f1c... --by "Anna Muster"\n',
    )
    add_params(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--current", action="store_true", help="the evaluation in results/")
    which.add_argument("--eval-id", metavar="ID", help="that of a tracked run, whole")
    parser.add_argument(
        "--by", default="", metavar="NAME", help="who signs (default: the MLflow server's user)"
    )


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.build import layout, result_settings
    from segmetrics.evidence import eval_id, read_current_verdict
    from segmetrics.registry.approvals import approve, signer

    by = signer(arguments.by)
    settings = load_settings(arguments.params)
    wanted = arguments.eval_id
    if wanted is None:
        files, own = layout(settings), result_settings(settings)
        read_current_verdict(files, own)
        wanted = eval_id(files, own)
    print(approve(settings.tracking.experiment, wanted, by=by))
