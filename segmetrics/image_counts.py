"""What the tables say of single images, for findings: copies of references, ignored pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from segmetrics.gates.diagnosis import Copies, Ignored
from segmetrics.gates.diagnosis.ignored import IMAGE
from segmetrics.tables import Measurements

_MOST = np.iinfo(np.int64).max


def copies_of(tables: Measurements | None, scored: Sequence[str]) -> Copies:
    """The predictions that equal their reference; none without tables."""
    if tables is None:
        return Copies()
    places, counts = _places(tables, scored), tables.counts
    there = (counts.tp + counts.fn)[:, places].any(axis=1)
    right = ~(counts.fp + counts.fn)[:, places].any(axis=1)
    alike = np.array(tables.reference_digests) == np.array(tables.prediction_digests)
    return Copies(int(there.sum()), int((there & alike).sum()), int((there & right).sum()))


def ignored_of(
    tables: Measurements | None, shapes: Mapping[str, Sequence[int]], scored: Sequence[str]
) -> Ignored:
    """The pixels that are counted in no class; nothing without tables.

    Parameters
    ----------
    shapes
        Of the masks, by id; images without one are left out.
    """
    if tables is None:
        return Ignored()
    rows = [i for i, name in enumerate(tables.ids) if name in shapes]
    ids = np.array(tables.ids)[rows]
    counts = tables.counts
    # The same for all classes, unless they overlap and each ignores pixels of its own.
    counted = (counts.tp + counts.fp + counts.fn + counts.tn)[rows].min(axis=1, initial=_MOST)
    pixels = np.array([math.prod(shapes[name]) for name in ids], np.int64)
    # Where more is counted than there is, another finding says that the tables are stale.
    ignored = np.maximum(pixels - counted, 0)
    share = ignored / np.maximum(pixels, 1)
    there = (counts.tp + counts.fn)[np.ix_(rows, _places(tables, scored))].any(axis=1)
    return Ignored(
        images=len(rows),
        pixels=int(pixels.sum()),
        ignored=int(ignored.sum()),
        highest=float(share.max(initial=0.0)),
        mostly=tuple(ids[share > IMAGE].tolist()),
        emptied=tuple(ids[(ignored > 0) & ~there].tolist()),
    )


def _places(tables: Measurements, scored: Sequence[str]) -> list[int]:
    return [tables.classes.index(name) for name in scored if name in tables.classes]
