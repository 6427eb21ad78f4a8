"""Models with a probability for each class, which may overlap: what is stored and refused."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from segmetrics.data.labels import LabelScheme
from segmetrics.data.levels import read_levels_of_classes
from segmetrics.data.masks import quantise
from segmetrics.errors import ConfigError, DataError, ModelError
from segmetrics.files import sha256_path
from segmetrics.inference.outputs import check_classes, last_operation
from segmetrics.inference.predict import Predictor, infer_split
from segmetrics.inference.preprocess import Preprocessing
from segmetrics.measure import measure_split
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import PixelOptions, Question, settings_key
from segmetrics.tables import Targets, read_measurements

TWO = LabelScheme.of({"whole": 0, "core": 1}, encoding="channels")
REST = LabelScheme.of({"rest": 0, "whole": 1, "core": 2}, exclude=["rest"], encoding="channels")
CENTRES = (0.3, 0.6)
HALF = OperatingPoint("fixed", 0.5)


def probabilities(image: np.ndarray, centres=CENTRES) -> np.ndarray:
    grey = image.astype(np.float32) / np.float32(255)
    return np.stack([1 / (1 + np.exp(-np.float32(20) * (grey - np.float32(c)))) for c in centres])


@pytest.fixture
def nested(dataset, save):
    """Six images of noise and blobs; masks are two pages: bright, and very bright."""
    rng = np.random.default_rng(4)
    for i in range(6):
        shape = ((20, 24), (16, 16))[i % 2]
        clean = np.kron(rng.random((5, 6)), np.ones((4, 4)))[: shape[0], : shape[1]]
        image = np.clip(255 * clean + rng.normal(0, 30, shape), 0, 255).astype(np.uint8)
        dataset.add(f"s{i}", image, np.zeros(shape, np.uint8))
        pages = [Image.fromarray(((clean > c) * 255).astype(np.uint8)) for c in CENTRES]
        path = dataset.root / "masks" / f"s{i}.tif"
        pages[0].save(path, save_all=True, append_images=pages[1:])
        dataset.rows[-1] = replace(dataset.rows[-1], mask=f"masks/s{i}.tif")
    return dataset


@pytest.fixture
def run_infer(infer):
    """Infer with the two classes."""

    def run(source: Path, **options):
        return infer(source, scheme=options.pop("scheme", TWO), **options)

    return run


def stored(path: Path, scheme: LabelScheme = TWO) -> np.ndarray:
    return read_levels_of_classes(path.read_bytes(), str(path), scheme).labels


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


def measured(samples, predictions: Path, out: Path, scheme=TWO, *, point=HALF, workers=1):
    targets = Targets(scheme.names, (("any", (0, 1)),), overlapping=True, scores=True)
    question = Question(scheme, targets, point, PixelOptions(scores=True))
    measure_split(
        samples, predictions=predictions, out=out, question=question, spacing=(), workers=workers
    )
    return read_measurements(out)


def truth(dataset, row) -> np.ndarray:
    """The pages of its mask."""
    with Image.open(dataset.root / row.mask) as picture:
        return np.stack([np.asarray(page) > 0 for page in ImageSequence.Iterator(picture)])


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
