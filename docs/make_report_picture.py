"""Make docs/images/report.png of `results/report.html`: `python docs/make_report_picture.py`.

Needs chromium, and the report of this repository's demo: run `dvc repro` first.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from chromium import page  # noqa: E402
from PIL import Image  # noqa: E402


def main() -> None:
    report = HERE.parent / "results" / "report.html"
    picture = HERE / "images" / "report.png"
    page(report.as_uri(), picture, "1280,1240")
    with Image.open(picture) as drawn:
        drawn.crop((0, 0, drawn.width - 15, drawn.height)).save(picture)  # the scroll bar


if __name__ == "__main__":
    main()
