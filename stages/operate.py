"""Fix how predictions become labels: `python -m stages.operate`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import layout, operating_point
from segmetrics.entry import run
from segmetrics.operating_point import write_operating_point


def main() -> None:
    settings = load_settings(Path("params.yaml"))
    point = operating_point(settings)
    write_operating_point(layout(settings).operating_point, point)
    print(f"operating point: {point}")


if __name__ == "__main__":
    sys.exit(run(main))
