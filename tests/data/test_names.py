"""Pairing two folders by names alone: the same pairs and errors as with more care."""

from __future__ import annotations

import pytest

from segmetrics.data import names
from segmetrics.data.names import PairNames, pair_names
from segmetrics.errors import DataError


@pytest.fixture
def folders(tmp_path):
    def make(left, right):
        for folder, files in (("r", left), ("p", right)):
            (tmp_path / folder).mkdir()
            for name in files:
                (tmp_path / folder / name).touch()
        return tmp_path / "r", tmp_path / "p"

    return make


def test_pairs_are_sorted_by_stem_whatever_their_endings(folders):
    found = pair_names(*folders(["b.png", "a.v2.PNG", "c.tif"], ["a.v2.tif", "c.tif", "b.png"]))
    assert found == [
        PairNames("a.v2", "a.v2.PNG", "a.v2.tif"),
        PairNames("b", "b.png", "b.png"),
        PairNames("c", "c.tif", "c.tif"),
    ]
    assert found[1].reference is found[1].prediction


def test_what_is_no_mask_is_passed_over(folders):
    found = pair_names(*folders(["a.png", "readme.txt", ".b.png"], ["a.png", "Thumbs.db"]))
    assert found == [PairNames("a", "a.png", "a.png")]


@pytest.mark.parametrize(
    ("left", "right", "text"),
    [
        (["a.png"], ["b.png"], "has no prediction of the same name"),
        (["a.png", "a.tif"], ["a.png"], "has the same name as a.png but for the ending"),
        (["a.png", "b.gif"], ["a.png"], r"b\.gif: is a \.gif file, which is not read"),
        ([], ["a.png"], "holds no mask"),
        (["a.png"], [], "holds no mask"),
    ],
)
def test_nothing_that_is_wrong_goes_unsaid(folders, left, right, text):
    with pytest.raises(DataError, match=text):
        pair_names(*folders(left, right))


def test_a_missing_folder(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        pair_names(tmp_path / "r", tmp_path / "p")


def test_many_files_make_no_paths(folders, monkeypatch):
    monkeypatch.setattr(names, "files_by_stem", None)
    assert len(pair_names(*folders([f"{i}.png" for i in range(20)],
                                   [f"{i}.png" for i in range(20)]))) == 20  # fmt: skip
