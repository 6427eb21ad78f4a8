"""The command line: parses, calls, prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from segmetrics import __version__
from segmetrics.entry import run

# Modules of `segmetrics.commands`, in the order of the help text.
_COMMANDS = (
    "score", "init", "rules", "plan", "verdict", "compare", "ui", "baseline", "evaluate-champion",
    "model", "approve", "promote", "verify", "dossier", "retire",
)  # fmt: skip
_EXITS = """exit codes:
  0  pass
  1  the verdict is not a pass, or promotion was refused
  2  bad configuration or data
  3  MLflow or the registry failed
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `segmetrics` command."""
    words = sys.argv[1:] if argv is None else argv
    # A command that is named is all that is loaded; for help and mistakes, all are.
    named = [name for name in words[:1] if name in _COMMANDS]
    arguments = _parser(named or _COMMANDS).parse_args(words)
    command: Callable[[argparse.Namespace], int | None] = arguments.command
    return run(lambda: command(arguments))


def _parser(commands: Sequence[str] = _COMMANDS) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="segmetrics",
        description="Measure image-segmentation models, judge them by rules, and promote them "
        "only when the verdict passes.",
        epilog="Start with `segmetrics score` on two folders of masks, or `segmetrics init` for a "
        "whole DVC pipeline.\n\n" + _EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"segmetrics {__version__}")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in commands:
        import_module(f"segmetrics.commands.{name.replace('-', '_')}").add(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
