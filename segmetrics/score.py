"""`segmetrics score`: two folders of masks to metrics, without DVC, MLflow or params.yaml."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from segmetrics.data.folders import files_by_stem, pair_by_stem
from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.data.masks import read_mask, warn_jpeg_predictions, warn_lossy
from segmetrics.data.pictures import SUFFIXES, read_bytes
from segmetrics.errors import ConfigError, DataError, Problem
from segmetrics.evaluate import EvaluationOptions, evaluate_counts
from segmetrics.files import write_text
from segmetrics.measure import settings_key
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.operating_point import OperatingPoint
from segmetrics.pair import MeasuredPair, measure_files
from segmetrics.parallel import ordered_map
from segmetrics.pixels import PixelOptions, Question
from segmetrics.progress import progress
from segmetrics.stats.evaluation import SplitEvaluation
from segmetrics.tables import IMAGES, TABLES, MeasuredImage, Targets, write_table

_COUNTS_ONLY = PixelOptions()
MOST_CLASSES = 256
PER_IMAGE = ("dice", "iou", "precision", "recall")


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Two folders compared: per image, and all together."""

    images: tuple[MeasuredImage, ...]
    scheme: LabelScheme
    evaluation: SplitEvaluation

    @property
    def counts(self) -> ConfusionCounts:
        """Shape (n, K)."""
        return ConfusionCounts.from_matrix(np.stack([image.matrix for image in self.images]))

    def spread(self, metric: str) -> list[float]:
        """Sample standard deviation over the images where the metric is defined, by class."""
        values = CATALOG[metric].values(self.counts, both_empty_is_one=False)
        columns = [column[np.isfinite(column)] for column in values.T]
        return [float(c.std(ddof=1)) if c.size > 1 else float("nan") for c in columns]


def score_folders(
    *,
    references: Path,
    predictions: Path,
    scheme: LabelScheme | None,
    workers: int,
    options: PixelOptions = _COUNTS_ONLY,
    spacing: tuple[float, ...] = (),
) -> Scored:
    """Measure every pair of files of the same name.

    Parameters
    ----------
    scheme
        The classes; None: every label value that occurs in the references is a class, named by its
        number, and 0 is left out of the class mean.

    Raises
    ------
    DataError
        Files are missing, surplus, unreadable or of another shape: all are listed.
    """
    left = files_by_stem(references, SUFFIXES, "mask")
    right = files_by_stem(predictions, SUFFIXES, "mask")
    stems = pair_by_stem(left, right, ("reference", "prediction"))
    warn_jpeg_predictions(right.values())
    scheme = scheme or discover(list(left.values()), workers)
    question = Question(scheme, Targets(scheme.names), OperatingPoint("argmax"), options)
    count = partial(_count, question=question, spacing=spacing)
    pairs = [(left[stem], right[stem]) for stem in stems]
    found = list(
        progress(ordered_map(count, pairs, workers=workers), total=len(pairs), text="scoring")
    )
    problems = [result for result in found if isinstance(result, Problem)]
    if problems:
        raise DataError.of(problems, f"{references} against {predictions}")
    counted = [result for result in found if isinstance(result, MeasuredPair)]
    lossy = [(str(left[s]), c.lossy_pixels) for s, c in zip(stems, counted, strict=True)]
    warn_lossy([(where, n) for where, n in lossy if n is not None])
    images = tuple(c.named(stem, "") for stem, c in zip(stems, counted, strict=True))
    return Scored(images, scheme, _evaluate(images, scheme))


def _count(
    pair: tuple[Path, Path], *, question: Question, spacing: tuple[float, ...]
) -> MeasuredPair | Problem:
    try:
        return measure_files(
            reference=pair[0], prediction=pair[1], question=question, spacing=spacing, given=True
        )
    except DataError as error:
        return error.problems[0]


def _evaluate(images: Sequence[MeasuredImage], scheme: LabelScheme) -> SplitEvaluation:
    matrices = np.stack([image.matrix for image in images])
    counts = ConfusionCounts.from_matrix(matrices)
    groups = np.arange(len(images))
    scope = evaluate_counts(counts, groups, scheme.names, EvaluationOptions(scheme.scored))
    total = matrices.sum(axis=0)
    return SplitEvaluation(
        samples=scope.samples,
        groups=scope.groups,
        classes=scope.classes,
        mean=scope.mean,
        labels=scheme.names,
        confusion=tuple(tuple(row) for row in total[:, :-1].tolist()),
        other=tuple(total[:, -1].tolist()),
    )


def discover(files: Sequence[Path], workers: int) -> LabelScheme:
    """The label values that occur in masks, as classes named by their numbers.

    Raises
    ------
    DataError
        A mask cannot be read; or the values look like a 0/255 mask, or like no labels at all.
    """
    anything = LabelScheme(names=("0",), values=((0,),))

    def distinct(path: Path) -> set[int]:
        mask = read_mask(read_bytes(path), str(path), anything)
        return set(values_of(mask.labels)[0].tolist())

    values = sorted(set().union(*ordered_map(distinct, files, workers=workers)))
    where = str(files[0].parent)
    if values in ([0, 255], [255]):
        raise DataError(where, "the masks hold only 0 and 255", "add --binary")
    if len(values) > MOST_CLASSES:
        raise DataError(
            where,
            f"the masks hold {len(values)} different values, more than {MOST_CLASSES}",
            "name the classes: --classes background=0,tumour=1",
        )
    exclude = ("0",) if 0 in values and len(values) > 1 else ()
    return LabelScheme(tuple(map(str, values)), tuple((v,) for v in values), exclude=exclude)


def write_score_table(path: Path, scored: Scored) -> None:
    """Write one row per image and class, as .parquet (counts) or .csv (counts and metrics)."""
    writers: dict[str, Callable[[Path, Scored], None]] = {".csv": _csv, ".parquet": _parquet}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise ConfigError("--table", f'"{path}" ends in neither .csv nor .parquet')
    writer(path, scored)


def _parquet(path: Path, scored: Scored) -> None:
    targets = Targets(scored.scheme.names)
    key = settings_key(Question(scored.scheme, targets, OperatingPoint("argmax")))
    write_table(path, TABLES[IMAGES](scored.images, targets), targets=targets, key=key)


def _csv(path: Path, scored: Scored) -> None:
    counts = scored.counts
    metrics = [CATALOG[m].values(counts, both_empty_is_one=False) for m in PER_IMAGE]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "class", "tp", "fp", "fn", "tn", *PER_IMAGE])
    for i, image in enumerate(scored.images):
        for k, name in enumerate(scored.scheme.names):
            four = [int(a[i, k]) for a in (counts.tp, counts.fp, counts.fn, counts.tn)]
            values = [repr(float(m[i, k])) if np.isfinite(m[i, k]) else "" for m in metrics]
            writer.writerow([image.id, name, *four, *values])
    write_text(path, out.getvalue())
