"""Pairs of TIFF files that are too large to decode whole; here large begins at 100 pixels."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.data import bands
from segmetrics.data.labels import LabelScheme
from segmetrics.errors import DataError
from segmetrics.operating_point import OperatingPoint
from segmetrics.pair import measure_files
from segmetrics.pixels import PixelOptions, Question
from segmetrics.tables import Targets

tifffile = pytest.importorskip("tifffile", reason="bands of TIFF files need tifffile")
THREE = LabelScheme.of({"a": 0, "b": 1, "c": 2}, ignore=[255])
BINARY = LabelScheme.of({"no": 0, "yes": 1}, encoding="binary")
ARGMAX = OperatingPoint("argmax")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(bands, "LARGE_PIXELS", 100)
    monkeypatch.setattr(bands, "BAND_PIXELS", 64)


@pytest.fixture
def pair(tmp_path):
    def write(reference, prediction, **options):
        paths = tmp_path / "r.tif", tmp_path / "p.tif"
        tifffile.imwrite(paths[0], reference, tile=(16, 16), compression="zlib")
        tifffile.imwrite(paths[1], prediction, rowsperstrip=3)
        return paths

    return write


def measure(paths, scheme=THREE, point=ARGMAX, options=None):
    question = Question(scheme, Targets(scheme.names), point, options or PixelOptions())
    return measure_files(
        reference=paths[0], prediction=paths[1], question=question, spacing=()
    ).measured


def test_bands_give_the_counts_of_the_whole(pair, monkeypatch):
    rng = np.random.default_rng(2)
    paths = pair(*rng.choice(np.uint8([0, 1, 2, 255]), (2, 37, 41)))
    found = measure(paths).matrix
    monkeypatch.setattr(bands, "LARGE_PIXELS", 1 << 27)
    assert (found == measure(paths).matrix).all()
    assert found.sum() > 1000


LABELS = np.zeros((20, 20), np.uint8)


@pytest.mark.parametrize(
    ("reference", "prediction", "options", "text"),
    [
        (LABELS + 7, LABELS, {}, r"r\.tif: undeclared label 7 \(400 pixels\)"),
        (LABELS, LABELS[:19], {}, r"p\.tif: has shape \(19, 20\)"),
        (LABELS, LABELS.astype(np.uint16) + 300, {"scheme": LabelScheme.of({"a": 0, "b": 1}),
         "point": OperatingPoint("fixed", 0.5)}, r"p\.tif: holds uint16, not an 8-bit prob"),
        (LABELS, np.arange(400, dtype=np.uint16).reshape(20, 20), {"scheme": BINARY},
         r"p\.tif: holds 400 different values, a binary prediction two"),
        (LABELS, LABELS, {"options": PixelOptions(surface=("hd",))}, "only counts are made in"),
        (LABELS, LABELS, {"scheme": LabelScheme.of({"a": "#000000"}, encoding="rgb")},
         "`encoding: rgb` is not read in bands"),
    ],
)  # fmt: skip
def test_what_bands_refuse_names_the_file(pair, reference, prediction, options, text):
    with pytest.raises(DataError, match=text):
        measure(pair(reference, prediction), **options)


def test_a_partner_that_is_no_tiff(pair, save):
    paths = pair(LABELS, LABELS)
    with pytest.raises(DataError, match=r"p\.png: is no TIFF"):
        measure((paths[0], save("p.png", LABELS)))
