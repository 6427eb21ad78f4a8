"""How much of the references is counted nowhere."""

from __future__ import annotations

import pytest

from segmetrics.gates.diagnosis import Ignored, ignored_pixels


def found(**more):
    return ignored_pixels(Ignored(images=10, pixels=1000, **more), "test")


def test_nothing_ignored_is_no_finding():
    assert found() == []
    assert ignored_pixels(Ignored(), "test") == []


def test_a_little_is_a_note():
    (one,) = found(ignored=4, highest=0.04)
    assert (one.name, one.severity) == ("ignored_pixels", "note")
    assert one.text == (
        "0.4 % of the pixels of test are ignored (data.ignore), at most 4 % of one image: what a "
        "model does there counts nowhere"
    )
    assert one.data == {
        "share": 0.004, "highest": 0.04, "images": 10, "mostly_ignored": 0, "without_class": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ignored": 201, "highest": 0.3}, "20 % of the pixels"),
        ({"ignored": 9, "highest": 0.6, "mostly": ("b",)}, "1 of 10 images are ignored by more"),
        ({"ignored": 9, "highest": 0.1, "emptied": ("b", "a")},
         "2 of 10 images hold ignored pixels and none of a scored class: where a class is ignored "
         "whole, missing it is no error"),
    ],
)  # fmt: skip
def test_what_may_hide_errors_is_a_warning(more, said):
    (one,) = found(**more)
    assert one.severity == "warn"
    assert said in one.text
    assert "ignore what nobody can tell, not what a model gets wrong" in one.text
    ids = sorted({*more.get("mostly", ()), *more.get("emptied", ())})
    assert one.data.get("ids", []) == ids


def test_a_fifth_is_not_too_much():
    assert found(ignored=200, highest=0.5)[0].severity == "note"
