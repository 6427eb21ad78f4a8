"""NIfTI: voxels, scaling, voxel size and place in space as nibabel says, damage refused."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from segmetrics.data.grid import check_same_grid, orientation
from segmetrics.data.labels import LabelScheme
from segmetrics.data.levels import read_levels_of_classes
from segmetrics.data.masks import read_mask
from segmetrics.data.reading import read_score_map
from segmetrics.data.volumes import (
    read_nifti,
    read_nifti_header,
    verify_nifti,
    volume_labels,
    write_nifti_labels,
    write_nifti_scores,
)
from segmetrics.errors import DataError
from segmetrics.metrics import count_confusion, dice

nibabel = pytest.importorskip("nibabel", reason="the volumes extra is not installed")

ANY = LabelScheme.of({"background": 0, "organ": 1})
SHAPES = arrays.array_shapes(min_dims=3, max_dims=3, max_side=6)
AFFINE = np.array([[-0.5, 0, 0, 9], [0, 0.5, 0.1, -13], [0, -0.01, 7.5, 2], [0, 0, 0, 1]])
DTYPES = ["u1", "<u2", ">u2", "<i2", ">i4", "<i8", "<f4", ">f8"]


def nifti(array, affine=None, *, slope=None, zipped=False, kind="Nifti1Image", units="mm"):
    """A file as nibabel writes it."""
    image = getattr(nibabel, kind)(array, AFFINE if affine is None else affine, dtype=array.dtype)
    image.header.set_xyzt_units(units)
    content = image.to_bytes()
    if slope is not None:  # nibabel would scale the array
        header = bytearray(content[:348])
        struct.pack_into("<ff", header, 112, *slope)
        content = bytes(header) + content[348:]
    return gzip.compress(content, mtime=0) if zipped else content


def message(content: bytes, name: str = "m.nii.gz") -> str:
    with pytest.raises(DataError) as caught:
        read_mask(content, name, ANY)
    return str(caught.value)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=10)
@given(data=st.data())
def test_labels_and_grid_are_those_of_nibabel(dtype, kind, zipped, data):
    labels = data.draw(arrays.arrays(np.dtype(dtype), SHAPES, elements=st.integers(0, 200)))
    content = nifti(labels, kind=kind, zipped=zipped)
    mask = read_mask(content, "m", ANY)
    reference = getattr(nibabel, kind).from_bytes(gzip.decompress(content) if zipped else content)
    assert (mask.labels == np.asarray(reference.dataobj)).all()
    assert (mask.labels == labels).all()
    assert mask.labels.dtype == (np.uint16 if dtype in ("<u2", ">u2") else np.uint8)
    assert mask.spacing == tuple(float(z) for z in reference.header.get_zooms())
    assert (mask.affine == reference.affine).all()
    assert read_nifti_header(content, "m").shape == verify_nifti(content, "m").shape == labels.shape


@pytest.mark.parametrize(("units", "factor"), [("mm", 1), ("meter", 1000), ("micron", 0.001)])
def test_spacing_is_in_millimetres(units, factor):
    volume = read_nifti(nifti(np.zeros((2, 3, 4), np.uint8), units=units), "m")
    sizes = np.sqrt((AFFINE[:3, :3] ** 2).sum(axis=0))
    assert volume.spacing == pytest.approx(sizes * factor, rel=1e-6)
    assert volume.affine[:3] == pytest.approx(AFFINE[:3] * factor)


def test_scaled_labels_are_rounded_within_half_a_stored_step():
    """Labels 0..4 as 0, 64, ..., 255 with slope 4/255, as writers that scale store them."""
    labels = np.arange(5, dtype=np.uint8).reshape(5, 1, 1)
    stored = np.rint(labels * (255 / 4)).astype(np.uint8)
    content = nifti(stored, slope=(4 / 255, 0))
    assert read_mask(content, "m", ANY).labels.ravel().tolist() == [0, 1, 2, 3, 4]
    shifted = nifti(stored, slope=(4 / 255, 1))
    assert read_mask(shifted, "m", ANY).labels.ravel().tolist() == [1, 2, 3, 4, 5]


def test_scaled_probabilities_are_no_labels():
    stored = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert "values that are not whole numbers" in message(nifti(stored, slope=(1 / 255, 0)))


@pytest.mark.parametrize("value", [0.5, 1.0001, np.nan, np.inf, 1e300])
def test_other_than_whole_numbers_are_no_labels(value):
    array = np.zeros((2, 2, 2))
    array[0, 0, 0] = value
    assert message(nifti(array)).startswith("m.nii.gz: holds ")


def test_four_axes_where_asked():
    array = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    content = nifti(array)
    assert (read_nifti(content, "m", channels=True).array == array).all()
    assert "has 4 axes (2 x 3 x 4 x 5), expected 3" in message(content)
    assert read_mask(nifti(array[..., :1]), "m", ANY).labels.shape == (2, 3, 4)


@pytest.mark.parametrize("dtype", [np.complex64, [("R", "u1"), ("G", "u1"), ("B", "u1")]])
def test_types_that_are_no_labels(dtype):
    assert "voxels; write integers" in message(nifti(np.zeros((2, 2, 2), dtype)))


def patched(**fields) -> bytes:
    content = bytearray(nifti(np.zeros((2, 3, 4), np.uint8)))
    header = nibabel.Nifti1Header(bytes(content[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    content[:348] = header.binaryblock
    return bytes(content)


def test_headers_that_say_nothing_sure():
    pixdim = nibabel.Nifti1Header(patched()[:348])["pixdim"].copy()
    for wrong in (0, -1, np.nan, np.inf):
        bad = pixdim.copy()
        bad[2] = wrong
        assert "mend pixdim of its header" in message(patched(pixdim=bad))
    bad = pixdim.copy()
    bad[3] = 5
    text = message(patched(pixdim=bad))
    assert "its voxels are 0.5 x 0.500" in text
    assert "distances in mm would be wrong" in text
    assert "cannot be inverted" in message(patched(srow_x=[0, 0, 0, 0]))
    assert "half of a pair of files" in message(patched(magic=b"ni1"))
    assert "claims" in message(patched(dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]))
    assert "claims the shape" in message(patched(dim=[3, 0, 3, 4, 1, 1, 1, 1]))


def test_a_bomb_is_refused_before_it_is_inflated():
    head = patched(dim=[3, 30000, 30000, 2, 1, 1, 1, 1])
    assert "more than it can hold" in message(gzip.compress(head))


@pytest.mark.parametrize("zipped", [False, True])
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_harmless(zipped, data):
    """Only DataError escapes, and a compressed file never gives other labels."""
    labels = (np.arange(60).reshape(3, 4, 5) % 3).astype(np.uint8)
    content = bytearray(nifti(labels, zipped=zipped))
    cut = data.draw(st.integers(0, len(content)))
    if data.draw(st.booleans()):
        content = content[:cut]
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content)), st.integers(0, 255)), max_size=4)
    ):
        if at < len(content):
            content[at] = value
    try:
        mask = read_mask(bytes(content), "m.nii", ANY)
        verify_nifti(bytes(content), "m.nii")
    except DataError:
        return
    # The first ten bytes of gzip hold a time and flags.
    assert not zipped or (mask.labels == labels).all()


def test_a_flipped_bit_of_compressed_voxels_is_noticed():
    labels = np.random.default_rng(0).integers(0, 3, (4, 4, 4)).astype(np.uint8)
    content = nifti(labels, zipped=True)
    noticed = 0
    for at in range(10, len(content)):
        broken = bytearray(content)
        broken[at] ^= 4
        try:
            mask = read_mask(bytes(broken), "m.nii.gz", ANY)
        except DataError:
            noticed += 1
        else:  # bits that only fill the last byte
            assert (mask.labels == labels).all()
    assert noticed >= len(content) - 12


@settings(max_examples=30)
@given(labels=arrays.arrays(np.int64, SHAPES, elements=st.integers(0, 70_000)))
def test_labels_are_written_in_the_grid_of_the_image(labels):
    image = nifti(np.zeros(labels.shape, np.float32), slope=(2, 3), zipped=True, units="mm")
    like = read_nifti(image, "image").header
    content = write_nifti_labels(labels, like)
    assert content == write_nifti_labels(labels, like)
    written = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    reference = nibabel.Nifti1Image.from_bytes(gzip.decompress(image))
    assert (np.asarray(written.dataobj) == labels).all()
    assert (written.affine == reference.affine).all()
    for name in ("sform_code", "qform_code", "xyzt_units", "pixdim"):
        assert (written.header[name] == reference.header[name]).all()
    mask = read_mask(content, "m", ANY)
    assert (mask.labels == labels).all()
    check_same_grid(like, mask, names=("image", "m"))


@pytest.mark.parametrize("classes", [1, 3])
def test_scores_of_several_classes_are_the_fourth_axis(classes):
    image = nibabel.Nifti1Image(np.zeros((4, 8, 2, 5), np.int16), AFFINE)
    image.header.set_zooms((0.5, 0.5, 7.5, 2.5))  # a series in time
    like = read_nifti(image.to_bytes(), "image", channels=True).header
    scores = np.arange(64 * classes).astype(np.uint8).reshape(4, 8, 2, classes)
    content = write_nifti_scores(scores, like)
    written = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    assert written.header["pixdim"][1:5].tolist() == [0.5, 0.5, 7.5, 1.0]
    assert (np.asarray(written.dataobj).reshape(scores.shape) == scores).all()
    scheme = LabelScheme.of({f"c{k}": k for k in range(classes)}, encoding="channels")
    found = read_levels_of_classes(content, "p.nii.gz", scheme)
    assert (found.labels == np.moveaxis(scores, -1, 0)).all()
    assert found.spacing == (0.5, 0.5, 7.5)
    with pytest.raises(ValueError, match="in a grid of"):
        write_nifti_scores(scores[..., np.newaxis], like)
    with pytest.raises(ValueError, match="labels of type uint8 and shape"):
        write_nifti_labels(scores, like)


def test_scores_are_written_and_thresholded():
    like = read_nifti(nifti(np.zeros((4, 8, 8), np.int16)), "image").header
    scores = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    found = read_score_map(write_nifti_scores(scores, like), "p.nii.gz")
    assert (found.labels == scores).all()
    assert found.labels.dtype == np.uint8
    with pytest.raises(ValueError, match="in a grid of"):
        write_nifti_scores(scores[:2], like)
    with pytest.raises(DataError, match="holds int16, not an 8-bit probability map"):
        read_score_map(nifti(np.zeros((4, 8, 8), np.int16)), "p.nii")


def grid(matrix):
    return read_nifti(nifti(np.zeros((3, 3, 3), np.uint8), np.asarray(matrix, float)), "m")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (np.diag([-1, 1, 1, 1]), "its axes run towards RAS, not LAS"),
        (np.diag([2, 1, 1, 1]), "mm, not 0.5"),
        (np.eye(4)[[1, 0, 2, 3]], "its axes run towards"),
    ],
)
def test_equal_shapes_on_other_grids_are_refused(change, text):
    names = ("mask.nii", "prediction.nii")
    with pytest.raises(DataError, match=text) as caught:
        check_same_grid(grid(AFFINE), grid(AFFINE @ change), names=names)
    assert str(caught.value).startswith("prediction.nii: does not lie on the grid of mask.nii: ")


def test_a_shift_beyond_a_thousandth_of_a_voxel_is_refused():
    moved = AFFINE.copy()
    moved[0, 3] += 0.0004
    check_same_grid(grid(AFFINE), grid(moved), names=("a", "b"))
    moved[0, 3] += 0.5
    with pytest.raises(DataError, match=r"its first voxel lies 0.5004 x 0 x 0 mm away"):
        check_same_grid(grid(AFFINE), grid(moved), names=("a", "b"))


@settings(max_examples=50)
@given(order=st.permutations(range(3)), signs=st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_orientation_is_that_of_nibabel(order, signs):
    affine = np.eye(4)
    affine[:3, :3] = (np.diag(signs) @ np.diag([1, 2, 3]))[:, list(order)]
    assert orientation(affine) == "".join(nibabel.aff2axcodes(affine))


def test_spine_masks(real_data):
    folder = real_data("spine_mri")
    names = ("t2s_seg.nii.gz", "t2s_seg-deepseg.nii.gz", "t2s.nii.gz")
    a, b = (read_mask((folder / n).read_bytes(), n, ANY) for n in names[:2])
    assert (a.mode, b.mode) == ("uint8", "int64")
    assert a.spacing == pytest.approx((0.5, 0.5, 7.5))
    check_same_grid(a, b, names=names[:2])
    counts = count_confusion(reference=a.labels, prediction=b.labels, n_classes=2)
    assert round(float(dice(counts)[1]), 3) == 0.909
    image = read_nifti((folder / names[2]).read_bytes(), names[2])
    check_same_grid(image, a, names=(names[2], names[0]))
    again = read_mask(write_nifti_labels(a.labels, image.header), "m", ANY)
    assert (again.labels == a.labels).all()
    assert volume_labels(read_nifti((folder / names[0]).read_bytes(), "m"), "m").sum() > 0
