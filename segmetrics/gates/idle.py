"""What decides nothing: bounds that every model meets, rules on classes that nobody scores.

A set of rules that holds nothing else passes a model that predicts nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from segmetrics.gates.rules import EVERY, MEAN, Rule
from segmetrics.metrics.catalog import CATALOG


def on_excluded(rule: Rule, scored: Collection[str], labels: Collection[str]) -> bool:
    """Whether a rule looks at a class that is left out of all scores.

    Parameters
    ----------
    scored
        The classes that are not excluded.
    labels
        All classes, without regions.
    """
    name = rule.class_name
    return name not in (MEAN, EVERY) and name in labels and name not in scored


def excludes_nothing(metric: str, key: str, bound: float) -> bool:
    """Whether every value of a metric meets a bound: `dice >= 0`, `mcc >= -1`, `fp_on_empty <= 1`.

    Parameters
    ----------
    key
        `at_least` or `at_most`.
    """
    known = CATALOG.get(metric)
    if known is None:
        return False
    return bound <= known.low if key == "at_least" else bound >= known.high


def margin_excludes_nothing(metric: str, margin: float | None) -> bool:
    """Whether no difference of two values of a metric is worse by more than `margin`."""
    known = CATALOG.get(metric)
    if known is None or margin is None:
        return False
    span = known.high - known.low
    return math.isfinite(span) and margin >= span
