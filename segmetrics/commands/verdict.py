"""`segmetrics verdict`: explain a verdict."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.commands.parsing import Commands, add_command
from segmetrics.errors import DataError, VerdictError

if TYPE_CHECKING:
    from segmetrics.config.models import Settings


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
    """Check the verdict against what is at hand, and show it."""
    from segmetrics.config import load_settings
    from segmetrics.evidence import AGAIN, SETTINGS, read_verdict, stale_files

    verdict = read_verdict(arguments.file)
    stale = stale_files(verdict, arguments.file)
    own = arguments.file.resolve() == (Path.cwd() / "results" / "verdict.json").resolve()
    if not own and (arguments.file.resolve().parent.parent / SETTINGS).exists():
        raise VerdictError(
            str(arguments.file),
            "can only be checked in its project folder",
            f"run `segmetrics verdict` in {arguments.file.resolve().parent.parent}",
        )
    project = load_settings(Path(SETTINGS)) if own and Path(SETTINGS).exists() else None
    if project is not None and not stale:
        stale = _outdated(verdict, project)
    if stale:
        raise VerdictError(
            str(arguments.file),
            f"is of an earlier run: {', '.join(stale)} changed or went missing since",
            AGAIN,
        )
    if project is not None:
        _check_files(project)
    elif not own:
        print("note: read as it was written; it was compared with no file", file=sys.stderr)
    _show(verdict, arguments.format)
    return 0 if verdict["decision"] == "pass" else 1


def _outdated(verdict: Mapping[str, Any], settings: Settings) -> list[str]:
    """What the verdict of this project does not fit, once all is computed again from the tables."""
    from segmetrics.config import build, judging
    from segmetrics.evidence import changed_inputs, read_json
    from segmetrics.judge import evaluate_project, judge_project

    files, results = build.layout(settings), build.result_settings(settings)
    computed = judge_project(
        files, judging.policy(settings), results, build.predictor(settings)
    ).to_json()
    changed = changed_inputs(verdict, computed["inputs"])
    if changed or computed != verdict:
        return changed or ["the verdict itself"]
    # An edited evaluation gives the verdict that it was edited for.
    evaluation = evaluate_project(files, build.evaluation_options(settings), results)
    same = evaluation.to_json() == read_json(files.evaluation)
    return [] if same else [f"{files.evaluation} (it is not what the tables give)"]


def _check_files(settings: Settings) -> None:
    from segmetrics.config.build import label_scheme, layout, workers
    from segmetrics.recheck import check_files

    try:
        check_files(layout(settings), label_scheme(settings), workers(settings))
    except DataError as error:
        raise VerdictError.of(error.problems, "files changed after they were judged") from error


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
