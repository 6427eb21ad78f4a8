"""How rules cut a split into slices."""

from __future__ import annotations

from collections.abc import Mapping

from segmetrics.config.models import Rule as RuleSettings
from segmetrics.stats.slice_by import SliceBy


def slices(rules: Mapping[str, RuleSettings | None]) -> tuple[SliceBy, ...]:
    """The slices that rules ask for, each once."""
    asked = [slice_of(rule)[0] for rule in rules.values() if rule is not None]
    return tuple(dict.fromkeys(by for by in asked if by is not None))


def slice_of(rule: RuleSettings) -> tuple[SliceBy | None, str | None]:
    """How a rule cuts its split, and the one slice that it is about, if it names one."""
    wanted, edges = rule.slice, rule.bins or ()
    if wanted is None:
        return None, None
    if isinstance(wanted, str):
        return SliceBy((wanted,), edges), None
    by = SliceBy(tuple(wanted), edges)
    if not isinstance(wanted, Mapping):
        return by, None
    return by, by.named([str(value) for value in wanted.values()])
