"""leakage.json: every judged sample against the samples of all other splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from segmetrics.data.fingerprints import CONSTANT, FLAT, LARGE, NAMES, RECORD
from segmetrics.data.labels import LabelScheme
from segmetrics.data.sample_list import Sample
from segmetrics.gates.leakage_report import KINDS, LeakageReport, LeakedPair, finite
from segmetrics.leakage.prints import CORNERS, image_prints, mask_prints
from segmetrics.leakage.search import LISTED, Hits, Records, find_similar, n_blocks
from segmetrics.progress import progress

_LEFT_OUT = {"flat": FLAT, "constant": CONSTANT, "large": LARGE}


@dataclass(slots=True, eq=False)
class _Found:
    """The pairs of one kind: the first ones, the number of all, the judged ids in any."""

    pairs: list[LeakedPair] = field(default_factory=list)
    count: int = 0
    samples: set[str] = field(default_factory=set)


def find_leakage(
    splits: Mapping[str, Sequence[Sample]],
    *,
    judged: str,
    scheme: LabelScheme,
    folder: Path,
    inputs: Mapping[str, str],
    workers: int,
) -> LeakageReport:
    """Compare the images and masks of the judged split with those of all others, and its own.

    Parameters
    ----------
    splits
        The sample list of every split.
    folder
        Where fingerprints are kept from run to run.
    inputs
        Digests of what this is computed from, to be written down.

    Raises
    ------
    DataError
        Files changed since they were listed, or cannot be read; all are named.
    """
    against = tuple(name for name in splits if name != judged)
    every = [sample for samples in splits.values() for sample in samples]
    folder.mkdir(parents=True, exist_ok=True)
    images = image_prints(every, folder=folder, workers=workers)
    masks = mask_prints(every, scheme, folder=folder, workers=workers)
    mine = sorted(splits[judged], key=lambda s: s.id)
    others = sorted(
        ((name, s) for name in against for s in splits[name]), key=lambda o: (o[1].id, o[0])
    )
    similar, review = _near(mine, others, images, workers)
    found = {
        "pixels": _same_pixels(mine, others, images),
        "similar": similar,
        "masks": _same_masks(mine, others, masks),
        "review": review,
        "within": _within(mine, judged, images, workers),
    }
    return LeakageReport(
        judged=judged,
        against=against,
        pairs=tuple(pair for kind in KINDS for pair in found[kind].pairs),
        counts={kind: found[kind].count for kind in KINDS},
        samples={kind: tuple(sorted(found[kind].samples)) for kind in KINDS},
        hashed={name: len(samples) for name, samples in splits.items()},
        left_out=_left_out(splits, images),
        inputs=inputs,
    )


Others = Sequence[tuple[str, Sample]]


def _pixels(sample: Sample, images: Mapping[str, np.void]) -> list[bytes | None]:
    """The pixels of each input file; None where they are one value, which says nothing."""
    records = [images[digest] for digest in sample.image_digests]
    return [None if r["kind"] == CONSTANT else r["pixels"].tobytes() for r in records]


def _within(
    mine: Sequence[Sample], judged: str, images: Mapping[str, np.void], workers: int
) -> _Found:
    """Copies of an earlier image of the judged split itself, but for identical files.

    These, `leakage_repeated`, are seen without decoding anything.
    """
    own: Others = [(judged, sample) for sample in mine]
    found = _same_pixels(mine, own, images, within=True)
    records = _records(mine, images)
    similar = Hits.none()
    blocks = find_similar(records, records, workers=workers, within=True)
    for near, _ in progress(blocks, total=n_blocks(records), text="comparing judged images"):
        similar = similar.plus(near)
    more = _listed("within", similar, mine, own)
    pairs = (found.pairs + more.pairs)[:LISTED]
    return _Found(pairs, found.count + more.count, found.samples | more.samples)


def _same_pixels(
    mine: Sequence[Sample],
    others: Others,
    images: Mapping[str, np.void],
    *,
    within: bool = False,
) -> _Found:
    """Pairs whose image, or more than half of whose input files, have identical pixels.

    A channel alone may be alike everywhere, such as the outline of a field of view.

    Parameters
    ----------
    within
        `others` are the judged samples themselves: pairs are of other files, and with those before.
    """
    places: dict[tuple[int, bytes], list[int]] = {}
    for n, (_, other) in enumerate(others):
        for channel, pixels in enumerate(_pixels(other, images)):
            if pixels is not None:
                places.setdefault((channel, pixels), []).append(n)
    found = _Found()
    for place, sample in enumerate(mine):
        own = _pixels(sample, images)
        hits = [places.get((c, p), []) if p is not None else [] for c, p in enumerate(own)]
        matching = set(hits[0])
        if len(hits) > 1:
            matching |= _in_most(hits)
        if within:
            digest = sample.image_digest
            matching = {n for n in matching if n < place and mine[n].image_digest != digest}
        _add(found, "within" if within else "pixels", sample, others, sorted(matching))
    return found


def _in_most(hits: Sequence[Sequence[int]]) -> set[int]:
    votes: dict[int, int] = {}
    for places in hits:
        for n in places:
            votes[n] = votes.get(n, 0) + 1
    return {n for n, count in votes.items() if 2 * count > len(hits)}


def _same_masks(mine: Sequence[Sample], others: Others, masks: Mapping[str, np.void]) -> _Found:
    places: dict[bytes, list[int]] = {}
    for n, (_, other) in enumerate(others):
        record = masks[other.mask_digest]
        if record["corners"] >= CORNERS:
            places.setdefault(record["labels"].tobytes(), []).append(n)
    found = _Found()
    for sample in mine:
        labels = masks[sample.mask_digest]["labels"].tobytes()
        _add(found, "masks", sample, others, places.get(labels, []))
    return found


def _add(found: _Found, kind: str, sample: Sample, others: Others, places: Sequence[int]) -> None:
    if not places:
        return
    found.count += len(places)
    found.samples.add(sample.id)
    for n in islice(places, max(0, LISTED - len(found.pairs))):
        split, other = others[n]
        found.pairs.append(LeakedPair(kind, sample.id, other.id, split))


def _near(
    mine: Sequence[Sample], others: Others, images: Mapping[str, np.void], workers: int
) -> tuple[_Found, _Found]:
    """Near-duplicates and pairs for review; of several input files the first is compared."""
    judged = _records(mine, images)
    theirs = _records([sample for _, sample in others], images)
    similar, review = Hits.none(), Hits.none()
    blocks = find_similar(judged, theirs, workers=workers)
    for near, doubtful in progress(blocks, total=n_blocks(theirs), text="comparing images"):
        similar, review = similar.plus(near), review.plus(doubtful)
    return _listed("similar", similar, mine, others), _listed("review", review, mine, others)


def _records(samples: Sequence[Sample], images: Mapping[str, np.void]) -> Records:
    return np.array([images[s.file_digest] for s in samples], RECORD)


def _listed(kind: str, hits: Hits, mine: Sequence[Sample], others: Others) -> _Found:
    pairs = []
    for n in range(len(hits.judged)):
        split, other = others[hits.other[n]]
        pairs.append(
            LeakedPair(
                kind,
                mine[hits.judged[n]].id,
                other.id,
                split,
                int(hits.distance[n]),
                finite(float(hits.correlation[n])),
                NAMES[hits.orientation[n]],
            )
        )
    return _Found(pairs, hits.count, {mine[n].id for n in hits.samples})


def _left_out(
    splits: Mapping[str, Sequence[Sample]], images: Mapping[str, np.void]
) -> dict[str, dict[str, int]]:
    kinds = {
        name: [int(images[s.file_digest]["kind"]) for s in samples]
        for name, samples in splits.items()
    }
    counted = {
        reason: {name: found.count(kind) for name, found in kinds.items() if kind in found}
        for reason, kind in _LEFT_OUT.items()
    }
    return {reason: n for reason, n in counted.items() if n}
