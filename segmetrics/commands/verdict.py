"""`segmetrics verdict`: explain a verdict."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segmetrics.commands.parsing import Commands, add_command
from segmetrics.errors import DataError, VerdictError


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "verdict",
        run,
        "explain a verdict: every rule, its value, and what to do next",
        "Ends with 0 if the verdict is a pass, else with 1.\n\n"
        "With $GITHUB_STEP_SUMMARY set, the verdict is added to that page, too.\n\n"
        "examples:\n"
        "  segmetrics verdict\n"
        "  segmetrics verdict --format junit > verdict.xml\n",
    )
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        default=Path("results/verdict.json"),
        metavar="FILE",
        help="a verdict.json (default: results/verdict.json)",
    )
    parser.add_argument(
        "--format",
        choices=("text", "markdown", "junit", "json"),
        default="text",
        help="text for people (default), GitHub-flavoured Markdown, JUnit XML for CI, or JSON",
    )


def run(arguments: argparse.Namespace) -> int:
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
    _show(verdict, arguments.format)
    return 0 if verdict["decision"] == "pass" else 1


def _show(verdict: Mapping[str, Any], form: str) -> None:
    from segmetrics import texts
    from segmetrics.record import Names, outgoing

    # The page of a CI run is seen by more people than the files are.
    texts.write_step_summary(outgoing(verdict, Names("none")))
    if form == "text":
        texts.print_verdict(verdict, texts.terminal())
    elif form == "json":
        print(json.dumps(verdict, indent=1, allow_nan=False))
    else:
        write = {"markdown": texts.verdict_markdown, "junit": texts.verdict_junit}[form]
        print(write(verdict), end="")
