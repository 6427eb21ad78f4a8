"""Files that no row of samples.csv names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from segmetrics.data.samples import SampleRow
from segmetrics.data.unlisted import unlisted_files, unlisted_note


def row(name: str, image: str = "", mask: str = "", **more) -> SampleRow:
    image, mask = image or f"images/{name}.png", mask or f"masks/{name}.png"
    return SampleRow(name, image, mask, "test", name, {}, **more)


@pytest.fixture
def root(tmp_path) -> Path:
    """Empty files: only names count."""
    names = ["images/a.png", "images/b.png", "images/c.PNG", "images/.d.png", "images/notes.txt",
             "images/more/e.png", "masks/a.png", "masks/b.png", "masks/z.png",
             "other/x.png"]  # fmt: skip
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_what_no_row_names_is_counted_by_folder(root):
    """Not masks, subfolders, other folders, hidden files or text."""
    assert unlisted_files([row("a"), row("b"), row("c")], root) == {}
    assert unlisted_files([row("a")], root) == {"images": 2}
    assert unlisted_files([row("a", "./images//a.png")], root) == {"images": 2}
    assert unlisted_files([row("a", "images/a.png"), row("x", "other/y.png")], root) == {
        "images": 2, "other": 1,
    }  # fmt: skip
    assert unlisted_files([], root) == {}


def test_further_channels_masks_and_annotators_are_listed(root):
    one = row("a", mask="images/b.png")
    assert unlisted_files([one], root) == {"images": 1}
    assert unlisted_files([replace(one, channels={"t2": "images/c.png"})], root) == {}
    assert unlisted_files([replace(one, annotators={"b": "images/C.png"})], root) == {}


def test_a_folder_that_is_missing_is_no_crash(root):
    assert unlisted_files([row("a", "gone/a.png")], root) == {}


def test_the_sentence(root):
    assert unlisted_note([row("a"), row("b"), row("c")], root, Path("s.csv")) == ""
    assert unlisted_note([row("a"), row("b")], root, Path("s.csv")) == (
        f"1 file beside the listed images is in no row of s.csv (1 in {root.as_posix()}/images): "
        f"nothing is said about them; add rows, unless they were left out on purpose"
    )
    assert unlisted_note([row("a")], root, Path("s.csv")).startswith("2 files beside the listed im")
