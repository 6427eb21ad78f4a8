"""`segmetrics dossier`: the evidence for a registered version, in one archive."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmetrics.commands.parsing import Commands, add_command, check_output
from segmetrics.errors import ConfigError


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "dossier",
        run,
        "put the evidence for a registered version into one archive, or check one",
        "Only a version that `segmetrics verify` accepts has a dossier: verdict, rules, tables,\n"
        "digests, sign-offs, history, environment, and a manifest with the SHA-256 of each file.\n"
        "The model is named by its digest; it stays in the registry. `verify` needs no server.\n\n"
        "examples:\n"
        "  segmetrics dossier models:/name@champion -o champion.zip\n"
        "  segmetrics dossier verify champion.zip\n",
    )
    parser.add_argument(
        "what", metavar="URI | verify", help="models:/name@alias, or models:/name/3"
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="with verify: a dossier")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: dossier-NAME-VERSION.zip"
    )


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.registry.dossier import check_dossier, write_dossier

    if arguments.what == "verify":
        if arguments.file is None or arguments.output is not None:
            raise ConfigError("dossier verify", "takes one FILE", "name the dossier to check")
        print(f"whole: {check_dossier(arguments.file)}")
        return
    if arguments.file is not None:
        remedy = "write `-o FILE`, or `dossier verify FILE`"
        raise ConfigError("dossier", f'does not know what "{arguments.file}" is', remedy)
    if arguments.output is not None:
        check_output("--output", arguments.output)
    print(write_dossier(arguments.what, arguments.output))
