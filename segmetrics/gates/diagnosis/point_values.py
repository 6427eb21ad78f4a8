"""Rules that compare a value without its interval."""

from __future__ import annotations

from collections.abc import Sequence

from segmetrics.gates.rules import Finding, Rule


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
