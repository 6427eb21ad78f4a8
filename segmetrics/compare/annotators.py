"""The model among people: how well it agrees with them, and they with one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from segmetrics.gates.rules import Shared
from segmetrics.metrics.catalog import MEANS, Aggregate, MetricInfo
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.observations import Observations
from segmetrics.stats.paired import Difference, paired_differences
from segmetrics.stats.resampling import Resampling
from segmetrics.tables import MODEL, Measurements

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def several_annotators(measurements: Measurements) -> Mask:
    """Shape (n,): the samples that at least two people annotated."""
    places = {name: i for i, name in enumerate(measurements.ids)}
    there = np.zeros(len(places), bool)
    for pair in measurements.agreements:
        if pair.prediction != MODEL:
            there[[places[i] for i in pair.ids]] = True
    return there


def annotator_differences(
    measurements: Measurements,
    metric: MetricInfo,
    aggregate: Aggregate,
    targets: Sequence[Sequence[int]],
    *,
    groups: npt.NDArray[np.intp],
    rows: Mask,
    resampling: Resampling,
    both_empty_is_one: bool,
) -> tuple[list[Difference], Shared]:
    """Agreement of the model with people minus that of people, image by image.

    Of an image: the mean of the metric of each annotator (as the reference) with the model, minus
    its mean over all pairs of annotators. Values that are undefined are left out of these means.
    An image where people agree that there is nothing, and the model predicts something, counts for
    the model alone, which makes it worse.

    Parameters
    ----------
    aggregate
        `image_mean` or `group_mean`: agreement has no pooled value, because not every image has as
        many annotators.
    targets
        Places of classes among the R; of several, the difference of the mean.
    groups
        Shape (n,): of all measured samples.
    rows
        Shape (n,): the samples that are asked about; of these, those with several annotators count.

    Returns
    -------
    list of Difference, Shared
        One for each target, and how many samples have several annotators.
    """
    several = several_annotators(measurements)
    chosen = np.flatnonzero(several & rows)
    own = [(measurements.ids, measurements.observations)]
    own += [(a.ids, a.observations) for a in measurements.agreements if a.prediction == MODEL]
    human = [(a.ids, a.observations) for a in measurements.agreements if a.prediction != MODEL]
    plain = replace(metric, compute=None, family="column", aggregates=MEANS)
    sides = []
    # Of these samples alone, as `per_image` decides by all it sees whether empty images count.
    asked_ids = {measurements.ids[i] for i in chosen}
    for tables in (own, human):
        shape = measurements.counts.tp.shape
        some = [_of(names, observed, asked_ids) for names, observed in tables]
        values = _mean(measurements.ids, shape, some, metric, both_empty_is_one=both_empty_is_one)
        observed = Observations(
            counts=ConfusionCounts.zeros(shape),
            columns={metric.name: values},
            diagonals=measurements.observations.diagonals,
        )
        sides.append(observed.rows(chosen))
    found = paired_differences(
        plain,
        candidate=sides[0],
        baseline=sides[1],
        groups=groups[chosen],
        aggregate=aggregate,
        targets=targets,
        resampling=resampling,
    )
    asked = int(rows.sum())
    return found, Shared(chosen.size, asked, asked)


def _of(
    names: Sequence[str], observed: Observations, wanted: Set[str]
) -> tuple[list[str], Observations]:
    """The rows of some samples."""
    keep = np.array([name in wanted for name in names], bool)
    return [name for name in names if name in wanted], observed.rows(keep)


def _mean(
    ids: Sequence[str],
    shape: tuple[int, ...],
    tables: Iterable[tuple[Sequence[str], Observations]],
    metric: MetricInfo,
    *,
    both_empty_is_one: bool,
) -> Values:
    """Shape (n, R): the mean of what is defined; NaN where nothing is."""
    places = {name: i for i, name in enumerate(ids)}
    total, defined = np.zeros(shape), np.zeros(shape)
    for names, observed in tables:
        values = observed.per_image(metric, both_empty_is_one=both_empty_is_one)
        at = [places[name] for name in names]
        finite = np.isfinite(values)
        total[at] += np.where(finite, values, 0.0)
        defined[at] += finite
    mean: Values = np.where(defined > 0, total / np.maximum(defined, 1), np.nan)
    return mean
