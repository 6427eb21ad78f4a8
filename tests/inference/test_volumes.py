"""Volumes through a 3-D model: what is stored, and what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from segmetrics.data.labels import LabelScheme
from segmetrics.data.sample_list import Sample
from segmetrics.errors import ConfigError, DataError, ModelError
from segmetrics.files import sha256_path
from segmetrics.inference.onnx_model import OnnxModel
from segmetrics.inference.predict import Runtime, infer_split
from segmetrics.inference.preprocess import Preprocessing

nibabel = pytest.importorskip("nibabel", reason="NIfTI needs nibabel")

HOW = Preprocessing(scale=1000.0, multiple=2)


@pytest.fixture
def infer(volumes, tmp_path, tissue):
    """Infer the volumes; options replace the usual ones."""

    def run(source, *, samples=None, how=HOW, scheme=tissue, runtime=None, out=tmp_path / "out"):
        return infer_split(
            samples or volumes.samples(),
            split="test",
            source=source,
            command=None,
            out=out,
            how=how,
            scheme=scheme,
            runtime=runtime or Runtime(),
        )

    return run


def load(path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


def box_mean(volume: np.ndarray) -> np.ndarray:
    """Mean of 3 x 3 x 3 with zeros outside, written out."""
    padded = np.pad(volume.astype(np.float64), 1)
    x, y, z = volume.shape
    parts = [
        padded[i : i + x, j : j + y, k : k + z]
        for i in range(3)
        for j in range(3)
        for k in range(3)
    ]
    return np.sum(parts, axis=0) / 27


def expected_scores(channels: list[np.ndarray], k: int) -> np.ndarray:
    """The logits of `onnx_models.unet_3d`, without ONNX."""
    sides = channels[0].shape
    more = [(0, -n % 2) for n in sides]
    both = []
    for channel in channels:
        fine = box_mean(np.pad(channel / 1000.0, more, mode="reflect"))
        x, y, z = (n // 2 for n in fine.shape)
        half = fine.reshape(x, 2, y, 2, z, 2).max(axis=(1, 3, 5))
        coarse = box_mean(half).repeat(2, 0).repeat(2, 1).repeat(2, 2)
        both.append((8 * (fine + coarse) - 8)[tuple(slice(n) for n in sides)])
    return np.stack(both if k == 1 else [np.zeros(sides), *both])[:k]


def test_a_3d_model_of_two_channels_predicts_on_the_grid_of_the_image(
    volumes, infer, models, tmp_path
):
    volumes.fill(3)
    manifest = infer(models.unet_3d(tmp_path / "m.onnx"))
    assert manifest.kind == "labels"
    for name, labels in volumes.labels.items():
        written = nibabel.load(tmp_path / "out" / f"{name}.nii.gz")
        image = nibabel.load(volumes.path(name, "t1"))
        assert (written.affine == image.affine).all()
        assert written.header.get_zooms() == image.header.get_zooms()
        assert written.get_data_dtype() == np.uint8
        channels = [load(volumes.path(name, c)) for c in ("t1", "flair")]
        scores = np.sort(expected_scores(channels, 3), axis=0)
        clear = scores[-1] - scores[-2] > 1e-4  # float32 may decide where two scores are equal
        index = expected_scores(channels, 3).argmax(axis=0)
        found = np.asarray(written.dataobj)
        assert (found[clear] == np.array([0, 1, 4])[index][clear]).all()
        assert clear.mean() > 0.99
        assert set(np.unique(found)) == {0, 1, 4}
        assert (index == labels).mean() > 0.5  # the model does see the classes


def test_one_probability_per_voxel(volumes, infer, models, tmp_path, two):
    volumes.fill(1)
    manifest = infer(models.unet_3d(tmp_path / "m.onnx", k=1), scheme=two)
    assert manifest.kind == "probability"
    channels = [load(volumes.path("v0", c)) for c in ("t1", "flair")]
    p = 1 / (1 + np.exp(-expected_scores(channels, 1)[0]))
    found = nibabel.load(tmp_path / "out" / "v0.nii.gz")
    assert found.get_data_dtype() == np.uint8
    difference = load(tmp_path / "out" / "v0.nii.gz") - np.minimum(255, np.floor(256 * p))
    assert np.abs(difference).max() <= 1


def test_labels_above_255_are_16_bit(volumes, infer, models, tmp_path):
    volumes.fill(1)
    scheme = LabelScheme.of({"background": 0, "a": 300, "b": 40_000})
    infer(models.unet_3d(tmp_path / "m.onnx"), scheme=scheme)
    found = nibabel.load(tmp_path / "out" / "v0.nii.gz")
    assert found.get_data_dtype() == np.uint16
    assert set(np.unique(load(tmp_path / "out" / "v0.nii.gz"))) == {0, 300, 40_000}


def test_batch_and_workers_change_no_byte(volumes, infer, models, tmp_path):
    volumes.fill(5)
    source = models.unet_3d(tmp_path / "m.onnx")
    tiled = replace(HOW, tile_size=(6, 6, 4), tile_overlap=2)
    for how in (HOW, tiled):
        results = []
        for batch, workers in ((1, 1), (3, 2), (8, 1)):
            out = tmp_path / f"{batch}-{workers}-{how.tile_overlap}"
            infer(source, how=how, runtime=Runtime(workers=workers, batch=batch), out=out)
            results.append({p.name: p.read_bytes() for p in out.iterdir()})
        assert len(results[0]) == 6
        assert results[1] == results[0]
        assert results[2] == results[0]


def test_nothing_is_predicted_twice_and_any_changed_channel_is_seen(
    volumes, infer, models, tmp_path, nifti
):
    volumes.fill(2)
    source = models.unet_3d(tmp_path / "m.onnx")
    first = infer(source)
    assert infer(source) == first
    stale = volumes.samples()
    nifti(volumes.path("v1", "flair"), np.zeros(volumes.labels["v1"].shape, np.int16))
    with pytest.raises(DataError, match=r"flair/v1\.nii\.gz: changed since `samples` ran"):
        infer(source, samples=stale, out=tmp_path / "other")
    second = infer(source)
    assert second.entries["v0"] == first.entries["v0"]
    assert second.entries["v1"].key != first.entries["v1"].key


def test_a_fixed_size_needs_tiles_or_resizing(volumes, infer, models, tmp_path):
    volumes.fill(2)
    source = models.unet_3d(tmp_path / "m.onnx", size=8)
    with pytest.raises(ModelError) as caught:
        infer(source)
    assert str(caught.value).endswith(
        "takes only 8 x 8 x 8 voxels, infer.size is null (native size); set infer.size: [8, 8, 8], "
        "or tile.size to keep every pixel"
    )
    for how in (replace(HOW, size=(8, 8, 8)), replace(HOW, tile_size=(8, 8, 8), tile_overlap=3)):
        out = tmp_path / str(how.tile_overlap)
        infer(source, how=how, out=out)
        for name, labels in volumes.labels.items():
            assert load(out / f"{name}.nii.gz").shape == labels.shape
    with pytest.raises(ConfigError, match=r"infer\.size: \[8, 8\] has 2 entries"):
        infer(source, how=replace(HOW, size=(8, 8)))


def test_tiles_give_what_the_whole_volume_gives_where_the_model_sees_no_border(
    volumes, infer, models, tmp_path
):
    volumes.fill(1)
    source = models.unet_3d(tmp_path / "m.onnx")
    infer(source, out=tmp_path / "whole")
    infer(source, how=replace(HOW, tile_size=(12, 10, 6)), out=tmp_path / "one tile")
    infer(source, how=replace(HOW, tile_size=(8, 8, 6), tile_overlap=4), out=tmp_path / "tiles")
    whole, one, tiles = (
        load(tmp_path / name / "v0.nii.gz") for name in ("whole", "one tile", "tiles")
    )
    assert (one == whole).all()
    assert (tiles == whole).mean() > 0.8


def test_a_model_of_other_axes_than_the_images(volumes, dataset, infer, models, tmp_path, tissue):
    volumes.fill(2)
    flat = models.brightness(tmp_path / "flat.onnx", channels=2)
    two = LabelScheme.of({"background": 0, "a": 1})
    with pytest.raises(ModelError) as caught:
        infer(flat, scheme=two)
    assert str(caught.value).endswith(
        'flat.onnx: takes 2-D images, "v0" is 3-D (12 x 9 x 6), as are 1 more; use a model for '
        "such images, or infer.command with a program that cuts them into slices"
    )
    dataset.fill(1)
    with pytest.raises(ModelError, match=r'takes 3-D images, "test0" is 2-D \(20 x 24\)'):
        infer(models.unet_3d(tmp_path / "m.onnx"), samples=dataset.samples(tissue))


def test_channels_that_are_too_few(volumes, infer, models, tmp_path):
    volumes.fill(1)
    (sample,) = volumes.samples()
    source = models.unet_3d(tmp_path / "m.onnx")
    with pytest.raises(DataError) as caught:
        infer(source, samples=[replace(sample, channels={})])
    assert str(caught.value).endswith(
        "v0.nii.gz: cannot be brought to the model's 2 channels; list one file a channel: image, "
        "image:<name>, ..."
    )
    three = models.unet_3d(tmp_path / "three.onnx", channels=3)
    with pytest.raises(DataError) as caught:
        infer(three, samples=[sample])
    assert str(caught.value).endswith(
        "the files of this sample give 2 channels (v0.nii.gz 1, v0.nii.gz 1), the model takes 3; "
        "list in samples.csv the files that it was trained with, in this order"
    )
    with pytest.raises(ModelError, match=r"has 2 channels, infer\.mean has 3 values"):
        infer(source, how=replace(HOW, mean=(0.0, 0.0, 0.0)))


def test_channels_of_another_shape_or_place(volumes, infer, models, tmp_path, nifti):
    volumes.fill(1)
    source = models.unet_3d(tmp_path / "m.onnx")
    flair = volumes.path("v0", "flair")
    nifti(flair, np.zeros((12, 9, 5), np.int16))
    with pytest.raises(DataError, match=r"has shape \(12, 9, 5\), .* has \(12, 9, 6\)"):
        infer(source)
    turned = np.diag([-1.0, -1.0, 1.0, 1.0]) @ nibabel.load(volumes.path("v0", "t1")).affine
    nifti(flair, np.zeros((12, 9, 6), np.int16), turned)
    with pytest.raises(DataError, match=r"flair/v0\.nii\.gz: does not lie on the grid of .*t1/v0"):
        infer(source)


def test_a_volume_of_another_shape_than_its_mask(volumes, infer, models, tmp_path):
    volumes.fill(1)
    (sample,) = volumes.samples()
    with pytest.raises(DataError, match=r"has shape \(12, 9, 6\), its mask \(9, 12, 6\)"):
        infer(models.unet_3d(tmp_path / "m.onnx"), samples=[replace(sample, shape=(9, 12, 6))])


def test_volumes_are_predicted_one_at_a_time(volumes, infer, models, tmp_path, monkeypatch):
    volumes.fill(1)
    (sample,) = volumes.samples()
    sizes = []
    run = OnnxModel.run
    monkeypatch.setattr(OnnxModel, "run", lambda self, b: (sizes.append(len(b)), run(self, b))[1])
    same = [replace(sample, id=name) for name in "abc"]
    infer(models.unet_3d(tmp_path / "m.onnx"), samples=same, runtime=Runtime(batch=8))
    assert sizes == [1, 1, 1]


@pytest.mark.parametrize("ending", [".npy", ".tif"])
@pytest.mark.parametrize("k", [1, 3])
def test_volumes_without_a_header_are_written_as_arrays(
    volumes, infer, models, tmp_path, ending, k, tissue, two
):
    pillow = pytest.importorskip("PIL.Image")
    volumes.fill(1)
    bright = load(volumes.path("v0", "t1")).astype(np.uint16)
    path = tmp_path / f"v0{ending}"
    if ending == ".npy":
        np.save(path, bright)
    else:
        pages = [pillow.fromarray(page) for page in bright]
        pages[0].save(path, save_all=True, append_images=pages[1:])
    source = models.unet_3d(tmp_path / "m.onnx", channels=1, k=2 if k == 3 else 1)
    sample = Sample("v0", path, tmp_path, bright.shape, sha256_path(path), "")
    manifest = infer(source, samples=[sample], scheme=two)
    assert manifest.entries["v0"].file == "v0.npy"
    assert manifest.kind == ("labels" if k == 3 else "probability")
    found = np.load(tmp_path / "out" / "v0.npy")
    assert (found.dtype, found.shape) == (np.uint8, bright.shape)
    score = expected_scores([bright], 1)[0]
    clear = np.abs(score) > 1e-4
    assert ((found >= (1 if k == 3 else 128)) == (score > 0))[clear].all()
