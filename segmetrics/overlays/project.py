"""`overlays` for a project: from the tables of the judged split to pictures of single images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from segmetrics.data.masks import warn_jpeg_predictions
from segmetrics.data.multilabel import mask_digest
from segmetrics.errors import DataError, Problem
from segmetrics.evidence import Layout, digest
from segmetrics.files import write_bytes, write_json
from segmetrics.inference.store import read_manifest
from segmetrics.measure import Pair, pair_samples
from segmetrics.overlays.index import INDEX, Cut, Kind, Overlay, Overlays
from segmetrics.overlays.picture import draw_overlay
from segmetrics.overlays.ranking import Pick, Wanted, rank_images
from segmetrics.overlays.reading import read_image, read_regions
from segmetrics.parallel import item_map
from segmetrics.pixels import Question
from segmetrics.tables import Measurements, read_measurements

_REMEDY = "run `dvc repro`"


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A picture, and what it shows."""

    content: bytes
    cut: Cut | None
    cell: int
    image: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """A picture to draw, and what its table row says of the prediction's bytes."""

    pair: Pair
    pick: Pick
    prediction_digest: str


def write_overlays(
    layout: Layout,
    *,
    split: str,
    predictions: Path,
    question: Question,
    metric: str,
    wanted: Wanted,
    workers: int,
) -> Overlays:
    """Draw the worst, median and best images of a split into `results/overlays/`.

    Parameters
    ----------
    predictions
        The folder of the predictions that were measured.
    metric
        What images are ranked by: the primary metric of the domain.

    Raises
    ------
    DataError
        Tables, sample list and files do not belong together.
    """
    measured = read_measurements(layout.measurements(split))
    chosen = layout.chosen(split)
    if measured.ids != tuple(sample.id for sample in chosen.samples):
        what = "holds other samples than the list of the split"
        raise DataError(str(layout.measurements(split)), what, _REMEDY)
    pairs = pair_samples(
        chosen.samples, predictions, read_manifest(predictions), others=chosen.others
    )
    scored = [measured.classes.index(name) for name in question.scheme.scored]
    picks, ranked = rank_images(measured.ids, measured.counts, scored, metric=metric, wanted=wanted)
    jobs = [_Job(pairs[p.row], p, measured.prediction_digests[p.row]) for p in picks]
    warn_jpeg_predictions(job.pair.prediction for job in jobs)
    results = list(item_map(partial(_draw, question=question), jobs, workers=workers))
    problems = [result for result in results if isinstance(result, Problem)]
    if problems:
        raise DataError.of(problems, f"overlays of {split}")
    drawn = [result for result in results if isinstance(result, _Drawn)]
    _clear(layout.overlays)
    images = []
    for name, job, made in zip(_names(picks), jobs, drawn, strict=True):
        write_bytes(layout.overlays / name, made.content)
        images.append(_entry(name, job, made, measured, metric))
    found = Overlays(split, metric, ranked, tuple(images))
    write_json(layout.overlays / INDEX, found.to_json())
    return found


def _draw(job: _Job, *, question: Question) -> _Drawn | Problem:
    sample, prediction = job.pair.sample, job.pair.prediction
    try:
        for path, before, now in (
            (sample.mask, sample.mask_digest, mask_digest(sample.mask, question.scheme)),
            (prediction, job.prediction_digest, digest(prediction)),
        ):
            if before != now:
                raise DataError(str(path), "changed since it was measured", _REMEDY)
        regions, cut, turned, cell = read_regions(sample, prediction, question, job.pick.target)
        image = read_image(sample, cut, turned=turned, cell=cell)
    except DataError as error:
        return error.problems[0]
    return _Drawn(draw_overlay(image, regions), cut, cell, image is not None)


def _names(picks: Sequence[Pick]) -> list[str]:
    """`worst-001.png`: by kind and place, so that nothing of an id is in a path."""
    seen: dict[Kind, int] = {}
    names = []
    for pick in picks:
        seen[pick.kind] = seen.get(pick.kind, 0) + 1
        names.append(f"{pick.kind}-{seen[pick.kind]:03d}.png")
    return names


def _entry(name: str, job: _Job, made: _Drawn, measured: Measurements, metric: str) -> Overlay:
    pick, counts = job.pick, measured.counts
    tp, fp, fn = (int(c[pick.row, pick.target]) for c in (counts.tp, counts.fp, counts.fn))
    return Overlay(
        id=job.pair.sample.id,
        file=name,
        kind=pick.kind,
        metric=metric,
        value=pick.value,
        class_name=measured.classes[pick.target],
        dice=pick.dice,
        tp=tp,
        fp=fp,
        fn=fn,
        cut=made.cut,
        cell=made.cell,
        image=made.image,
    )


def _clear(folder: Path) -> None:
    """Remove what an earlier run drew."""
    for path in folder.glob("*.png") if folder.is_dir() else ():
        path.unlink()
