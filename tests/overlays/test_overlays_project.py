"""The stage: every encoding, the index, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_project import OVERLAYS
from PIL import Image

import segmetrics.data.bands
from segmetrics.config import load_settings
from segmetrics.config.build import layout, question
from segmetrics.errors import DataError
from segmetrics.evidence import read_json
from segmetrics.operating_point import read_operating_point
from segmetrics.overlays import Overlay, read_overlays
from segmetrics.overlays.reading import read_image, read_regions
from segmetrics.pair import read_pair
from segmetrics.pixels import class_masks
from segmetrics.tables import read_measurements

NAMES = [f"s{i}" for i in range(6)]


def labels(seed: int, top: int = 3, shape=(24, 30)) -> np.ndarray:
    """Blocks of labels 0 .. top - 1."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, top, tuple(-(-n // 4) for n in shape))
    for axis, n in enumerate(shape):
        small = small.repeat(4, axis=axis).take(range(n), axis=axis)
    return small.astype(np.uint8)


def pairs(make=labels, **options):
    masks = {name: make(i, **options) for i, name in enumerate(NAMES)}
    predictions = {}
    for i, (name, mask) in enumerate(masks.items()):
        predictions[name] = mask.copy()
        predictions[name][..., : 2 * i] = 0
    return masks, predictions


THREE = {"classes": {"background": 0, "tumour": 1, "vessel": 2}, "exclude": ["background"]}
TWO = {"classes": {"background": 0, "cell": 1}, "exclude": ["background"]}
HALF = {"decision": "fixed", "threshold": 0.5}
ARGMAX = {"decision": "argmax", "threshold": None}


def label_maps(drawn):
    drawn.fill(*pairs(), **THREE)
    drawn.params(operating_point=ARGMAX)


def ignored(drawn):
    masks, predictions = pairs()
    for mask in masks.values():
        mask[:3] = 255
    drawn.fill(masks, predictions, ignore=[255], **THREE)
    drawn.params(operating_point=ARGMAX)


def binary(drawn):
    masks, predictions = pairs(top=2)
    drawn.fill({n: m * 255 for n, m in masks.items()}, {n: p * 255 for n, p in predictions.items()},
               encoding="binary", **TWO)  # fmt: skip
    drawn.params(operating_point=ARGMAX)


def probabilities(drawn):
    masks, predictions = pairs(top=2)
    soft = {n: (p * 90 + 80).astype(np.uint8) for n, p in predictions.items()}
    drawn.fill(masks, soft, **TWO)
    drawn.params(operating_point=HALF, measure={"scores": True})


def object_numbers(drawn):
    masks, predictions = pairs(top=9)
    drawn.fill(masks, predictions, encoding="instances", predicted="instances", **TWO)
    drawn.params(operating_point=ARGMAX, measure={"objects": {"match": "iou"}})


def overlapping(drawn):
    masks = {n: np.stack([labels(i, 2), labels(i + 50, 2)]) for i, n in enumerate(NAMES)}
    soft = {}
    for i, (name, mask) in enumerate(masks.items()):
        soft[name] = (mask * 100 + 70).astype(np.uint8)
        soft[name][:, :, : 2 * i] = 9
    images = {n: np.full((24, 30), 9 * i, np.uint8) for i, n in enumerate(NAMES)}
    drawn.fill(masks, soft, kind=".npy", encoding="channels", images=images, exclude=[],
               classes={"whole": 0, "core": 1}, regions={"both": ["whole", "core"]})  # fmt: skip
    drawn.params(operating_point=HALF)


def volumes(drawn):
    pytest.importorskip("nibabel", reason="reads NIfTI")
    drawn.fill(*pairs(shape=(24, 30, 7)), kind=".nii.gz", **THREE)
    drawn.params(operating_point=ARGMAX)


KINDS = [label_maps, ignored, binary, probabilities, object_numbers, overlapping, volumes]


@pytest.mark.parametrize("fill", KINDS)
def test_every_encoding_is_drawn_as_it_was_counted(drawn, fill):
    """The regions hold the very pixels that the table counts, whatever files hold the masks."""
    fill(drawn)
    drawn.run(*CHAIN_UP_TO_MEASURE)
    drawn.run(OVERLAYS)
    found = drawn.index
    assert (found.split, found.metric, found.ranked) == ("test", "dice", 6)
    assert [image.kind for image in found.images] == ["worst"] * 6
    values = [image.value for image in found.images]
    assert values == sorted(values)
    settings = load_settings(drawn.folder / "params.yaml")
    files = layout(settings)
    asked = question(settings, read_operating_point(files.operating_point))
    table = read_measurements(files.measurements("test"))
    samples = {s.id: s for s in files.chosen("test").samples}
    for image in found.images:
        row, target = table.ids.index(image.id), table.classes.index(image.class_name)
        counted = [int(c[row, target]) for c in (table.counts.tp, table.counts.fp, table.counts.fn)]
        assert [image.tp, image.fp, image.fn] == counted
        entry = read_json(files.predictions("test") / "manifest.json")["predictions"][image.id]
        path = files.predictions("test") / entry["file"]
        mask, predicted = read_pair(
            reference=samples[image.id].mask, prediction=path, question=asked
        )
        true, hit, _ = class_masks(
            reference=mask.labels, prediction=predicted.labels, question=asked, target=target
        )
        assert [(true & hit).sum(), (hit & ~true).sum(), (true & ~hit).sum()] == counted
        assert (image.cut is not None) == (fill is volumes)
        assert image.image
        with Image.open(drawn.overlays / image.file) as picture:
            assert picture.format == "PNG"


CHAIN_UP_TO_MEASURE = (
    ("samples", "test"), ("infer", "test"), ("operate", "results/predictions"),
    ("measure", "test", "results/predictions/test"),
)  # fmt: skip


def test_the_ignored_is_neither_right_nor_wrong(drawn):
    ignored(drawn)
    drawn.run(*CHAIN_UP_TO_MEASURE)
    settings = load_settings(drawn.folder / "params.yaml")
    files = layout(settings)
    asked = question(settings, read_operating_point(files.operating_point))
    sample = files.chosen("test").samples[0]
    regions, cut, turned, cell = read_regions(
        sample, drawn.folder / "predicted/test/s0.png", asked, 1
    )
    assert (cut, turned, cell) == (None, False, 1)
    assert regions.ignored is not None
    assert regions.ignored[:3].all()
    assert not (regions.tp | regions.fp | regions.fn)[:3].any()


def test_the_numbers_of_params_yaml_and_the_same_bytes_in_any_order(drawn):
    label_maps(drawn)
    drawn.params(report={"worst": 2, "median": 1, "best": 1}, runtime={"workers": 2})
    drawn.run(*CHAIN_UP_TO_MEASURE, OVERLAYS)
    first = {path.name: path.read_bytes() for path in drawn.overlays.iterdir()}
    assert sorted(first) == ["best-001.png", "index.json", "median-001.png", "worst-001.png",
                             "worst-002.png"]  # fmt: skip
    listed = drawn.folder / "data/samples.csv"
    head, *rows = listed.read_text().splitlines()
    listed.write_text("\n".join([head, *rows[::-1]]) + "\n")
    drawn.params(runtime={"workers": 1})
    drawn.run(*CHAIN_UP_TO_MEASURE, OVERLAYS)
    assert {path.name: path.read_bytes() for path in drawn.overlays.iterdir()} == first


def test_none_wanted_clears_what_was_drawn(drawn):
    label_maps(drawn)
    drawn.run(*CHAIN_UP_TO_MEASURE, OVERLAYS)
    drawn.params(report={"worst": 0, "median": 0, "best": 0})
    drawn.run(OVERLAYS)
    assert [path.name for path in drawn.overlays.iterdir()] == ["index.json"]
    assert drawn.index.images == ()


@pytest.mark.parametrize("file", ["data/masks/0.png", "predicted"])
def test_files_that_changed_since_they_were_measured(drawn, file, outcome):
    label_maps(drawn)
    drawn.run(*CHAIN_UP_TO_MEASURE)
    changed = [drawn.folder / file] if file.endswith(".png") else []
    changed = changed or sorted((drawn.folder / "results/predictions/test").glob("s0*"))
    for path in changed:
        path.unlink()
        Image.fromarray(np.zeros((24, 30), np.uint8)).save(path)
    done = outcome(drawn.run, OVERLAYS)
    assert done.code == 2
    assert "changed since it was measured; run `dvc repro`" in done.err


def test_images_that_cannot_be_shown(drawn):
    """An image of another kind is no reason to hide the errors."""
    label_maps(drawn)
    drawn.run(*CHAIN_UP_TO_MEASURE)
    (drawn.folder / "data/images/0.png").write_bytes(b"not a picture")
    drawn.run(OVERLAYS)
    shown = {image.id: image.image for image in drawn.index.images}
    assert shown.pop("s0") is False
    assert all(shown.values())


def test_large_tiffs_are_drawn_in_bands(drawn, monkeypatch):
    pytest.importorskip("tifffile", reason="reads bands")
    masks, predictions = pairs(shape=(70, 50))
    drawn.fill(masks, predictions, kind=".tif", **THREE)
    drawn.params(operating_point=ARGMAX)
    drawn.run(*CHAIN_UP_TO_MEASURE)
    settings = load_settings(drawn.folder / "params.yaml")
    files = layout(settings)
    asked = question(settings, read_operating_point(files.operating_point))
    sample = files.chosen("test").samples[2]
    path = drawn.folder / "predicted/test/s2.tif"
    whole = read_regions(sample, path, asked, 1)
    assert read_image(sample, None, turned=False, cell=1) is not None
    monkeypatch.setattr(segmetrics.data.bands, "LARGE_PIXELS", 1000)
    bands = read_regions(sample, path, asked, 1)
    assert read_image(sample, None, turned=False, cell=1) is None, "not decoded whole"
    for name in ("tp", "fp", "fn"):
        assert (getattr(whole[0], name) == getattr(bands[0], name)).all()
    assert whole[0].fn.any()


OVERLAY = Overlay("a", "worst-001.png", "worst", "dice", 0.5, "cell", 0.5, 1, 2, 3, None, 1, True)


@pytest.mark.parametrize(
    "change",
    [{"file": "../verdict.json"}, {"file": "/etc/passwd"}, {"kind": "odd"}, {"value": float("nan")},
     {"unknown": 1}, {"cut": {"axis": 1}}],
)  # fmt: skip
def test_an_index_that_was_edited_is_refused(tmp_path, change):
    (tmp_path / "worst-001.png").write_bytes(b"")
    whole = {"schema": 1, "split": "test", "metric": "dice", "ranked": 1}
    (tmp_path / "index.json").write_text(json.dumps(whole | {"images": [OVERLAY.to_json()]}))
    assert read_overlays(tmp_path).images == (OVERLAY,)
    wrong = whole | {"images": [OVERLAY.to_json() | change]}
    (tmp_path / "index.json").write_text(json.dumps(wrong))
    with pytest.raises(DataError, match="is no index of overlays"):
        read_overlays(tmp_path)


def test_an_index_of_pictures_that_are_gone(tmp_path):
    index = {"schema": 1, "split": "test", "metric": "dice", "ranked": 1}
    several = [replace(OVERLAY, file=f"worst-00{k}.png").to_json() for k in (1, 2)]
    (tmp_path / "index.json").write_text(json.dumps(index | {"images": several}))
    (tmp_path / "worst-001.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 pictures of its index are missing: worst-002\.png"):
        read_overlays(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps(index | {"schema": 9, "images": []}))
    with pytest.raises(DataError, match="schema 9 instead of 1"):
        read_overlays(tmp_path)
