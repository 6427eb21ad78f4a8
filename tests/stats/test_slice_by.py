"""Names of slices: one key for each way of cutting, one value for each sample."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.stats.slice_by import SliceBy, cell_value, joined

AGE = SliceBy(("age",), (40.0, 60.0))


@pytest.mark.parametrize(
    ("by", "key", "text"),
    [
        (SliceBy(("scanner",)), "scanner", "scanner"),
        (SliceBy(("weather", "city")), "weather x city", "weather x city"),
        (AGE, "age | 40 | 60", "age"),
        (SliceBy(("age",), (-0.5, 1e20)), "age | -0.5 | 1e+20", "age"),
        (SliceBy(("weather x city",)), r"weather \x city", "weather x city"),
        (SliceBy(("age | 40 | 60",)), r"age \| 40 \| 60", "age | 40 | 60"),
        (SliceBy(("x",)), "x", "x"),
        (SliceBy(("x",), (5.0,)), r"\x | 5", "x"),
        (SliceBy(("max", "x-ray")), "max x x-ray", "max x x-ray"),
        (SliceBy(("x", "y")), r"\x x y", "x x y"),
    ],
)
def test_keys(by, key, text):
    assert (by.key, by.text) == (key, text)


def test_the_bins_of_edges():
    assert AGE.bins == ("below 40", "40 to 60", "60 and above")
    assert SliceBy(("age",), (0.5,)).bins == ("below 0.5", "0.5 and above")
    assert SliceBy(("age",)).bins == ()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("39.999", "below 40"), ("-7", "below 40"), ("40", "40 to 60"), ("4e1", "40 to 60"),
        ("59.9", "40 to 60"), ("60", "60 and above"), ("+61.", "60 and above"), (".5", "below 40"),
        ("", None), ("n/a", None), ("nan", None), ("inf", None), ("1_0", None), ("4,5", None),
        ("1e999", None), ("0x10", None), ("\u0664\u0661", None), ("40 ", None),
    ],
)  # fmt: skip
def test_the_bin_of_a_cell(cell, expected):
    assert AGE.value({"age": cell}) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"w": "rain", "c": "Bern"}, "rain x Bern"),
        ({"w": "", "c": "Bern"}, "(empty) x Bern"),
        ({"w": "rain x Bern", "c": ""}, r"rain \x Bern x (empty)"),
        ({"w": "rain"}, "rain x (empty)"),
    ],
)
def test_values_of_crossed_columns(cells, expected):
    assert SliceBy(("w", "c")).value(cells) == expected


def test_the_value_of_one_column_is_its_cell():
    stain = SliceBy(("stain",))
    assert [stain.value({"stain": cell}) for cell in ("x", "a x b", "", "(empty)")] == [
        "x", "a x b", "(empty)", r"\(empty)",
    ]  # fmt: skip


words = st.text(alphabet="x|\\ a(", max_size=6) | st.sampled_from(["", "(empty)", "\\(empty)"])
parts = st.lists(words, min_size=1, max_size=3)


@given(parts, parts)
def test_different_parts_never_give_one_text(one, two):
    assert (joined(one) == joined(two)) == (one == two)


@given(words, words)
def test_different_cells_are_different_values(one, two):
    assert (cell_value(one) == cell_value(two)) == (one == two)


edges = st.sets(st.integers(-9, 9) | st.floats(-9, 9).filter(lambda v: v != 0), max_size=3).map(
    lambda found: tuple(sorted(float(v) for v in found))
)
cuts = st.builds(SliceBy, parts.map(tuple), st.just(())) | st.builds(
    SliceBy, st.tuples(words), edges
)


@given(cuts, cuts)
def test_two_ways_of_cutting_have_two_keys(one, two):
    assert (one.key == two.key) == (one == two)


@given(edges.filter(bool), st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_in_the_one_bin_whose_edges_hold_it(edges, number):
    by = SliceBy(("age",), edges)
    place = by.bins.index(by.value({"age": repr(number)}))
    ends = (-float("inf"), *edges, float("inf"))
    assert ends[place] <= number < ends[place + 1]
    assert len(set(by.bins)) == len(edges) + 1
