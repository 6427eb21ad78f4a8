"""Models with a probability for each class, which may overlap: what is stored and refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from overlapping_data import CENTRES, REST, TWO, stored
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import quantise
from segmetrics.errors import ModelError
from segmetrics.inference.outputs import check_classes, last_operation
from segmetrics.inference.predict import Predictor
from segmetrics.inference.preprocess import Preprocessing


def probabilities(image: np.ndarray, centres=CENTRES) -> np.ndarray:
    grey = image.astype(np.float32) / np.float32(255)
    return np.stack([1 / (1 + np.exp(-np.float32(20) * (grey - np.float32(c)))) for c in centres])


@pytest.mark.parametrize("declared", [True, False])
def test_every_class_keeps_its_probability(nested, run_infer, models, tmp_path, declared):
    manifest = run_infer(models.overlapping(tmp_path / "m.onnx", declared=declared))
    assert manifest.kind == "class_probabilities"
    for row in nested.rows:
        image = np.asarray(Image.open(nested.root / row.image))
        path = tmp_path / "out" / f"{row.id}.tif"
        with Image.open(path) as picture:
            assert picture.n_frames == 2
        q = stored(path)
        wanted = quantise(probabilities(image))
        assert q.shape == (2, *image.shape)
        assert np.abs(q.astype(int) - wanted).max() <= 1  # exp differs by rounding
        assert (q[0] >= q[1]).all()  # in declared order


def test_tiles_give_what_the_whole_image_gives(nested, run_infer, models, tmp_path):
    model = models.overlapping(tmp_path / "m.onnx")
    run_infer(model, out=tmp_path / "whole")
    how = Preprocessing(tile_size=(8, 8), tile_overlap=2, multiple=4)
    run_infer(model, out=tmp_path / "tiles", how=how)
    for row in nested.rows:
        whole, tiles = (stored(tmp_path / o / f"{row.id}.tif") for o in ("whole", "tiles"))
        assert np.abs(whole.astype(int) - tiles).max() <= 1  # the last bit of exp


def test_resized_probabilities_come_back_at_full_size(nested, run_infer, models, tmp_path):
    run_infer(models.overlapping(tmp_path / "m.onnx"), how=Preprocessing(size=(8, 8)))
    assert stored(tmp_path / "out" / "s0.tif").shape == (2, 20, 24)


def test_finished_predictions_are_reused(nested, run_infer, models, tmp_path):
    model = models.overlapping(tmp_path / "m.onnx")
    first = run_infer(model)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.tif")}
    assert run_infer(model) == first
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.tif")} == before
    (tmp_path / "out" / "s1.tif").unlink()
    assert run_infer(model) == first
    again = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.tif")}
    assert {n for n in before if again[n] != before[n]} == {"s1.tif"}


def test_keys_tell_overlapping_classes_from_exclusive_ones(nested, models, tmp_path):
    model = models.overlapping(tmp_path / "m.onnx")
    samples = nested.samples(TWO)

    def keys(scheme: LabelScheme) -> dict[str, str]:
        return Predictor(model, None, Preprocessing(), scheme).keys(samples)

    assert keys(TWO) != keys(replace(TWO, encoding="labels"))
    # How the masks are stored and what is excluded changes no prediction.
    assert keys(TWO) == keys(replace(TWO, encoding="files"))
    assert keys(REST) == keys(replace(REST, exclude=()))


def test_a_3d_model_writes_the_classes_along_the_fourth_axis(volumes, infer, models, tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs nibabel")
    volumes.fill(3)
    model = models.overlapping(tmp_path / "m.onnx", channels=2, size=("d", "h", "w"))
    how = Preprocessing(scale=1000.0)
    manifest = infer(model, scheme=TWO, samples=volumes.samples(), how=how)
    assert manifest.kind == "class_probabilities"
    for name, labels in volumes.labels.items():
        image = nibabel.load(volumes.path(name, "t1"))
        written = nibabel.load(tmp_path / "out" / f"{name}.nii.gz")
        assert written.shape == (*labels.shape, 2)
        assert written.get_data_dtype() == np.uint8
        assert (written.affine == image.affine).all()
        assert written.header.get_zooms() == (*image.header.get_zooms(), 1.0)
        both = [np.asarray(nibabel.load(volumes.path(name, c)).dataobj) for c in ("t1", "flair")]
        grey = (both[0] / np.float32(1000) + both[1] / np.float32(1000)) / 2
        for k, centre in enumerate(CENTRES):
            p = 1 / (1 + np.exp(-20 * (grey - centre)))
            q = np.asarray(written.dataobj)[..., k].astype(int)
            assert np.abs(q - np.floor(256 * p).clip(0, 255)).max() <= 1


def test_arrays_of_three_axes_keep_the_classes_first(tmp_path, infer, models, volumes):
    volume = np.linspace(0, 255, 6 * 7 * 3).reshape(6, 7, 3).astype(np.uint8)
    path = tmp_path / "v.npy"
    np.save(path, volume)
    volumes.labels["v"] = volume
    volumes.path = lambda name, channel: path
    sample = replace(volumes.samples()[0], channels={})
    model = models.overlapping(tmp_path / "m.onnx", size=("d", "h", "w"))
    infer(model, scheme=TWO, samples=[sample])
    found = np.load(tmp_path / "out" / "v.npy")
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - quantise(probabilities(volume))).max() <= 1


def refused(run, *arguments, **options) -> str:
    with pytest.raises(ModelError) as caught:
        run(*arguments, **options)
    return str(caught.value)


ONE_CLASS = (
    "data.encoding: channels has several; use a model with a sigmoid per class; or masks of one "
    "class a pixel (data.encoding: labels) with operating_point: {decision: argmax, threshold: "
    "null}"
)


@pytest.mark.parametrize("last", ["Softmax", "LogSoftmax"])
def test_a_softmax_is_refused_before_anything_is_predicted(
    nested, run_infer, models, tmp_path, last
):
    model = models.overlapping(tmp_path / "m.onnx", last=last)
    text = refused(run_infer, model)
    assert text == f"{model}: ends in {last}: it gives one class a pixel, {ONE_CLASS}"


def test_a_softmax_that_hides_is_found_by_its_sums(nested, run_infer, models, tmp_path):
    # Logits of 20 x the grey level are all alike but for a constant: unsure everywhere.
    model = models.overlapping(tmp_path / "m.onnx", centres=(0.5, 0.55), last="hidden softmax")
    assert refused(run_infer, model) == (
        f'{model}: gives scores that add up to 1 at every pixel of "s0", as a softmax does: that '
        f"is one class a pixel, {ONE_CLASS}"
    )


def test_independent_scores_that_add_up_are_those_of_sigmoids(nested, run_infer, models, tmp_path):
    slopes = (20.0, -20.0)  # p and 1 - p
    model = models.overlapping(tmp_path / "m.onnx", centres=(0.5, 0.5), slopes=slopes)
    assert run_infer(model).kind == "class_probabilities"


def test_logits_are_refused(nested, run_infer, models, tmp_path):
    text = refused(run_infer, models.overlapping(tmp_path / "m.onnx", last="Identity"))
    assert "expected probabilities in [0, 1], found values from" in text
    assert text.endswith("export the model with its sigmoid")


def test_another_number_of_outputs_is_refused(nested, run_infer, models, tmp_path):
    text = refused(run_infer, models.overlapping(tmp_path / "m.onnx", (0.2, 0.4, 0.6)))
    assert text.endswith(
        "gives 3 channels [N, 3, H, W]; data.classes declares 2 classes, expected [N, 2, H, W]; "
        "declare in data.classes what the model predicts, in its order"
    )
    one = models.overlapping(tmp_path / "m.onnx", (0.5,), declared=False)
    assert "gives 1 channels" in refused(run_infer, one)  # told when it runs
    with pytest.raises(ModelError, match=r"expected \[N, 3, H, W\] or \[N, 2, H, W\] without rest"):
        check_classes("m", 1, REST)
    check_classes("m", 2, REST)
    check_classes("m", 3, REST, ndim=3)


def test_the_last_operation_is_seen_through_what_only_moves(models, tmp_path):
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "m.onnx"
    for last in ("Sigmoid", "Softmax"):
        assert last_operation(onnx.load(models.overlapping(path, last=last)), "scores") == last
    assert last_operation(onnx.load(models.levels(path, 2)), "scores") == "Neg"
    graph = onnx.load(models.overlapping(path, last="Identity"))
    assert last_operation(graph, "scores") == "Mul"
    assert last_operation(graph, "image") == ""
