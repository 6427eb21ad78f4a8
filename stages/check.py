"""Judge the evaluation by the rules: `python -m stages.check`. A failed verdict is a result."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import evaluation_options, layout, predictor, result_settings
from segmetrics.config.judging import policy
from segmetrics.entry import run
from segmetrics.files import write_json
from segmetrics.judge import check_evaluation, judge_project
from segmetrics.texts import headline


def main() -> None:
    settings = load_settings(Path("params.yaml"))
    files, results = layout(settings), result_settings(settings)
    check_evaluation(files, evaluation_options(settings), results)
    verdict = judge_project(files, policy(settings), results, predictor(settings)).to_json()
    write_json(files.verdict, verdict)
    print(headline(verdict))


if __name__ == "__main__":
    sys.exit(run(main))
