"""Predicting a split with an ONNX model: what is stored, and what is reused."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmetrics.errors import DataError, ModelError
from segmetrics.inference import predict
from segmetrics.inference.onnx_model import OnnxModel
from segmetrics.inference.predict import Runtime
from segmetrics.inference.preprocess import Preprocessing, resize
from segmetrics.inference.store import read_manifest


@pytest.fixture
def predicted(monkeypatch):
    """How many images the model was run on, batch by batch; `stop` fails after so many images."""
    batches: list[int] = []
    run = OnnxModel.run

    def counting(self, batch):
        if counting.stop is not None and sum(batches) >= counting.stop:
            raise RuntimeError("killed")
        batches.append(len(batch))
        return run(self, batch)

    counting.stop = None
    counting.batches = batches
    monkeypatch.setattr(OnnxModel, "run", counting)
    return counting


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_one_probability_gives_8_bit_maps_of_the_native_size(dataset, infer, models, tmp_path):
    dataset.fill(4)
    manifest = infer(models.brightness(tmp_path / "m.onnx", level=0.4))
    assert manifest.kind == "probability"
    for sample in dataset.rows:
        image = pixels(dataset.root / sample.image) / np.float32(255)
        p = 1 / (1 + np.exp(-20 * (image - np.float32(0.4))))
        q = pixels(tmp_path / "out" / f"{sample.id}.png")
        assert q.dtype == np.uint8
        assert np.abs(q - np.minimum(255, np.floor(256 * p))).max() <= 1  # exp differs by rounding


@pytest.mark.parametrize("declared", [True, False])
def test_k_scores_give_label_maps_with_a_palette(dataset, infer, models, three, tmp_path, declared):
    dataset.fill(4, labels=3)
    manifest = infer(models.levels(tmp_path / "m.onnx", 3, declared=declared), scheme=three)
    assert manifest.kind == "labels"
    for sample in dataset.rows:
        picture = Image.open(tmp_path / "out" / f"{sample.id}.png")
        image = pixels(dataset.root / sample.image) / 255
        assert picture.mode == "P"
        assert (np.asarray(picture) == np.abs(image[..., None] - [0, 0.5, 1]).argmin(-1)).all()


def test_two_scores_of_two_classes_are_a_label_map(dataset, infer, models, tmp_path):
    dataset.fill(2)
    assert infer(models.levels(tmp_path / "m.onnx", 2)).kind == "labels"


def test_padding_lets_any_size_through_a_model_that_halves(dataset, infer, models, tmp_path):
    dataset.fill(4)
    source = models.two_levels_deep(tmp_path / "m.onnx")
    infer(source, how=Preprocessing(scale=2000.0, multiple=2))
    assert pixels(tmp_path / "out" / "test3.png").shape == (33, 18)
    with pytest.raises(ModelError, match=r"failed on an input of shape \[\d, 1, 33, 18\]"):
        infer(source, how=Preprocessing(scale=2000.0, multiple=1))


def test_a_fixed_size_is_resized_and_labels_are_back_at_full_size(
    dataset, infer, models, three, tmp_path
):
    dataset.fill(4, labels=3)
    how = Preprocessing(size=(16, 24))
    infer(models.levels(tmp_path / "m.onnx", 3, size=(16, 24)), scheme=three, how=how)
    for sample in dataset.rows:
        image = pixels(dataset.root / sample.image).astype(np.float32) / 255
        small = resize(image, (16, 24))
        scores = [-((small - c) ** 2) for c in (0, 0.5, 1)]
        labels = np.argmax([resize(np.float32(s), image.shape) for s in scores], axis=0)
        found = pixels(tmp_path / "out" / f"{sample.id}.png")
        assert found.shape == image.shape
        assert (found != labels).mean() < 0.01  # rounding may decide where two scores are equal


def test_a_model_of_a_fixed_batch(dataset, infer, models, tmp_path, predicted):
    dataset.fill(7)
    infer(models.brightness(tmp_path / "any.onnx"), out=tmp_path / "any")
    infer(models.brightness(tmp_path / "four.onnx", batch=4), out=tmp_path / "four")
    for name, content in contents(tmp_path / "any").items():
        if name.endswith(".png"):
            assert (tmp_path / "four" / name).read_bytes() == content


@pytest.mark.parametrize("maker", ["brightness", "levels"])
def test_batch_and_workers_change_no_byte(dataset, infer, models, tmp_path, maker):
    dataset.fill(11)
    source = getattr(models, maker)(tmp_path / "m.onnx", **({"k": 2} if maker == "levels" else {}))
    results = []
    for batch in (1, 3, 8):
        for workers in (1, 2):
            out = tmp_path / f"{batch}-{workers}"
            infer(source, runtime=Runtime(workers=workers, batch=batch), out=out)
            results.append(contents(out))
    assert len(results[0]) == 12
    assert all(result == results[0] for result in results[1:])


def test_images_of_one_size_share_a_batch(dataset, infer, models, tmp_path, predicted):
    for i in range(5):
        shape = (16, 16) if i < 4 else (32, 16)
        dataset.add(f"s{i}", np.zeros(shape, np.uint8), np.eye(*shape, dtype=np.uint8))
    infer(models.brightness(tmp_path / "m.onnx"), runtime=Runtime(batch=3))
    assert predicted.batches == [3, 1, 1]


@pytest.mark.parametrize(("channels", "shape"), [(3, (16, 16)), (1, (16, 16, 3)), (4, (16, 16, 3))])
def test_grey_and_colour_images_fit_any_model(dataset, infer, models, tmp_path, channels, shape):
    dataset.add("a", np.full(shape, 255, np.uint8), np.eye(16, dtype=np.uint8))
    infer(models.brightness(tmp_path / "m.onnx", channels=channels))
    assert (pixels(tmp_path / "out" / "a.png") == 255).all()


def test_16_bit_images(dataset, infer, models, tmp_path):
    ramp = np.linspace(0, 65535, 256).reshape(16, 16).astype(np.uint16)
    dataset.add("a", ramp, np.eye(16, dtype=np.uint8))
    infer(models.brightness(tmp_path / "m.onnx"), how=Preprocessing(scale=65535.0))
    assert ((pixels(tmp_path / "out" / "a.png") >= 128) == (ramp / 65535 >= 0.5)).all()


def test_an_interrupted_run_keeps_what_is_finished(dataset, infer, models, tmp_path, predicted):
    dataset.fill(9)
    source = models.brightness(tmp_path / "m.onnx")
    predicted.stop = 4
    with pytest.raises(RuntimeError, match="killed"):
        infer(source, runtime=Runtime(batch=2))
    done = sum(predicted.batches)
    assert done == len(list((tmp_path / "out").glob("*.png"))) >= 4
    predicted.stop = None
    predicted.batches.clear()
    infer(source, runtime=Runtime(batch=2))
    assert sum(predicted.batches) == 9 - done
    infer(source, out=tmp_path / "at once")
    assert contents(tmp_path / "out") == contents(tmp_path / "at once")


def test_nothing_is_predicted_twice(dataset, infer, models, tmp_path, predicted):
    dataset.fill(4)
    source = models.levels(tmp_path / "m.onnx", 2, declared=False)
    first = infer(source)
    before = contents(tmp_path / "out")
    predicted.batches.clear()
    assert infer(source) == first
    assert predicted.batches == []
    assert contents(tmp_path / "out") == before


def changed_image(dataset, models, tmp_path) -> dict:
    path = dataset.root / dataset.rows[1].image
    Image.fromarray(255 - pixels(path)).save(path)
    return {}


def changed_model(dataset, models, tmp_path) -> dict:
    models.brightness(tmp_path / "m.onnx", level=0.6)
    return {}


def changed_settings(dataset, models, tmp_path) -> dict:
    return {"how": Preprocessing(mean=(0.1,))}


def tampered_file(dataset, models, tmp_path) -> dict:
    (tmp_path / "out" / "test2.png").write_bytes((tmp_path / "out" / "test1.png").read_bytes())
    return {}


def added_sample(dataset, models, tmp_path) -> dict:
    dataset.add("more", np.zeros((9, 9), np.uint8), np.eye(9, dtype=np.uint8))
    return {}


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (changed_image, 1),
        (changed_model, 4),
        (changed_settings, 4),
        (tampered_file, 1),
        (added_sample, 1),
    ],
)
def test_what_changed_is_predicted_again(
    dataset, infer, models, tmp_path, predicted, change, again
):
    dataset.fill(4)
    source = models.brightness(tmp_path / "m.onnx")
    infer(source)
    options = change(dataset, models, tmp_path)
    predicted.batches.clear()
    infer(source, **options)
    assert sum(predicted.batches) == again
    infer(source, out=tmp_path / "at once", **options)
    assert contents(tmp_path / "out") == contents(tmp_path / "at once")


def test_a_removed_sample_is_pruned(dataset, infer, models, tmp_path):
    dataset.fill(4)
    source = models.brightness(tmp_path / "m.onnx")
    infer(source)
    dataset.rows = dataset.rows[1:]
    infer(source)
    assert sorted(read_manifest(tmp_path / "out").entries) == ["test1", "test2", "test3"]
    assert not (tmp_path / "out" / "test0.png").exists()


def test_logits_are_refused(dataset, infer, models, tmp_path):
    dataset.fill(1)
    with pytest.raises(ModelError) as caught:
        infer(models.logits(tmp_path / "m.onnx"))
    assert "m.onnx: expected probabilities in [0, 1], found values from -" in str(caught.value)
    assert str(caught.value).endswith('for "test0"; export the model with its sigmoid')
    assert list((tmp_path / "out").glob("*.png")) == []


@pytest.mark.parametrize("name", ["model.pt", "model.pkl", "model.pth", "model.h5", "model"])
def test_other_models_are_never_loaded(dataset, infer, tmp_path, name, monkeypatch):
    dataset.fill(1)
    (tmp_path / name).write_bytes(b"\x80\x04")
    monkeypatch.setattr(predict, "OnnxModel", None)
    with pytest.raises(ModelError) as caught:
        infer(tmp_path / name)
    assert str(caught.value).endswith(
        f"{name}: only ONNX models are loaded (other formats may execute code); "
        "export to ONNX, or set infer.command to a program that predicts"
    )


def test_a_missing_model(dataset, infer, tmp_path):
    dataset.fill(1)
    with pytest.raises(ModelError, match=r"gone\.onnx: there is no such model; mend infer\.source"):
        infer(tmp_path / "gone.onnx")


def test_an_image_that_changed_since_it_was_listed(dataset, infer, models, tmp_path, two):
    dataset.fill(2)
    samples = dataset.samples(two)
    changed_image(dataset, models, tmp_path)
    with pytest.raises(DataError, match=r"test1\.png: changed since `samples` ran; run"):
        infer(models.brightness(tmp_path / "m.onnx"), samples=samples)


@pytest.mark.parametrize(("make", "kind"), [("brightness", "probability"), ("levels", "labels")])
def test_the_journal_tells_the_kind_when_an_interrupted_model_does_not(
    infer, dataset, models, tmp_path, monkeypatch, make, kind
):
    dataset.fill(2)
    path = tmp_path / "model.onnx"
    model = models.brightness(path) if make == "brightness" else models.levels(path, 2)
    monkeypatch.setattr(OnnxModel, "n_outputs", None)
    manifest = infer(model)
    assert manifest.kind == kind
    # As if it had been killed after the last prediction and before the manifest.
    (tmp_path / "out" / "manifest.json").unlink()
    lines = [json.dumps({"id": i, "kind": kind} | asdict(e)) for i, e in manifest.entries.items()]
    (tmp_path / "out" / "journal.jsonl").write_text("\n".join(lines))
    assert infer(model).kind == kind


def test_scores_of_two_kinds_are_refused(dataset, infer, models, tmp_path, monkeypatch):
    """A model with a free number of outputs gives one of some images and two of others."""
    dataset.fill(2)
    source = models.levels(tmp_path / "m.onnx", 2, declared=False)
    run = OnnxModel.run

    def odd(self, batch):
        return run(self, batch)[:, : 1 if batch.shape[-1] == 16 else 2] * 0

    monkeypatch.setattr(OnnxModel, "run", odd)
    with pytest.raises(ModelError, match="gives one score per pixel of some images and several"):
        infer(source)
    assert read_manifest(tmp_path / "out") is None
