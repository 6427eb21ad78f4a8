"""Write the page to read, also for a failed verdict: `python -m stages.report`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import layout, result_settings
from segmetrics.entry import run
from segmetrics.report import read_report_data, write_report


def main() -> None:
    settings = load_settings(Path("params.yaml"))
    files = layout(settings)
    write_report(files, read_report_data(files, result_settings(settings)))
    print(f"{files.report} is there to read")


if __name__ == "__main__":
    sys.exit(run(main))
