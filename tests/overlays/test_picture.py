"""The picture itself: colours at their places, apart for everybody."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from segmetrics.overlays import picture
from segmetrics.overlays.picture import ADDED, IGNORED, MISSED, RIGHT, draw_overlay
from segmetrics.overlays.regions import Regions


def regions(ignored: bool = False) -> Regions:
    masks = np.zeros((4, 40, 60), np.bool_)
    for k in range(4):
        masks[k, 5:35, 5 + 13 * k : 15 + 13 * k] = True
    return Regions(masks[0], masks[1], masks[2], masks[3] if ignored else None)


def drawn(image, parts) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(draw_overlay(image, parts))).convert("RGB"), np.int64)


def nearest(pixel, colours=(RIGHT, ADDED, MISSED, IGNORED, (0, 0, 0))) -> int:
    return int(np.argmin([np.abs(pixel - np.array(c)).sum() for c in colours]))


def test_each_region_has_its_colour_at_its_place():
    found = drawn(np.zeros((40, 60, 3), np.uint8), regions(ignored=True))
    zoom = 8
    left = 60 * zoom + 8  # the second panel
    # The edges of a region carry no hatching.
    at = [found[5 * zoom, left + (5 + 13 * k) * zoom] for k in range(4)]
    assert nearest(at[1]) == 1
    assert nearest(at[2]) == 2
    assert at[0].argmax() == 1, "green, half transparent"
    assert at[3].std() < 5, "grey"
    assert (found[:40, 60 * zoom + 2] == 255).all(), "the gap"


def test_a_single_wrong_pixel_keeps_its_colour():
    masks = np.zeros((3, 640, 640), np.bool_)
    masks[1, 100, 200] = masks[2, 300, 400] = True
    found = drawn(None, Regions(*masks))
    assert nearest(found[100, 200]) == 1
    assert nearest(found[300, 400]) == 2
    assert (found[:640, :640] != 40).any(axis=2).sum() == 2


def test_what_is_wrong_lies_over_what_is_right():
    both = np.ones((32, 32), np.bool_)
    found = drawn(None, Regions(both, np.zeros_like(both), both))
    assert nearest(found[0, 0]) == 2


def test_the_image_is_beside_its_errors_and_grey_below_them():
    image = np.zeros((40, 60, 3), np.uint8)
    image[..., 0] = 240
    found = drawn(image, regions())
    assert found[0, 0].tolist() == [240, 0, 0]
    ground = found[0, 60 * 8 + 8]
    assert ground.max() == ground.min() <= 128


def test_the_same_bytes_each_time():
    image = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    assert draw_overlay(image, regions()) == draw_overlay(image, regions())


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (640, 1), (3, 2)])
def test_any_shape(shape):
    masks = np.zeros((3, *shape), np.bool_)
    masks[1, 0, 0] = True
    found = drawn(np.zeros((*shape, 3), np.uint8), Regions(*masks))
    assert found.shape[1] >= 300, "room for the legend"


# Machado, Oliveira and Fernandes 2009 (IEEE TVCG 15(6)), severity 1.0, on linear RGB.
VISION = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def lab(rgb, matrix=None) -> np.ndarray:
    """CIE L*a*b* of sRGB, D65."""
    v = np.array(rgb) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear if matrix is None else np.array(matrix) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ linear / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("matrix", [None, *VISION.values()], ids=["usual", *VISION])
def test_colours_are_apart_for_everybody(matrix):
    """As they are drawn, over black: what is right is half transparent."""
    shown = [np.array(RIGHT) // 2, np.array(ADDED), np.array(MISSED)]
    for a, b in combinations(shown, 2):
        assert np.linalg.norm(lab(a, matrix) - lab(b, matrix)) > 20  # 2 is just noticeable


def test_hatching_tells_them_apart_without_any_colour():
    lines = [picture._lines((64, 64), slope) for slope in (1, -1)]
    assert (lines[0] != lines[1]).any()
    assert lines[0][0, 0]
    assert (lines[0] == lines[1][::-1]).mean() > 0.5
