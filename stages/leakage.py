"""Look for judged samples that other splits hold, too: `python -m stages.leakage`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme, layout, result_settings, workers
from segmetrics.entry import run
from segmetrics.leakage.project import write_leakage


def main() -> None:
    settings = load_settings(Path("params.yaml"))
    files = layout(settings)
    report = write_leakage(
        files,
        result_settings(settings),
        judged=settings.data.judge,
        scheme=label_scheme(settings),
        workers=workers(settings),
    )
    shown = f"; {files.leakage_pairs} shows them" if report.pairs else ""
    print(report.summary + shown)


if __name__ == "__main__":
    sys.exit(run(main))
