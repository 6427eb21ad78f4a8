"""Several annotators: every pair of them, and each with the model, from samples.csv to metrics."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.check import check_samples
from segmetrics.data.samples import read_samples, rows_of_split
from segmetrics.errors import DataError
from segmetrics.evaluate import EvaluationOptions, evaluate_split
from segmetrics.measure import measure_split
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import PixelOptions, Question
from segmetrics.stats.evaluation import Evaluation
from segmetrics.stats.resampling import Resampling
from segmetrics.tables import Targets, read_measurements


@pytest.fixture
def annotated(tmp_path, two):
    """Four images by `mask`, anna and (but for the last image) ben, with predictions."""
    root, rng = tmp_path / "data", np.random.default_rng(4)
    lines = ["id,image,mask,mask:anna,mask:ben,split"]
    for i in range(4):
        for kind in ("images", "first", "anna", "ben", "../predictions"):
            array = rng.integers(0, 2, (9, 11), np.uint8)
            (root / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / kind / f"s{i}.png")
        ben = f"ben/s{i}.png" if i < 3 else ""
        lines.append(f"s{i},images/s{i}.png,first/s{i}.png,anna/s{i}.png,{ben},test")
    path = root / "samples.csv"
    path.write_text("\n".join(lines) + "\n")

    def samples():
        rows = rows_of_split(read_samples(path), "test", path)
        return check_samples(rows, root=root, scheme=two, workers=1)

    samples.root = root
    return samples


@pytest.fixture
def run(annotated, tmp_path, two):
    def measured(out="out", workers=1):
        options = PixelOptions(surface=("hd95",))
        question = Question(two, Targets(two.names), OperatingPoint("argmax"), options)
        measure_split(
            annotated(), predictions=tmp_path / "predictions", out=tmp_path / out,
            question=question, spacing=(), workers=workers,
        )  # fmt: skip
        return tmp_path / out

    return measured


def array(folder, kind, i):
    return np.asarray(Image.open(folder / kind / f"s{i}.png"))


def test_every_pair_is_counted_as_numpy_counts(run, annotated):
    tables = {t.name: t for t in read_measurements(run()).agreements}
    assert set(tables) == {
        "anna vs model", "ben vs model", "mask vs anna", "mask vs ben", "anna vs ben",
    }  # fmt: skip
    folders = {"mask": "first", "model": "../predictions", "anna": "anna", "ben": "ben"}
    for name, table in tables.items():
        one, other = (folders[who] for who in name.split(" vs "))
        assert table.ids == tuple(f"s{i}" for i in range(3 if "ben" in name else 4))
        for i in range(len(table.ids)):
            r, p = array(annotated.root, one, i) == 1, array(annotated.root, other, i) == 1
            counts = table.observations.counts
            four = [int(a[i, 1]) for a in (counts.tp, counts.fp, counts.fn, counts.tn)]
            assert four == [(r & p).sum(), (~r & p).sum(), (r & ~p).sum(), (~r & ~p).sum()]
        assert np.isfinite(table.observations.columns["hd95"]).all()


def test_the_number_of_workers_changes_no_byte(run):
    first, second = run("one"), run("two", workers=3)
    assert (first / "annotators.parquet").exists()
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_the_agreement_of_every_pair_is_in_the_evaluation(run, annotated):
    measured = read_measurements(run())
    rows = {r.id: r for r in read_samples(annotated.root / "samples.csv")}
    asked = EvaluationOptions(("foreground",), resampling=Resampling(resamples=100))
    split = evaluate_split(measured, rows, asked)
    scope = split.annotators["anna vs ben"]
    assert scope.samples == 3
    r, p = (np.stack([array(annotated.root, who, i) for i in range(3)]) for who in ("anna", "ben"))
    dice = 2 * (r & p).sum() / (r.sum() + p.sum())
    estimate = scope.estimate("foreground", "pooled", "dice")
    assert estimate.value == pytest.approx(dice, abs=1e-12)
    assert estimate.low < estimate.value < estimate.high
    evaluation = Evaluation({"test": split}, {})
    assert Evaluation.from_json(evaluation.to_json(), "e") == evaluation


def test_another_annotation_is_measured_again(run, annotated):
    before = (run() / "annotators.parquet").read_bytes()
    Image.fromarray(np.ones((9, 11), np.uint8)).save(annotated.root / "ben" / "s0.png")
    assert (run() / "annotators.parquet").read_bytes() != before


def test_an_annotation_of_another_shape_is_refused(annotated):
    Image.fromarray(np.ones((9, 10), np.uint8)).save(annotated.root / "anna" / "s2.png")
    with pytest.raises(DataError, match=r"anna/s2\.png: the mask is 9 x 10"):
        annotated()


def test_without_further_annotators_there_is_no_table(run_measure):
    assert not (run_measure() / "annotators.parquet").exists()
