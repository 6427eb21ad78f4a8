"""The search over rows on its own: against all pairs, cut short, and beyond single precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmetrics.metrics import _guides, _rows
from segmetrics.metrics._guides import nearest_between_guides
from segmetrics.metrics._rows import Effort, nearest_in_row, nearest_in_rows, stack_step
from segmetrics.metrics.surface import _distances

ENDLESS = Effort(each=math.inf, whole=math.inf)


def grid(picture: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """Shape and flat positions with the margin that borders have."""
    padded = np.pad(picture, 1)
    return padded.shape, np.flatnonzero(padded)


def all_pairs(asking, targets, n_columns: int, spacing) -> np.ndarray:
    def points(at):
        return np.stack(np.divmod(at, n_columns), axis=1)

    steps = (points(asking)[:, np.newaxis] - points(targets)) * np.array(spacing)
    return np.sqrt(np.square(steps).sum(axis=-1)).min(axis=1, initial=np.inf)


def by_rows(shape, targets, asking, spacing, effort=ENDLESS):
    columns = (asking % shape[1]).astype(np.float32)
    table = nearest_in_row(shape, targets)
    return nearest_in_rows(table, asking, columns, spacing, effort, shape[0])


@st.composite
def pictures(draw):
    """Targets and askers of one picture, down to a single row or column; spacing."""
    n_rows, n_columns = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = st.sampled_from([0.0, 0.004, 0.02, 0.2, 1.0])
    targets, asking = (rng.random((n_rows, n_columns)) < draw(share) for _ in range(2))
    if draw(st.booleans()):
        targets[: n_rows // 2] = False  # far, and rows without any
    steps = st.sampled_from([0.1, 0.7, 1.0, 1.5, 20.0])
    spacing = draw(st.sampled_from([None, (1.0, 1.0)])) or (draw(steps), draw(steps))
    return targets, asking, spacing


@settings(deadline=None)
@given(pictures(), st.sampled_from([50, 1 << 16]))
def test_rows_equal_all_pairs(picture, chunk):
    targets, asking, spacing = picture
    shape, at = grid(targets)
    _, start = grid(asking)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "_CHUNK", chunk)
        found, sure = by_rows(shape, at, start, spacing)
    assert sure.all()
    assert found.dtype == np.float64
    # To the last bit: the same products, squares and sum.
    assert found.tolist() == all_pairs(start, at, shape[1], spacing).tolist()


@settings(deadline=None)
@given(pictures(), pictures())
def test_stacked_pictures_do_not_see_one_another(one, other):
    """One table of both: whatever rows a search runs through, only its own targets are found."""
    spacing = one[2]
    shape = tuple(np.maximum(one[0].shape, other[0].shape) + 2)
    tables, asking, columns, expected = [], [], [], []
    for index, (targets, asked, _) in enumerate((one, other)):
        at, start = (
            np.flatnonzero(np.pad(m, [(1, n - 1 - k) for n, k in zip(shape, m.shape, strict=True)]))
            for m in (targets, asked)
        )
        apart = index * stack_step(shape, spacing)
        tables.append(nearest_in_row(shape, at) + np.float32(apart))
        asking.append(start + index * shape[0] * shape[1])
        columns.append((start % shape[1] + apart).astype(np.float32))
        expected += (
            all_pairs(start, at, shape[1], spacing).tolist() if at.size else [None] * len(start)
        )
    found, sure = nearest_in_rows(
        np.concatenate(tables),
        np.concatenate(asking),
        np.concatenate(columns),
        spacing,
        ENDLESS,
        shape[0],
    )
    assert sure.all()
    for ours, theirs in zip(found.tolist(), expected, strict=True):
        assert theirs is None or ours == theirs


@settings(deadline=None)
@given(pictures(), st.sampled_from([1, 2, 3, 7, 100]), st.sampled_from([40, 1 << 17]))
def test_between_guides_equals_all_pairs(picture, every, block):
    """However far the guides are apart, and however many columns they search at once."""
    targets, asking, spacing = picture
    shape, at = grid(targets)
    _, start = grid(asking)
    if not (at.size and start.size):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_guides, "_BLOCK", block)
        patch.setattr(_guides, "_CHUNK", 50)
        found = nearest_between_guides(nearest_in_row(shape, at), start, spacing, every)
    expected = all_pairs(start, at, shape[1], spacing)
    if spacing == (1.0, 1.0):
        assert found.tolist() == expected.tolist()
    # Two rows as near but for rounding: either may be taken.
    assert found == pytest.approx(expected, rel=1e-12)


@settings(deadline=None)
@given(pictures())
def test_the_nearest_column_of_a_row(picture):
    targets, _, _ = picture
    shape, at = grid(targets)
    nearest = nearest_in_row(shape, at)
    for row, columns in zip(nearest, np.pad(targets, 1), strict=True):
        there = np.flatnonzero(columns)
        if not there.size:
            assert np.isinf(row).all()
            continue
        inside = np.arange(shape[1] - 1)  # the last column is the margin's
        expected = np.abs(inside[:, np.newaxis] - there).min(axis=1)
        assert np.abs(row[:-1] - inside).tolist() == expected.tolist()
        assert np.isin(row[:-1], there).all()


@settings(deadline=None)
@given(pictures(), st.sampled_from([0.0, 15.0, 60.0]))
def test_a_search_cut_short_knows_what_it_does_not_know(picture, each):
    targets, asking, spacing = picture
    shape, at = grid(targets)
    _, start = grid(asking)
    found, sure = by_rows(shape, at, start, spacing, Effort(each=each, whole=math.inf))
    expected = all_pairs(start, at, shape[1], spacing)
    assert found[sure].tolist() == expected[sure].tolist()
    assert (found >= expected).all()


def test_a_search_is_cut_short_where_more_is_to_be_seen_than_may_be():
    targets = np.zeros((60, 60), bool)
    targets[0, 0] = True
    asking = np.zeros((60, 60), bool)
    asking[[1, 50], [1, 50]] = True
    shape, at = grid(targets)
    _, start = grid(asking)
    for effort in (Effort(each=0.0, whole=math.inf), Effort(each=math.inf, whole=0.0)):
        found, sure = by_rows(shape, at, start, (1.0, 1.0), effort)
        assert sure.tolist() == [True, False]
        assert found[0] == math.sqrt(2)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (5000, 3), (3, 5000)])
def test_squares_beyond_single_precision_are_exact(shape):
    """5000 squared plus 1 has no neighbour in float32."""
    reference, prediction = np.zeros((2, *shape), bool)
    reference[0, 0] = prediction[-1, -1] = True
    found = _distances(reference=reference, prediction=prediction, spacing=None, search="rows")
    expected = math.sqrt((shape[0] - 1) ** 2 + (shape[1] - 1) ** 2)
    assert found.reference_to_prediction.tolist() == [expected]
    assert found.prediction_to_reference.tolist() == [expected]
