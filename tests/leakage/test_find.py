"""leakage.json: what is a pair, what is not, and that nothing depends on order or workers."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.errors import DataError
from segmetrics.gates.leakage_report import LeakageReport
from segmetrics.leakage import prints, search
from segmetrics.leakage.prints import corners, scored_labels
from segmetrics.leakage.sheet import write_sheet


def outline(seed: int, n: int = 96) -> np.ndarray:
    """A mask of several drawn shapes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:n, :n]
    mask = np.zeros((n, n), np.uint8)
    for cy, cx, r in zip(*rng.uniform((12, 12, 4), (84, 84, 10), (6, 3)).T, strict=True):
        mask |= ((y - cy) ** 2 + (x - cx) ** 2 < r * r).astype(np.uint8)
    return mask


def test_every_kind_and_no_other(splits, texture_of):
    splits.add("test", "same", texture_of(1))
    splits.add("train", "twin", texture_of(1), suffix=".tif")
    splits.add("test", "shrunk", Image.fromarray(texture_of(2)).resize((64, 48)))
    splits.add("val", "large", texture_of(2))
    splits.add("test", "drawn", texture_of(3), mask=outline(1))
    splits.add("train", "copied", texture_of(4), mask=outline(1) * 255)
    splits.add("test", "new", texture_of(5), mask=outline(2))
    splits.add("train", "other", texture_of(6), mask=outline(3))
    report = splits.find()
    assert [(p.kind, p.id, p.other, p.split) for p in report.pairs] == [
        ("pixels", "same", "twin", "train"),
        ("similar", "shrunk", "large", "val"),
        ("masks", "drawn", "copied", "train"),
    ]
    assert report.counts == {
        "pixels": 1, "similar": 1, "masks": 1, "review": 0, "within": 0,
    }  # fmt: skip
    assert report.samples["similar"] == ("shrunk",)
    assert report.pairs[1].orientation == "as it is"
    assert report.hashed == {"test": 4, "train": 3, "val": 1}
    assert report.left_out == {}
    again = LeakageReport.from_json(json.loads(json.dumps(report.to_json())), "x")
    assert again == report


def test_copies_within_the_judged_split(splits, texture_of):
    """Each pair once, later = earlier; identical files are seen without decoding, elsewhere."""
    splits.add("test", "a", texture_of(1))
    splits.add("test", "b", texture_of(1))
    splits.add("test", "c", texture_of(1), suffix=".tif")
    splits.add("test", "d", texture_of(2))
    splits.add("test", "e", texture_of(2)[:, ::-1], suffix=".jpg", quality=40)
    splits.add("test", "f", texture_of(3))
    splits.add("train", "g", texture_of(4))
    splits.add("train", "h", texture_of(4), suffix=".tif")  # not judged
    report = splits.find()
    assert [(p.kind, p.id, p.other, p.split) for p in report.pairs] == [
        ("within", "c", "a", "test"), ("within", "c", "b", "test"), ("within", "e", "d", "test"),
    ]  # fmt: skip
    assert report.counts["within"] == 3
    assert report.samples["within"] == ("c", "e")
    assert report.pairs[2].orientation == "mirrored left to right"
    write_sheet(splits.folder / "pairs.png", report, splits.samples)
    with Image.open(splits.folder / "pairs.png") as sheet:
        assert sheet.height > 600  # three pairs are drawn


def test_pairs_within_are_those_of_all_against_all(splits, texture_of, monkeypatch):
    """Whatever the blocks that images are compared in."""
    for s in range(9):
        splits.add("test", f"t{s}", np.clip(texture_of(s % 3) * (1 + s / 60), 0, 255).astype("u1"))
    expected = {(f"t{i}", f"t{j}") for i in range(9) for j in range(i) if i % 3 == j % 3}
    for block in (4096, 2):
        monkeypatch.setattr(search, "_BLOCK", block)
        found = splits.find()
        assert {(p.id, p.other) for p in found.pairs} == expected
        assert found.counts["within"] == len(expected)


def test_order_and_workers_change_no_byte(splits, texture_of, tmp_path):
    for s in range(6):
        splits.add("test", f"t{s}", texture_of(s % 4))
        splits.add("train", f"o{s}", np.minimum(texture_of(s % 3) * 1.1, 255).astype(np.uint8))
    first = splits.find()
    stored = {p.name: p.read_bytes() for p in (tmp_path / "prints").iterdir()}
    for path in (tmp_path / "prints").iterdir():
        path.unlink()
    for samples in splits.samples.values():
        samples.reverse()
    assert splits.find(workers=3) == first
    assert {p.name: p.read_bytes() for p in (tmp_path / "prints").iterdir()} == stored
    assert first.counts["similar"] == 10


def test_constant_flat_and_empty_things_are_no_pairs(splits):
    flat = np.full((40, 50), 7, np.uint8)
    flat[20, 20] = 8
    for split, name in (("test", "a"), ("train", "b")):
        splits.add(split, f"{name}0", np.zeros((40, 50), np.uint8), mask=np.zeros((9, 9), np.uint8))
        other = flat if split == "test" else flat.T
        splits.add(split, f"{name}1", other, mask=np.ones((9, 9), np.uint8))
    report = splits.find()
    assert sum(report.counts.values()) == 0
    assert report.left_out == {"flat": {"test": 1, "train": 1}, "constant": {"test": 1, "train": 1}}


def test_flat_images_with_identical_pixels_are_pairs(splits):
    flat = np.full((40, 50), 7, np.uint8)
    flat[20, 20] = 8
    splits.add("test", "a", flat)
    splits.add("train", "b", flat, suffix=".bmp")
    assert splits.find().counts["pixels"] == 1


def test_a_dead_pixel_does_not_make_empty_images_alike(splits):
    for n, (split, name) in enumerate((("test", "a"), ("train", "b"))):
        empty = np.full((300, 300), 10 + n, np.uint16)
        empty[70, 80] = 60000
        splits.add(split, name, empty, suffix=".tif")
    assert splits.find().counts["similar"] == 0


def test_images_of_one_device_with_little_in_them_are_not_alike(splits):
    y, x = np.mgrid[:200, :200] / 199
    shading = 90 + 60 * np.exp(-2 * ((x - 0.5) ** 2 + (y - 0.4) ** 2))
    for s in range(8):
        noise = np.random.default_rng(s).normal(0, 3, (200, 200))
        splits.add("test" if s < 4 else "train", f"s{s}", np.rint(shading + noise).astype(np.uint8))
    assert splits.find().counts["similar"] == 0


def test_aligned_scans_of_different_people_are_not_alike(splits, texture_of):
    y, x = np.mgrid[:160, :160] / 159 - 0.5
    radius = np.hypot(x / 0.36, y / 0.45)
    for s in range(12):
        inside = 60 + texture_of(s, (160, 160)) / 4
        head = np.where(radius < 0.9, inside, np.where(radius < 1, 230, 2))
        splits.add("test" if s < 6 else "train", f"s{s}", head.astype(np.uint8))
    assert splits.find().counts["similar"] == 0


def test_deep_colour_and_volumes(splits, texture_of):
    volume = texture_of(1, (9, 60, 70))
    splits.add("test", "deep", texture_of(2).astype(np.uint16) * 90, suffix=".tif")
    splits.add("train", "shallow", texture_of(2))
    splits.add("test", "colour", np.stack([texture_of(s) for s in (3, 4, 5)], axis=-1))
    jpeg = Image.fromarray(np.stack([texture_of(s) for s in (3, 4, 5)], axis=-1))
    splits.add("train", "jpeg", jpeg, suffix=".jpg", quality=30)
    splits.add("test", "mirrored", volume[:, ::-1] // 2, suffix=".npy", ndim=3)
    splits.add("train", "volume", volume, suffix=".npy", ndim=3)
    splits.add("test", "palette", Image.fromarray(texture_of(7)).convert("P"))
    splits.add("train", "grey", texture_of(7))
    found = {(p.kind, p.id, p.other) for p in splits.find().pairs}
    assert found == {
        ("similar", "deep", "shallow"),
        ("similar", "colour", "jpeg"),
        ("similar", "mirrored", "volume"),
        ("pixels", "palette", "grey"),
    }


def test_a_channel_that_all_share_is_no_pair(splits, texture_of):
    field = outline(1)
    splits.add("test", "a", texture_of(1), channels={"fov": field})
    splits.add("train", "b", texture_of(2), channels={"fov": field})
    assert splits.find().counts["pixels"] == 0
    splits.add("test", "c", texture_of(3), channels={"t1": texture_of(5), "t2": texture_of(6)})
    splits.add("train", "d", texture_of(4), channels={"t1": texture_of(5), "t2": texture_of(6)})
    assert splits.find().samples["pixels"] == ("c",)


def test_masks_are_compared_by_class():
    scheme = LabelScheme.of({"back": 0, "cell": (1, 4), "wall": 2}, ignore=[255], exclude=["back"])
    labels = np.array([[0, 1, 4], [2, 255, 0]])
    assert scored_labels(labels, scheme).tolist() == [[0, 2, 2], [3, 0, 0]]
    many = LabelScheme.of({"a": 0, "b": 1}, exclude=["a"], encoding="channels")
    assert scored_labels(np.array([[3, 1]], np.uint8), many).tolist() == [[2, 0]]


def test_corners_tell_boxes_from_outlines():
    box = np.zeros((20, 20), np.uint8)
    box[3:9, 4:15] = 2
    assert corners(box) == 4
    cube = np.zeros((9, 9, 9), np.uint8)
    cube[2:5, 2:5, 2:5] = 1
    assert corners(cube) == 8
    assert corners(np.ones((5, 5), np.uint8)) == 0
    assert corners(outline(1)) > 64


def test_prints_are_made_once_and_pruned(splits, texture_of, monkeypatch):
    splits.add("test", "a", texture_of(1))
    splits.add("train", "b", texture_of(2))
    first = splits.find()
    read = []
    monkeypatch.setattr(prints, "read_pixels", lambda *a, **k: read.append(a) or texture_of(3))
    assert splits.find() == first
    assert read == []
    splits.samples["train"].clear()
    splits.add("train", "c", texture_of(3))
    splits.find()
    assert len(read) == 1
    (store,) = (splits.folder / "prints").glob("images-*.npy")
    assert len(np.load(store)) == 2
    store.write_bytes(store.read_bytes()[:100])  # damaged: made again
    splits.find()
    assert len(read) == 3


def test_changed_and_unreadable_files_are_all_named(splits, texture_of):
    for seed, name in enumerate(("a", "b", "c")):
        splits.add("test", name, texture_of(seed))
    (splits.folder / "images/a.png").write_bytes(b"other")
    (splits.folder / "images/c.png").unlink()
    with pytest.raises(DataError) as error:
        splits.find()
    text = str(error.value)
    assert "a.png: changed since it was listed; run `dvc repro` again" in text
    assert "c.png: there is no such file" in text


def test_pairs_can_be_looked_at(splits, texture_of, tmp_path):
    splits.add("test", "ä", texture_of(1).T)
    splits.add("train", "b", np.minimum(texture_of(1) * 1.1, 255).astype(np.uint8))
    report = splits.find()
    write_sheet(tmp_path / "pairs.png", report, splits.samples)
    first = (tmp_path / "pairs.png").read_bytes()
    sheet = np.asarray(Image.open(io.BytesIO(first)).convert("L"), float)
    left, right = sheet[40:232, 8:200], sheet[40:232, 208:400]
    assert np.corrcoef(left.ravel(), right.ravel())[0, 1] > 0.95  # turned as the other lies
    write_sheet(tmp_path / "again.png", report, splits.samples)
    assert (tmp_path / "again.png").read_bytes() == first
    splits.samples["train"].clear()
    write_sheet(tmp_path / "none.png", splits.find(), splits.samples)
    with Image.open(tmp_path / "none.png") as none:
        assert none.size[1] == 40
