"""`segmetrics verify`: may this registered version be served?"""

from __future__ import annotations

import argparse

from segmetrics.commands.parsing import Commands, add_command


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "verify",
        run,
        "check that a registered version holds the bytes whose evaluation passed",
        "Downloads the version, compares its bytes with the evaluated ones, and looks at the run\n"
        "of its evaluation. Needs MLflow and MLFLOW_TRACKING_URI, no project. Ends with 0 if all\n"
        "is well, with 1 if it is not, with 3 if the registry fails: nothing is known then.\n\n"
        "example:\n"
        "  segmetrics verify models:/name@champion\n",
    )
    parser.add_argument("uri", metavar="URI", help="models:/name@alias or models:/name/3")


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.registry.verification import verify

    print(verify(arguments.uri))
