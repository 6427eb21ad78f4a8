"""`segmetrics promote`: register the model and move its alias."""

from __future__ import annotations

import argparse

from segmetrics.commands.parsing import Commands, add_command, add_params
from segmetrics.errors import ConfigError


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "promote",
        run,
        "register the model in MLflow and move its alias, if the verdict passes",
        "Files are measured and searched for leakage again, the verdict is computed again, every\n"
        "digest is compared, and `baseline/` has to be of the model that is replaced; the alias\n"
        "moves last. If anything is wrong, nothing moves and the command ends with the reason.\n\n"
        "examples:\n"
        "  segmetrics promote --dry-run\n"
        '  segmetrics promote --reason "trained with the new scanners"\n'
        '  segmetrics promote --rollback --reason "misses small tumours"\n',
    )
    add_params(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything, say what would move, write nothing",
    )
    parser.add_argument(
        "--allow-first",
        action="store_true",
        help="let the alias be set where it points nowhere yet: nothing is there to compare with",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept in the history")
    parser.add_argument(
        "--rollback",
        action="store_true",
        help="return the alias to the former champion; needs a --reason, and no verdict",
    )


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.build import (
        evaluation_options,
        layout,
        predictor,
        question,
        result_settings,
        spacing,
        workers,
    )
    from segmetrics.config.judging import policy
    from segmetrics.registry.candidate import check_candidate
    from segmetrics.registry.promotion import Target, check_reason, promote
    from segmetrics.registry.rollback import rollback

    check_reason(arguments.reason)
    if arguments.rollback and not arguments.reason.strip():
        raise ConfigError("--rollback", "needs a reason", 'say why: --reason "TEXT"')
    if arguments.rollback and arguments.allow_first:
        raise ConfigError("--allow-first", "has no meaning with --rollback", "leave it out")
    settings = load_settings(arguments.params)
    target = Target(
        model=settings.promotion.model,
        alias=settings.promotion.alias,
        experiment=settings.tracking.experiment,
        approvers=settings.promotion.approvers,
    )
    if arguments.rollback:
        print(rollback(target, reason=arguments.reason, dry_run=arguments.dry_run))
        return
    candidate = check_candidate(
        layout(settings),
        policy(settings),
        evaluation_options(settings),
        result_settings(settings),
        predictor=predictor(settings),
        question=question(settings),
        spacing=spacing(settings),
        workers=workers(settings),
    )
    moved = promote(
        candidate,
        target,
        reason=arguments.reason,
        allow_first=arguments.allow_first,
        dry_run=arguments.dry_run,
    )
    print(moved)
