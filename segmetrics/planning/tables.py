"""A plan from the spread that was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segmetrics.planning.pieces import Piece, Spread, table_pieces
from segmetrics.planning.plan import LEVELS, Plan, Ready, make_plan, population, true_value
from segmetrics.policy import Policy
from segmetrics.stats.power import Population, flipped, moved


def plan_from_tables(
    policy: Policy,
    spread: Spread,
    *,
    groups: int | None = None,
    levels: Sequence[float] = LEVELS,
    search: bool = True,
) -> Plan:
    """Plan with the spread of the measurements of the judged split.

    Parameters
    ----------
    groups
        Of the test sets; None: as many as there are.
    search
        Whether to look for the groups needed, which takes most of the time.

    Raises
    ------
    ConfigError
        No rule is left to plan with.
    """
    pieces, left_out = table_pieces(policy, spread)
    ready: list[Ready] = []
    for piece in pieces:
        found = _population(piece, policy, levels)
        if found is None:
            text = "nearly every group is perfect: there is no spread to plan with"
            left_out.append((piece.rule.name, text))
        else:
            ready.append((piece.rule, found))
    text = f"the spread of {spread.n_groups} groups of {policy.judge}"
    n = groups or spread.n_groups
    return make_plan(policy, ready, left_out, n, text, levels, search=search)


def _population(piece: Piece, policy: Policy, levels: Sequence[float]) -> Population | None:
    low, high = piece.low, piece.high
    above, bound = piece.above, piece.rule.at_least
    if bound is None:
        above = flipped(above, piece.below, low=low, high=high)
        bound = low + high - (piece.rule.at_most or 0.0)
    found = [
        moved(above, piece.below, true_value(bound, d, low, high), low=low, high=high)
        for d in levels
    ]
    there = [one for one in found if one is not None]
    if len(there) < len(found):
        return None
    return population(piece.rule, policy, np.stack(there), piece.below, low, bound)
