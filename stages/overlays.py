"""Draw images of the judged split: `python -m stages.overlays FOLDER OF ITS PREDICTIONS`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import layout, question, wanted_images, workers
from segmetrics.entry import argument, run
from segmetrics.gates.domains import DOMAINS
from segmetrics.operating_point import read_operating_point
from segmetrics.overlays.project import write_overlays


def main() -> None:
    predictions = Path(argument(1, "a folder of predictions"))
    settings = load_settings(Path("params.yaml"))
    files = layout(settings)
    drawn = write_overlays(
        files,
        split=settings.data.judge,
        predictions=predictions,
        question=question(settings, read_operating_point(files.operating_point)),
        metric=DOMAINS[settings.domain].primary,
        wanted=wanted_images(settings),
        workers=workers(settings),
    )
    print(f"{settings.data.judge}: {len(drawn.images)} images drawn, ranked by {drawn.metric}")


if __name__ == "__main__":
    sys.exit(run(main))
