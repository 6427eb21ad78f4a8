"""Copies of training images in the test split of real microscopy, and the split as it is."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.data.sample_list import Sample
from segmetrics.files import sha256_path
from segmetrics.gates.leakage_report import LeakageReport
from segmetrics.leakage.find import find_leakage

BINARY = LabelScheme.of({"background": 0, "nucleus": 1}, exclude=["background"], encoding="binary")


def sample(name, image, mask) -> Sample:
    shape = (1, 1)
    return Sample(name, image, mask, shape, sha256_path(image), sha256_path(mask))


@pytest.fixture
def nuclei(real_data) -> dict[str, list[Sample]]:
    root = real_data("nuclei")
    splits: dict[str, list[Sample]] = {}
    for row in csv.DictReader((root / "samples.csv").read_text().splitlines()):
        image, mask = (root / kind / f"{row['id']}.png" for kind in ("images", "masks"))
        splits.setdefault(row["split"], []).append(sample(row["id"], image, mask))
    return splits


@pytest.fixture(scope="module")
def find(tmp_path_factory) -> Callable[[dict[str, list[Sample]]], LeakageReport]:
    """Fingerprints are kept, so that every image is hashed once."""
    folder = tmp_path_factory.mktemp("prints")
    return partial(find_leakage, judged="test", scheme=BINARY, folder=folder, inputs={}, workers=2)


def changed(picture: Image.Image, n: int) -> Image.Image:
    """The first three resized, two mirrored, two brightened by 1.2; the rest as they are."""
    if n < 3:
        return picture.resize([(180, 200), (400, 300), (96, 128)][n], Image.Resampling.BICUBIC)
    if n in (6, 7):
        flips = Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM
        return picture.transpose(flips[n - 6])
    if n > 7:
        bright = np.clip(np.asarray(picture, float) * 1.2, 0, 255)
        return Image.fromarray(np.rint(bright).astype(np.uint8))
    return picture


@pytest.mark.parametrize("seed", range(3))
def test_contamination_is_caught_whole_and_nothing_else(nuclei, find, tmp_path, seed):
    chosen = np.random.default_rng(seed).choice(len(nuclei["train"]), 10, replace=False)
    expected = set()
    for n, place in enumerate(chosen.tolist()):
        source = nuclei["train"][place]
        with Image.open(source.image) as picture:
            copy = changed(picture.convert("RGB"), n)
        path = tmp_path / (f"{n}.jpg" if n in (3, 4, 5) else f"{n}.png")
        copy.save(path, **({"quality": 30} if n in (3, 4, 5) else {}))
        nuclei["test"].append(sample(f"copy{n}", path, nuclei["test"][n].mask))
        expected.add((f"copy{n}", source.id))
    report = find(nuclei)
    similar = [pair for pair in report.pairs if pair.kind in ("pixels", "similar")]
    assert {(pair.id, pair.other) for pair in similar} == expected
    ways = {pair.id: pair.orientation for pair in similar}
    assert ways["copy6"] == "mirrored left to right"
    assert ways["copy7"] == "mirrored top to bottom"
    assert report.counts["masks"] == 0


def test_the_split_as_it_is_raises_nothing(nuclei, find):
    report = find(nuclei)
    assert {k: report.counts[k] for k in ("pixels", "similar", "masks")} == {
        "pixels": 0,
        "similar": 0,
        "masks": 0,
    }
    assert report.left_out == {}


def test_frames_of_one_street_are_similar_and_retinas_are_not(real_data, find, tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "mask.png")

    def split(name: str) -> list[Sample]:
        paths = sorted((real_data(name) / "images").iterdir())
        return [sample(p.stem, p, tmp_path / "mask.png") for p in paths]

    frames = split("camvid_val")
    report = find({"test": frames[::2], "train": frames[1::2]})
    numbers = [abs(int(p.id[-5:]) - int(p.other[-5:])) for p in report.pairs if p.kind == "similar"]
    assert len(numbers) == report.counts["similar"] > 40
    assert max(numbers) <= 12  # a second apart at most: the car stood still
    eyes = split("stare")
    assert find({"test": eyes[::2], "train": eyes[1::2]}).counts["similar"] == 0
