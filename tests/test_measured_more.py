"""Distances, objects, scores and regions on their way: files, tables, metrics, rules."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from segmetrics import measure
from segmetrics.data.samples import SampleRow
from segmetrics.errors import DataError
from segmetrics.evaluate import EvaluationOptions, evaluate_split
from segmetrics.gates.judging import judge_rules
from segmetrics.gates.rules import Rule
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import ObjectOptions, PixelOptions, Question
from segmetrics.stats.evaluation import Evaluation
from segmetrics.stats.resampling import Resampling
from segmetrics.tables import Targets, read_measurements

ALL = PixelOptions(
    surface=("hd", "hd95", "assd", "masd", "nsd"),
    tolerance=2.0,
    boundary=0.02,
    objects=ObjectOptions(min_size=2),
)
REGIONS = (("tissue", (1, 2)),)


@pytest.fixture
def evaluated(run_measure, dataset):
    """Measure everything and evaluate; the measurements and the evaluation."""

    def run(edges=(10, 40), **options):
        out = run_measure(**{"options": ALL, "regions": REGIONS} | options)
        measured = read_measurements(out)
        rows = {r.id: SampleRow(r.id, r.image, r.mask, "test", r.id[-1], {}) for r in dataset.rows}
        scored = measured.targets.classes[1:]
        asked = EvaluationOptions(scored, size_edges=edges, resampling=Resampling(resamples=100))
        evaluation = evaluate_split(measured, rows, asked)
        return measured, evaluation

    return run


def test_the_number_of_workers_changes_no_byte(run_measure, tmp_path, predictions):
    for workers in (1, 3):
        out = tmp_path / str(workers)
        run_measure(options=ALL, regions=REGIONS, workers=workers, out=out)
    names = sorted(p.name for p in (tmp_path / "1").iterdir())
    assert names == ["confusion.parquet", "images.parquet", "objects.parquet"]
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()


def test_tables_that_are_no_longer_asked_for_are_removed(run_measure, tmp_path):
    out = run_measure(options=ALL)
    assert (out / "objects.parquet").exists()
    assert read_measurements(out).targets.objects
    run_measure(out=out)
    assert sorted(p.name for p in out.iterdir()) == ["confusion.parquet", "images.parquet"]
    assert not read_measurements(out).targets.objects
    plain = run_measure(out=tmp_path / "plain")
    for path in plain.iterdir():
        assert path.read_bytes() == (out / path.name).read_bytes()


def test_finished_chunks_are_reused_with_everything_in_them(
    run_measure, predictions, tmp_path, monkeypatch
):
    whole = run_measure(options=ALL, regions=REGIONS, out=tmp_path / "whole")
    monkeypatch.setattr(measure, "_CHUNK", 2)
    content = (predictions / "test5.png").read_bytes()
    (predictions / "test5.png").write_bytes(b"broken")
    out = tmp_path / "parts"
    with pytest.raises(DataError, match="test5"):
        run_measure(options=ALL, regions=REGIONS, out=out)
    assert len(list((out / "parts").iterdir())) > 3
    (predictions / "test5.png").write_bytes(content)
    run_measure(options=ALL, regions=REGIONS, out=out)
    for path in whole.iterdir():
        assert path.read_bytes() == (out / path.name).read_bytes()


def test_counts_and_means_are_those_of_numpy(evaluated, dataset, predictions):
    measured, split = evaluated()
    assert measured.classes == ("background", "cell", "wall", "tissue")
    tp = fp = fn = 0
    for name in measured.ids:
        r = np.isin(np.asarray(Image.open(dataset.root / "masks" / f"{name}.png")), [1, 2])
        p = np.isin(np.asarray(Image.open(predictions / f"{name}.png")), [1, 2])
        tp, fp, fn = tp + (r & p).sum(), fp + (~r & p).sum(), fn + (r & ~p).sum()
    dice = split.estimate("tissue", "pooled", "dice")
    assert dice.value == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-12)
    hd95 = split.estimate("cell", "image_mean", "hd95")
    column = measured.observations.columns["hd95"][:, 1]
    assert hd95.value == pytest.approx(column[np.isfinite(column)].mean())
    assert split.estimate("cell", "pooled", "hd95") is None
    # The region is no class: it is outside class means and the confusion matrix.
    mean = split.estimate("mean", "pooled", "dice").value
    classes = [split.estimate(n, "pooled", "dice").value for n in ("cell", "wall")]
    assert mean == pytest.approx(np.mean(classes))
    assert split.labels == ("background", "cell", "wall")


def test_object_recall_by_size_is_that_of_plain_components(evaluated, dataset, predictions):
    measured, split = evaluated()
    found = {name: [0, 0] for name in ("small", "medium", "large")}
    for name in measured.ids:
        r = np.asarray(Image.open(dataset.root / "masks" / f"{name}.png")) == 1
        p = np.asarray(Image.open(predictions / f"{name}.png")) == 1
        true, n_true = ndimage.label(r, np.ones((3, 3)))
        seen, n_seen = ndimage.label(p, np.ones((3, 3)))
        for i in range(1, n_true + 1):
            size = (true == i).sum()
            if size < 2:
                continue
            ious = [
                ((true == i) & (seen == j)).sum() / ((true == i) | (seen == j)).sum()
                for j in range(1, n_seen + 1)
                if (seen == j).sum() >= 2
            ]
            bucket = "small" if size < 10 else "medium" if size < 40 else "large"
            found[bucket][0] += max(ious, default=0) >= 0.5
            found[bucket][1] += 1
    for name, (hits, n) in found.items():
        scope = split.sizes["cell"][name]
        assert scope.references == n
        recall = scope.table["pooled"]["object_recall"]
        assert recall.value == (pytest.approx(hits / n) if n else None)
        assert (recall.low is None) == (recall.high is None) == (n == 0)
        assert n == 0 or recall.low < recall.high
    whole = split.estimate("cell", "pooled", "object_recall")
    hits, n = np.sum(list(found.values()), axis=0)
    assert whole.value == pytest.approx(hits / n)


def test_without_edges_the_sizes_shown_are_thirds(evaluated):
    _, split = evaluated(edges=None)
    thirds = split.sizes["cell"]
    assert list(thirds) == ["smallest_third", "middle_third", "largest_third"]
    assert thirds["smallest_third"].high == thirds["middle_third"].low
    assert thirds["largest_third"].high is None


def test_an_infinite_distance_stands_as_the_diagonal_and_is_counted(
    evaluated, dataset, predictions
):
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(predictions / "test1.png")
    measured, split = evaluated()
    at = measured.ids.index("test1")
    assert np.isinf(measured.observations.columns["hd95"][at, 1])
    estimate = split.estimate("cell", "image_mean", "hd95")
    assert estimate.replaced == 1
    values = measured.observations.columns["hd95"][:, 1].copy()
    values[at] = 16 * np.sqrt(2)
    assert estimate.value == pytest.approx(values.mean())
    assert split.estimate("cell", "image_mean", "nsd").replaced == 0


def test_everything_comes_back_from_evaluation_json(evaluated):
    _, split = evaluated()
    evaluation = Evaluation({"test": split}, {})
    assert Evaluation.from_json(evaluation.to_json(), "e.json") == evaluation


def judged(split, **rule):
    whole = {
        "class_name": "cell",
        "aggregate": "pooled",
        "split": "test",
        "statistic": "point",
    } | rule
    return judge_rules([Rule("r", **whole)], Evaluation({"test": split}, {}), ("cell", "wall"))


def test_rules_on_sizes_distances_and_regions(evaluated):
    _, split = evaluated()
    recall = split.sizes["cell"]["large"].table["pooled"]["object_recall"].value
    (passed,) = judged(split, metric="object_recall", size="large", at_least=recall)
    (failed,) = judged(split, metric="object_recall", size="large", at_least=recall + 1e-9)
    assert (passed.outcome, failed.outcome) == ("pass", "fail")
    assert passed.slice == "size=large"
    (far,) = judged(split, metric="hd95", aggregate="image_mean", at_most=0.1)
    assert far.outcome == "fail"
    (region,) = judged(split, metric="dice", class_name="tissue", at_least=0.0)
    assert region.outcome == "pass"


def test_a_rule_on_a_size_without_objects_fails(evaluated):
    _, split = evaluated(edges=(10, 100_000))
    (result,) = judged(split, metric="object_recall", size="large", at_least=0.0)
    assert result.outcome == "fail"
    assert "0 reference objects of this size" in result.reason
    (unknown,) = judged(split, metric="object_recall", size="huge", at_least=0.0)
    assert unknown.outcome == "fail"


def test_scores_become_average_precision_and_calibration(dataset, tmp_path, two):
    dataset.fill(4)
    folder = tmp_path / "scores"
    folder.mkdir()
    rng = np.random.default_rng(3)
    levels, truth = [], []
    for row in dataset.rows:
        mask = np.asarray(Image.open(dataset.root / row.mask))
        q = np.clip(mask * 90 + rng.normal(90, 50, mask.shape), 0, 255).astype(np.uint8)
        Image.fromarray(q).save(folder / f"{row.id}.png")
        levels.append(q.reshape(-1))
        truth.append(mask.reshape(-1))
    targets = Targets(two.names, scores=True)
    point = OperatingPoint("fixed", 0.5)
    measure.measure_split(
        dataset.samples(two), predictions=folder, out=tmp_path / "out", spacing=(), workers=2,
        question=Question(two, targets, point, PixelOptions(scores=True)),
    )  # fmt: skip
    measured = read_measurements(tmp_path / "out")
    rows = {r.id: r for r in dataset.rows}
    split = evaluate_split(measured, rows, EvaluationOptions(("foreground",)))
    sklearn = pytest.importorskip("sklearn.metrics", reason="the independent reference")
    y, q = np.concatenate(truth), np.concatenate(levels)
    found = split.estimate("foreground", "pooled", "average_precision").value
    assert found == pytest.approx(sklearn.average_precision_score(y, q), abs=1e-12)
    found = split.estimate("foreground", "pooled", "roc_auc").value
    assert found == pytest.approx(sklearn.roc_auc_score(y, q), abs=1e-12)
    assert split.estimate("background", "pooled", "roc_auc").value is None
