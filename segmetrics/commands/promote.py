"""`segmetrics promote`: register the model and move its alias."""

from __future__ import annotations

import argparse

from segmetrics.commands.parsing import Commands, add_command, add_params


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "promote",
        run,
        "register the model in MLflow and move its alias, if the verdict passes",
        "Files are measured and searched for leakage again, the verdict is computed again, and\n"
        "every digest is compared; the alias moves last. If anything is wrong, nothing moves and\n"
        "the command ends with the reason.",
    )
    add_params(parser)


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.build import (
        evaluation_options,
        layout,
        policy,
        predictor,
        question,
        result_settings,
        spacing,
        workers,
    )
    from segmetrics.registry import check_candidate, promote

    settings = load_settings(arguments.params)
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
    promoted = promote(
        candidate,
        experiment=settings.tracking.experiment,
        model=settings.promotion.model,
        alias=settings.promotion.alias,
    )
    print(promoted)
