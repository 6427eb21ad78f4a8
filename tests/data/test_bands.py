"""Large label TIFFs in bands: any storage gives the same rows; the pair is walked aligned."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segmetrics.data import bands as module
from segmetrics.data import tiff_storage
from segmetrics.data.bands import band_values, is_large, open_bands, walk_pair
from segmetrics.data.check import check_samples
from segmetrics.data.samples import SampleRow
from segmetrics.errors import DataError

tifffile = pytest.importorskip("tifffile", reason="the volumes extra is not installed")

STORAGE = {
    "strips": {"rowsperstrip": 7},
    "one strip": {},
    "deflate strips": {"rowsperstrip": 5, "compression": "zlib"},
    "deflate tiles": {"tile": (16, 32), "compression": "zlib"},
    "plain tiles": {"tile": (32, 16)},
    "big": {"tile": (16, 16), "compression": "zlib", "bigtiff": True},
    "big-endian": {"byteorder": ">", "rowsperstrip": 3},
    "big-endian deflate": {"byteorder": ">", "rowsperstrip": 3, "compression": "zlib"},
}

KINDS = st.sampled_from(sorted(STORAGE))


def labels_of(shape, dtype=np.uint8, seed=0):
    high = min(np.iinfo(dtype).max, 70_000)
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


def write(path, labels, **options):
    tifffile.imwrite(path, labels, photometric="minisblack", **options)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize("storage", STORAGE)
def test_rows_are_those_of_the_whole(tmp_path, storage, dtype):
    labels = labels_of((75, 70), dtype)
    with open_bands(write(tmp_path / "a.tif", labels, **STORAGE[storage])) as bands:
        assert bands.shape == (75, 70)
        assert bands.dtype == dtype
        for start, stop in ((0, 75), (0, 1), (74, 75), (13, 40), (31, 33)):
            rows = bands.rows(start, stop)
            assert rows.dtype == dtype
            assert (rows == labels[start:stop]).all()
        with pytest.raises(ValueError, match="rows 3 to 3 of 75"):
            bands.rows(3, 3)


def test_packbits_as_pillow_writes_it(tmp_path):
    labels = labels_of((40, 30)) // 100
    Image.fromarray(labels).save(tmp_path / "a.tif", compression="packbits")
    with open_bands(tmp_path / "a.tif") as bands:
        assert (bands.rows(3, 39) == labels[3:39]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "options", [{"rowsperstrip": 5}, {"tile": (16, 32)}, {"byteorder": ">", "rowsperstrip": 3}]
)
def test_lzw_as_imagecodecs_reads_it(tmp_path, options, dtype):
    pytest.importorskip("imagecodecs", reason="LZW in bands needs it")
    labels = labels_of((75, 70), dtype)
    path = write(tmp_path / "a.tif", labels, compression="lzw", **options)
    with open_bands(path) as bands:
        assert (bands.rows(13, 40) == labels[13:40]).all()
        assert band_values(bands) == _counted(labels)
    differenced = write(tmp_path / "b.tif", labels, compression="lzw", predictor=True, **options)
    with open_bands(differenced) as bands:
        assert (bands.rows(0, 75) == labels).all()


def test_lzw_as_pillow_writes_it(tmp_path):
    pytest.importorskip("imagecodecs", reason="LZW in bands needs it")
    labels = labels_of((40, 30)) // 100
    Image.fromarray(labels).save(tmp_path / "a.tif", compression="tiff_lzw")
    with open_bands(tmp_path / "a.tif") as bands:
        assert (bands.rows(3, 39) == labels[3:39]).all()


def _counted(labels):
    values, pixels = np.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), pixels.tolist(), strict=True))


@settings(max_examples=40, deadline=None)
@given(a=KINDS, b=KINDS, most=st.integers(1, 6000))
def test_a_pair_is_walked_once_in_order(tmp_path_factory, a, b, most):
    folder = tmp_path_factory.mktemp("pair")
    left, right = labels_of((75, 70)), labels_of((75, 70), seed=1)
    first = write(folder / "a.tif", left, **STORAGE[a])
    second = write(folder / "b.tif", right, **STORAGE[b])
    with open_bands(first) as r, open_bands(second) as p:
        pairs = list(walk_pair(r, p, most_pixels=most))
    assert (np.concatenate([true for true, _ in pairs]) == left).all()
    assert (np.concatenate([found for _, found in pairs]) == right).all()
    assert all(len(true) == len(found) for true, found in pairs)


def test_values_are_counted(tmp_path):
    labels = labels_of((60, 50)) % 3
    with open_bands(write(tmp_path / "a.tif", labels, rowsperstrip=7)) as bands:
        assert band_values(bands) == dict(enumerate(np.bincount(labels.ravel()).tolist()))


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
def test_large_is_read_from_the_header(tmp_path, monkeypatch, options):
    path = write(tmp_path / "a.tif", labels_of((60, 50)), **options)
    assert not is_large(path)
    monkeypatch.setattr(module, "LARGE_PIXELS", 2999)
    assert is_large(path)
    monkeypatch.setattr(module, "LARGE_PIXELS", 3000)
    assert not is_large(path)
    path.write_bytes(b"II*\0")
    assert not is_large(path)
    assert not is_large(tmp_path / "gone.tif")


def test_what_is_not_read_in_bands(tmp_path, monkeypatch):
    def message() -> str:
        with pytest.raises(DataError) as caught:
            open_bands(path)
        return str(caught.value)

    path = tmp_path / "a.tif"
    assert message().endswith("there is no such file")
    path.write_bytes(b"no tiff")
    assert "damaged or truncated" in message()
    tifffile.imwrite(path, np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    assert "3 channels, not one label" in message()
    write(path, np.zeros((8, 8), np.float32))
    assert "32-bit float32, not labels" in message()
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8), photometric="miniswhite")
    assert "WhiteIsZero" in message()
    write(path, np.zeros((8, 8), np.uint8), extratags=[(274, 3, 1, 6, True)])
    assert "orientation 6" in message()
    write(path, np.zeros((3, 8, 8), np.uint8))
    assert "holds 3 pages" in message()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path, compression="tiff_lzw")
    monkeypatch.setattr(tiff_storage.importlib.util, "find_spec", lambda name: None)
    assert "LZW in large TIFF files needs imagecodecs; pip install imagecodecs, or" in message()
    write(path, np.zeros((8, 8), np.uint8), compression="zlib")
    monkeypatch.setattr(tiff_storage, "MOST_BYTES", 63)
    assert "write it in tiles" in message()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("storage", ["strips", "deflate tiles"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_only_data_errors_escape(tmp_path_factory, storage, data):
    out = io.BytesIO()
    tifffile.imwrite(out, labels_of((40, 50)), photometric="minisblack", **STORAGE[storage])
    content = bytearray(out.getvalue())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    places = st.one_of(st.integers(0, 400), st.integers(0, len(content)))
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=3)):
        if at < len(content):
            content[at] = value
    path = tmp_path_factory.mktemp("damage") / "a.tif"
    path.write_bytes(content)
    is_large(path)
    try:
        with open_bands(path) as bands:
            height, width = bands.shape
            if height * width < 1_000_000:
                assert bands.rows(0, height).shape == bands.shape
    except DataError:
        pass


def test_large_samples_are_checked_in_bands(tmp_path, two, monkeypatch):
    labels = labels_of((60, 50)) % 2
    write(tmp_path / "image.tif", labels, rowsperstrip=9)
    write(tmp_path / "mask.tif", labels, tile=(16, 16), compression="zlib")
    rows = [SampleRow("a", "image.tif", "mask.tif", "test", "a", {})]
    whole = check_samples(rows, root=tmp_path, scheme=two, workers=1)
    monkeypatch.setattr(module, "LARGE_PIXELS", 100)
    assert check_samples(rows, root=tmp_path, scheme=two, workers=1) == whole
    write(tmp_path / "mask.tif", labels * 3, tile=(16, 16), compression="zlib")
    with pytest.raises(DataError, match=rf"undeclared label 3 \({labels.sum()} pixels\)"):
        check_samples(rows, root=tmp_path, scheme=two, workers=1)
