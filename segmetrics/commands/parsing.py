"""What the commands' parsers share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.data.kinds import SUFFIXES
from segmetrics.errors import ConfigError

if TYPE_CHECKING:
    from segmetrics.config.models import Promotion
    from segmetrics.registry.store import ModelUri

Commands = argparse._SubParsersAction  # argparse has no public name for it
MOST_WORKERS = 1024


def add_command(
    subparsers: Commands[argparse.ArgumentParser],
    name: str,
    function: Callable[[argparse.Namespace], int | None],
    text: str,
    epilog: str,
) -> argparse.ArgumentParser:
    """Add a command; `text` is its line in the list of commands."""
    parser = subparsers.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=function)
    return parser


def add_params(parser: argparse.ArgumentParser) -> None:
    """Add `--params`."""
    parser.add_argument(
        "--params",
        type=Path,
        default=Path("params.yaml"),
        metavar="FILE",
        help="the settings (default: params.yaml)",
    )


def add_champion(parser: argparse.ArgumentParser) -> None:
    """Add `--alias` and `--uri`, one of which says which registered version is meant."""
    add_params(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--alias", metavar="NAME", help="of promotion.model (default: promotion.alias)"
    )
    which.add_argument("--uri", metavar="URI", help="models:/name@alias or models:/name/3")


def champion(arguments: argparse.Namespace, promotion: Promotion) -> ModelUri:
    """The version that `add_champion` asked for.

    Raises
    ------
    ConfigError
        The URI or alias is none.
    """
    from segmetrics.registry.store import parse_uri

    alias = arguments.alias or promotion.alias
    return parse_uri(arguments.uri or f"models:/{promotion.model}@{alias}")


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 on')
    return int(text)


def workers(text: str) -> int:
    """A number of workers: more than 1,024 is a slip, and each may be a process."""
    number = positive(text)
    if number > MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{number} is more than {MOST_WORKERS}")
    return number


def check_output(option: str, path: Path, inputs: Sequence[Path] = ()) -> None:
    """Check, before any work is done, that a file can be written where an option says.

    Parameters
    ----------
    inputs
        Folders of files that must not be overwritten.

    Raises
    ------
    ConfigError
        It is a folder, lies below a file or where nothing may be written, or is a mask.
    """
    if path.is_dir():
        raise ConfigError(option, f'"{path}" is a folder', "name a file in it")
    near = path.absolute().parent
    while not near.exists():
        near = near.parent
    if not near.is_dir():
        raise ConfigError(option, f'"{near}" is a file, not a folder', "choose another place")
    if not os.access(near, os.W_OK | os.X_OK):
        raise ConfigError(option, f'"{near}" may not be written to', "choose another place")
    held = any(path.resolve().is_relative_to(folder.resolve()) for folder in inputs)
    if held and path.exists() and path.name.lower().endswith(tuple(SUFFIXES)):
        raise ConfigError(option, f'"{path}" is one of the masks', "choose another place")
