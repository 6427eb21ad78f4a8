"""`evaluate`: tables to metrics, by table algebra alone; no pixel is read."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmetrics.agreement import annotators_digest
from segmetrics.by_size import evaluate_sizes
from segmetrics.data.sample_list import read_sample_list
from segmetrics.data.samples import SampleRow
from segmetrics.data.subset import WHOLE, Subset, chosen
from segmetrics.errors import DataError
from segmetrics.files import write_text
from segmetrics.metrics.catalog import CATALOG
from segmetrics.slices import evaluate_slices
from segmetrics.stats.aggregate import Estimate, group_keys
from segmetrics.stats.evaluation import Scope, SplitEvaluation
from segmetrics.stats.scopes import EvaluationOptions as EvaluationOptions
from segmetrics.stats.scopes import aggregated, pixel_totals
from segmetrics.stats.scopes import evaluate_counts as evaluate_counts
from segmetrics.stats.thresholds import summarise_thresholds
from segmetrics.stats.worst import WorstImages, worst_images
from segmetrics.tables import Measurements, read_measurements


def evaluate_split(
    measurements: Measurements,
    rows: Mapping[str, SampleRow],
    options: EvaluationOptions,
    listed: int = 0,
) -> SplitEvaluation:
    """All metrics of a split: whole and by slice.

    Parameters
    ----------
    rows
        The row of samples.csv of each measured id: its group and slice columns.
    listed
        How many samples the split has, where not all of them are measured.
    """
    ordered = [rows[i] for i in measurements.ids]
    groups = group_keys([row.group for row in ordered])
    whole = evaluate_counts(measurements.observations, groups, measurements.classes, options)
    slices, left_out = evaluate_slices(measurements, ordered, groups, options)
    confusion = measurements.confusion
    return SplitEvaluation(
        samples=whole.samples,
        groups=whole.groups,
        classes=whole.classes,
        mean=whole.mean,
        labels=measurements.targets.classes,
        confusion=tuple(tuple(row) for row in confusion[:, :-1].tolist()),
        other=tuple(confusion[:, -1].tolist()),
        **pixel_totals(measurements.counts, len(measurements.targets.classes)),
        slices=slices,
        slices_left_out=left_out,
        sizes=evaluate_sizes(measurements, groups, options),
        annotators=_annotators(measurements, groups, options),
        worst=_worst(measurements, options),
        listed=listed if listed > whole.samples else 0,
        thresholds=summarise_thresholds(
            measurements.observations,
            measurements.classes,
            level=options.level,
            threshold=options.threshold,
        ),
    )


def overlap_means(
    measurements: Measurements, rows: Mapping[str, SampleRow], scored: Sequence[str]
) -> Scope:
    """The class means of Dice and IoU as with `both_empty: undefined`; no classes, no intervals."""
    groups = group_keys([rows[i].group for i in measurements.ids])
    places = [measurements.classes.index(name) for name in scored]
    wanted = [CATALOG["dice"], CATALOG["iou"]]
    options = EvaluationOptions(tuple(scored))
    found = aggregated(measurements.observations, groups, places, options, only=wanted)
    means: dict[str, Mapping[str, Estimate]] = {a: mean for a, (_, mean) in found.items()}
    return Scope(groups.size, np.unique(groups).size, {}, means)


def _worst(measurements: Measurements, options: EvaluationOptions) -> dict[str, WorstImages]:
    targets = measurements.targets
    names = (*options.scored, *(name for name, _ in targets.regions))
    places = {name: targets.names.index(name) for name in names if name in targets.names}
    return worst_images(measurements.ids, measurements.counts, places)


def _annotators(
    measurements: Measurements, groups: npt.NDArray[np.intp], options: EvaluationOptions
) -> dict[str, Scope]:
    """The metrics of every pair of annotators, and of each with the model: `anna vs model`."""
    place = {name: i for i, name in enumerate(measurements.ids)}
    return {
        pair.name: evaluate_counts(
            pair.observations,
            groups[[place[i] for i in pair.ids]],
            measurements.classes,
            options,
        )
        for pair in measurements.agreements
    }


def read_split(
    split: str,
    results: Path,
    rows: Sequence[SampleRow],
    measured_with: str | None = None,
    subset: Subset = WHOLE,
) -> tuple[Measurements, dict[str, SampleRow]]:
    """The tables of a split with the row of each measured sample.

    Parameters
    ----------
    subset
        Which of the listed samples have to be in the tables, and no others.

    Raises
    ------
    DataError
        The tables, the sample list and samples.csv do not hold the same samples of the same files,
        or the tables were measured with other settings.
    """
    folder = results / "measurements" / split
    drawn = chosen(read_sample_list(results / "samples" / f"{split}.csv"), split, subset)
    listed = {s.id: s for s in drawn.samples}
    measurements = read_measurements(folder)
    if measured_with is not None and measurements.key != measured_with:
        what = "was measured with other classes, encoding, ignored labels, threshold or `measure:`"
        raise DataError(str(folder), what, "run `dvc repro`")
    by_id = {row.id: row for row in rows if row.split == split}
    lacking = sorted(set(listed) ^ set(measurements.ids) | {*listed, *drawn.others} ^ set(by_id))
    if lacking:
        raise DataError(
            str(folder),
            f"{len(lacking)} samples are not in all of samples.csv, sample list and tables: "
            f"{', '.join(lacking[:10])}",
            "run `dvc repro`",
        )
    if measurements.targets.annotators != annotators_digest(list(listed.values())):
        what = "was measured with other files of the annotators"
        raise DataError(str(folder), what, "run `dvc repro`")
    digests = zip(
        measurements.ids, measurements.image_digests, measurements.reference_digests, strict=True
    )
    stale = [i for i, a, b in digests if (a, b) != (listed[i].image_digest, listed[i].mask_digest)]
    if stale:
        raise DataError(
            str(folder), f"was measured on other files: {', '.join(stale[:10])}", "run `dvc repro`"
        )
    return measurements, {i: by_id[i] for i in measurements.ids}


def write_dice_curve(path: Path, splits: Mapping[str, tuple[Measurements, Sequence[str]]]) -> None:
    """Write the sorted Dice values of each split and scored class, for `dvc plots`.

    Columns: split, class, share (of images with a lower or equal value, in (0, 1]), dice.
    """
    out = io.StringIO()
    out.write("split,class,share,dice\n")
    for split, (measurements, scored) in splits.items():
        values = CATALOG["dice"].values(measurements.counts, both_empty_is_one=False)
        for name in scored:
            column = values[:, measurements.classes.index(name)]
            ordered = np.sort(column[np.isfinite(column)])
            for rank, value in enumerate(ordered, start=1):
                out.write(f"{split},{name},{rank / ordered.size:.6g},{value:.6g}\n")
    write_text(path, out.getvalue())
