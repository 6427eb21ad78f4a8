"""`segmetrics baseline`: keep an evaluation to compare later ones with."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from segmetrics.commands.parsing import Commands, add_champion, add_command, champion
from segmetrics.errors import DataError

_EPILOG = """\
`set` copies tables, sample lists, evaluation and verdict of a finished evaluation,
whatever its verdict is: the folder says what there was, not that it was good. Commit it: it is
small, holds no pixel, and `dvc repro` compares with it.

`pull` brings those of the model that is served from its MLflow run, checks them, and says how
much of today's data they are of.

examples:
  segmetrics baseline set results
  segmetrics baseline pull
  segmetrics baseline pull --uri models:/name/3
  segmetrics baseline show
  segmetrics baseline clear
"""


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    text = "keep a finished evaluation to compare later ones with"
    parser = add_command(subparsers, "baseline", run, text, _EPILOG)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    kept = actions.add_parser("set", help="keep the evaluation in RESULTS")
    kept.add_argument(
        "results",
        type=Path,
        nargs="?",
        default=Path("results"),
        metavar="RESULTS",
        help="the results folder of a project, beside its params.yaml (default: results)",
    )
    pulled = actions.add_parser("pull", help="fetch that of the champion from MLflow")
    add_champion(pulled)
    shown = actions.add_parser("show", help="say what the baseline is, and check that it is whole")
    cleared = actions.add_parser("clear", help="remove the baseline; README.md stays")
    for action in (kept, pulled, shown, cleared):
        action.add_argument(
            "--folder",
            type=Path,
            default=Path("baseline"),
            metavar="DIR",
            help="where it lies (default: baseline)",
        )


def run(arguments: argparse.Namespace) -> None:
    {"set": _set, "pull": _pull, "show": _show, "clear": _clear}[arguments.action](arguments)


def _set(arguments: argparse.Namespace) -> None:
    from segmetrics.baseline.folder import read_baseline, write_baseline
    from segmetrics.baseline.keep import finished_evaluation
    from segmetrics.config import load_settings
    from segmetrics.config.judging import keeping

    results: Path = arguments.results
    project = results.resolve().parent
    settings = load_settings(project / "params.yaml")
    content = finished_evaluation(results, keeping(settings, project, results))
    today = datetime.now(tz=UTC).date().isoformat()
    written = write_baseline(arguments.folder, content, today)
    baseline = read_baseline(arguments.folder)
    if baseline is None:
        raise DataError(str(arguments.folder), "could not be written")
    if not written:
        print(f"{arguments.folder} already is this evaluation; nothing changed.")
        return
    print(
        f"{arguments.folder} now is the evaluation {baseline.eval_id[:8]}: verdict "
        f"{baseline.decision}, {baseline.samples} samples in {baseline.groups} groups of "
        f"{baseline.judged}. Commit the folder; `dvc repro` compares with it."
    )


def _pull(arguments: argparse.Namespace) -> None:
    from segmetrics.config import load_settings
    from segmetrics.config.build import definition, layout
    from segmetrics.registry.baselines import comparable, pull_baseline

    settings = load_settings(arguments.params)
    pulled = pull_baseline(champion(arguments, settings.promotion), arguments.folder)
    print(pulled)
    files, judged = layout(settings), settings.data.judge
    if not files.sample_list(judged).exists():
        print(f"note: {judged} was not listed yet; `dvc repro` says how much of it is compared")
        return
    found = comparable(
        pulled.baseline,
        files.chosen(judged).samples,
        judged=judged,
        definition=definition(settings),
        min_shared=settings.checks.min_shared,
    )
    print(found)


def _show(arguments: argparse.Namespace) -> None:
    from segmetrics.baseline.folder import read_baseline

    baseline = read_baseline(arguments.folder)
    if baseline is None:
        print(f"{arguments.folder} is empty; `segmetrics baseline set` keeps an evaluation.")
        return
    definition = baseline.definition
    lines = {
        "model": f"SHA-256 {baseline.model}",
        "evaluation": baseline.eval_id,
        "set on": baseline.date,
        "verdict": f"{baseline.decision}, grade {baseline.grade}, domain {baseline.domain}",
        "samples": f"{baseline.samples} in {baseline.groups} groups of {baseline.judged}",
        "tables of": ", ".join(baseline.splits),
        "classes": ", ".join(definition.names),
        "class means": ", ".join(definition.scored) or "none",
    }
    for name, text in lines.items():
        print(f"{name:<12} {text}")


def _clear(arguments: argparse.Namespace) -> None:
    from segmetrics.baseline.folder import clear_baseline

    gone = clear_baseline(arguments.folder)
    print(f"{arguments.folder} {'is empty now' if gone else 'was empty already'}.")
