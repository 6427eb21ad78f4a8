"""Which way surface distances take in a picture, and that it makes no difference."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.metrics import _nearest, _rows, surface_distances
from segmetrics.metrics._guides import nearest_between_guides
from segmetrics.metrics.surface import _distances


@pytest.mark.parametrize("way", ["_by_transform", "_by_tree", "nearest_between_guides"])
def test_what_was_cut_short_is_found_by_other_ways(monkeypatch, way):
    """By whichever costs least: with the same values."""
    reference, prediction = np.zeros((2, 90, 90), bool)
    reference[5:20, 5:20] = prediction[60:85, 40:85] = True
    prediction[4, 5:20] = True
    plain = _distances(reference=reference, prediction=prediction, spacing=None, search="rows")
    asked = []
    for name in ("_by_tree", "_by_transform", "nearest_between_guides"):
        search = getattr(_nearest, name)
        monkeypatch.setattr(
            _nearest, name, lambda *a, name=name, search=search: (asked.append(name), search(*a))[1]
        )
    monkeypatch.setattr(_nearest, "_TRANSFORM", 1e-9 if way == "_by_transform" else 1e9)
    guides = (1, 1.0 if way == "nearest_between_guides" else 1e12)
    monkeypatch.setattr(_nearest, "plan_guides", lambda shape, n_asking: guides)
    monkeypatch.setattr(_nearest, "_SEE", 1e9)
    found = surface_distances(reference=reference, prediction=prediction)
    assert set(asked) == {way}
    for ours, theirs in zip(
        (found.reference_to_prediction, found.prediction_to_reference),
        (plain.reference_to_prediction, plain.prediction_to_reference),
        strict=True,
    ):
        assert ours.tolist() == theirs.tolist()


def test_pictures_as_they_come_search_their_rows(monkeypatch):
    """Two blobs, apart: neither tree nor transform, so SciPy need not even be there."""
    y, x = np.mgrid[:200, :200]
    reference = (y - 90) ** 2 + (x - 80) ** 2 < 50**2
    for way in ("_by_tree", "_by_transform"):
        monkeypatch.setattr(_nearest, way, None)
    found = surface_distances(reference=reference, prediction=np.roll(reference, 20, axis=1))
    assert found.reference_to_prediction.max() == 20.0


def test_noise_against_a_blob_searches_between_guides(monkeypatch):
    """Half of the picture asks and is far: neither a tree nor a transform of the whole box."""
    y, x = np.mgrid[:200, :200]
    reference = np.random.default_rng(4).random((200, 200)) < 0.5
    prediction = (y - 90) ** 2 + (x - 120) ** 2 < 40**2
    plain = _distances(reference=reference, prediction=prediction, spacing=None, search="transform")
    asked = []
    monkeypatch.setattr(
        _nearest,
        "nearest_between_guides",
        lambda *a: (asked.append(1), nearest_between_guides(*a))[1],
    )
    for way in ("_by_tree", "_by_transform"):
        monkeypatch.setattr(_nearest, way, None)
    found = surface_distances(reference=reference, prediction=prediction)
    assert asked == [1]
    assert found.reference_to_prediction.tolist() == plain.reference_to_prediction.tolist()
    assert found.prediction_to_reference.tolist() == plain.prediction_to_reference.tolist()


@pytest.mark.parametrize("shape", [(60, 60), (20, 20, 20)])
def test_a_look_around_is_spared_where_targets_are_too_few_for_it(monkeypatch, shape):
    reference = np.random.default_rng(6).random(shape) < 0.5
    prediction = np.zeros(shape, bool)
    prediction[tuple(n // 2 for n in shape)] = True
    plain = _distances(reference=reference, prediction=prediction, spacing=None, search="transform")
    looked, look = [], _nearest._look_around
    monkeypatch.setattr(
        _nearest, "_look_around", lambda *a: (looked.append(a[1].size), look(*a))[1]
    )
    found = surface_distances(reference=reference, prediction=prediction)
    assert sum(looked) <= 1  # the one element, not those of the noise
    assert found.reference_to_prediction.tolist() == plain.reference_to_prediction.tolist()
    assert found.prediction_to_reference.tolist() == plain.prediction_to_reference.tolist()


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1e6, 1e-3), (1e-3, 1e6), (1e90, 1e-90)])
@pytest.mark.parametrize("stacked", [True, False])
def test_the_two_masks_of_a_picture_may_share_a_table(monkeypatch, spacing, stacked):
    """Steps so unequal that columns of one table could not be exact leave each mask its own."""
    rng = np.random.default_rng(2)
    reference, prediction = rng.random((2, 60, 70)) < 0.03
    plain = _distances(
        reference=reference, prediction=prediction, spacing=spacing, search="transform"
    )
    monkeypatch.setattr(_nearest, "_search", None)
    if not stacked:
        monkeypatch.setattr(_rows, "_MOST_STACKED", 0)
    found = surface_distances(reference=reference, prediction=prediction, spacing=spacing)
    for ours, theirs in (
        (found.reference_to_prediction, plain.reference_to_prediction),
        (found.prediction_to_reference, plain.prediction_to_reference),
    ):
        assert ours == pytest.approx(theirs, rel=1e-12)


def test_a_picture_too_large_for_a_table_of_its_rows_has_the_same_values(monkeypatch):
    rng = np.random.default_rng(5)
    reference, prediction = rng.random((2, 90, 70)) < 0.03
    expected = surface_distances(reference=reference, prediction=prediction)
    monkeypatch.setattr(_nearest, "MOST_ELEMENTS", 100)
    monkeypatch.setattr(_nearest, "nearest_in_row", None)
    found = surface_distances(reference=reference, prediction=prediction)
    assert found.reference_to_prediction.tolist() == expected.reference_to_prediction.tolist()
    assert found.prediction_to_reference.tolist() == expected.prediction_to_reference.tolist()
