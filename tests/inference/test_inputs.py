"""Images of all kinds and sizes through a 2-D model: tiles, EXIF, arrays, several files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from segmetrics.data.sample_list import ListedFile, Sample
from segmetrics.files import sha256_path
from segmetrics.inference.predict import Runtime
from segmetrics.inference.preprocess import Preprocessing


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_tiles_of_a_pixel_wise_model_change_no_label(dataset, infer, models, three, tmp_path):
    dataset.fill(4, labels=3)
    source = models.levels(tmp_path / "m.onnx", 3)
    infer(source, scheme=three, out=tmp_path / "whole")
    for overlap, batch in ((0, 1), (7, 3), (8, 8)):
        how = Preprocessing(tile_size=(16, 16), tile_overlap=overlap)
        out = tmp_path / f"tiles {overlap}"
        infer(source, scheme=three, how=how, runtime=Runtime(batch=batch), out=out)
        for sample in dataset.rows:
            name = f"{sample.id}.png"
            assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_model_of_a_fixed_size_sees_large_images_in_tiles(dataset, infer, models, tmp_path):
    dataset.fill(4)
    source = models.brightness(tmp_path / "m.onnx", size=(16, 16), batch=3)
    how = Preprocessing(tile_size=(16, 16), tile_overlap=4)
    infer(source, how=how)
    infer(models.brightness(tmp_path / "any.onnx"), out=tmp_path / "whole")
    for sample in dataset.rows:
        tiles, whole = (
            pixels(tmp_path / folder / f"{sample.id}.png").astype(int)
            for folder in ("out", "whole")
        )
        assert np.abs(tiles - whole).max() <= 1  # exp differs by rounding


def test_an_image_turned_by_exif_is_predicted_upright(dataset, infer, models, tmp_path):
    upright = np.zeros((16, 24), np.uint8)
    upright[:4, :6] = 255
    dataset.add("a", upright, (upright > 0).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned to the left: a viewer turns it to the right
    Image.fromarray(np.rot90(upright)).save(dataset.root / "images" / "a.png", exif=exif)
    path = dataset.root / "images" / "a.png"
    sample = Sample("a", path, path, (16, 24), sha256_path(path), "")
    infer(models.brightness(tmp_path / "m.onnx"), samples=[sample])
    assert ((pixels(tmp_path / "out" / "a.png") > 127) == (upright > 0)).all()


def test_a_2d_array_gives_a_png(infer, models, tmp_path):
    image = np.linspace(0, 1, 200, dtype=np.float32).reshape(10, 20)
    np.save(tmp_path / "a.npy", image)
    path = tmp_path / "a.npy"
    sample = Sample("a", path, path, image.shape, sha256_path(path), "")
    infer(models.brightness(tmp_path / "m.onnx"), samples=[sample], how=Preprocessing(scale=1.0))
    assert ((pixels(tmp_path / "out" / "a.png") >= 128) == (image >= 0.5)).all()


def test_two_grey_files_are_two_channels(dataset, infer, models, tmp_path, two):
    dataset.fill(2)
    first, second = dataset.samples(two)[:2]
    shape = (16, 16)
    for name, value in (("x", 0), ("y", 255)):
        Image.fromarray(np.full(shape, value, np.uint8)).save(tmp_path / f"{name}.png")
    x, y = (ListedFile(p, sha256_path(p)) for p in (tmp_path / "x.png", tmp_path / "y.png"))
    sample = replace(first, image=x.path, file_digest=x.digest, shape=shape, channels={"y": y})
    source = models.brightness(tmp_path / "m.onnx", channels=2, level=0.4)
    infer(source, samples=[sample])
    (q,) = np.unique(pixels(tmp_path / "out" / f"{first.id}.png"))
    assert q == np.floor(256 / (1 + np.exp(-20 * (0.5 - 0.4))))
    assert second.image_digest == second.file_digest
