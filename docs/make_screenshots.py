"""Make the pictures of MLflow in docs/images: `python docs/make_screenshots.py`.

Needs chromium and the packages of `segmetrics[test]`. Two evaluations of a tiny data set are made
in a temporary folder, tracked, and shown by `segmetrics ui`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

import onnx_models  # noqa: E402
from chromium import page  # noqa: E402
from tracking_project import environment, evaluated_project  # noqa: E402

PORT = "5123"


def main() -> None:
    images = HERE / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project = evaluated_project(Path(folder) / "project", onnx_models)
        project.track()
        project.params(operating_point={"threshold": 0.75})
        project.evaluate()
        project.track()
        ids = [run["id"] for run in project.store()["runs"]]
        process = subprocess.Popen(
            [sys.executable, "-m", "segmetrics.cli", "ui", "--port", PORT], text=True,
            cwd=project.folder, env=environment(), stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            link = process.stdout.readline().strip()
            base = link.partition("/#/")[0]
            runs, experiments = quote('["' + '","'.join(ids) + '"]'), quote('["1"]')
            compare = f"{base}/#/compare-runs?runs={runs}&experiments={experiments}"
            page(link, images / "mlflow_runs.png", "2600,700")
            page(compare, images / "mlflow_compare.png", "1700,1400")
            tables = link.replace("runs?", "runs?compareRunsMode=ARTIFACT&")
            page(tables, images / "mlflow_tables.png", "1800,1000")
            if sys.argv[1:] == ["--text"]:
                print(page(compare))
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)


if __name__ == "__main__":
    main()
