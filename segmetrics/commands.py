"""What each command does with its parsed arguments."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.errors import ConfigError, DataError, VerdictError

if TYPE_CHECKING:
    from segmetrics.data.labels import LabelScheme


def score(arguments: argparse.Namespace) -> None:
    # Scoring multiplies no matrices. Threads of a library that does would stand by, and a process
    # with threads cannot be forked.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from segmetrics.config.options import parse_spacing, parse_surface
    from segmetrics.files import write_json
    from segmetrics.parallel import available_cores
    from segmetrics.score import score_folders, write_score_table
    from segmetrics.tables_text import distance_table, score_table
    from segmetrics.texts import terminal

    if arguments.table and arguments.table.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError("--table", f'"{arguments.table}" ends in neither .csv nor .parquet')
    if arguments.spacing and arguments.surface is None:
        raise ConfigError("--spacing", "is used by distances only", "add --surface TOLERANCE")
    scored = score_folders(
        references=arguments.references,
        predictions=arguments.predictions,
        scheme=_scheme(arguments),
        workers=arguments.workers or available_cores(),
        options=parse_surface(arguments.surface),
        spacing=parse_spacing(arguments.spacing),
    )
    terminal().print(score_table(scored))
    if scored.observations.columns:
        terminal().print(distance_table(scored))
    zero = [n for n, v in zip(scored.scheme.names, scored.scheme.values, strict=True) if 0 in v]
    if arguments.exclude is None and zero and {zero[0]} < set(scored.scheme.scored):
        text = f"note: the class mean includes {zero[0]}; --exclude {zero[0]} leaves it out"
        print(text, file=sys.stderr)
    other = sum(scored.evaluation.other)
    if other:
        print(
            f"warning: {other} predicted pixels hold labels that are no class and count as misses; "
            f"0/255 masks need --binary",
            file=sys.stderr,
        )
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


def init(arguments: argparse.Namespace) -> None:
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


def rules(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.build import policy
    from segmetrics.tables_text import print_catalog, print_policy
    from segmetrics.texts import terminal

    if arguments.metrics:
        print_catalog(terminal())
        return
    print_policy(policy(load_settings(arguments.params)), terminal())


def verdict(arguments: argparse.Namespace) -> int:
    from segmetrics.config import load_settings
    from segmetrics.config.build import (
        label_scheme,
        layout,
        policy,
        predictor,
        result_settings,
        workers,
    )
    from segmetrics.evidence import SETTINGS, changed_inputs, read_verdict, stale_files
    from segmetrics.judge import judge_project
    from segmetrics.recheck import check_files
    from segmetrics.texts import print_verdict, terminal

    verdict = read_verdict(arguments.file)
    stale = stale_files(verdict, arguments.file)
    own = arguments.file.resolve() == (Path.cwd() / "results" / "verdict.json").resolve()
    if not own and (arguments.file.resolve().parent.parent / SETTINGS).exists():
        raise VerdictError(
            str(arguments.file),
            "can only be checked in its project folder",
            f"run `segmetrics verdict` in {arguments.file.resolve().parent.parent}",
        )
    if not stale and own and Path(SETTINGS).exists():
        # In its project the verdict is computed again, which reads no pixel.
        settings = load_settings(Path(SETTINGS))
        computed = judge_project(
            layout(settings), policy(settings), result_settings(settings), predictor(settings)
        ).to_json()
        changed = changed_inputs(verdict, computed["inputs"])
        stale = changed or ([] if computed == verdict else ["the verdict itself"])
    if stale:
        raise VerdictError(
            str(arguments.file),
            f"is of an earlier run: {', '.join(stale)} changed or went missing since",
            "run `dvc repro`",
        )
    if own and Path(SETTINGS).exists():
        try:
            check_files(layout(settings), label_scheme(settings), workers(settings))
        except DataError as error:
            raise VerdictError.of(error.problems, "files changed after they were judged") from error
    elif not own:
        print("note: read as it was written; it was compared with no file", file=sys.stderr)
    print_verdict(verdict, terminal())
    return 0 if verdict["decision"] == "pass" else 1


def promote(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.build import (
        evaluation_options,
        layout,
        policy,
        predictor,
        question,
        result_settings,
        spacing,
        workers,
    )
    from segmetrics.registry import check_candidate, promote

    settings = load_settings(arguments.params)
    candidate = check_candidate(
        layout(settings),
        policy(settings),
        evaluation_options(settings),
        result_settings(settings),
        predictor=predictor(settings),
        question=question(settings),
        spacing=spacing(settings),
        workers=workers(settings),
    )
    promoted = promote(
        candidate,
        experiment=settings.tracking.experiment,
        model=settings.promotion.model,
        alias=settings.promotion.alias,
    )
    print(promoted)
