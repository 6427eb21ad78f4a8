"""Escaping: no name becomes HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.report.html import el, escaped, folded, join, raw, table
from segmetrics.report.words import value_text, with_code


def test_elements_and_attributes():
    made = el("td", "a < b", 3, None, el("b", "&"), class_="x", aria_label='"', open=True, id=None)
    assert made == '<td class="x" aria-label="&quot;" open>a &lt; b3<b>&amp;</b></td>'
    assert el("img", src="x", alt="") == '<img src="x" alt="">'
    assert el("svg", viewBox="0 0 1 1") == '<svg viewBox="0 0 1 1"></svg>'
    assert join(raw("<b>"), "<b>") == "<b>&lt;b&gt;"


def test_html_is_not_escaped_twice_and_text_is_never_html():
    assert escaped(escaped("<")) == "&lt;"
    # What str makes of it is text again.
    assert escaped(el("b", "x") + "<i>") == "&lt;b&gt;x&lt;/b&gt;&lt;i&gt;"


@pytest.mark.parametrize("odd", ["\x00", "\x1b", "\u202e", "\u2066", "\x85", "\udc80"])
def test_control_characters_and_turned_text_are_marked(odd):
    assert escaped(f"a{odd}b") in ("a\ufffdb", "a?b")


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.values: list[str | None] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data):
        self.text += data


PRINTED = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Cn")))


@given(text=PRINTED)
def test_a_parser_reads_back_what_was_written(text):
    reader = Reader()
    reader.feed(el("p", text, title=text))
    reader.close()
    assert (reader.tags, reader.text, reader.values) == (["p"], text, [text])


@given(text=PRINTED)
def test_backticks_make_code_and_nothing_else(text):
    reader = Reader()
    reader.feed(el("p", with_code(text)))
    reader.close()
    assert set(reader.tags) <= {"p", "code"}
    assert reader.text.replace("`", "") == text.replace("`", "")


def test_folding_and_tables():
    assert folded("more", "<", fold=False) == "&lt;"
    assert folded("more", "<") == "<details><summary>more</summary>&lt;</details>"
    made = table("<c>", ["a", "b"], [["x", 1]])
    assert '<th scope="col">a</th>' in made
    assert '<th scope="row">x</th><td>1</td>' in made
    assert "<caption>&lt;c&gt;</caption>" in made
    assert 'tabindex="0"' in made


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (0.12345, "0.123"), (12.345, "12.3"), (-0.5, "-0.500"),
     (12345.6, "12346")],
)  # fmt: skip
def test_numbers(value, text):
    assert value_text(value) == text
