"""The errors a user can meet, each one sentence: `where: what; what would do`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_SHOWN = 20
# From so many places on, what is wrong in the same way is said once.
_ALIKE = 3
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `where` it is, `what` it is and, if known, what would do."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")


class SegmetricsError(Exception):
    """Base of every error that is reported as a message instead of a traceback.

    Parameters
    ----------
    where, what, remedy
        The place (file, key, command), what is wrong there, and what would mend it.
    """

    exit_code = 2

    def __init__(self, where: str, what: str, remedy: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(where, what, remedy),)
        super().__init__(str(self.problems[0]))

    @classmethod
    def of(cls, problems: Sequence[Problem], heading: str) -> SegmetricsError:
        """Many problems as one error, so that a user mends them all before the next run."""
        if len(problems) == 1:
            only = problems[0]
            return cls(only.where, only.what, only.remedy)
        error = cls(heading, f"{len(problems)} problems")
        error.problems = tuple(problems)
        lines = _lines(problems)
        error.args = ("\n".join([f"{heading}: {len(problems)} problems", *lines]),)
        return error


def _lines(problems: Sequence[Problem]) -> list[str]:
    """One line a problem; what differs in numbers alone, from the third on, by its place."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault((_NUMBER.sub("#", problem.what), problem.remedy), []).append(problem)
    shown = [line for alike in kinds.values() for line in _alike(alike)]
    lines = [line for line, _ in shown[:MOST_SHOWN]]
    left = sum(n for _, n in shown[MOST_SHOWN:])
    return [*lines, f"  ... and {left} more"] if left else lines


def _alike(problems: Sequence[Problem]) -> Iterator[tuple[str, int]]:
    """Lines, and of how many problems each of them speaks."""
    if len(problems) < _ALIKE:
        yield from ((f"  {problem}", 1) for problem in problems)
        return
    others = [problem.where for problem in problems[1:]]
    more = ", ..." if len(others) > MOST_SHOWN else ""
    yield f"  {problems[0]}", 1
    yield f"    likewise {len(others)} more: {', '.join(others[:MOST_SHOWN])}{more}", len(others)


class ConfigError(SegmetricsError):
    """`params.yaml` or the command line says something that cannot be done."""


class DataError(SegmetricsError):
    """An image, mask, prediction or table cannot be used."""


class ModelError(SegmetricsError):
    """The model, or the command that predicts, does not fit or fails."""


class TrackingError(SegmetricsError):
    """The MLflow server or store cannot be used; results and verdict are untouched."""

    exit_code = 3


class RegistryError(TrackingError):
    """The model registry failed; the alias was not moved."""


class VerdictError(SegmetricsError):
    """A verdict is not that of the files at hand, so it cannot count as a pass."""

    exit_code = 1


class PromotionError(SegmetricsError):
    """Promotion was refused; the alias was not moved."""

    exit_code = 1


class VerificationError(SegmetricsError):
    """A registered version, or a dossier, does not carry the evaluation that it claims."""

    exit_code = 1
