"""Arrays, colours, instances, multi-label masks, pages and EXIF: as stored, or refused."""

from __future__ import annotations

import contextlib
import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from segmetrics.data.arrays import read_array
from segmetrics.data.folders import files_by_stem
from segmetrics.data.kinds import SUFFIXES
from segmetrics.data.labels import LabelScheme
from segmetrics.data.levels import read_levels_of_classes
from segmetrics.data.masks import check_reference, read_mask
from segmetrics.data.pictures import decode, oriented
from segmetrics.data.reading import image_sizes, read_multilabel, read_score_map
from segmetrics.data.samples import SampleRow
from segmetrics.data.schemes import named_scheme
from segmetrics.data.volumes import write_nifti_labels
from segmetrics.errors import ConfigError, DataError
from segmetrics.inference.images import read_image

ANY = LabelScheme.of({"background": 0, "organ": 1})
LABELS = (np.add.outer(np.arange(12) // 3, np.arange(10) // 4) % 4).astype(np.uint8)
COLOURS = LabelScheme.of(
    {"sky": "#8080ff", "road": [128, 64, 128], "car": ["#ff0000", [250, 0, 0]]},
    ignore=["#000000"], encoding="rgb",
)  # fmt: skip
CHANNELS = LabelScheme.of({"whole": 0, "core": 1, "edge": 2}, encoding="channels")


def npy(array) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(**named) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **named)
    return out.getvalue()


def picture(array, file_format="PNG", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.asarray(array)).save(out, file_format, **options)
    return out.getvalue()


def message(content: bytes, scheme=ANY, name="m") -> str:
    with pytest.raises(DataError) as caught:
        check_reference(read_mask(content, name, scheme), name, scheme)
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["?", "u1", "<u2", ">u2", "i1", "<i8", "<u8", ">f4", "f8", "f2"])
@settings(max_examples=15)
@given(data=st.data())
def test_arrays_come_back(dtype, data):
    shapes = arrays.array_shapes(min_dims=2, max_dims=3, max_side=8)
    high = 1 if dtype == "?" else 100
    labels = data.draw(arrays.arrays(np.int64, shapes, elements=st.integers(0, high))).astype(dtype)
    if data.draw(st.booleans()):
        labels = np.asfortranarray(labels)
    for content in (npy(labels), npz(other=labels)):
        mask = read_mask(content, "m", ANY)
        assert (mask.labels == labels).all()
        assert mask.labels.dtype.kind in "iu"
        assert image_sizes(content, "m")[0] == labels.shape


def test_arrays_that_are_refused():
    assert "damaged or truncated" in message(npy(LABELS)[:-1])
    assert "damaged or truncated" in message(npy(LABELS) + b"x")
    assert "not plain numbers" in message(npy(np.array([[{}]], object)))
    assert "not labels" in message(npy(np.array([["a"]])))
    assert "not labels" in message(npy(np.array([[1j]])))
    assert "such as 0.5" in message(npy(np.array([[0.5, 1]])))
    assert "without any value" in message(npy(np.zeros((0, 3))))
    assert "has 1 axes" in message(npy(np.zeros(3, np.uint8)))
    assert "more than a label can be" in message(npy(np.array([[2**63]], np.uint64)))
    assert "holds 2 arrays (a, b); name the one that counts" in message(npz(a=LABELS, b=LABELS))
    assert "holds 0 arrays (none)" in message(npz())


def test_the_array_named_labels_counts():
    assert (read_mask(npz(other=LABELS * 2, labels=LABELS), "m", ANY).labels == LABELS).all()
    assert (read_mask(npz(other=LABELS * 2, arr_0=LABELS), "m", ANY).labels == LABELS).all()


def test_a_header_that_claims_too_much_allocates_nothing():
    whole = npy(LABELS)
    claiming = whole.replace(b"(12, 10)", b"(99999999999,10)"[:16]).replace(b"  \n", b"\n", 1)
    with pytest.raises(DataError):
        read_array(claiming, "m")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "content",
    [
        npy(LABELS),
        npz(a=LABELS),
        picture(LABELS, "TIFF"),
        picture(LABELS, "TIFF", compression="tiff_lzw"),
        picture(LABELS, "BMP"),
        picture(LABELS),
    ],
    ids=["npy", "npz", "tiff", "lzw", "bmp", "png"],
)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_only_data_errors_escape(content, data):
    changed = bytearray(content)
    if data.draw(st.booleans()):
        changed = changed[: data.draw(st.integers(0, len(changed)))]
    places = st.integers(0, len(content) - 1)
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        if at < len(changed):
            changed[at] = value
    scheme = data.draw(st.sampled_from([ANY, COLOURS, CHANNELS]))
    for read in (
        lambda c: read_mask(c, "m", scheme),
        lambda c: image_sizes(c, "m"),
        lambda c: read_score_map(c, "m"),
        lambda c: read_levels_of_classes(c, "m", CHANNELS),
    ):
        with contextlib.suppress(DataError):
            read(bytes(changed))


RGB = np.array([[[128, 128, 255], [128, 64, 128], [255, 0, 0], [250, 0, 0], [0, 0, 0]]], np.uint8)


def test_colours_become_classes():
    opaque = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    stored = [picture(RGB), picture(opaque), picture(RGB, "TIFF"), picture(RGB, "BMP"), npy(RGB)]
    for content in stored:
        mask = read_mask(content, "m", COLOURS)
        assert mask.labels.shape == (1, 5)
        assert COLOURS.reference_lookup(mask.labels).tolist() == [[0, 1, 2, 2, 3]]
        check_reference(mask, "m", COLOURS)
    out = io.BytesIO()
    palette = Image.new("P", (2, 1))
    palette.putpalette([128, 64, 128, 255, 0, 0])
    palette.paste(1, (0, 0, 1, 1))
    palette.save(out, "PNG")
    mask = read_mask(out.getvalue(), "m", COLOURS)
    assert COLOURS.reference_lookup(mask.labels).tolist() == [[2, 1]]


def test_colours_that_are_refused():
    odd = RGB.copy()
    odd[0, 0] = (1, 2, 3)
    assert message(picture(odd), COLOURS).startswith(
        "m: undeclared colour #010203 (1 pixels); declare it in data.classes ({'sky': ['#8080ff'], "
    )
    see_through = np.dstack([RGB, np.full(RGB.shape[:2], 254, np.uint8)])
    assert "5 pixels are transparent" in message(picture(see_through), COLOURS)
    assert "is a JPEG" in message(picture(RGB, "JPEG"), COLOURS)
    assert "not stored as 8-bit RGB" in message(picture(np.zeros((2, 2), np.uint16)), COLOURS)


@pytest.mark.parametrize("value", ["red", "#12345", [1, 2, 256], [[1, 2]], 1 << 24, True])
def test_what_is_no_colour(value):
    with pytest.raises(ConfigError, match=r"is not a colour"):
        LabelScheme.of({"a": value}, encoding="rgb")


def test_a_colour_is_no_label():
    with pytest.raises(ConfigError, match=r"colours need data\.encoding: rgb"):
        LabelScheme.of({"a": "#000000"})


def test_instances_keep_their_ids():
    scheme = LabelScheme.of({"background": 0, "cell": 1}, encoding="instances")
    ids = np.array([[0, 1, 700], [65535, 0, 2]], np.uint16)
    mask = read_mask(picture(ids), "m", scheme)
    check_reference(mask, "m", scheme)
    assert mask.labels.tolist() == ids.tolist()
    assert scheme.reference_lookup(mask.labels).tolist() == [[0, 1, 1], [1, 0, 1]]


def test_nuclei_instances(real_data):
    scheme = LabelScheme.of({"background": 0, "cell": 1}, encoding="instances")
    path = sorted(real_data("nuclei").glob("instances/*.png"))[0]
    mask = read_mask(path.read_bytes(), str(path), scheme)
    assert (mask.labels == np.asarray(Image.open(path))).all()
    assert mask.mode.startswith("I;16")
    check_reference(mask, str(path), scheme)


def channel_files(planes):
    """One multi-label mask (3, H, W) as every kind of file."""
    pytest.importorskip("nibabel", reason="the volumes extra is not installed")
    import nibabel

    pages = [Image.fromarray(p) for p in planes]
    tiff = io.BytesIO()
    pages[0].save(tiff, "TIFF", save_all=True, append_images=pages[1:])
    rgb = np.moveaxis(planes, 0, -1)
    volume = nibabel.Nifti1Image(rgb[:, :, np.newaxis], np.eye(4))
    return {
        "npy": npy(planes), "npz": npz(labels=planes), "tiff": tiff.getvalue(),
        "rgb": picture(rgb), "nifti": volume.to_bytes(),
        "rgba": picture(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])),
    }  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(planes=arrays.arrays(np.uint8, (3, 4, 5), elements=st.sampled_from([0, 255])))
def test_channels_become_bits(planes):
    expected = sum((planes[k] > 0).astype(np.uint8) << k for k in range(3))
    for name, content in channel_files(planes).items():
        mask = read_multilabel(content, name, CHANNELS)
        assert mask.labels.dtype == np.uint8
        assert (np.squeeze(mask.labels) == expected).all(), name


def test_channels_that_are_refused():
    planes = np.zeros((3, 4, 5), np.uint8)
    planes[1, 0, :3] = (1, 2, 1)
    assert "channel 1: holds 3 different values (0, 1, 2)" in message(npy(planes), CHANNELS)
    assert "there is no channel 2 (counted from 0) of class" in message(npy(planes[:2]), CHANNELS)
    four = npy(np.ones((4, 4, 5), np.uint8))
    assert "channel 3 is no class and holds 20 pixels" in message(four, CHANNELS)
    assert "is a JPEG" in message(picture(np.zeros((4, 5, 3), np.uint8), "JPEG"), CHANNELS)
    with pytest.raises(ConfigError, match="hold at most 32"):
        LabelScheme.of({str(k): k for k in range(33)}, encoding="channels")
    with pytest.raises(ConfigError, match="pixels have no single label"):
        LabelScheme.of({"a": 0}, ignore=[255], encoding="files")


def test_thirty_two_classes():
    scheme = LabelScheme.of({str(k): k for k in range(32)}, encoding="channels")
    planes = np.zeros((32, 1, 2), np.uint8)
    planes[31, 0, 1] = planes[0, 0, 1] = 1
    mask = read_mask(npy(planes), "m", scheme)
    assert mask.labels.tolist() == [[0, 2**31 + 1]]
    assert mask.labels.dtype == np.uint32


def test_one_file_per_class(save, tmp_path, dataset):
    scheme = LabelScheme.of({"cell": 0, "wall": 1}, encoding="files")
    save("data/masks/a_cell.png", np.eye(4, dtype=np.uint8) * 255)
    save("data/masks/a_wall.png", np.tri(4, dtype=np.uint8))
    save("data/images/a.png", np.zeros((4, 4), np.uint8))
    path = tmp_path / "data" / "masks" / "a_{class}.png"
    mask = read_multilabel(path, str(path), scheme)
    assert (mask.labels == np.eye(4) + 2 * np.tri(4)).all()
    dataset.rows = [SampleRow("a", "images/a.png", "masks/a_{class}.png", "test", "a", {})]
    (sample,) = dataset.samples(scheme)
    assert sample.shape == (4, 4)
    save("data/masks/a_wall.png", np.tri(5, dtype=np.uint8))
    with pytest.raises(DataError, match="has shape"):
        read_multilabel(path, str(path), scheme)
    (tmp_path / "data" / "masks" / "a_wall.png").unlink()
    with pytest.raises(DataError, match=r"a_wall\.png: there is no such file"):
        read_multilabel(path, str(path), scheme)
    with pytest.raises(DataError, match=r"lacks \{class\}"):
        read_multilabel(tmp_path / "a.png", "a.png", scheme)


def pages(arrays_, **options) -> bytes:
    out = io.BytesIO()
    first, *rest = [Image.fromarray(a) for a in arrays_]
    first.save(out, "TIFF", save_all=True, append_images=rest, **options)
    return out.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.bool_])
def test_pages_are_a_volume_in_order(dtype):
    volume = np.arange(24).reshape(4, 3, 2).astype(dtype)
    content = pages(volume)
    assert (read_mask(content, "m", ANY).labels == volume).all()
    assert image_sizes(content, "m") == ((4, 3, 2), (4, 3, 2))


def test_pages_of_other_shapes_or_modes():
    assert "page 2 of 2 is 6 x 5, the first 12 x 10" in message(pages([LABELS, LABELS[::2, ::2]]))
    assert "page 2 of 2 is of mode I;16" in message(pages([LABELS, LABELS.astype(np.uint16)]))


def grey_tiff(bits: int, rows: list[bytes], width: int, photometric: int, sample_format=1) -> bytes:
    """An uncompressed TIFF written by hand, as TIFF 6.0 says."""
    data = b"".join(rows)
    tags = [(256, width), (257, len(rows)), (258, bits), (259, 1), (262, photometric), (273, 8),
            (277, 1), (278, len(rows)), (279, len(data)), (339, sample_format)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    return head + data + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


def test_grey_tiff_of_few_bits_is_as_stored():
    assert read_mask(grey_tiff(2, [b"\x1b"], 4, 1), "m", ANY).labels.tolist() == [[0, 1, 2, 3]]
    assert read_mask(grey_tiff(4, [b"\x0f\x25"], 4, 1), "m", ANY).labels.tolist() == [[0, 15, 2, 5]]
    assert read_mask(grey_tiff(8, [b"\x00\xff"], 2, 1, 2), "m", ANY).labels.tolist() == [[0, -1]]
    wide = grey_tiff(32, [struct.pack("<2I", 7, 2**31 + 5)], 2, 1)
    assert read_mask(wide, "m", ANY).labels.tolist() == [[7, 2**31 + 5]]


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_inverted_grey_is_refused(bits):
    assert "WhiteIsZero" in message(grey_tiff(bits, [b"\x1b\x1b"], 2 * 8 // bits, 0))


EXIF = [(f, o) for f in ("PNG", "JPEG", "TIFF") for o in range(1, 9)]


@pytest.mark.parametrize(("file_format", "turn"), EXIF)
def test_exif_turns_images_and_never_masks(file_format, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    content = picture(LABELS, file_format, exif=exif)
    upright = decode(content, "x", lambda p: np.asarray(oriented(p)).shape)
    assert upright == (LABELS.shape[::-1] if turn >= 5 else LABELS.shape)
    assert image_sizes(content, "x") == (upright, LABELS.shape)
    if turn == 1:
        assert read_mask(content, "m", ANY).labels.shape == LABELS.shape
    else:
        assert f"has the EXIF orientation {turn}: a mask is never turned" in message(content)


def test_a_mask_that_fits_its_image_only_unturned(dataset, two):
    dataset.add("a", np.zeros((6, 8), np.uint8), np.eye(6, 8, dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = dataset.root / "images" / "a.png"
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(path, "JPEG", exif=exif)
    with pytest.raises(DataError) as caught:
        dataset.samples(two)
    assert "the mask is 6 x 8, its image" in str(caught.value)
    assert "is 8 x 6 when turned as its EXIF orientation says; the mask fits" in str(caught.value)
    Image.fromarray(np.eye(8, 6, dtype=np.uint8)).save(dataset.root / "masks" / "a.png")
    assert dataset.samples(two)[0].shape == (8, 6)


def test_nifti_samples_are_checked_for_their_grid(dataset, two, tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="the volumes extra is not installed")
    dataset.root.mkdir()
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.float32), np.diag([1, 1, 3, 1]))
    labels = np.zeros((4, 5, 6), np.uint8)
    labels[1] = 1
    nibabel.save(image, dataset.root / "image.nii.gz")
    dataset.rows = [SampleRow("a", "image.nii.gz", "mask.nii.gz", "test", "a", {})]
    from segmetrics.data.volumes import read_nifti

    like = read_nifti((dataset.root / "image.nii.gz").read_bytes(), "image").header
    mask = dataset.root / "mask.nii.gz"
    mask.write_bytes(write_nifti_labels(labels, like))
    assert dataset.samples(two)[0].shape == (4, 5, 6)
    nibabel.save(nibabel.Nifti1Image(labels, np.diag([-1, 1, 3, 1])), mask)
    with pytest.raises(DataError, match=r"its axes run towards LAS, not RAS; resample it"):
        dataset.samples(two)
    cut = (dataset.root / "image.nii.gz").read_bytes()[:-9]
    (dataset.root / "image.nii.gz").write_bytes(cut)
    with pytest.raises(DataError, match=r"image\.nii\.gz: damaged or truncated"):
        dataset.samples(two)


def test_probabilities_as_arrays():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (read_score_map(npy(levels), "p").labels == levels).all()
    with pytest.raises(DataError, match="holds float64, not an 8-bit probability map"):
        read_score_map(npy(levels / 255), "p")


def test_stems_of_two_part_endings(tmp_path):
    for name in ("a.nii.gz", "b.nii", "c.d.NII.GZ", "e.npy"):
        (tmp_path / name).write_bytes(b"x")
    assert set(files_by_stem(tmp_path, SUFFIXES, "mask")) == {"a", "b", "c.d", "e"}
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"has the same name as a\.nii\.gz but for the ending"):
        files_by_stem(tmp_path, SUFFIXES, "mask")


def test_cityscapes():
    classes, ignore = named_scheme("cityscapes")
    expected = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11,
                25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18}  # fmt: skip
    scheme = LabelScheme.of(classes, ignore=ignore)
    index = scheme.reference_lookup(np.arange(256, dtype=np.uint8))
    assert index.tolist() == [expected.get(v, 19) for v in range(256)]
    assert (scheme.names[0], scheme.names[11], scheme.names[18]) == ("road", "person", "bicycle")
    train, void = named_scheme("cityscapes_train_ids")
    assert (list(train), list(train.values()), void) == (list(classes), list(range(19)), (255,))
    with pytest.raises(ConfigError, match='did you mean "cityscapes"'):
        named_scheme("cityscape")


@pytest.mark.parametrize(
    ("image", "mask", "shape"),
    [
        ((9, 8), (9, 8), (9, 8)),
        ((9, 8, 3), (9, 8), (9, 8)),
        ((9, 8, 12), (9, 8), (9, 8)),  # as many channels as there are
        ((9, 8, 3), (9, 8, 3), (9, 8, 3)),  # a thin volume, not a picture of three channels
        ((9, 8, 5, 2), (9, 8, 5), (9, 8, 5)),
        ((9, 8, 2, 2), (9, 8, 2), (9, 8, 2)),
    ],
)
def test_the_mask_says_which_axes_of_an_array_are_channels(dataset, two, image, mask, shape):
    dataset.root.mkdir()
    np.save(dataset.root / "image.npy", np.zeros(image, np.uint8))
    np.save(dataset.root / "mask.npy", np.ones(mask, np.uint8))
    dataset.rows = [SampleRow("a", "image.npy", "mask.npy", "test", "a", {})]
    (sample,) = dataset.samples(two)
    assert sample.shape == shape
    pixels = read_image((dataset.root / "image.npy").read_bytes(), "image", None, ndim=len(mask))
    assert pixels.shape[1:] == shape  # the model sees the same axes
    more = dataset.root / "more.npy"
    np.save(more, np.zeros(shape, np.uint8))
    dataset.rows = [replace(dataset.rows[0], channels={"more": "more.npy"})]
    assert dataset.samples(two)[0].shape == shape


@pytest.mark.parametrize(
    ("image", "mask"), [((9, 8), (9, 8, 3)), ((9, 8, 3, 2), (9, 8)), ((3, 9, 8), (9, 8))]
)
def test_arrays_that_no_axis_of_channels_explains(dataset, two, image, mask):
    dataset.root.mkdir()
    np.save(dataset.root / "image.npy", np.zeros(image, np.uint8))
    np.save(dataset.root / "mask.npy", np.ones(mask, np.uint8))
    dataset.rows = [SampleRow("a", "image.npy", "mask.npy", "test", "a", {})]
    with pytest.raises(DataError, match=r"the mask is 9 x 8"):
        dataset.samples(two)
