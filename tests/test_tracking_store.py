"""Where a store lies, whoever asks from wherever; and how long tracking may take."""

from __future__ import annotations

from pathlib import Path

import pytest

from segmetrics.errors import TrackingError
from segmetrics.tracking import deadline, store


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """The main folder; the working folder is the temporary copy of an experiment."""
    (tmp_path / "main").mkdir()
    (tmp_path / "copy").mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "main"


@pytest.mark.parametrize(
    ("given", "file"),
    [
        ("", "mlflow.db"), ("sqlite:///own.db", "own.db"), ("sqlite:///a/own.db", "a/own.db"),
        ("sqlite:///own.db?timeout=60", "own.db"),
    ],
)  # fmt: skip
def test_files_are_those_of_the_main_folder(root, monkeypatch, given, file):
    if given:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    uri = store.tracking_uri()
    assert store.sqlite_file(uri) == root / file
    folder = (root / file).parent
    assert store.artifact_location(uri, "cells") == (folder / "mlartifacts/cells").as_uri()
    assert store.lock_file(uri) == folder / ".mlflow.lock"


def test_an_absolute_path_stays_and_two_projects_share_its_lock(tmp_path, root, monkeypatch):
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert store.tracking_uri() == uri
    assert store.lock_file(uri) == tmp_path / ".mlflow.lock"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "https://h/x", "databricks", "file:///x"])
def test_servers_know_where_artifacts_go(root, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert store.tracking_uri() == uri
    assert store.artifact_location(uri, "cells") is None


def test_artifacts_of_another_database_lie_in_the_main_folder(root, monkeypatch):
    uri = "postgresql+psycopg2://user@host/db"
    assert store.artifact_location(uri, "cells") == (root / "mlartifacts/cells").as_uri()


def test_a_deadline_says_what_was_left(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(deadline.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("SEGMETRICS_TRACKING_SECONDS", "5")
    limit = deadline.Deadline()
    now[0] = 104.9
    limit.check("the metrics")
    now[0] = 105.0
    wanted = (
        "MLflow: is too slow: 5 s are over before the metrics; results and verdict are kept, the "
        "unfinished run counts for nothing; run `dvc repro` again, or give it more time: "
        "SEGMETRICS_TRACKING_SECONDS=3600"
    )
    with pytest.raises(TrackingError) as caught:
        limit.check("the metrics")
    assert str(caught.value) == wanted


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan", "inf"])
def test_a_deadline_that_is_none(monkeypatch, given):
    monkeypatch.setenv("SEGMETRICS_TRACKING_SECONDS", given)
    with pytest.raises(TrackingError, match="is no number of seconds"):
        deadline.Deadline()
