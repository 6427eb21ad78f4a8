"""The one pass over the pixels: what is counted, and what is reused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.errors import ConfigError, DataError
from segmetrics.inference.store import PredictionStore
from segmetrics.measure import settings_key
from segmetrics.operating_point import OperatingPoint, read_operating_point, write_operating_point
from segmetrics.pair import measure_files
from segmetrics.pixels import Question
from segmetrics.tables import Targets, read_measurements

ARGMAX = OperatingPoint("argmax")
HALF = OperatingPoint("fixed", 0.5)


def question(scheme, point):
    return Question(scheme, Targets(scheme.names), point)


def count_files(*, reference, prediction, scheme, point):
    asked = question(scheme, point)
    pair = measure_files(reference=reference, prediction=prediction, question=asked, spacing=())
    return pair.measured


def test_the_counts_are_those_of_numpy(run_measure, dataset, predictions, tmp_path):
    run_measure()
    measured = read_measurements(tmp_path / "out")
    assert measured.ids == tuple(sorted(row.id for row in dataset.rows))
    total = np.zeros((3, 4), int)
    for i, name in enumerate(measured.ids):
        r = np.asarray(Image.open(dataset.root / "masks" / f"{name}.png"))
        p = np.asarray(Image.open(predictions / f"{name}.png"))
        for k in range(3):
            found = [a[i, k] for a in (measured.counts.tp, measured.counts.fp)]
            assert found == [((r == k) & (p == k)).sum(), ((r != k) & (p == k)).sum()]
            found = [a[i, k] for a in (measured.counts.fn, measured.counts.tn)]
            assert found == [((r == k) & (p != k)).sum(), ((r != k) & (p != k)).sum()]
            total[k] += [((r == k) & (p == q)).sum() for q in range(4)]
    assert (measured.confusion == total).all()
    assert total[:, 3].min() > 0  # predicted as no class: a miss, and a false positive for none
    assert measured.counts.fp.sum() < measured.counts.fn.sum()


def test_ignored_pixels_are_counted_nowhere(save, three):
    reference = save("r.png", np.uint8([[0, 1, 255, 255]]))
    prediction = save("p.png", np.uint8([[0, 255, 1, 2]]))
    matrix = count_files(
        reference=reference, prediction=prediction, scheme=three, point=ARGMAX
    ).matrix
    assert matrix.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_an_image_that_is_ignored_everywhere_has_rows_of_zeros(
    dataset, predictions, run_measure, tmp_path
):
    void = np.full((4, 4), 255, np.uint8)
    dataset.add("void", void, void)
    Image.fromarray(void).save(predictions / "void.png")
    run_measure()
    measured = read_measurements(tmp_path / "out")
    at = measured.ids.index("void")
    assert [a[at].sum() for a in (measured.counts.tp, measured.counts.tn)] == [0, 0]


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_binary_pairs_of_any_kind(save, binary, scale, mode):
    labels = np.eye(4)
    kind = np.uint16 if mode == "I;16" else np.uint8
    reference = save("r.png", labels > 0)
    prediction = save("p.png", (labels * scale).astype(kind), mode=None if mode == "I;16" else mode)
    found = count_files(reference=reference, prediction=prediction, scheme=binary, point=ARGMAX)
    assert found.matrix.tolist() == [[12, 0, 0], [0, 4, 0]]


def test_a_binary_prediction_of_many_values_is_no_label_map(save, binary):
    reference = save("r.png", np.eye(4) > 0)
    prediction = save("p.png", np.arange(16, dtype=np.uint8).reshape(4, 4))
    with pytest.raises(DataError) as caught:
        count_files(reference=reference, prediction=prediction, scheme=binary, point=ARGMAX)
    assert str(caught.value).startswith(
        f"{prediction}: holds 16 different values, a binary prediction two; for probabilities"
    )


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.501])
@pytest.mark.parametrize("classes", [{"no": 0, "yes": 1}, {"yes": 1, "no": 0}])
def test_probabilities_from_the_threshold_on_are_foreground(save, threshold, classes):
    q = np.arange(256, dtype=np.uint8).reshape(16, 16)
    reference = save("r.png", np.ones((16, 16), np.uint8))
    prediction = save("p.png", q)
    scheme = LabelScheme.of(classes)
    point = OperatingPoint("fixed", threshold)
    matrix = count_files(
        reference=reference, prediction=prediction, scheme=scheme, point=point
    ).matrix
    yes = list(classes).index("yes")
    assert matrix[yes, yes] == (q >= 256 * threshold).sum()
    assert matrix.sum() == 256


def test_a_prediction_of_another_shape(save, two):
    reference = save("r.png", np.zeros((4, 6), np.uint8))
    prediction = save("p.png", np.zeros((6, 4), np.uint8))
    with pytest.raises(DataError) as caught:
        count_files(reference=reference, prediction=prediction, scheme=two, point=ARGMAX)
    assert str(caught.value) == (
        f"{prediction}: has shape (6, 4), its reference {reference} (4, 6); "
        "nothing is resized to fit: write predictions at the size of the mask"
    )


def test_everything_that_is_wrong_is_reported_together(
    run_measure, dataset, predictions, three, tmp_path
):
    samples = dataset.samples(three)
    (predictions / "test1.png").write_bytes(b"")
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(predictions / "test2.png")
    Image.fromarray(np.zeros((33, 18), np.uint8)).save(dataset.root / "masks" / "test3.png")
    Image.fromarray(np.full((20, 24), 77, np.uint8)).save(dataset.root / "masks" / "test4.png")
    with pytest.raises(DataError) as caught:
        run_measure(samples=samples)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"measuring against {predictions}: 4 problems"
    assert [Path(line.split(": ")[0]).name for line in lines[1:]] == [
        "test1.png",
        "test2.png",
        "test3.png",
        "test4.png",
    ]
    assert lines[3].endswith("masks/test3.png: changed since `samples` ran; run `dvc repro` again")
    assert "undeclared label 77 (480 pixels)" in lines[4]
    assert not (tmp_path / "out" / "images.parquet").exists()


def test_missing_predictions_are_listed_together(run_measure, predictions):
    for name in ("test1", "test7"):
        (predictions / f"{name}.png").unlink()
    with pytest.raises(DataError) as caught:
        run_measure()
    assert str(caught.value).splitlines()[1:] == [
        f'  {predictions}: no prediction for the sample "{name}"; expected {name}.png'
        for name in ("test1", "test7")
    ]


@pytest.mark.parametrize(
    ("kind", "point", "text"),
    [
        (
            "labels",
            HALF,
            '"fixed" needs probabilities, {} holds label maps; '
            "set operating_point: {{decision: argmax, threshold: null}}",
        ),
        (
            "probability",
            ARGMAX,
            '"argmax" needs label maps, {} holds probabilities; '
            "set operating_point: {{decision: fixed, threshold: 0.5}}",
        ),
    ],
)
def test_the_kind_of_predictions_has_to_fit_the_decision(
    run_measure, dataset, predictions, two, kind, point, text
):
    store = PredictionStore(predictions, {row.id: "" for row in dataset.rows})
    for name in store.missing:
        store.add(name, (predictions / f"{name}.png").read_bytes())
    store.finish(kind, "model")
    with pytest.raises(ConfigError) as caught:
        run_measure(point=point)
    assert str(caught.value) == "operating_point.decision: " + text.format(predictions)


@pytest.mark.parametrize("point", [ARGMAX, HALF, OperatingPoint("fixed", 1 / 3)])
def test_the_operating_point_comes_back(tmp_path, point):
    write_operating_point(tmp_path / "p.json", point)
    assert read_operating_point(tmp_path / "p.json") == point


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"threshold": null, "source": "fixed"}',
        '{"threshold": 0.5, "source": "argmax"}',
        '{"threshold": "high", "source": "fixed"}',
    ],
)
def test_a_damaged_operating_point(tmp_path, text):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(DataError, match=r"p\.json: not an operating point \(.*dvc repro operate"):
        read_operating_point(tmp_path / "p.json")


def test_the_key_names_every_setting_that_counts_depend_on(two, three, binary):
    keys = {
        settings_key(question(scheme, point))
        for scheme in (two, three, binary, LabelScheme.of({"background": 0, "foreground": 2}))
        for point in (ARGMAX, HALF, OperatingPoint("fixed", 0.25))
    }
    assert len(keys) == 12
    # What class means are over is no matter of the counts.
    other = LabelScheme(two.names, two.values)
    assert settings_key(question(other, ARGMAX)) == settings_key(question(two, ARGMAX))
