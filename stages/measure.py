"""Count the pixels of a split, the only pass over them: `python -m stages.measure SPLIT FOLDER`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import layout, question, spacing, workers
from segmetrics.entry import argument, run
from segmetrics.measure import measure_split
from segmetrics.operating_point import read_operating_point


def main() -> None:
    split, predictions = argument(1, "a split"), Path(argument(2, "a folder of predictions"))
    settings = load_settings(Path("params.yaml"))
    files = layout(settings)
    chosen = files.chosen(split)
    measure_split(
        chosen.samples,
        predictions=predictions,
        out=files.measurements(split),
        question=question(settings, read_operating_point(files.operating_point)),
        spacing=spacing(settings),
        workers=workers(settings),
        others=chosen.others,
    )
    print(f"{split}: {chosen} pairs measured")


if __name__ == "__main__":
    sys.exit(run(main))
