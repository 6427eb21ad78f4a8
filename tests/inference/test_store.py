"""The prediction folder: what is stored, reused and pruned."""

from __future__ import annotations

import io
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import quantise, read_mask, threshold_level
from segmetrics.data.reading import read_score_map
from segmetrics.errors import DataError
from segmetrics.inference.store import (
    PredictionStore,
    label_map_png,
    probability_png,
    read_manifest,
)

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)


def folder_names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(data=st.data(), values=st.lists(st.integers(0, 255), min_size=2, max_size=9, unique=True))
def test_label_maps_come_back_and_a_person_sees_the_classes(data, values):
    scheme = LabelScheme.of({f"c{value}": [value] for value in values})
    element = st.integers(0, len(values) - 1)
    index = data.draw(arrays.arrays(np.intp, SHAPES, elements=element))
    content = label_map_png(index, scheme)
    picture = Image.open(io.BytesIO(content))
    assert (picture.format, picture.mode) == ("PNG", "P")
    colours = np.reshape(picture.getpalette(), (-1, 3))[values]
    assert len(np.unique(colours, axis=0)) == len(values)
    labels = read_mask(content, "p", scheme).labels
    assert (labels == np.array(values)[index]).all()
    assert (scheme.prediction_lookup(labels) == index).all()


def test_a_class_of_several_values_is_written_as_its_first():
    scheme = LabelScheme.of({"rest": [7, 0], "lesion": [4, 5]})
    labels = read_mask(label_map_png(np.eye(3, dtype=np.intp), scheme), "p", scheme).labels
    assert (labels == np.where(np.eye(3), 4, 7)).all()


def test_labels_above_255_are_16_bit():
    scheme = LabelScheme.of({"rest": 0, "road": 26_000})
    mask = read_mask(label_map_png(np.eye(3, dtype=np.intp), scheme), "p", scheme)
    assert mask.mode == "I;16"
    assert (mask.labels == np.eye(3) * 26_000).all()


@given(p=arrays.arrays(np.float32, SHAPES, elements=st.floats(0, 1, width=32)))
def test_probability_maps_are_8_bit_grey_and_keep_the_threshold(p):
    content = probability_png(quantise(p))
    picture = Image.open(io.BytesIO(content))
    assert (picture.format, picture.mode) == ("PNG", "L")
    assert (np.asarray(picture) == np.minimum(255, np.floor(256 * p))).all()
    levels = read_score_map(content, "p").labels
    assert ((levels >= threshold_level(0.5)) == (p >= 0.5)).all()
    assert (levels == quantise(p)).all()


def test_a_new_store_lacks_everything(tmp_path):
    store = PredictionStore(tmp_path / "p", {"b": "1", "a": "2"})
    assert store.missing == ["a", "b"]
    with pytest.raises(DataError, match=r"2 predictions are missing: a, b"):
        store.finish("labels", "m")
    assert read_manifest(tmp_path / "p") is None


def test_what_was_added_is_reused_after_an_interruption(tmp_path):
    keys = {"a": "1", "b": "2"}
    PredictionStore(tmp_path, keys).add("a", b"A")
    store = PredictionStore(tmp_path, keys)
    assert store.missing == ["b"]
    store.add("b", b"B", ".tif")
    manifest = store.finish("given", "source")
    assert manifest == read_manifest(tmp_path)
    assert manifest.entries["b"].file == "b.tif"
    assert folder_names(tmp_path) == ["a.png", "b.tif", "manifest.json"]
    assert PredictionStore(tmp_path, keys).missing == []


@pytest.mark.parametrize(
    "half", ["", '{"id": "b", "file": "b.p', '{"id": "b"}\n', "[1, 2]\n", '{"file": "x"}\n']
)
def test_a_half_written_journal_line_loses_one_prediction(tmp_path, half):
    keys = {"a": "1", "b": "2"}
    PredictionStore(tmp_path, keys).add("a", b"A")
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write(half)
    assert PredictionStore(tmp_path, keys).missing == ["b"]


def test_kinds_of_what_is_reused_are_known(tmp_path):
    keys = {"a": "1", "b": "2", "c": "3"}
    PredictionStore(tmp_path, keys).add("a", b"A", kind="probability")
    store = PredictionStore(tmp_path, keys)
    assert store.kinds == {"probability"}
    line = json.dumps({"id": "b", "file": "a.png", "sha256": "x", "key": "2"})
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write(line + "\n")  # without its kind: predicted again
    store = PredictionStore(tmp_path, keys)
    assert store.missing == ["b", "c"]
    for name in "bc":
        store.add(name, b"", kind="labels")
    assert store.kinds == {"labels", "probability"}
    store.finish("labels", "m")
    assert PredictionStore(tmp_path, {"a": "1"}).kinds == {"labels"}  # the manifest has one kind


@pytest.fixture
def finished(tmp_path):
    """A finished folder with a and b; gives its keys."""
    keys = {"a": "1", "b": "2"}
    store = PredictionStore(tmp_path, keys)
    store.add("a", b"A")
    store.add("b", b"B")
    store.finish("labels", "m")
    return keys


@pytest.mark.parametrize("content", [b"", b"B", b"AA"])
def test_a_file_that_was_changed_is_missing(tmp_path, finished, content):
    (tmp_path / "a.png").write_bytes(content)
    assert PredictionStore(tmp_path, finished).missing == ["a"]


def test_a_file_that_was_deleted_is_missing(tmp_path, finished):
    (tmp_path / "a.png").unlink()
    assert PredictionStore(tmp_path, finished).missing == ["a"]


def test_another_key_is_missing_and_what_no_sample_needs_is_pruned(tmp_path, finished):
    (tmp_path / "stray.png").write_bytes(b"")
    store = PredictionStore(tmp_path, {"b": "other"})
    assert store.missing == ["b"]
    store.add("b", b"new")
    assert list(store.finish("labels", "m").entries) == ["b"]
    assert folder_names(tmp_path) == ["b.png", "manifest.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 2}'])
def test_a_damaged_manifest_is_an_error_to_readers_and_nothing_to_the_store(
    tmp_path, finished, text
):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: (damaged|schema 2 instead of 1)"):
        read_manifest(tmp_path)
    assert PredictionStore(tmp_path, finished).missing == ["a", "b"]


def test_the_manifest_lists_kind_source_and_digests(tmp_path, finished):
    data = json.loads((tmp_path / "manifest.json").read_text())
    assert (data["schema"], data["kind"], data["source"]) == (1, "labels", "m")
    assert sorted(data["predictions"]) == ["a", "b"]
    assert data["predictions"]["a"]["key"] == "1"


def test_label_maps_are_stored_without_row_filters_which_decode_fastest():
    rng = np.random.default_rng(0)
    index = rng.integers(0, 3, (9, 14))
    scheme = LabelScheme.of({"a": 0, "b": 1, "c": 7})
    content = label_map_png(index, scheme)
    data, at = b"", 8
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] == b"IDAT":
            data += content[at + 8 : at + 8 + length]
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(9, 15)
    assert not rows[:, 0].any()
    assert rows[:, 1:].tolist() == np.array([0, 1, 7])[index].tolist()


def test_where_masks_are_colours_so_are_predictions():
    scheme = LabelScheme.of({"road": "#804080", "sky": [70, 130, 180]}, encoding="rgb")
    index = np.array([[0, 1, 1], [1, 0, 0]])
    content = label_map_png(index, scheme)
    shown = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert shown[0, 0].tolist() == [128, 64, 128]
    labels = read_mask(content, "p.png", scheme).labels
    assert (scheme.prediction_lookup(labels) == index).all()
