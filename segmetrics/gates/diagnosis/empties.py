"""Images without a class, where they count as perfect."""

from __future__ import annotations

from collections.abc import Sequence

from segmetrics.gates.diagnosis.checks import Level
from segmetrics.gates.grade import Bands, grade_scope
from segmetrics.gates.rules import Finding
from segmetrics.stats.evaluation import Scope, SplitEvaluation


def empty_images(
    split: SplitEvaluation,
    without: Scope,
    *,
    aggregate: str,
    bands: Bands,
    scored: Sequence[str],
    bad_grade_blocks: bool,
) -> list[Finding]:
    """A finding where images without a class in either mask count as 1 and lift the means.

    Where 97 of 100 images lack a class, a model that predicts nothing at all has a mean Dice of
    0.97. It blocks, as a bad grade does, where the grade is bad without these images; else it
    warns.

    Parameters
    ----------
    split
        With `measure.both_empty: one`.
    without
        The class means of Dice and IoU of the same images with `both_empty: undefined`.
    aggregate
        That of the grade.
    """
    grade, _ = grade_scope(split, aggregate, bands, scored)
    honest, why = grade_scope(without, aggregate, bands, scored)
    means = [s.estimate("mean", aggregate, "dice") for s in (split, without)]
    shown, alone = (e.value if e is not None else None for e in means)
    if shown == alone:
        return []
    text = (
        f"images without a class in either mask count as 1 (`measure.both_empty: one`): the grade "
        f"is {grade} with them, and {honest} without them ({why}). A model that predicts nothing "
        f"is right on each of them: add rules on recall, or set `both_empty: undefined`"
    )
    severity: Level = "block" if honest == "bad" and bad_grade_blocks else "warn"
    data = {"aggregate": aggregate, "dice": shown, "dice_without": alone, "grade": honest}
    return [Finding("empty_images", severity, text, data)]
