"""`segmetrics compare`: the differences of two evaluations, with intervals."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.commands.parsing import Commands, add_command
from segmetrics.errors import ConfigError

if TYPE_CHECKING:
    from segmetrics.compare.sides import Project


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "compare",
        run,
        "compare two evaluations sample by sample, with intervals",
        "A and B are results folders, baselines, or tables that `segmetrics score --table` wrote.\n"
        "What both measured on the same samples is compared: B minus A. Ends with 0 whatever\n"
        "comes out; rules `against: baseline` decide.\n\n"
        "examples:\n"
        "  segmetrics compare baseline results\n"
        "  segmetrics compare ../fp16/results ../int8/results --format markdown\n"
        "  segmetrics compare before.parquet after.parquet --by id   # masks were relabelled\n",
    )
    parser.add_argument("first", type=Path, metavar="A", help="the one that is compared with")
    parser.add_argument("second", type=Path, metavar="B", help="the other one: B - A is shown")
    parser.add_argument(
        "--by",
        choices=("reference", "id"),
        default="reference",
        help="samples are the same where their reference masks are (default), or their ids",
    )
    parser.add_argument("--split", metavar="NAME", help="default: the judged one")
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME",
        help="compare this one alone, also by slice and size; may be repeated",
    )
    parser.add_argument(
        "--aggregate",
        choices=("pooled", "image_mean", "group_mean"),
        help="of which values (default: as the project's rules, else image_mean)",
    )
    parser.add_argument(
        "--exclude",
        default="",
        metavar="NAME,...",
        help="classes to leave out of class means, where tables do not say it",
    )
    parser.add_argument(
        "--format",
        choices=("table", "markdown", "latex", "json"),
        default="table",
        help="default: table",
    )
    parser.add_argument(
        "--confidence", type=float, default=0.95, metavar="P", help="of the intervals (0.95)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there instead")


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.compare.pairs import Pairs
    from segmetrics.compare.report import compare_pairs
    from segmetrics.compare.sides import alike, read_side
    from segmetrics.compare.texts import as_json, as_latex, as_markdown, as_table
    from segmetrics.files import write_text
    from segmetrics.stats.resampling import Resampling

    if arguments.aggregate is None:
        arguments.aggregate = _aggregate((arguments.second, arguments.first))
    _check(arguments)
    paths: tuple[Path, Path] = arguments.first, arguments.second
    split = arguments.split or _split(paths)
    found = [
        read_side(path, split, name=name, project=_project(path))
        for path, name in zip(paths, "AB", strict=True)
    ]
    exclude = [word.strip() for word in arguments.exclude.split(",") if word.strip()]
    first, second, defined = alike(found[0], found[1], exclude)
    report = compare_pairs(
        Pairs.of(first=first, second=second, by=arguments.by),
        first=str(paths[0]),
        second=str(paths[1]),
        metrics=arguments.metric,
        aggregate=arguments.aggregate,
        resampling=Resampling(confidence=arguments.confidence),
        defined=defined,
    )
    write = {"table": as_table, "markdown": as_markdown, "latex": as_latex, "json": as_json}
    text = write[arguments.format](report)
    if arguments.output is None:
        print(text, end="")
    else:
        write_text(arguments.output, text)


def _check(arguments: argparse.Namespace) -> None:
    from segmetrics.config.suggest import suggest
    from segmetrics.metrics.catalog import CATALOG

    for name in arguments.metric:
        if name not in CATALOG:
            hint = f"{suggest(name, CATALOG)} (metrics: {', '.join(CATALOG)})".strip()
            raise ConfigError("--metric", f'"{name}" is not a metric', hint)
        if arguments.aggregate not in CATALOG[name].aggregates:
            hint = f"use {' or '.join(CATALOG[name].aggregates)}"
            raise ConfigError("--aggregate", f"{name} has no {arguments.aggregate} value", hint)
    confidence = arguments.confidence
    if not (math.isfinite(confidence) and 0 < confidence < 1):
        raise ConfigError("--confidence", f"{confidence:g} is not between 0 and 1", "such as 0.95")


def _split(paths: tuple[Path, Path]) -> str:
    """The judged split of B, else of A, else the only one that both have."""
    from segmetrics.compare.sides import judged_split, splits_of

    folders = [path for path in reversed(paths) if path.is_dir()]
    for path in folders:
        judged = judged_split(path)
        if judged is not None:
            return judged
    common = set.intersection(*(set(splits_of(path)) for path in folders)) if folders else {""}
    if len(common) == 1:
        return common.pop()
    listed = ", ".join(sorted(common)) or "none in common"
    raise ConfigError("--split", "is not given, and no verdict says it", f"(splits: {listed})")


def _project(path: Path) -> Project | None:
    """What the params.yaml beside a results folder says; None where there is none."""
    from segmetrics.compare.sides import Project
    from segmetrics.config import load_settings
    from segmetrics.config.build import definition, measured_with
    from segmetrics.data.samples import read_samples

    params = _params(path)
    if params is None or (path / "baseline.json").exists():
        return None
    settings = load_settings(params)
    return Project(
        definition(settings),
        read_samples(params.parent / settings.data.samples),
        measured_with(settings, path / "operating_point.json"),
    )


def _params(path: Path) -> Path | None:
    """The params.yaml beside a folder of results or a baseline."""
    params = path.resolve().parent / "params.yaml"
    return params if path.is_dir() and params.exists() else None


def _aggregate(paths: tuple[Path, Path]) -> str:
    """What the rules of the project judge by, as its domain says."""
    from segmetrics.config import load_settings
    from segmetrics.gates.domains import DOMAINS

    for path in paths:
        params = _params(path)
        if params is not None:
            return DOMAINS[load_settings(params).domain].aggregate
    return "image_mean"
