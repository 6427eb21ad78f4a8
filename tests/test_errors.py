"""where: what; what would do."""

from __future__ import annotations

import pytest

from segmetrics import errors
from segmetrics.errors import ConfigError, DataError, Problem, SegmetricsError


def test_one_problem_is_one_sentence():
    error = DataError("a.png", "is empty", "make it again")
    assert str(error) == "a.png: is empty; make it again"
    assert error.problems == (Problem("a.png", "is empty", "make it again"),)
    assert str(DataError("a.png", "is empty")) == "a.png: is empty"


def test_many_problems_are_reported_together():
    error = DataError.of([Problem("a", "x"), Problem("b", "y", "z")], "samples.csv")
    assert type(error) is DataError
    assert str(error) == "samples.csv: 2 problems\n  a: x\n  b: y; z"
    assert len(error.problems) == 2


def test_a_single_problem_has_no_heading():
    error = ConfigError.of([Problem("b", "y", "z")], "params.yaml")
    assert type(error) is ConfigError
    assert str(error) == "b: y; z"


def test_twenty_problems_are_shown_and_the_others_counted():
    error = DataError.of([Problem(str(i), chr(97 + i)) for i in range(23)], "h")
    lines = str(error).splitlines()
    assert lines[0] == "h: 23 problems"
    assert lines[1:] == [*(f"  {i}: {chr(97 + i)}" for i in range(20)), "  ... and 3 more"]
    assert len(error.problems) == 23


def test_what_differs_in_numbers_alone_is_said_once_with_all_places():
    wrong = [Problem(f"{i}.png", f"undeclared label {i} ({9 * i} pixels)", "z") for i in range(30)]
    error = DataError.of([Problem("a", "b"), *wrong], "h")
    others = ", ".join(f"{i}.png" for i in range(1, 21))
    assert str(error).splitlines() == [
        "h: 31 problems",
        "  a: b",
        "  0.png: undeclared label 0 (0 pixels); z",
        f"    likewise 29 more: {others}, ...",
    ]
    assert len(str(DataError.of(wrong[:2], "h")).splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "code"),
    [("ConfigError", 2), ("DataError", 2), ("ModelError", 2), ("TrackingError", 3),
     ("RegistryError", 3), ("VerdictError", 1), ("PromotionError", 1)],
)  # fmt: skip
def test_exit_codes(name, code):
    kind = getattr(errors, name)
    assert issubclass(kind, SegmetricsError)
    assert kind("w", "x").exit_code == code


def test_no_error_ends_like_a_pass():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert len(kinds) >= 8
    assert all(kind.exit_code != 0 for kind in kinds)
