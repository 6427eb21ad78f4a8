"""Reducing masks and choosing planes: against loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segmetrics.overlays.index import Cut
from segmetrics.overlays.reading import _add_band
from segmetrics.overlays.regions import (
    Regions,
    any_in_cells,
    cell_size,
    most_wrong,
    plane_of,
)


def any_by_loops(mask: np.ndarray, cell: int) -> np.ndarray:
    h, w = mask.shape
    return np.array(
        [[mask[y : y + cell, x : x + cell].any() for x in range(0, w, cell)]
         for y in range(0, h, cell)]
    )  # fmt: skip


@given(
    mask=hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=17)),
    cell=st.integers(1, 6),
)
def test_a_cell_is_true_where_any_of_its_pixels_is(mask, cell):
    assert (any_in_cells(mask, cell) == any_by_loops(mask, cell)).all()


@given(
    mask=hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=17)),
    cell=st.integers(1, 6),
    step=st.integers(1, 9),
)
def test_bands_give_the_cells_of_the_whole(mask, cell, step):
    whole = np.zeros((-(-mask.shape[0] // cell), -(-mask.shape[1] // cell)), np.bool_)
    for start in range(0, len(mask), step):
        _add_band(whole, mask[start : start + step], start, cell)
    assert (whole == any_by_loops(mask, cell)).all()


@pytest.mark.parametrize(("shape", "cell"), [((640, 3), 1), ((3, 641), 2), ((2048, 1024), 4)])
def test_no_side_has_more_than_640_cells(shape, cell):
    assert cell_size(shape) == cell
    assert -(-max(shape) // cell) <= 640


def test_one_wrong_pixel_of_a_large_image_stays():
    wrong = np.zeros((5000, 3000), np.bool_)
    wrong[4321, 1234] = True
    assert any_in_cells(wrong, cell_size((5000, 3000))).sum() == 1


def test_the_plane_with_the_most_wrong_voxels_across_the_shortest_axis():
    reference = np.zeros((9, 8, 5), np.bool_)
    prediction = reference.copy()
    reference[2:6, 2:6, 1:4] = True
    prediction[2:6, 2:5, 1:4] = True
    prediction[0:3, 0, 3] = True
    regions = Regions.of(reference=reference, prediction=prediction)
    assert most_wrong(regions) == Cut(axis=2, index=3, of=5)
    right = Regions.of(reference=reference, prediction=reference)
    assert most_wrong(right) == Cut(axis=2, index=1, of=5), "the fullest one, first of equals"


def test_nifti_planes_are_turned_to_stand_upright():
    volume = np.arange(24).reshape(2, 3, 4)  # x to the right, y up
    plane = plane_of(volume, Cut(2, 1, 4), turned=True)
    assert plane.shape == (3, 2)
    assert plane[-1, 0] == volume[0, 0, 1]
    assert plane[0, -1] == volume[1, 2, 1]
    assert (plane_of(volume, Cut(0, 1, 2), turned=False) == volume[1]).all()
