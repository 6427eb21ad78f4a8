"""Rules that compare a value without its interval, or with one that says little."""

from __future__ import annotations

from collections.abc import Sequence

from segmetrics.gates.rules import Finding, Rule

USUAL_CONFIDENCE = 0.9


def point_values(rules: Sequence[Rule], statistic: str) -> list[Finding]:
    """A note that names the rules which compare the value alone.

    Parameters
    ----------
    statistic
        That of rules which name none.
    """
    names = [rule.name for rule in rules if (rule.statistic or statistic) == "point"]
    if not names:
        return []
    text = (
        f"these rules compare the value alone (`statistic: point`), so one close to its bound may "
        f"be luck of the sample: {', '.join(names)}"
    )
    return [Finding("point_values", "note", text, {"rules": names})]


def low_confidence(rules: Sequence[Rule], statistic: str, confidence: float) -> list[Finding]:
    """A warning where intervals are so narrow that conservative rules pass by luck.

    Parameters
    ----------
    statistic
        That of rules which name none.
    confidence
        Of the two-sided interval, in (0, 1).
    """
    names = [rule.name for rule in rules if (rule.statistic or statistic) == "conservative"]
    if confidence >= USUAL_CONFIDENCE or not names:
        return []
    wrong = (1 - confidence) / 2
    text = (
        f"intervals hold the true value in {confidence:.0%} of test sets only "
        f"(`statistics.confidence`; 95 % is usual), so up to {wrong:.1%} of the models that just "
        f"miss a bound pass by luck: {', '.join(names)}"
    )
    return [Finding("low_confidence", "warn", text, {"confidence": confidence, "rules": names})]
