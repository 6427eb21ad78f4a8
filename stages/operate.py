"""Fix how predictions become labels: `python -m stages.operate [FOLDER OF PREDICTIONS]`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme, layout, wanted_point, workers
from segmetrics.data.sample_list import read_sample_list
from segmetrics.entry import argument, run
from segmetrics.operating_point import TuningRequest, write_operating_point
from segmetrics.tuning import tune


def main() -> None:
    settings = load_settings(Path("params.yaml"))
    files, point = layout(settings), wanted_point(settings)
    if isinstance(point, TuningRequest):
        point = tune(
            read_sample_list(files.sample_list(point.split)),
            predictions=Path(argument(1, "a folder of predictions")) / point.split,
            request=point,
            scheme=label_scheme(settings),
            workers=workers(settings),
        )
    write_operating_point(files.operating_point, point)
    print(f"operating point: {point}")


if __name__ == "__main__":
    sys.exit(run(main))
