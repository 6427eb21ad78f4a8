"""Compute the metrics of all splits from their tables: `python -m stages.evaluate`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import evaluation_options, layout, result_settings
from segmetrics.config.columns import check_slice_columns
from segmetrics.entry import run
from segmetrics.judge import write_evaluation


def main() -> None:
    params = Path("params.yaml")
    settings = load_settings(params)
    check_slice_columns(settings, params)
    write_evaluation(layout(settings), evaluation_options(settings), result_settings(settings))


if __name__ == "__main__":
    sys.exit(run(main))
