"""The command line: parses, calls, prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics import __version__
from segmetrics.entry import run
from segmetrics.errors import ConfigError, VerdictError

if TYPE_CHECKING:
    from segmetrics.data.labels import LabelScheme

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
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_score(commands)
    _add_init(commands)
    _add_rules(commands)
    _add_verdict(commands)
    _add_promote(commands)
    return parser


Commands = argparse._SubParsersAction  # argparse has no public name for it


def _command(
    commands: Commands[argparse.ArgumentParser],
    name: str,
    function: Callable[[argparse.Namespace], int | None],
    text: str,
    epilog: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=function)
    return parser


def _add_score(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "score",
        _score,
        "compare two folders of masks: Dice, IoU, precision, recall",
        "Files are paired by name without ending. Needs no DVC, MLflow or params.yaml.\n\n"
        "examples:\n"
        "  segmetrics score --references masks --predictions predicted --binary\n"
        "  segmetrics score --references masks --predictions predicted \\\n"
        "      --classes background=0,tumour=1,vessel=2 --exclude background --ignore 255\n",
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
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all numbers as JSON")
    parser.add_argument(
        "--table",
        type=Path,
        metavar="OUT",
        help="write one row per image and class (.csv or .parquet)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=None,
        metavar="N",
        help="threads (default: one per core); changes no result",
    )


def _add_init(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "init",
        _init,
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


def _add_rules(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "rules",
        _rules,
        "show the rules in force: bounds, where each comes from, and why",
        "The presets' numbers are starting points: a rule of the same name in params.yaml\n"
        "replaces one, null removes it.",
    )
    _add_params(parser)


def _add_verdict(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "verdict",
        _verdict,
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


def _add_promote(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "promote",
        _promote,
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


def _score(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from segmetrics.files import write_json
    from segmetrics.parallel import available_cores
    from segmetrics.score import score_folders, write_score_table
    from segmetrics.tables_text import score_table

    if arguments.table and arguments.table.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError("--table", f'"{arguments.table}" ends in neither .csv nor .parquet')
    scored = score_folders(
        references=arguments.references,
        predictions=arguments.predictions,
        scheme=_scheme(arguments),
        workers=arguments.workers or available_cores(),
    )
    Console().print(score_table(scored))
    if arguments.json:
        write_json(arguments.json, scored.evaluation.to_json())
    if arguments.table:
        write_score_table(arguments.table, scored)


def _scheme(arguments: argparse.Namespace) -> LabelScheme | None:
    from segmetrics.config.options import parse_scheme

    return parse_scheme(
        classes=arguments.classes,
        binary=arguments.binary,
        exclude=arguments.exclude,
        ignore=arguments.ignore,
    )


def _init(arguments: argparse.Namespace) -> None:
    from segmetrics.scaffold import Request, init

    request = Request(
        target=arguments.target,
        images=arguments.images,
        masks=arguments.masks,
        model=arguments.model,
        predictions=arguments.predictions,
        domain=arguments.domain,
        minimal=arguments.minimal,
        force=arguments.force,
    )
    print(init(request))


def _rules(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from segmetrics.config import load_settings
    from segmetrics.config.build import policy
    from segmetrics.tables_text import print_policy

    print_policy(policy(load_settings(arguments.params)), Console())


def _verdict(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from segmetrics.evidence import read_verdict, stale_files
    from segmetrics.texts import print_verdict

    verdict = read_verdict(arguments.file)
    stale = stale_files(verdict, arguments.file)
    if stale:
        raise VerdictError(
            str(arguments.file),
            f"is of an earlier run: {', '.join(stale)} changed or went missing since",
            "run `dvc repro`",
        )
    print_verdict(verdict, Console())
    return 0 if verdict["decision"] == "pass" else 1


def _promote(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.build import evaluation_options, layout, policy, result_settings
    from segmetrics.registry import check_candidate, promote

    settings = load_settings(arguments.params)
    candidate = check_candidate(
        layout(settings), policy(settings), evaluation_options(settings), result_settings(settings)
    )
    promoted = promote(
        candidate,
        experiment=settings.tracking.experiment,
        model=settings.promotion.model,
        alias=settings.promotion.alias,
    )
    print(promoted)


if __name__ == "__main__":
    sys.exit(main())
