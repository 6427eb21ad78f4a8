"""What `samples` checks before any work is done."""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.check import check_samples
from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import LossyMaskWarning
from segmetrics.data.sample_list import sample_list_text
from segmetrics.data.samples import read_samples
from segmetrics.errors import ConfigError, DataError

GREY = np.full((6, 8), 90, np.uint8)
MASK = np.arange(48, dtype=np.uint8).reshape(6, 8) % 2


@pytest.fixture
def problems(dataset, two):
    """The problems of the data set, with paths relative to its folder."""

    def run(scheme: LabelScheme = two) -> list[str]:
        with pytest.raises(DataError) as caught:
            dataset.samples(scheme)
        return [str(p).replace(f"{dataset.root}/", "") for p in caught.value.problems]

    return run


def test_good_samples_have_shapes_and_digests(dataset, two):
    dataset.fill(4)
    samples = dataset.samples(two)
    assert [s.id for s in samples] == ["test0", "test1", "test2", "test3"]
    assert samples[3].shape == (33, 18)
    content = (dataset.root / "masks" / "test3.png").read_bytes()
    assert samples[3].mask_digest == hashlib.sha256(content).hexdigest()
    content = (dataset.root / "images" / "test3.png").read_bytes()
    assert samples[3].image_digest == hashlib.sha256(content).hexdigest()


def test_workers_change_nothing(dataset, two):
    dataset.fill(9)
    texts = {
        sample_list_text(check_samples(dataset.rows, root=dataset.root, scheme=two, workers=n))
        for n in (1, 2, 5)
    }
    assert len(texts) == 1


def test_colour_and_16_bit_images_have_the_size_of_their_mask(dataset, two):
    dataset.add("colour", np.zeros((6, 8, 3), np.uint8), MASK)
    dataset.add("deep", np.zeros((6, 8), np.uint16), MASK)
    assert [s.shape for s in dataset.samples(two)] == [(6, 8), (6, 8)]


def test_everything_that_is_wrong_is_reported_together(dataset, problems):
    for name in ("gone", "empty", "text", "short", "shape", "label", "colour", "good"):
        dataset.add(name, GREY, MASK)
    images, masks = dataset.root / "images", dataset.root / "masks"
    (images / "gone.png").unlink()
    (masks / "gone.png").unlink()
    (masks / "empty.png").write_bytes(b"")
    (images / "text.png").write_text("no picture")
    (images / "short.png").write_bytes((images / "good.png").read_bytes()[:50])
    dataset.add("shape", GREY, MASK.T)
    dataset.add("label", GREY, MASK * 3)
    dataset.add("colour", GREY, np.dstack([MASK] * 3))
    *found, short = sorted(problems(), key=lambda text: ("short" in text, text))
    assert short.startswith("images/short.png: damaged or truncated (")
    assert found == [
        "images/gone.png: there is no such file; needed by the sample gone; "
        "restore it (`dvc checkout`) or remove the row",
        "images/text.png: not a picture that can be read; expected PNG, TIFF, BMP or JPEG",
        "masks/colour.png: is a RGB picture (6x8x3), not a mask with one label per pixel; "
        "export class labels as grey or palette PNG, or set data.encoding: rgb for colours "
        "(score: --classes name=#rrggbb,...)",
        "masks/empty.png: the file is empty",
        "masks/gone.png: there is no such file; needed by the sample gone; "
        "restore it (`dvc checkout`) or remove the row",
        "masks/label.png: undeclared label 3 (24 pixels); declare it in data.classes "
        "({'background': [0], 'foreground': [1]}) or list it in data.ignore "
        "(score: --classes, --ignore)",
        "masks/shape.png: the mask is 8 x 6, its image images/shape.png is 6 x 8; "
        "nothing is resized to fit: export it again",
    ]


def test_a_missing_file_is_needed_by_a_line(dataset, two):
    dataset.fill(3)
    dataset.rows[0], dataset.rows[2] = dataset.rows[2], dataset.rows[0]
    path = dataset.write_csv()
    (dataset.root / "masks" / "test0.png").unlink()
    with pytest.raises(DataError) as caught:
        check_samples(read_samples(path), root=dataset.root, scheme=two, workers=1)
    assert str(caught.value).endswith(
        "test0.png: there is no such file; needed by samples.csv:4 (test0); restore it "
        "(`dvc checkout`) or remove the row"
    )


def test_a_wrong_mask_of_another_shape_has_two_problems(dataset, problems):
    dataset.add("a", GREY, MASK.T * 3)
    assert len(problems()) == 2


def test_binary_masks_declared_as_labels(dataset, problems):
    dataset.add("a", GREY, MASK * 255)
    assert problems() == [
        "masks/a.png: holds only 0 and 255 (24 pixels of 255), which looks like a binary mask "
        "declared as labels; set data.encoding: binary (score: --binary)"
    ]


def test_a_split_without_any_scored_pixel(dataset, problems, three):
    dataset.add("a", GREY, MASK * 0)
    dataset.add("b", GREY, MASK * 255)
    assert problems(three) == [
        "split test: no mask has a pixel of any scored class (cell, wall): all are background or "
        "ignored; check data.classes and data.ignore; 0/255 masks need data.encoding: binary"
    ]


def test_one_scored_pixel_is_enough(dataset, three):
    dataset.add("a", GREY, MASK * 0)
    dataset.add("b", GREY, np.eye(6, 8, dtype=np.uint8) * 2)
    assert len(dataset.samples(three)) == 2


def test_jpeg_masks_warn_once_with_all_files(dataset, binary):
    dataset.add("good", GREY, MASK)
    square = np.zeros((32, 32), np.uint8)
    square[8:20, 5:27] = 255
    for name in ("a", "b"):
        dataset.add(name, square, square)
        path = dataset.root / "masks" / f"{name}.png"
        Image.fromarray(square).save(path, "JPEG")  # as a JPEG with the ending of a PNG
    with pytest.warns(
        LossyMaskWarning, match=r"masks/a.png \(\d+ pixels\), .*masks/b.png"
    ) as caught:
        assert len(dataset.samples(binary)) == 3
    assert len(caught) == 1


def test_several_pages(dataset, problems):
    dataset.add("a", GREY, MASK)
    pages = [Image.fromarray(MASK), Image.fromarray(MASK)]
    pages[0].save(dataset.root / "masks" / "a.png", "TIFF", save_all=True, append_images=pages[1:])
    assert problems() == [
        "masks/a.png: the mask is 2 x 6 x 8, its image images/a.png is 6 x 8; nothing is resized "
        "to fit: export it again"
    ]


def test_a_missing_root_is_a_wrong_setting(dataset, two):
    dataset.fill(1)
    with pytest.raises(ConfigError) as caught:
        check_samples(dataset.rows, root=dataset.root / "gone", scheme=two, workers=1)
    assert str(caught.value).startswith('data.root: there is no folder "')


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_to_files_are_followed_and_links_to_folders_refused(dataset, two, tmp_path):
    dataset.fill(2)
    image = dataset.root / dataset.rows[0].image
    image.rename(tmp_path / "cached.png")
    image.symlink_to(tmp_path / "cached.png")  # as DVC links files of its cache
    assert len(dataset.samples(two)) == 2
    (dataset.root / "images").rename(tmp_path / "elsewhere")
    (dataset.root / "images").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="a link to a folder, where changes go unseen"):
        dataset.samples(two)
