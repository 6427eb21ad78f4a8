"""The checked sample list: what is written comes back, and nothing else is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from segmetrics.data.sample_list import (
    ListedFile,
    Sample,
    image_list_text,
    read_sample_list,
    sample_list_text,
    write_sample_list,
)
from segmetrics.errors import DataError
from segmetrics.files import sha256_json

HEADER = "id,image,mask,split\n"


def test_a_sample_list_comes_back_sorted(tmp_path):
    samples = [
        Sample(name, Path("i") / f"{name}, 1.png", Path("m.png"), (4, 600), "aa", "bb")
        for name in ("b", "a")
    ]
    path = tmp_path / "results" / "test.csv"
    write_sample_list(path, samples)
    assert read_sample_list(path) == samples[::-1]
    assert path.read_text() == sample_list_text(samples[::-1])


def several_files() -> list[Sample]:
    """A sample with everything, and one that lacks an annotator and its spacing."""

    def listed(name: str) -> ListedFile:
        return ListedFile(Path(name), f"digest of {name}")

    channels = {"z-flair": listed("f.nii.gz"), "t1": listed("t.nii.gz")}
    annotators = {"ben": listed("ben.nii.gz"), "anna": listed("anna.nii.gz")}
    first = Sample("a", Path("i"), Path("m"), (4, 5, 6), "aa", "bb", channels, annotators)
    second = replace(first, id="b", annotators={"anna": listed("other")}, spacing=(0.1, 0.5, 7.5))
    return [first, second]


def test_a_sample_list_with_channels_annotators_and_spacing_comes_back(tmp_path):
    path = tmp_path / "test.csv"
    write_sample_list(path, several_files()[::-1])
    header, first, second = path.read_text().splitlines()
    assert header == (
        "id,image,mask,shape,image_sha256,mask_sha256,image:z-flair,image_sha256:z-flair,"
        "image:t1,image_sha256:t1,mask:anna,mask_sha256:anna,mask:ben,mask_sha256:ben,spacing"
    )
    assert first.endswith(",ben.nii.gz,digest of ben.nii.gz,")
    assert second.endswith(",other,digest of other,,,0.1x0.5x7.5")
    found = read_sample_list(path)
    assert found == several_files()
    assert [list(s.channels) for s in found] == [["z-flair", "t1"]] * 2  # in their order
    assert found[0].images == (Path("i"), Path("f.nii.gz"), Path("t.nii.gz"))


def test_another_predictor_is_told_of_all_input_files_and_of_no_mask():
    header, *lines = image_list_text(several_files()).splitlines()
    assert header == (
        "id,image,shape,image_sha256,image:z-flair,image_sha256:z-flair,image:t1,image_sha256:t1,"
        "spacing"
    )
    assert not any(word in line for line in lines for word in ("anna", "bb", ",m,"))


def test_one_digest_stands_for_all_input_files():
    sample = several_files()[0]
    alone = replace(sample, channels={})
    exchanged = replace(sample, channels=dict(reversed(sample.channels.items())))
    assert alone.image_digest == "aa"  # as it always was
    assert sample.image_digest == sha256_json(list(sample.image_digests))
    assert len({s.image_digest for s in (alone, sample, exchanged)}) == 3
    assert [file.digest for file in sample.files][:2] == ["aa", "bb"]
    assert len(sample.files) == 6


_LIST = "id,image,mask,shape,image_sha256,mask_sha256"


@pytest.mark.parametrize(
    "text",
    [
        HEADER,
        f"{_LIST}\na,i,m,4by6,aa,bb\n",
        f"{_LIST},image:b\na,i,m,4x6,aa,bb,j\n",
        f"{_LIST},image:b,image_sha256:b\na,i,m,4x6,aa,bb,,\n",
        f"{_LIST},mask:b,mask_sha256:b\na,i,m,4x6,aa,bb,m2,\n",
        f"{_LIST},spacing\na,i,m,4x6,aa,bb,1mm\n",
        f"{_LIST},site\na,i,m,4x6,aa,bb,1\n",
    ],
)
def test_what_is_no_sample_list(tmp_path, text):
    path = tmp_path / "test.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="not a sample list"):
        read_sample_list(path)
