"""What a newcomer sees behind the link of `segmetrics ui`, in a real browser."""

from __future__ import annotations

import html
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from urllib.parse import quote

import pytest
from chromium import find_chromium, page
from tracking_project import environment, evaluated_project

pytest.importorskip("mlflow")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="there is no chromium"),
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Evaluations of two thresholds, and MLflow as `segmetrics ui` starts it: link and store."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import onnx_models

    project = evaluated_project(tmp_path_factory.mktemp("shown") / "project", onnx_models)
    project.track()
    project.params(operating_point={"threshold": 0.75})
    project.evaluate()
    project.track()
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "segmetrics.cli", "ui", "--port", port], text=True,
        cwd=project.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process.stdout.readline().strip(), project.store()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)


def words(text: str) -> str:
    """The text of a page without its markup."""
    without = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", without)).split())


def test_the_link_opens_the_table_of_runs_with_useful_columns(shown):
    link, store = shown
    text = words(page(link))
    wanted = ["segmetrics.decision", "segmetrics.grade", "segmetrics.domain"]
    wanted += [f"test/{name}_group_mean" for name in ("recall", "dice", "iou", "precision")]
    assert [name for name in wanted if name not in text] == []
    assert all(run["name"] in text for run in store["runs"])
    assert "2 matching runs" in text


def test_two_runs_are_compared_by_metrics_that_mean_something(shown):
    link, store = shown
    base = link.partition("/#/")[0]
    runs = quote('["' + '","'.join(run["id"] for run in store["runs"]) + '"]')
    text = words(page(f"{base}/#/compare-runs?runs={runs}&experiments=%5B%221%22%5D"))
    assert "Parallel Coordinates Plot" in text
    assert all(run["name"] in text for run in store["runs"])
    # What differs between them on one axis, Dice of the judged split on the other.
    assert "Parameters: operating_point.threshold Metrics: test/dice_pooled" in text


def test_a_run_opens_with_a_sentence(shown):
    link, store = shown
    base = link.partition("/#/")[0]
    text = words(page(f"{base}/#/experiments/1/runs/{store['runs'][0]['id']}"))
    assert "unet fails" in text
    assert "recall (group_mean) on test is 0." in text


def test_tables_of_two_runs_stand_side_by_side(shown):
    """What MLflow shows before anybody chooses: the primary metric of each class, of both runs."""
    link, store = shown
    text = words(page(link.replace("runs?", "runs?compareRunsMode=ARTIFACT&")))
    assert "Table: per_class.json" in text
    assert "Group by: of" in text
    assert "Compare: primary: recall" in text
    assert "test foreground group_mean" in text
    for run in store["runs"]:
        value = run["metrics"]["test/recall_group_mean/foreground"]
        assert f"{value:.4f} (" in text, "with its interval"


def test_the_page_of_a_model_has_metrics_by_data_set(shown):
    link, store = shown
    (model,) = store["models"]
    base = link.partition("/#/")[0]
    text = words(page(f"{base}/#/experiments/1/models/{model['id']}"))
    digest = next(d[1] for d in store["runs"][0]["datasets"] if d[0] == "test")
    assert "Metric Dataset Source run Value test/dice_pooled test (#" in text
    assert f"test (#{digest})" in text
    # Two evaluations of one model: both are named there.
    assert all(run["name"] in text for run in store["runs"])
