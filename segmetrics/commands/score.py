"""`segmetrics score`: compare two folders of masks."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.commands.parsing import Commands, add_command, check_output, workers
from segmetrics.errors import ConfigError

if TYPE_CHECKING:
    from segmetrics.data.labels import LabelScheme
    from segmetrics.score import Scored

# What nobody means to find. (In scenes label 0 is as good a class as others.)
_BACKGROUNDS = frozenset({"background", "bg", "other", "none", "unlabeled", "unlabelled"})


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "score",
        run,
        "compare two folders of masks: Dice, IoU, precision, recall",
        "Files are paired by name without ending. Needs no DVC, MLflow or params.yaml.\n\n"
        "examples:\n"
        "  segmetrics score --references masks --predictions predicted --binary\n"
        "  segmetrics score --references masks --predictions predicted \\\n"
        "      --classes background=0,tumour=1,vessel=2 --exclude background --ignore 255\n"
        "  segmetrics score --references masks --predictions predicted \\\n"
        "      --classes 'road=#804080,car=#00008e' --ignore '#000000'\n"
        "  segmetrics score --references masks --predictions predicted --classes cityscapes\n"
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
        help="label value or colour (#rrggbb) of each class, several joined by +; or cityscapes, "
        "cityscapes_train_ids; without it every value found is a class",
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
        help="label values or colours of the references that are counted nowhere",
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
        type=workers,
        default=None,
        metavar="N",
        help="threads (default: one per core); changes no result",
    )


def run(arguments: argparse.Namespace) -> None:
    # Scoring multiplies no matrices. Threads of a library that does would stand by, and a process
    # with threads cannot be forked.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from segmetrics.config.options import parse_spacing, parse_surface
    from segmetrics.parallel import available_cores
    from segmetrics.score import score_folders

    _check_outputs(arguments)
    if arguments.spacing and arguments.surface is None:
        raise ConfigError("--spacing", "is used by distances only", "add --surface TOLERANCE")
    scored = score_folders(
        references=arguments.references,
        predictions=arguments.predictions,
        scheme=_scheme(arguments),
        workers=arguments.workers or available_cores(),
        options=parse_surface(arguments.surface),
        spacing=parse_spacing(arguments.spacing),
        meanwhile=_load_texts,
    )
    _show(arguments, scored)
    if arguments.json is not None:
        from segmetrics.files import write_json

        write_json(arguments.json, scored.evaluation.to_json())
    if arguments.table is not None:
        from segmetrics.score import write_score_table

        write_score_table(arguments.table, scored)


def _load_texts() -> None:
    """Load what shows the result, which takes as long as some hundred pairs."""
    import_module("segmetrics.tables_text")
    import_module("rich.console")


def _show(arguments: argparse.Namespace, scored: Scored) -> None:
    """Print the tables, and what may be amiss."""
    from segmetrics.tables_text import distance_table, score_table
    from segmetrics.texts import terminal

    terminal().print(score_table(scored))
    if scored.observations.columns:
        terminal().print(distance_table(scored))
    scheme = scored.scheme
    behind = [name for name in scheme.scored if name.casefold() in _BACKGROUNDS]
    if arguments.exclude is None and behind and len(scheme.scored) > 1:
        text = f"note: the class mean includes {behind[0]}; --exclude {behind[0]} leaves it out"
        print(text, file=sys.stderr)
    other = sum(scored.evaluation.other)
    if other:
        rgb = scored.scheme.encoding == "rgb"
        kind = "colours" if rgb else "labels"
        hint = "write them in the colours of --classes" if rgb else "0/255 masks need --binary"
        text = f"{other} predicted pixels hold {kind} that are no class and count as misses"
        print(f"warning: {text}; {hint}", file=sys.stderr)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse now what could not be written after the work."""
    table, json = arguments.table, arguments.json
    if table is not None and table.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError("--table", f'"{table}" ends in neither .csv nor .parquet')
    for option, path in (("--json", json), ("--table", table)):
        if path is not None:
            check_output(option, path, (arguments.references, arguments.predictions))
    if json is not None and table is not None and json.resolve() == table.resolve():
        raise ConfigError("--json, --table", f'both write "{json}"', "name two files")


def _scheme(arguments: argparse.Namespace) -> LabelScheme | None:
    from segmetrics.config.options import parse_scheme

    return parse_scheme(
        classes=arguments.classes,
        binary=arguments.binary,
        exclude=arguments.exclude,
        ignore=arguments.ignore,
    )
