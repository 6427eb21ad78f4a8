"""Which samples got worse since the baseline."""

from __future__ import annotations

import numpy as np

from segmetrics.compare.pairs import Pairs
from segmetrics.gates.rules import Finding
from segmetrics.metrics.catalog import CATALOG

DROP = 0.1
MOST = 50


def got_worse(pairs: Pairs) -> list[Finding]:
    """A finding that lists the shared samples which lost more than 0.1 Dice, worst first.

    Of each sample the scored class that lost most counts. Where a class is in neither mask Dice is
    undefined, and nothing is wrong: it counts as 1, so that a first false alarm is listed.
    """
    names = pairs.classes.scored
    if not names or not pairs.groups.size:
        return []
    places = pairs.places(names)
    before, now = (
        np.nan_to_num(CATALOG["dice"].values(o.counts, both_empty_is_one=False)[:, places], nan=1.0)
        for o in (pairs.one, pairs.two)
    )
    drop = before - now
    worst = drop.argmax(axis=1)
    most = drop.max(axis=1)
    # Not 0.1 + 1e-17 of a difference that is 0.1 on paper.
    chosen = np.flatnonzero(most > DROP + 1e-12)
    if not chosen.size:
        return []
    ids = [pairs.second.measurements.ids[i] for i in pairs.pairing.second]
    order = sorted(chosen, key=lambda i: (-most[i], ids[i]))[:MOST]
    better = int((most < -DROP).sum())
    first = order[0]
    text = (
        f"{chosen.size} of {len(ids)} shared samples lost more than {DROP:g} Dice since the "
        f"baseline, the worst of them {most[first]:.2f} ({names[worst[first]]}); {better} gained "
        f"more than that in every class"
    )
    text += f"; the first {MOST} are listed" if chosen.size > MOST else ""
    data = {
        "ids": [ids[i] for i in order],
        "classes": [names[worst[i]] for i in order],
        "before": [round(float(before[i, worst[i]]), 9) for i in order],
        "now": [round(float(now[i, worst[i]]), 9) for i in order],
        "count": int(chosen.size),
        "shared": len(ids),
    }
    return [Finding("got_worse", "warn", text, data)]
