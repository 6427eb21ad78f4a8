"""YAML 1.2 scalars, lines of keys, and what is refused."""

from __future__ import annotations

import math

import pytest

from segmetrics.config import yaml12
from segmetrics.errors import ConfigError


def value(text: str):
    return yaml12.parse(f"key: {text}\n", "p.yaml").value["key"]


def error(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        yaml12.parse(text, "p.yaml")
    return str(caught.value)


@pytest.mark.parametrize("text", ["no", "No", "NO", "yes", "on", "off", "y", "n", "1_000",
                                  "12:30:45", "2026-01-01", "0b101", "1e", ".", "+", "=", "e5",
                                  "0o8", "0xg", "--1", "nan", "inf", "<<"])  # fmt: skip
def test_words_that_yaml_1_1_would_turn_into_something_else_stay_text(text):
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001), ("1E3", 1000.0), ("1.5e+2", 150.0), (".5", 0.5), ("5.", 5.0),
        ("-0.25", -0.25), ("12", 12), ("-7", -7), ("+7", 7), ("007", 7), ("0o17", 15),
        ("0x1F", 31), ("true", True), ("True", True), ("FALSE", False), ("null", None),
        ("~", None), ("", None), (".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf),
    ],
)  # fmt: skip
def test_scalars_of_the_core_schema(text, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_nan(text):
    assert math.isnan(value(text))


@pytest.mark.parametrize("quoted", ['"1"', "'1'", "|-\n  1", ">-\n  1"])
def test_a_quoted_scalar_is_text(quoted):
    assert value(quoted) == "1"


def test_a_tag_of_ones_own_keeps_the_text():
    assert value("!mine 5") == "5"


def test_keys_are_text_even_where_they_look_like_numbers_or_booleans():
    document = yaml12.parse("1: a\nno: b\nnull: c\n2.5: d\n", "p.yaml")
    assert document.value == {"1": "a", "no": "b", "null": "c", "2.5": "d"}


def test_collections_and_aliases():
    inner = {"b": [1, {"c": 2}]}
    document = yaml12.parse("a: &x {b: [1, {c: 2}]}\nd: *x\n", "p.yaml")
    assert document.value == {"a": inner, "d": inner}


def test_every_key_and_entry_has_its_line():
    document = yaml12.parse("# top\na:\n  b: 1\n  c:\n    - 4\n    - 5\nd: {e: 6}\n", "p.yaml")
    assert document.lines == {
        ("a",): 2, ("a", "b"): 3, ("a", "c"): 4, ("a", "c", 0): 5, ("a", "c", 1): 6,
        ("d",): 7, ("d", "e"): 7,
    }  # fmt: skip
    assert document.line(("a", "b")) == 3
    assert document.line(("a", "missing", "deeper")) == 2
    assert document.line(("missing",)) is None
    assert document.line(()) is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_document(text):
    assert yaml12.parse(text, "p.yaml").value is None


def test_a_byte_order_mark_is_no_part_of_the_first_key():
    assert yaml12.parse("\ufeffa: 1\n", "p.yaml").value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 'p.yaml:3: "a" is given twice (first in line 1); keep one of them'),
        ("a: {b: 1, b: 1}\n", 'p.yaml:1: "b" is given twice (first in line 1); keep one of them'),
        ('no: 1\n"no": 2\n', 'p.yaml:2: "no" is given twice (first in line 1); keep one of them'),
        ("a: 1\n---\nb: 2\n",
         "p.yaml:2: not YAML (but found another document); check it there and in the line before"),
        ("a:\n\tb: 1\n", "p.yaml:2: not YAML (found character '\\t' that cannot start any token); "
         "indent with spaces, not with tabs"),
        ("a: 1\n\nb c\nd:\n  e: 1\n", "p.yaml:3: not YAML (could not find expected ':'); "
         "write `key: value`, with a colon and a space"),
        ("a:\n  b: 1\n   c: 1\n", "p.yaml:3: not YAML (mapping values are not allowed here); "
         "indent the keys of a section alike: look at this line and the one before"),
        ("a: [1, 2}\n", "p.yaml:1: not YAML (expected ',' or ']', but got '}'); "
         "close the bracket or quote that is open there"),
        ("a: *b\n", "p.yaml:1: not YAML (found undefined alias 'b'); "
         "check it there and in the line before"),
        ("? [a, b]\n: 1\n", "p.yaml:1: a key must be one word or text"),
        ("a: &x {b: *x}\n", "p.yaml:1: an alias that contains itself"),
        (f"\na: {'9' * 5000}\n", "p.yaml:2: a number too long to read"),
        (f"a: {'[' * 5000}{']' * 5000}\n", "p.yaml: is nested too deeply"),
    ],
    ids=["twice", "twice in one line", "twice, once quoted", "two documents", "tab",
         "no colon", "indentation", "bracket", "alias",
         "key", "cycle", "long", "deep"],
)  # fmt: skip
def test_what_is_refused(text, message):
    assert error(text) == message


def test_characters_that_no_text_file_holds():
    assert error("a: \x00\n").startswith("p.yaml: not YAML (unacceptable character #x0000")


def test_all_duplicates_are_reported_together():
    text = error("a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert text == (
        "p.yaml: 2 problems\n"
        '  p.yaml:2: "a" is given twice (first in line 1); keep one of them\n'
        '  p.yaml:3: "c" is given twice (first in line 3); keep one of them'
    )
