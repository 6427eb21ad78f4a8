"""Stored probabilities of classes that may overlap, measured: equal to numpy, or refused."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

import numpy as np
import pytest
from overlapping_data import HALF, REST, TWO, measured, stored, truth
from PIL import Image

from segmetrics.errors import ConfigError, DataError
from segmetrics.files import sha256_path
from segmetrics.inference.predict import infer_split
from segmetrics.inference.preprocess import Preprocessing
from segmetrics.measure import measure_split
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import Question, settings_key
from segmetrics.tables import Targets


def test_volumes_of_several_classes_are_measured(volumes, nifti, infer, models, tmp_path):
    volumes.fill(3)
    model = models.overlapping(tmp_path / "m.onnx", channels=2, size=("d", "h", "w"))
    samples, masks = [], {}
    for sample in volumes.samples():
        whole = volumes.labels[sample.id] > 0
        masks[sample.id] = np.stack([whole, whole & (np.indices(whole.shape)[0] > 3)])
        stacked = np.moveaxis(masks[sample.id], 0, -1).astype(np.uint8)
        path = nifti(tmp_path / "masks" / f"{sample.id}.nii.gz", stacked)
        samples.append(replace(sample, mask=path, mask_digest=sha256_path(path)))
    infer(model, scheme=TWO, samples=samples, how=Preprocessing(scale=1000.0))
    found = measured(samples, tmp_path / "out", tmp_path / "tables")
    for i, (name, true) in enumerate(masks.items()):
        path = tmp_path / "out" / f"{name}.nii.gz"
        predicted = stored(path) >= 128
        assert found.counts.tp[i, :2].tolist() == (true & predicted).sum(axis=(1, 2, 3)).tolist()
        assert found.counts.fp[i, :2].tolist() == (~true & predicted).sum(axis=(1, 2, 3)).tolist()


@pytest.mark.parametrize("threshold", [0.5, 0.25])
def test_counts_and_scores_are_those_of_numpy(nested, run_infer, models, tmp_path, threshold):
    run_infer(models.overlapping(tmp_path / "m.onnx"))
    samples = nested.samples(TWO)
    point = OperatingPoint("fixed", threshold)
    found = measured(samples, tmp_path / "out", tmp_path / "tables", point=point)
    assert found.observations.scored == (0, 1)
    for i, row in enumerate(sorted(nested.rows, key=lambda r: r.id)):
        true, q = truth(nested, row), stored(tmp_path / "out" / f"{row.id}.tif")
        predicted = q >= 256 * threshold
        pairs = [*zip(true, predicted, strict=True), (true.any(axis=0), predicted.any(axis=0))]
        for k, (t, p) in enumerate(pairs):
            four = [int(getattr(found.counts, n)[i, k]) for n in ("tp", "fp", "fn", "tn")]
            assert four == [(t & p).sum(), (~t & p).sum(), (t & ~p).sum(), (~t & ~p).sum()]
        for k in range(2):
            hits = np.bincount(q[k][true[k]], minlength=256)
            assert (found.observations.histograms.positives[i, k] == hits).all()
            rest = np.bincount(q[k][~true[k]], minlength=256)
            assert (found.observations.histograms.negatives[i, k] == rest).all()


def test_annotators_of_overlapping_classes(nested, run_infer, models, tmp_path):
    for i, row in enumerate(nested.rows):
        nested.rows[i] = replace(row, annotators={"anna": row.mask})
    run_infer(models.overlapping(tmp_path / "m.onnx"))
    found = measured(nested.samples(TWO), tmp_path / "out", tmp_path / "tables")
    human, model = sorted(found.agreements, key=lambda table: table.prediction == "model")
    assert not human.observations.counts.fp.any()  # masks are masks, whatever the predictions are
    assert human.observations.counts.tp.any()
    assert (model.observations.counts.tp == found.counts.tp).all()


def test_any_number_of_workers_gives_the_same_bytes(nested, run_infer, models, tmp_path):
    run_infer(models.overlapping(tmp_path / "m.onnx"))
    samples = nested.samples(TWO)
    for workers in (1, 2):
        measured(samples, tmp_path / "out", tmp_path / f"t{workers}", workers=workers)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / f"t{n}").iterdir()} for n in (1, 2))
    assert one == two


def test_a_background_that_the_model_leaves_out(nested, run_infer, models, tmp_path):
    for row in nested.rows:
        true = truth(nested, row)
        pages = [Image.fromarray(p.astype(np.uint8)) for p in (~true.any(axis=0), *true)]
        path = nested.root / row.mask
        pages[0].save(path, save_all=True, append_images=pages[1:])
    samples = nested.samples(REST)
    run_infer(models.overlapping(tmp_path / "m.onnx"), scheme=REST, samples=samples)
    found = measured(samples, tmp_path / "out", tmp_path / "tables", REST)
    assert found.observations.scored == (1, 2)  # nobody gave a probability of the background
    for i, row in enumerate(sorted(nested.rows, key=lambda r: r.id)):
        rest = ~(stored(tmp_path / "out" / f"{row.id}.tif", REST) >= 128).any(axis=0)
        t = truth(nested, row)[0]
        assert [found.counts.tp[i, 0], found.observations.counts.fp[i, 0]] == [
            (t & rest).sum(),
            (~t & rest).sum(),
        ]
    # The masks of the first test have no such channel: the class is then not the background.
    question = Question(REST, Targets(REST.names, overlapping=True), HALF)
    other = replace(question, scheme=replace(REST, exclude=("core",)))
    assert settings_key(question) != settings_key(other)
    with pytest.raises(DataError, match=r'at \d+ pixels "core" stands beside another class'):
        measured(samples, tmp_path / "out", tmp_path / "other", replace(REST, exclude=("core",)))
    with pytest.raises(DataError, match=r"holds 2 probability maps, .* expected 3;"):
        measured(samples, tmp_path / "out", tmp_path / "none", replace(REST, exclude=()))


def test_predictions_of_another_encoding_are_refused(nested, run_infer, models, tmp_path, two):
    samples = nested.samples(TWO)
    run_infer(models.overlapping(tmp_path / "several.onnx"))
    question = Question(two, Targets(two.names), HALF)
    options = {"out": tmp_path / "t", "spacing": (), "workers": 1}
    with pytest.raises(ConfigError) as caught:
        measure_split(samples, predictions=tmp_path / "out", question=question, **options)
    assert str(caught.value) == (
        f'data.encoding: "labels" is not what {tmp_path / "out"} was predicted for: it holds a '
        "probability for each class; run `dvc repro -f -s infer@out`"
    )
    masks = OperatingPoint("argmax")
    with pytest.raises(ConfigError, match='"argmax" needs label maps'):
        measured(samples, tmp_path / "out", tmp_path / "t", point=masks)
    run_infer(models.brightness(tmp_path / "one.onnx"), scheme=two, samples=samples)
    with pytest.raises(ConfigError, match="it holds one probability a pixel; run"):
        measured(samples, tmp_path / "out", tmp_path / "t")


SCRIPT = """
import csv, pathlib, sys
import numpy as np
from PIL import Image
with open(sys.argv[1]) as stream:
    for row in csv.DictReader(stream):
        q = np.asarray(Image.open(row["image"]))
        np.save(pathlib.Path(sys.argv[2]) / (row["id"] + ".npy"), np.stack([q, q // 2]))
"""


@pytest.mark.parametrize("how", ["folder", "command"])
def test_given_probabilities_of_each_class(nested, tmp_path, how):
    samples = nested.samples(TWO)
    (tmp_path / "predict.py").write_text(SCRIPT)
    source, command = tmp_path / "predict.py", None
    if how == "command":
        command = f"{shlex.quote(sys.executable)} {{source}} {{samples}} {{out}}"
    else:
        source = tmp_path / "given"
        (source / "test").mkdir(parents=True)
        for row in nested.rows:
            q = np.asarray(Image.open(nested.root / row.image))
            np.save(source / "test" / f"{row.id}.npy", np.stack([q, q // 2]))

    def taken():
        return infer_split(
            samples, split="test", source=source, command=command, out=tmp_path / "out",
            how=Preprocessing(), scheme=TWO, runtime=None,
        )  # fmt: skip

    assert taken().kind == "given"
    found = measured(samples, tmp_path / "out", tmp_path / "tables")
    for i, row in enumerate(sorted(nested.rows, key=lambda r: r.id)):
        q, true = np.asarray(Image.open(nested.root / row.image)), truth(nested, row)
        assert found.counts.tp[i, 1] == (true[1] & (q // 2 >= 128)).sum()
        assert found.counts.fp[i, 0] == (~true[0] & (q >= 128)).sum()
    if how == "folder":
        np.save(source / "test" / "s0.npy", np.zeros((2, 3, 3), np.uint8))
        with pytest.raises(DataError, match="has 3 x 3 pixels, the mask of s0 20 x 24"):
            taken()
