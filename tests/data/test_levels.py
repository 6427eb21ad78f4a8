"""Probabilities of classes that may overlap: from stored planes to bits, against plain numpy."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.data.levels import (
    bits_of_levels,
    check_background,
    predicted_classes,
    read_levels_of_classes,
)
from segmetrics.data.masks import read_mask
from segmetrics.errors import DataError
from segmetrics.inference.store import probabilities_tiff

THREE = LabelScheme.of({"whole": 0, "core": 1, "edge": 2}, encoding="channels")
REST = LabelScheme.of(
    {"whole": 0, "rest": 1, "core": 2}, exclude=["rest"], encoding="channels"
)  # the background need not come first
PLANES = arrays.arrays(np.uint8, (3, 4, 5))


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def refused(content: bytes, scheme: LabelScheme = THREE) -> str:
    with pytest.raises(DataError) as caught:
        read_levels_of_classes(content, "p", scheme)
    return str(caught.value)


def test_which_classes_so_many_planes_are_about():
    assert predicted_classes(THREE, 3) == (0, 1, 2)
    assert predicted_classes(THREE, 2) is None  # nobody says which class it is that lacks
    assert predicted_classes(REST, 3) == (0, 1, 2)
    assert predicted_classes(REST, 2) == (0, 2)
    assert [predicted_classes(REST, n) for n in (0, 1, 4)] == [None] * 3
    two_out = LabelScheme.of({"a": 0, "b": 1, "c": 2}, exclude=["a", "b"], encoding="channels")
    assert predicted_classes(two_out, 2) is None
    alone = LabelScheme.of({"a": 0}, encoding="files")
    assert predicted_classes(alone, 1) == (0,)
    assert predicted_classes(alone, 0) is None


@given(planes=PLANES, level=st.integers(1, 255))
def test_every_class_is_decided_by_its_own_plane(planes, level):
    bits = bits_of_levels(planes, level, THREE)
    assert bits.dtype == np.uint8
    for k in range(3):
        assert (((bits >> k) & 1) == (planes[k] >= level)).all()


@given(planes=arrays.arrays(np.uint8, (2, 3, 4)), level=st.integers(1, 255))
def test_a_background_without_a_plane_is_where_nothing_else_is(planes, level):
    bits = bits_of_levels(planes, level, REST)
    whole, core = planes >= level
    assert ((bits & 1 != 0) == whole).all()
    assert ((bits & 4 != 0) == core).all()
    assert ((bits & 2 != 0) == ~(whole | core)).all()


@given(planes=PLANES, low=st.integers(1, 254))
def test_a_higher_threshold_predicts_no_pixel_more(planes, low):
    more, fewer = (bits_of_levels(planes, level, THREE) for level in (low, low + 1))
    assert (fewer & ~more == 0).all()


def test_thirty_two_classes_have_32_bits():
    scheme = LabelScheme.of({f"c{k}": k for k in range(32)}, encoding="channels")
    planes = np.zeros((32, 1, 2), np.uint8)
    planes[31, 0, 1] = planes[0, 0, 1] = 128
    assert bits_of_levels(planes, 128, scheme).tolist() == [[0, 2**31 + 1]]


@settings(max_examples=20, deadline=None)
@given(planes=PLANES)
def test_every_kind_of_file_gives_the_planes(planes):
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs nibabel")
    rgb = io.BytesIO()
    Image.fromarray(np.moveaxis(planes, 0, -1).copy()).save(rgb, "PNG")
    volume = nibabel.Nifti1Image(np.moveaxis(planes, 0, -1)[:, :, np.newaxis], np.eye(4))
    for content in (npy(planes), probabilities_tiff(planes), rgb.getvalue(), volume.to_bytes()):
        mask = read_levels_of_classes(content, "p", THREE)
        assert mask.labels.dtype == np.uint8
        assert (mask.labels.reshape(planes.shape) == planes).all()


@given(planes=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=9)))
def test_a_tiff_of_probabilities_comes_back_whatever_it_holds(planes):
    content = probabilities_tiff(planes)
    assert content == probabilities_tiff(planes)
    scheme = LabelScheme.of({f"c{k}": k for k in range(len(planes))}, encoding="files")
    assert (read_levels_of_classes(content, "p", scheme).labels == planes).all()


def test_what_is_no_stack_of_probabilities():
    planes = np.zeros((3, 4, 5), np.uint8)
    assert refused(npy(planes[:2])) == (
        "p: holds 2 probability maps, data.classes declares 3 classes; expected 3; "
        "write one per class, in declared order"
    )
    assert "expected 3, or 2 without rest" in refused(npy(planes[:1]), REST)
    eight_bits = "not 8-bit probability maps; write q = min(255, floor(256 p)) as uint8"
    for dtype in (np.uint16, np.int8, np.float32, np.bool_):
        assert eight_bits in refused(npy(planes.astype(dtype)))
    assert "expected (channels, height, width)" in refused(npy(planes[0]))
    palette = Image.fromarray(planes[0]).convert("P")
    out = io.BytesIO()
    palette.save(out, "PNG")
    assert eight_bits in refused(out.getvalue())


def test_scaled_nifti_is_no_stack_of_probabilities():
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs nibabel")
    volume = nibabel.Nifti1Image(np.zeros((4, 5, 2, 3), np.uint8), np.eye(4))
    volume.header.set_slope_inter(2.0, 0.0)
    assert "not 8-bit probability maps" in refused(volume.to_bytes())


def test_the_background_of_the_reference_has_to_be_one():
    planes = np.zeros((3, 2, 4), np.uint8)
    planes[0, :, :2] = planes[2, :, 1:2] = planes[1, :, 2:] = 1  # whole, core in it, the rest
    bits = read_mask(npy(planes), "m", REST).labels
    check_background(bits, 2, "m", REST)
    planes[1, 0, 0] = 1  # beside another class
    planes[1, 1, 3] = 0  # no class at all
    bits = read_mask(npy(planes), "m", REST).labels
    check_background(bits, 3, "m", REST)  # has a plane of its own: nothing is derived
    with pytest.raises(DataError) as caught:
        check_background(bits, 2, "m", REST)
    assert str(caught.value) == (
        'm: at 2 pixels "rest" stands beside another class, or there is no class; predictions '
        "without it take it for the background, which is where nothing else is; "
        'predict "rest", too'
    )
