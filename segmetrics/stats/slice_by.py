"""How samples are cut into slices: by a column, by crossed columns, by bins of a number."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

EMPTY = "(empty)"
# Words with a meaning of their own in keys, behind any number of backslashes.
_OWN_WORD = re.compile(r"\\*(x|\|)")
_OWN_VALUE = re.compile(r"\\*\(empty\)")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class SliceBy:
    """One way of cutting a split into slices.

    Attributes
    ----------
    columns
        One or more columns of samples.csv; of several, each combination that occurs is a slice.
    edges
        Of one numeric column: ascending numbers that separate bins, each belonging to the upper
        one. Empty: every value is a slice.
    """

    columns: tuple[str, ...]
    edges: tuple[float, ...] = ()

    @property
    def key(self) -> str:
        """Its name in evaluation.json: `scanner`, `weather x city` or `age | 40 | 60`.

        Where a name could be read as such, because it holds `x` or `|` as a word, they get a
        backslash: no two ways of cutting have one key.
        """
        if len(self.columns) == 1 and not self.edges:
            inner = self.columns[0].split(" ")[1:-1]
            if not any(_OWN_WORD.fullmatch(word) for word in inner):
                return self.columns[0]
        return " | ".join([joined(self.columns), *map(_edge, self.edges)])

    @property
    def text(self) -> str:
        """For people: `scanner`, `weather x city`, `age`."""
        return " x ".join(self.columns)

    @property
    def bins(self) -> tuple[str, ...]:
        """The names of the bins, ascending: `below 40`, `40 to 60`, `60 and above`."""
        ends = [_edge(edge) for edge in self.edges]
        if not ends:
            return ()
        inner = [f"{low} to {high}" for low, high in pairwise(ends)]
        return (f"below {ends[0]}", *inner, f"{ends[-1]} and above")

    def named(self, values: Sequence[str]) -> str:
        """The slice where the columns have these values: `A`, or `rain x Bern`."""
        return joined(values) if len(values) > 1 else values[0]

    def value(self, cells: Mapping[str, str]) -> str | None:
        """The slice of a sample with these cells; None: no bin, the cell holds no number."""
        own = [cells.get(column, "") for column in self.columns]
        if not self.edges:
            return self.named([cell_value(cell) for cell in own])
        number = number_of(own[0])
        if number is None:
            return None
        return self.bins[bisect.bisect_right(self.edges, number)]


def number_of(cell: str) -> float | None:
    """The finite number that a cell holds; None where it holds none."""
    number = float(cell) if _NUMBER.fullmatch(cell) else math.nan
    return number if math.isfinite(number) else None


def cell_value(cell: str) -> str:
    """A cell as a value of its column: an empty one reads `(empty)`.

    A cell that holds this very text is written with a backslash.
    """
    return "\\" + cell if _OWN_VALUE.fullmatch(cell) else cell or EMPTY


def joined(parts: Sequence[str]) -> str:
    """`rain x Bern`; different parts never give one text.

    Words that are `x` or `|` get a backslash more, so that a bare `x` always separates.
    """
    return " x ".join(
        " ".join("\\" + word if _OWN_WORD.fullmatch(word) else word for word in part.split(" "))
        for part in parts
    )


def _edge(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
