"""Measuring again: finished chunks are reused, and nothing else changes."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmetrics import measure, parallel
from segmetrics.data.labels import LabelScheme
from segmetrics.errors import DataError
from segmetrics.operating_point import OperatingPoint
from segmetrics.tables import read_measurements


@pytest.fixture
def counted(monkeypatch):
    """The references that were counted; `stop` fails after so many. Three images a chunk."""
    names: list[str] = []
    lock, original = threading.Lock(), measure.measure_files

    def counting(*, reference, **options):
        with lock:
            if counting.stop is not None and len(names) >= counting.stop:
                raise RuntimeError("killed")
            names.append(reference.stem)
        return original(reference=reference, **options)

    counting.stop = None
    counting.names = names
    monkeypatch.setattr(measure, "measure_files", counting)
    monkeypatch.setattr(measure, "_CHUNK", 3)
    monkeypatch.setattr(parallel, "_CHUNK_S", 0.0)  # handed on one by one, as slow images are
    return counting


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def fresh(run_measure, tmp_path):
    """The tables as they are when everything is measured at once."""

    def measured(**options):
        return contents(run_measure(out=tmp_path / "fresh", **options))

    yield measured
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)


def test_workers_order_and_chunks_change_no_byte(
    run_measure, dataset, three, tmp_path, monkeypatch
):
    first = contents(run_measure())
    assert sorted(first) == ["confusion.parquet", "images.parquet"]
    for workers in (2, 5):
        assert contents(run_measure(workers=workers, out=tmp_path / f"{workers}")) == first
    backwards = list(reversed(dataset.samples(three)))
    assert contents(run_measure(samples=backwards, out=tmp_path / "backwards")) == first
    for size in (1, 4):
        monkeypatch.setattr(measure, "_CHUNK", size)
        assert contents(run_measure(samples=backwards, out=tmp_path / f"c{size}")) == first


def test_nothing_is_counted_twice(run_measure, counted, tmp_path):
    first = contents(run_measure())
    counted.names.clear()
    assert contents(run_measure(workers=2)) == first
    assert counted.names == []


@pytest.mark.parametrize("stop", [1, 3, 5, 8])
def test_finished_chunks_survive_an_interruption(run_measure, counted, fresh, tmp_path, stop):
    counted.stop = stop
    with pytest.raises(RuntimeError, match="killed"):
        run_measure()
    assert not (tmp_path / "out" / "images.parquet").exists()
    finished = counted.names[: stop // 3 * 3]
    counted.stop = None
    counted.names.clear()
    result = contents(run_measure())
    assert len(counted.names) == 9 - len(finished)
    assert not set(counted.names) & set(finished)
    assert result == fresh()


def test_two_interruptions_and_an_added_sample(run_measure, dataset, counted, predictions, fresh):
    for stop in (4, 3):
        counted.stop = stop
        counted.names.clear()
        with pytest.raises(RuntimeError, match="killed"):
            run_measure()
    counted.stop = None
    dataset.add("first", np.zeros((5, 5), np.uint8), np.eye(5, dtype=np.uint8))
    Image.fromarray(np.eye(5, dtype=np.uint8)).save(predictions / "first.png")
    counted.names.clear()
    result = contents(run_measure())
    assert len(counted.names) == 10 - 6
    assert result == fresh()


@pytest.mark.parametrize("left", ["images.parquet", "confusion.parquet"])
def test_half_a_chunk_is_counted_again(run_measure, counted, fresh, tmp_path, left):
    counted.stop = 6
    with pytest.raises(RuntimeError, match="killed"):
        run_measure()
    (tmp_path / "out" / "parts" / "000000" / left).write_bytes(b"PAR1")
    counted.stop = None
    counted.names.clear()
    result = contents(run_measure())
    assert len(counted.names) == 6
    assert result == fresh()


def test_a_bad_file_loses_only_itself(run_measure, counted, predictions, fresh):
    path = predictions / "test4.png"
    good = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"test4\.png: the file is empty$"):
        run_measure()
    path.write_bytes(good)
    counted.names.clear()
    result = contents(run_measure())
    assert counted.names == ["test4"]
    assert result == fresh()


def changed_prediction(dataset, predictions) -> None:
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(predictions / "test1.png")


def changed_mask(dataset, predictions) -> None:
    Image.fromarray(np.eye(16, dtype=np.uint8)).save(dataset.root / "masks" / "test1.png")


def changed_image(dataset, predictions) -> None:
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(dataset.root / "images" / "test1.png")


def added_sample(dataset, predictions) -> None:
    dataset.add("test1b", np.zeros((5, 5), np.uint8), np.eye(5, dtype=np.uint8))
    Image.fromarray(np.ones((5, 5), np.uint8)).save(predictions / "test1b.png")


@pytest.mark.parametrize("change", [changed_prediction, changed_mask, changed_image, added_sample])
def test_only_what_changed_is_counted(run_measure, dataset, predictions, counted, fresh, change):
    before = contents(run_measure())
    change(dataset, predictions)
    counted.names.clear()
    result = contents(run_measure())
    assert len(counted.names) == 1
    assert counted.names[0].startswith("test1")
    assert result != before
    assert result == fresh()


def test_a_removed_sample_leaves_the_tables(
    run_measure, dataset, predictions, counted, fresh, tmp_path
):
    run_measure()
    dataset.rows = [row for row in dataset.rows if row.id != "test2"]
    (predictions / "test2.png").unlink()
    counted.names.clear()
    result = contents(run_measure())
    assert counted.names == []
    assert "test2" not in read_measurements(tmp_path / "out").ids
    assert result == fresh()


def test_exchanged_predictions_are_exchanged_in_the_tables(run_measure, predictions, fresh):
    run_measure()
    a, b = predictions / "test0.png", predictions / "test2.png"  # of one shape
    content = a.read_bytes(), b.read_bytes()
    assert content[0] != content[1]
    a.write_bytes(content[1])
    b.write_bytes(content[0])
    assert contents(run_measure()) == fresh()


CLASSES = {"background": 0, "cell": 1, "wall": 2}


@pytest.mark.parametrize(
    "scheme",
    [
        LabelScheme.of({"background": 0, "cell": 2, "wall": 1}, ignore=[255]),
        LabelScheme.of({"wall": 2, "cell": 1, "background": 0}, ignore=[255]),
        LabelScheme.of({"background": 0, "cell": 1, "bone": 2}, ignore=[255]),
        LabelScheme.of({"background": 0, "any": [1, 2]}, ignore=[255]),
        LabelScheme.of({"background": 0, "cell": 1}, ignore=[2]),
    ],
)
def test_other_settings_count_everything_again(run_measure, counted, fresh, scheme):
    run_measure()
    counted.names.clear()
    result = contents(run_measure(scheme=scheme))
    assert len(counted.names) == 9
    assert result == fresh(scheme=scheme)


def test_another_threshold_counts_everything_again(run_measure, counted, fresh, two, dataset):
    dataset.fill(9, labels=2)
    points = [OperatingPoint("fixed", t) for t in (1 / 256, 2 / 256)]
    results = []
    for point in points:
        counted.names.clear()
        results.append(contents(run_measure(scheme=two, point=point)))
        assert len(counted.names) == 9
    assert results[0] != results[1]
    assert results[1] == fresh(scheme=two, point=points[1])


def test_what_classes_are_excluded_counts_nothing_again(run_measure, counted, three):
    before = contents(run_measure())
    counted.names.clear()
    scheme = LabelScheme.of(CLASSES, ignore=[255], exclude=["wall"])
    assert contents(run_measure(scheme=scheme)) == before
    assert counted.names == []


def test_damaged_tables_are_measured_again(run_measure, counted, tmp_path):
    first = contents(run_measure())
    (tmp_path / "out" / "images.parquet").write_bytes(b"PAR1 and nothing")
    counted.names.clear()
    assert contents(run_measure()) == first
    assert len(counted.names) == 9
