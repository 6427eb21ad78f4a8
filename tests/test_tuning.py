"""Tuning a threshold: from files and from tables, against trying them all; what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from segmetrics.curves import write_score_curves
from segmetrics.data.labels import LabelScheme
from segmetrics.errors import ConfigError, DataError
from segmetrics.evaluate import EvaluationOptions, evaluate_split
from segmetrics.evidence import Layout
from segmetrics.inference.store import PredictionStore
from segmetrics.measure import measure_split
from segmetrics.metrics.thresholds import Objective
from segmetrics.operating_point import (
    OperatingPoint,
    Tuning,
    TuningRequest,
    read_operating_point,
    write_operating_point,
)
from segmetrics.pixels import PixelOptions, Question
from segmetrics.stats.evaluation import Evaluation
from segmetrics.tables import Targets, read_measurements
from segmetrics.tuning import check_operating_point, tune

F2 = TuningRequest("val", Objective(2.0))
TUNED = OperatingPoint("tuned", 0.25, Tuning("val", "d" * 64, "f2", 0.75))


@pytest.fixture
def maps(dataset, tmp_path):
    """Score maps of seven samples, high where the mask is; names as the samples."""
    dataset.fill(7)
    folder = tmp_path / "maps"
    folder.mkdir()
    rng = np.random.default_rng(2)
    for row in dataset.rows:
        mask = np.asarray(Image.open(dataset.root / row.mask))
        q = np.clip(mask * 70 + rng.normal(60, 40, mask.shape), 0, 255).astype(np.uint8)
        Image.fromarray(q).save(folder / f"{row.id}.png")
    return folder


@pytest.fixture
def tuned(dataset, maps, two):
    def run(request=F2, *, workers=1, samples=None, scheme=two):
        samples = dataset.samples(scheme) if samples is None else samples
        return tune(samples, predictions=maps, request=request, scheme=scheme, workers=workers)

    return run


def all_pixels(dataset, maps):
    pairs = [(dataset.root / row.mask, maps / f"{row.id}.png") for row in dataset.rows]
    arrays = [[np.asarray(Image.open(path)).reshape(-1) for path in pair] for pair in pairs]
    masks, scores = zip(*arrays, strict=True)
    return np.concatenate(masks) == 1, np.concatenate(scores)


def rates(true, scores):
    """Precision, recall and F2 at every level, from pixels."""
    for level in range(1, 256):
        found = scores >= level
        hits = (true & found).sum()
        precision = hits / found.sum() if found.any() else np.nan
        yield level, precision, hits / true.sum(), 5 * hits / (4 * true.sum() + found.sum())


def test_the_threshold_is_the_best_of_all_pixels_together(tuned, dataset, maps):
    point = tuned()
    f2 = {level: f for level, _, _, f in rates(*all_pixels(dataset, maps))}
    assert point.tuning.value == pytest.approx(max(f2.values()), abs=1e-15)
    assert f2[round(point.threshold * 256)] == max(f2.values())
    assert (point.decision, point.tuning.tuned_on, point.tuning.objective) == ("tuned", "val", "f2")
    assert tuned(TuningRequest("val", Objective(0.5))).threshold > point.threshold


@pytest.mark.parametrize(("floor", "at_least"), [("recall", 0.9), ("precision", 0.85)])
def test_a_floor_holds_on_the_tuning_split(tuned, dataset, maps, floor, at_least):
    point = tuned(TuningRequest("val", Objective(floor=floor, at_least=at_least)))
    by_level = {level: {"precision": p, "recall": r} for level, p, r, _ in
                rates(*all_pixels(dataset, maps))}  # fmt: skip
    other = "precision" if floor == "recall" else "recall"
    fitting = [v[other] for v in by_level.values() if v[floor] >= at_least]
    here = by_level[round(point.threshold * 256)]
    assert here[floor] >= at_least
    assert here[other] == point.tuning.value == max(fitting)


def test_order_and_workers_change_nothing_and_fewer_samples_the_digest(tuned, dataset, maps, two):
    point = tuned()
    samples = dataset.samples(two)
    assert tuned(workers=3, samples=samples[::-1]) == point
    (maps / f"{samples[0].id}.png").unlink()
    assert tuned(samples=samples[1:]).tuning.digest != point.tuning.digest


def test_another_prediction_or_reference_has_another_digest(tuned, dataset, maps):
    point = tuned()
    path = maps / "test3.png"
    q = np.array(Image.open(path))
    q[0, 0] ^= 1
    Image.fromarray(q).save(path)
    other = tuned()
    assert other.tuning.digest != point.tuning.digest
    mask = dataset.root / "masks" / "test3.png"
    turned = np.array(Image.open(mask))
    turned[0, 0] ^= 1
    Image.fromarray(turned).save(mask)
    assert tuned().tuning.digest not in (point.tuning.digest, other.tuning.digest)


def test_a_floor_that_is_out_of_reach_says_what_is_not(tuned, maps):
    blank(maps / "test0.png")
    with pytest.raises(DataError) as caught:
        tuned(TuningRequest("val", Objective(floor="recall", at_least=0.999)))
    text = str(caught.value)
    assert text.startswith(
        "operating_point.at_least.recall: 0.999 is out of reach on the tuning split val: the "
        "highest recall is 0."
    )
    assert text.endswith("; set it lower, or improve the model")


def blank(path):
    pixels = np.asarray(Image.open(path))
    Image.fromarray(np.zeros_like(pixels)).save(path)


def test_nothing_found_is_no_threshold(tuned, dataset, maps):
    for row in dataset.rows:
        blank(maps / f"{row.id}.png")
    for request in (F2, TuningRequest("val", Objective(floor="recall", at_least=0.5))):
        with pytest.raises(DataError, match="no threshold finds any foreground on the tuning"):
            tuned(request)


def test_nothing_there_is_no_threshold(tuned, dataset, maps, two):
    blank(dataset.root / "masks" / "test0.png")
    for row in dataset.rows[1:]:
        (maps / f"{row.id}.png").unlink()
    with pytest.raises(DataError, match="no reference of the tuning split val holds a pixel"):
        tuned(samples=dataset.samples(two)[:1])


def test_what_cannot_be_read_is_listed_together(tuned, maps):
    for name in ("test1", "test4"):
        (maps / f"{name}.png").write_bytes(b"text")
    with pytest.raises(DataError) as caught:
        tuned()
    assert len(str(caught.value).splitlines()) == 3
    (maps / "test1.png").unlink()
    with pytest.raises(DataError, match='no prediction for the sample "test1"'):
        tuned()


def test_label_maps_have_no_threshold(tuned, dataset, maps):
    store = PredictionStore(maps, {row.id: "" for row in dataset.rows})
    for name in store.missing:
        store.add(name, (maps / f"{name}.png").read_bytes())
    store.finish("labels", "model")
    with pytest.raises(ConfigError, match='"tuned" needs probabilities'):
        tuned()


@pytest.fixture
def project(tuned, dataset, maps, two, tmp_path):
    """The tuned point, written, and the tables of the tuning split, measured with it."""
    layout = Layout(tmp_path, tmp_path, tmp_path, ("val", "test"), results=tmp_path / "results")

    def measured(point, *, scores=True):
        measure_split(
            dataset.samples(two), predictions=maps, out=layout.measurements("val"), spacing=(),
            workers=1,
            question=Question(
                two, Targets(two.names, scores=scores), point, PixelOptions(scores=scores)
            ),
        )  # fmt: skip
        write_operating_point(layout.operating_point, point)
        return layout

    return measured


def names(findings):
    return [(finding.name, finding.severity) for finding in findings]


STALE = [("stale_operating_point", "block")]


def test_a_point_that_the_tables_give_is_taken(project, tuned):
    layout = project(tuned())
    assert check_operating_point(layout, F2, "test") == []
    (finding,) = check_operating_point(layout, F2, "val")
    assert (finding.name, finding.severity) == ("tuned_on_judged", "block")


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: replace(p, threshold=p.threshold + 1 / 256),
        lambda p: replace(p, tuning=replace(p.tuning, value=p.tuning.value + 1e-9)),
        lambda p: replace(p, tuning=replace(p.tuning, digest="0" * 64)),
        lambda p: replace(p, tuning=replace(p.tuning, objective="f1")),
        lambda p: replace(p, tuning=replace(p.tuning, tuned_on="train")),
        lambda p: OperatingPoint("fixed", p.threshold),
        lambda p: OperatingPoint("argmax"),
    ],
)
def test_an_edited_point_blocks(project, tuned, edit):
    layout = project(tuned())
    write_operating_point(layout.operating_point, edit(tuned()))
    assert names(check_operating_point(layout, F2, "test")) == STALE


def test_another_objective_blocks(project, tuned):
    layout = project(tuned())
    other = TuningRequest("val", Objective(0.5))
    assert names(check_operating_point(layout, other, "test")) == STALE


def test_tables_without_scores_or_without_foreground_block(project, tuned, dataset):
    layout = project(tuned(), scores=False)
    (finding,) = check_operating_point(layout, F2, "test")
    assert names([finding]) == STALE
    assert "the tables of the split val hold no scores" in finding.text


def test_a_point_that_is_given_has_to_be_the_one_that_was_written(project, tuned):
    half = OperatingPoint("fixed", 0.5)
    layout = project(half)
    assert check_operating_point(layout, half, "test") == []
    assert names(check_operating_point(layout, OperatingPoint("fixed", 0.25), "test")) == STALE


def test_a_tuned_point_comes_back_and_says_what_it_is(tmp_path):
    write_operating_point(tmp_path / "p.json", TUNED)
    assert read_operating_point(tmp_path / "p.json") == TUNED
    assert str(TUNED) == "tuned, threshold 0.25 (f2: 0.7500 on val)"
    assert json.loads((tmp_path / "p.json").read_text()) == {
        "threshold": 0.25, "source": "tuned", "tuned_on": "val", "digest": "d" * 64,
        "objective": "f2", "value": 0.75,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0.3}, {"threshold": 0}, {"threshold": 1.0}, {"threshold": None},
        {"threshold": float("nan")}, {"digest": None}, {"value": float("nan")}, {"value": "high"},
        {"tuned_on": 3}, {"objective": ["f2"]}, {"source": "guessed"},
    ],
)  # fmt: skip
def test_a_damaged_tuned_point_is_refused(tmp_path, change):
    path = tmp_path / "p.json"
    write_operating_point(path, TUNED)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=r"p\.json: not an operating point \(.*dvc repro operate"):
        read_operating_point(path)
    for name in ("tuned_on", "digest", "objective", "value"):
        write_operating_point(path, TUNED)
        data = json.loads(path.read_text())
        del data[name]
        path.write_text(json.dumps(data))
        with pytest.raises(DataError, match="not an operating point"):
            read_operating_point(path)


def test_the_evaluation_shows_the_chosen_threshold_beside_the_best(project, tuned, dataset, maps):
    half = OperatingPoint("fixed", 0.5)
    layout = project(half)
    measured = read_measurements(layout.measurements("val"))
    rows = {r.id: r for r in dataset.rows}
    options = EvaluationOptions(("foreground",), level=128, threshold=0.5)
    split = evaluate_split(measured, rows, options)
    summary = split.thresholds["foreground"]
    values = {level: (p, r, f) for level, p, r, f in rates(*all_pixels(dataset, maps))}
    found = [summary.chosen.values[name] for name in ("precision", "recall", "f2")]
    assert summary.chosen.threshold == 0.5
    assert found == pytest.approx(values[128], abs=1e-15)
    assert summary.best["f2"].threshold == tuned().threshold
    assert summary.best["f2"].values["f2"] == pytest.approx(max(f for *_, f in values.values()))
    evaluation = Evaluation({"val": split}, {})
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json())), "e") == evaluation
    block = evaluation.to_json()["splits"]["val"]["scores"]["foreground"]
    assert set(block) == {"chosen", "best"}
    block["chosen"]["f2"] = float("nan")
    with pytest.raises(DataError, match="not an evaluation"):
        Evaluation.from_json({"schema": 1, "splits": {"val": evaluation.to_json()["splits"]["val"]
                              | {"scores": {"foreground": block}}}, "inputs": {}}, "e")  # fmt: skip


def test_the_curves_are_those_of_the_pixels(project, dataset, maps, tmp_path):
    layout = project(OperatingPoint("fixed", 0.5))
    write_score_curves(tmp_path / "plots", {"val": read_measurements(layout.measurements("val"))})
    lines = (tmp_path / "plots" / "threshold.csv").read_text().splitlines()
    assert lines[0] == "split,class,threshold,precision,recall,f0.5,f1,f2"
    assert len(lines) == 256
    cells = {round(float(line.split(",")[2]) * 256): line.split(",") for line in lines[1:]}
    curve = (tmp_path / "plots" / "precision_recall.csv").read_text().splitlines()
    assert curve[0] == "split,class,threshold,recall,precision"
    n_defined = 0
    for level, precision, recall, f2 in rates(*all_pixels(dataset, maps)):
        row = cells[level]
        assert row[:2] == ["val", "foreground"]
        assert float(row[4]) == pytest.approx(recall, rel=1e-5)
        assert float(row[7]) == pytest.approx(f2, rel=1e-5)
        if np.isnan(precision):
            assert row[3] == ""
            continue
        n_defined += 1
        assert float(row[3]) == pytest.approx(precision, rel=1e-5)
        assert f"val,foreground,{level / 256:.6g},{row[4]},{row[3]}" in curve
    assert len(curve) == 1 + n_defined


def test_without_scores_the_curves_are_empty(project, tmp_path):
    layout = project(OperatingPoint("fixed", 0.5), scores=False)
    write_score_curves(tmp_path / "plots", {"val": read_measurements(layout.measurements("val"))})
    for name in ("threshold.csv", "precision_recall.csv"):
        assert len((tmp_path / "plots" / name).read_text().splitlines()) == 1


def test_one_background_value_of_a_binary_mask_is_enough(dataset, maps, tuned):
    scheme = LabelScheme.of({"background": 0, "vessel": 1}, exclude=["background"],
                            encoding="binary")  # fmt: skip
    assert tuned(scheme=scheme).threshold == tuned().threshold
