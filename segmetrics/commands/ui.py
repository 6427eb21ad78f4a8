"""`segmetrics ui`: look at the runs in MLflow."""

from __future__ import annotations

import argparse
import shlex

from segmetrics.commands.parsing import Commands, add_command, add_params


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "ui",
        run,
        "start MLflow on this machine and print the link to the table of runs",
        "The store is MLFLOW_TRACKING_URI, else mlflow.db here; of a server only the link is\n"
        "printed. MLflow listens on 127.0.0.1 alone; Ctrl-C ends it.",
    )
    add_params(parser)
    parser.add_argument(
        "--port", type=_port, default=5000, help="where MLflow listens (default: 5000)"
    )
    parser.add_argument(
        "--print",
        action="store_true",
        dest="only_print",
        help="start nothing: print the command that would, and the link",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f'"{text}" is not a port, 1 to 65535')
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.tracking.viewing import address, link, serve, server_command

    experiment = load_settings(arguments.params).tracking.experiment
    command = server_command(arguments.port)
    place = link(address(arguments.port), experiment)
    if command is None or arguments.only_print:
        print(*([shlex.join(command)] if command else []), place, sep="\n")
        return
    serve(command, arguments.port, lambda: print(f"{place}\nCtrl-C ends it.", flush=True))
