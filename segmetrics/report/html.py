"""HTML that cannot be broken by a name: every text is escaped where it becomes HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# Control characters, and those that turn the direction of the text around them.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_VOID = frozenset({"img", "meta", "br", "hr"})


class Html(str):
    """Text that is HTML already; only this module makes it."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """A value as text, whatever its characters; HTML stays as it is."""
    if isinstance(value, Html):
        return value
    clean = _ODD.sub("\ufffd", str(value).encode("utf-8", "replace").decode("utf-8"))
    return Html(html.escape(clean, quote=True))


def el(tag: str, *children: object, **attributes: object) -> Html:
    """An element. `class_="a"` and `aria_label="b"` give `class` and `aria-label`.

    An attribute of the value None is left out, one of the value True has none. A child None is left
    out.
    """
    written = "".join(
        f" {_attribute(name)}" + ("" if value is True else f'="{escaped(value)}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(*children)}</{tag}>")


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-") if name != "viewBox" else name


def join(*parts: object) -> Html:
    """One after the other; None is left out."""
    return Html("".join(escaped(part) for part in parts if part is not None))


def raw(text: str) -> Html:
    """A constant of this package, such as its style sheet; never anything that was read."""
    return Html(text)


def section(key: str, title: str, *children: object) -> Html:
    """A part of the page with its heading."""
    heading = el("h2", title, id=f"{key}-title")
    return el("section", heading, *children, id=key, aria_labelledby=f"{key}-title")


def paragraph(*children: object, class_: str | None = None) -> Html:
    """A paragraph."""
    return el("p", *children, class_=class_)


def table(caption: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Html:
    """A table whose first column names its rows; it scrolls by itself where it is too wide."""
    head = el("tr", *(el("th", column, scope="col") for column in columns))
    lines = []
    for first, *cells in rows:
        lines.append(el("tr", el("th", first, scope="row"), *(el("td", cell) for cell in cells)))
    whole = el("table", el("caption", caption), el("thead", head), el("tbody", *lines))
    return el("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def folded(summary: str, *children: object, fold: bool = True) -> Html:
    """The children behind a line to open; as they are without `fold`."""
    if not fold:
        return join(*children)
    return el("details", el("summary", summary), *children)
