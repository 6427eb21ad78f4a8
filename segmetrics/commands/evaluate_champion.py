"""`segmetrics evaluate-champion`: the served model on today's data, as a baseline."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.commands.parsing import Commands, add_champion, add_command, champion
from segmetrics.errors import ConfigError, DataError

if TYPE_CHECKING:
    from segmetrics.config.models import Settings
    from segmetrics.evidence import Layout
    from segmetrics.registry.champion import Champion

_WORK = Path("results") / "champion"
_EPILOG = """\
For when `segmetrics baseline pull` says that the champion was judged on other data: masks were
mended, samples or classes added. Runs the champion's model on the judged split (and on those that
rules `against: baseline` name) with today's data, classes and measurements, and fills `baseline/`
as `segmetrics baseline set` does. Preprocessing and threshold are the champion's own, as its run
kept them. Works in results/champion, where finished predictions are reused.

A champion of another engine is run by infer.command, which has to be the champion's and to take
the model from {source}.

examples:
  segmetrics evaluate-champion
  segmetrics evaluate-champion --uri models:/name/3
"""


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    text = "evaluate the served model on today's data, to compare with"
    parser = add_command(subparsers, "evaluate-champion", run, text, _EPILOG)
    add_champion(parser)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("baseline"),
        metavar="DIR",
        help="where the baseline lies (default: baseline)",
    )


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.baseline.folder import read_baseline, write_baseline
    from segmetrics.baseline.keep import kept_content
    from segmetrics.config import load_settings
    from segmetrics.config.build import layout
    from segmetrics.config.judging import keeping
    from segmetrics.registry.champion import fetch_champion

    today = load_settings(arguments.params)
    found = fetch_champion(champion(arguments, today.promotion), _WORK / "model")
    settings = champion_settings(today, found)
    files = replace(layout(settings), results=_WORK / "results")
    files.baseline.mkdir(parents=True, exist_ok=True)  # to compare with: nothing
    _evaluate(settings, files)
    content = kept_content(files.results, keeping(settings, Path(), files.results))
    if content.record["model"] != found.digest:
        raise DataError(str(found.source), "changed while it was evaluated", "run it again")
    written = write_baseline(arguments.folder, content, datetime.now(tz=UTC).date().isoformat())
    baseline = read_baseline(arguments.folder)
    if baseline is None:
        raise DataError(str(arguments.folder), "could not be written")
    if not written:
        print(f"{arguments.folder} already is this evaluation of {found.uri}; nothing changed.")
        return
    print(
        f"{arguments.folder} now is {found.uri} on today's data: {baseline.samples} samples in "
        f"{baseline.groups} groups of {baseline.judged}. Commit the folder; `dvc repro` compares "
        "with it."
    )


def champion_settings(today: Settings, found: Champion) -> Settings:
    """Today's settings with the champion's model, preprocessing and threshold.

    Raises
    ------
    ConfigError
        The champion needs another command than today's, or its settings cannot be read any more.
    """
    command = found.settings["infer"].get("command")
    if command is not None and command != today.infer.command:
        what = f"is not what the champion is run with: {command}"
        remedy = "set it to that for this call, if you know and trust it; then back"
        raise ConfigError("infer.command", what, remedy)
    if command is not None and "{source}" not in command:
        what = "does not use {source}: it cannot be given the champion's model"
        raise ConfigError("infer.command", what, "let it read its model from {source}")
    own = {**found.settings["infer"], "source": found.source.as_posix()}
    point = {"decision": found.point.decision, "threshold": found.point.threshold}
    wanted = dict.fromkeys(
        [
            today.data.judge,
            *(r.split for r in today.rules.values() if r and r.against == "baseline" and r.split),
        ]
    )
    try:
        infer = type(today.infer).model_validate(own)
        operating_point = type(today.operating_point).model_validate(point)
    except ValueError as error:
        what = f"the champion was run with settings that this version does not know ({error})"
        raise ConfigError("infer", what, "evaluate it with the version that tracked it") from error
    data = today.data.model_copy(update={"splits": tuple(wanted)})
    update = {"infer": infer, "operating_point": operating_point, "data": data}
    return today.model_copy(update=update)


def _evaluate(settings: Settings, files: Layout) -> None:
    """What the stages do, from samples to verdict, for the champion."""
    from segmetrics.config import build, judging
    from segmetrics.data.check import check_samples
    from segmetrics.data.sample_list import write_sample_list
    from segmetrics.data.samples import read_samples, rows_of_split
    from segmetrics.files import write_json
    from segmetrics.inference.predict import infer_split
    from segmetrics.judge import evaluate_project, judge_project
    from segmetrics.measure import measure_split
    from segmetrics.operating_point import write_operating_point
    from segmetrics.stats.evaluation import metrics_json

    scheme, workers = build.label_scheme(settings), build.workers(settings)
    question, spacing = build.question(settings), build.spacing(settings)
    write_operating_point(files.operating_point, question.point)
    listed = read_samples(files.samples)
    for split in files.splits:
        rows = rows_of_split(listed, split, files.samples)
        samples = check_samples(rows, root=files.root, scheme=scheme, workers=workers)
        write_sample_list(files.sample_list(split), samples)
        chosen = files.chosen(split)
        infer_split(
            chosen.samples,
            split=split,
            source=files.source,
            command=settings.infer.command,
            out=files.predictions(split),
            how=build.preprocessing(settings),
            scheme=scheme,
            runtime=build.runtime(settings),
            others=chosen.others,
        )
        measure_split(
            chosen.samples,
            predictions=files.predictions(split),
            out=files.measurements(split),
            question=question,
            spacing=spacing,
            workers=workers,
            others=chosen.others,
        )
    options, results = build.evaluation_options(settings), build.result_settings(settings)
    evaluation = evaluate_project(files, options, results)
    write_json(files.evaluation, evaluation.to_json())
    write_json(files.metrics, metrics_json(evaluation, options.scored))
    policy = judging.policy(settings)
    # Against itself there is nothing to decide.
    alone = tuple(rule for rule in policy.rules if rule.against != "baseline")
    judge = replace(policy, rules=alone)
    verdict = judge_project(files, judge, results, build.predictor(settings))
    write_json(files.verdict, verdict.to_json())
