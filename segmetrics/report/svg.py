"""Bars and curves as inline SVG: drawn by style sheet, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from segmetrics.report.html import Html, el

_WIDTH, _HEIGHT = 300, 46
_LEFT, _RIGHT, _MIDDLE = 8, 292, 20
Points = Sequence[tuple[float, float]]


def number(value: float) -> str:
    """A coordinate: two decimals, without needless zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its interval against its bounds.

    Attributes
    ----------
    value, low, high
        None where undefined.
    bound
        `at_least` and `at_most`, as far as there are.
    ends
        The range of the metric; infinite where it has no end.
    people
        What people reach; None: unknown.
    """

    value: float | None
    low: float | None
    high: float | None
    bound: Mapping[str, float]
    ends: tuple[float, float]
    outcome: str
    people: float | None = None


def draw_bar(bar: Bar, label: str) -> Html:
    """An axis with the interval as a bar, the value as a dot, and what misses the bounds shaded."""
    axis = _Axis.around(bar)
    parts: list[Html] = []
    for name, bound in bar.bound.items():
        x = axis.at(bound)
        left, right = (_LEFT, x) if name == "at_least" else (x, _RIGHT)
        parts.append(el("rect", x=number(left), y="8", width=number(max(0.0, right - left)),
                        height="24", class_="forbidden"))  # fmt: skip
    parts.append(_line(_LEFT, 32, _RIGHT, 32, "axis"))
    if bar.low is not None and bar.high is not None:
        parts.append(_line(axis.at(bar.low), _MIDDLE, axis.at(bar.high), _MIDDLE, "span"))
    for bound in bar.bound.values():
        parts.append(_line(axis.at(bound), 6, axis.at(bound), 34, "bound"))
    if bar.people is not None:
        parts.append(_line(axis.at(bar.people), 6, axis.at(bar.people), 34, "people"))
    if bar.value is not None:
        parts.append(el("circle", cx=number(axis.at(bar.value)), cy=str(_MIDDLE), r="5",
                        class_="dot"))  # fmt: skip
    parts.append(_text(f"{axis.low:g}", _LEFT, 44, "start"))
    parts.append(_text(f"{axis.high:g}", _RIGHT, 44, "end"))
    for bound in bar.bound.values():
        x = min(max(axis.at(bound), _LEFT + 30), _RIGHT - 30)
        parts.append(_text(f"{bound:g}", x, 44, "middle", class_=None))
    return el("svg", *parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=label,
              class_=bar.outcome)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float

    @classmethod
    def around(cls, bar: Bar) -> _Axis:
        """Round ends that hold all there is to show, within the range of the metric."""
        seen = [v for v in (bar.value, bar.low, bar.high, bar.people) if v is not None]
        seen += bar.bound.values()
        low, high = min(seen, default=0.0), max(seen, default=1.0)
        room = max((high - low) * 0.15, 0.02 * max(abs(low), abs(high), 1e-9))
        step = 10.0 ** math.floor(math.log10(high - low + 2 * room))
        low, high = (math.floor((low - room) / step) * step, math.ceil((high + room) / step) * step)
        # Rounded: 3 * 0.1 is more than 0.3.
        low, high = round(max(low, bar.ends[0]), 9), round(min(high, bar.ends[1]), 9)
        return cls(low, high if high > low else low + step)

    def at(self, value: float) -> float:
        """The place on the axis; what lies beyond an end is drawn at it."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _LEFT + share * (_RIGHT - _LEFT)


@dataclass(frozen=True, slots=True)
class Curve:
    """A named line over [0, 1] x [0, 1]; `dash` tells lines of one colour apart."""

    name: str
    points: Points
    marks: Points = field(default=())


_DASHES = (None, "6 3", "2 2", "8 2 2 2")
_BOX = (40.0, 12.0, 290.0, 212.0)  # left, top, right, bottom


def style_of(place: int) -> tuple[str, str | None]:
    """Colour and dashes of the curve at a place: 16 that differ by more than colour."""
    return f"var(--curve{place % 4})", _DASHES[(place + place // 4) % 4]


def draw_curves(
    curves: Sequence[Curve], *, x: str, y: str, label: str, diagonal: bool = False,
    at: float | None = None,
) -> Html:  # fmt: skip
    """A chart of the unit square.

    Parameters
    ----------
    diagonal
        Whether to draw the line of equal values.
    at
        A vertical line: the threshold in use.
    """
    left, top, right, bottom = _BOX
    parts = [el("rect", x=number(left), y=number(top), width=number(right - left),
                height=number(bottom - top), class_="axis")]  # fmt: skip
    for tick in (0.0, 0.5, 1.0):
        parts.append(_text(f"{tick:g}", _x(tick), bottom + 14, "middle"))
        parts.append(_text(f"{tick:g}", left - 6, _y(tick) + 4, "end"))
        parts.append(_line(_x(tick), top, _x(tick), bottom, "axis"))
        parts.append(_line(left, _y(tick), right, _y(tick), "axis"))
    if diagonal:
        parts.append(_line(_x(0), _y(0), _x(1), _y(1), "people"))
    if at is not None:
        parts.append(_line(_x(at), top, _x(at), bottom, "people"))
    for place, curve in enumerate(curves):
        colour, dash = style_of(place)
        path = " ".join(f"{number(_x(a))},{number(_y(b))}" for a, b in curve.points)
        parts.append(el("polyline", points=path, class_="curve", style=f"stroke:{colour}",
                        stroke_dasharray=dash))  # fmt: skip
        for a, b in curve.marks:
            parts.append(el("circle", cx=number(_x(a)), cy=number(_y(b)), r="4",
                            style=f"fill:{colour}"))  # fmt: skip
    parts.append(_text(x, (left + right) / 2, bottom + 30, "middle", class_=None))
    middle = (top + bottom) / 2
    parts.append(el("text", y, x="12", y=number(middle), text_anchor="middle",
                    transform=f"rotate(-90 12 {number(middle)})"))  # fmt: skip
    return el("svg", *parts, viewBox="0 0 300 246", role="img", aria_label=label)


def _x(value: float) -> float:
    return _BOX[0] + value * (_BOX[2] - _BOX[0])


def _y(value: float) -> float:
    return _BOX[3] - value * (_BOX[3] - _BOX[1])


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Html:
    return el("line", x1=number(x1), y1=number(y1), x2=number(x2), y2=number(y2), class_=class_)


def _text(text: str, x: float, y: float, anchor: str, class_: str | None = "soft") -> Html:
    return el("text", text, x=number(x), y=number(y), text_anchor=anchor, class_=class_)
