"""The command line: parses, calls, prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics import __version__, commands
from segmetrics.entry import run

if TYPE_CHECKING:
    pass

_DOMAINS = ("medical", "autonomous_driving", "balanced", "custom")
_EXITS = """exit codes:
  0  pass
  1  the verdict is not a pass, or promotion was refused
  2  bad configuration or data
  3  MLflow or the registry failed
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `segmetrics` command."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int | None] = arguments.command
    return run(lambda: command(arguments))


def _parser() -> argparse.ArgumentParser:
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
    _add_score(subparsers)
    _add_init(subparsers)
    _add_rules(subparsers)
    _add_verdict(subparsers)
    _add_promote(subparsers)
    return parser


Commands = argparse._SubParsersAction  # argparse has no public name for it


def _command(
    subparsers: Commands[argparse.ArgumentParser],
    name: str,
    function: Callable[[argparse.Namespace], int | None],
    text: str,
    epilog: str,
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=function)
    return parser


def _add_score(subparsers: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        subparsers,
        "score",
        commands.score,
        "compare two folders of masks: Dice, IoU, precision, recall",
        "Files are paired by name without ending. Needs no DVC, MLflow or params.yaml.\n\n"
        "examples:\n"
        "  segmetrics score --references masks --predictions predicted --binary\n"
        "  segmetrics score --references masks --predictions predicted \\\n"
        "      --classes background=0,tumour=1,vessel=2 --exclude background --ignore 255\n"
        "  segmetrics score --references masks --predictions predicted --binary \\\n"
        "      --surface 2 --spacing 0.5,0.5\n",
    )
    parser.add_argument(
        "--references", type=Path, required=True, metavar="DIR", help="folder of true masks"
    )
    parser.add_argument(
        "--predictions",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of predicted masks, files named as in --references",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--classes",
        metavar="NAME=VALUE,...",
        help="label value of each class; without it every value found is a class",
    )
    kind.add_argument(
        "--binary",
        action="store_true",
        help="0 is background, everything else foreground (0/255 masks)",
    )
    parser.add_argument(
        "--exclude",
        metavar="NAME,...",
        default=None,
        help="classes to leave out of class means (usually the background)",
    )
    parser.add_argument(
        "--ignore",
        metavar="VALUE,...",
        default="",
        help="label values of the references that are counted nowhere",
    )
    parser.add_argument(
        "--surface",
        type=float,
        metavar="TOLERANCE",
        help="also measure distances between borders (hd, hd95, assd, masd, nsd); the tolerance is "
        "what nsd takes as close enough",
    )
    parser.add_argument(
        "--spacing",
        metavar="A,B[,C]",
        help="size of a pixel along each axis, the unit of the distances (default: 1, pixels; "
        "`file`: what NIfTI headers say)",
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all numbers as JSON")
    parser.add_argument(
        "--table",
        type=Path,
        metavar="OUT",
        help="write one row per image and class (.csv or .parquet)",
    )
    parser.add_argument(
        "--workers",
        type=_positive,
        default=None,
        metavar="N",
        help="threads (default: one per core); changes no result",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 on')
    return int(text)


def _add_init(subparsers: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        subparsers,
        "init",
        commands.init,
        "write a DVC pipeline for your images, masks and model into a repository",
        "Writes samples.csv, params.yaml, dvc.yaml, stages/, baseline/, .gitignore and .dvcignore, "
        "and prints\nwhat to do next. Nothing is overwritten without --force.\n\n"
        "examples:\n"
        "  segmetrics init --images data/images --masks data/masks --model models/unet.onnx .\n"
        "  segmetrics init --images data/images --masks data/masks \\\n"
        "      --predictions predicted --minimal .\n",
    )
    parser.add_argument(
        "target", type=Path, nargs="?", default=Path(), help="the repository (default: this folder)"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder of images")
    parser.add_argument(
        "--masks", type=Path, metavar="DIR", help="folder of masks, files named as the images"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="an ONNX model to run")
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="DIR",
        help="given predictions instead of a model, one subfolder a split (test/)",
    )
    parser.add_argument(
        "--domain",
        choices=_DOMAINS,
        default="balanced",
        help="what matters most (default: balanced)",
    )
    parser.add_argument(
        "--minimal", action="store_true", help="given predictions only: no inference stage"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def _add_rules(subparsers: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        subparsers,
        "rules",
        commands.rules,
        "show the rules in force: bounds, where each comes from, and why",
        "The presets' numbers are starting points: a rule of the same name in params.yaml\n"
        "replaces one, null removes it.",
    )
    _add_params(parser)
    parser.add_argument(
        "--metrics",
        action="store_true",
        help="list every metric instead: what it is, its range, how to ask for it",
    )


def _add_verdict(subparsers: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        subparsers,
        "verdict",
        commands.verdict,
        "explain a verdict: every rule, its value, and what to do next",
        "Ends with 0 if the verdict is a pass, else with 1.",
    )
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        default=Path("results/verdict.json"),
        metavar="FILE",
        help="a verdict.json (default: results/verdict.json)",
    )


def _add_promote(subparsers: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        subparsers,
        "promote",
        commands.promote,
        "register the model in MLflow and move its alias, if the verdict passes",
        "The verdict is computed again from the tables and every digest is compared; the alias\n"
        "moves last. If anything is wrong, nothing moves and the command ends with the reason.",
    )
    _add_params(parser)


def _add_params(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--params",
        type=Path,
        default=Path("params.yaml"),
        metavar="FILE",
        help="the settings (default: params.yaml)",
    )


if __name__ == "__main__":
    sys.exit(main())
