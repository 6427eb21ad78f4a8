"""`segmetrics retire`: a registered version must not be served again."""

from __future__ import annotations

import argparse

from segmetrics.commands.parsing import Commands, add_command


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "retire",
        run,
        "mark a registered version as not to be served, and remove its aliases",
        "`verify`, `promote` and `promote --rollback` refuse it; nothing is deleted.\n\n"
        "example:\n"
        '  segmetrics retire models:/name/3 --reason "misses small tumours on scanner B"\n',
    )
    parser.add_argument("uri", metavar="URI", help="models:/name/3")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="kept with the version")


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.registry.retirement import retire

    print(retire(arguments.uri, reason=arguments.reason))
