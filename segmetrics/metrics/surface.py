"""Surface distances: how far the borders of two masks are apart.

`surface_distances` does the work once; `hd`, `hd95`, `hd_percentile`, `assd`, `masd` and `nsd`
reduce its result. Distances are in the unit of the spacing that was given; pixels without one.

Where a mask is empty there is no border to measure: both empty is undefined (NaN); exactly one
empty is infinitely far (NSD: 0). `_reduce` is the one place that decides it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segmetrics.metrics._border import PREDICTION, REFERENCE, find_borders
from segmetrics.metrics._nearest import Search, nearest
from segmetrics.metrics._shells import margin_of, near_shells
from segmetrics.metrics._surface_checks import check_masks, check_spacing
from segmetrics.metrics.counts import Labels

Distances = npt.NDArray[np.float64]

# Spacings come from headers of single precision, and 3 steps of 0.1 are 0.30000000000000004: a
# distance that differs from the tolerance by rounding alone is within it.
_ROUNDING = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceDistances:
    """Distances between the border elements of two masks, in the unit of the spacing.

    Attributes
    ----------
    reference_to_prediction : float64, shape (number of reference border elements,)
        From each border element of the reference to the nearest of the prediction; `inf` where the
        prediction is empty.
    prediction_to_reference : float64, shape (number of prediction border elements,)
        The reverse.
    """

    reference_to_prediction: Distances
    prediction_to_reference: Distances


def surface_distances(
    *,
    reference: Labels,
    prediction: Labels,
    spacing: Sequence[float] | None = None,
) -> SurfaceDistances:
    """Measure how far the borders of two masks are apart.

    The border of a mask is the mask minus its erosion with 2n face neighbours (4 in 2-D, 6 in 3-D);
    outside the image is background, so a mask that touches the edge has a border there. Distances
    run between the centres of border elements and are exact.

    Parameters
    ----------
    reference, prediction
        Boolean or integer masks of one shape, one or more axes; not zero is foreground.
    spacing
        Distance of neighbouring elements along each axis, in array order; 1 (pixels) if None.

    Returns
    -------
    SurfaceDistances
        float64, one value for each border element, in memory order. Both arrays are empty where
        both masks are.

    Raises
    ------
    DataError
        The shapes differ, or they have no axis.
    TypeError
        A mask holds neither booleans nor integers.
    ValueError
        `spacing` has not one positive, finite number (1e-100 to 1e100) for each axis.

    Notes
    -----
    Time and memory go with the common bounding box (one byte for each of its elements) and the
    borders in it. A picture takes 4 more bytes for each element of a box of up to 2**24 elements
    (8 up to 2**20), and up to 12 where many border elements are far from the other border. In a
    volume where they fill much of the box and lie far apart, a distance transform takes over, with
    4 bytes for each element and axis.

    Examples
    --------
    >>> reference, prediction = np.zeros((2, 8, 8), bool)
    >>> reference[2, 2] = prediction[2, 5] = True
    >>> hd(surface_distances(reference=reference, prediction=prediction, spacing=(1.0, 0.5)))
    1.5
    """
    return _distances(reference=reference, prediction=prediction, spacing=spacing)


def _distances(
    *,
    reference: Labels,
    prediction: Labels,
    spacing: Sequence[float] | None,
    search: Search = "auto",
    look_around: bool = True,
) -> SurfaceDistances:
    """`surface_distances` by a way that tests may choose."""
    check_masks(reference, prediction)
    steps = check_spacing(spacing, reference.ndim)
    if reference.flags.f_contiguous and not reference.flags.c_contiguous:
        # Volumes of NIfTI files: walk along memory.
        reference, prediction, steps = reference.T, prediction.T, steps[::-1]
    shells = near_shells(steps)
    borders = find_borders(
        reference=reference, prediction=prediction, margin=margin_of(shells, len(steps))
    )
    if borders is None:
        return SurfaceDistances(np.zeros(0), np.zeros(0))
    own, other = (borders.kind & REFERENCE) != 0, (borders.kind & PREDICTION) != 0
    if own.any() and other.any():
        distances = nearest(
            borders, spacing=steps, shells=shells if look_around else (), search=search
        )
    else:
        distances = np.full(borders.at.size, np.inf)
    return SurfaceDistances(distances[own], distances[other])


def hd(distances: SurfaceDistances) -> float:
    """Hausdorff distance: the largest distance of either direction.

    In [0, inf], 0 is best, in the unit of spacing. NaN where both masks are empty, `inf` where one
    is. One stray pixel decides it. Source: Huttenlocher et al. 1993, IEEE TPAMI 15(9).
    """
    return _reduce(distances, lambda a, b: float(max(a.max(), b.max())), one_empty=math.inf)


def hd95(distances: SurfaceDistances) -> float:
    """HD95: the larger of the two directed 95th percentiles, linear interpolation.

    In [0, inf], 0 is best, in the unit of spacing. NaN where both masks are empty, `inf` where one
    is. Others pool both directions (MedPy) or weigh by surface area (DeepMind): other values.
    Source: Maier-Hein et al. 2024, Nature Methods 21, "Metrics Reloaded".
    """
    return hd_percentile(distances, percentile=95.0)


def hd_percentile(distances: SurfaceDistances, *, percentile: float) -> float:
    """The larger of the two directed percentiles of the distances, linear interpolation.

    In [0, inf], 0 is best, in the unit of spacing; `hd` for 100. NaN where both masks are empty,
    `inf` where one is.

    Raises
    ------
    ValueError
        `percentile` is not in [0, 100].
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"percentile is {percentile}, not in [0, 100]")
    return _reduce(
        distances,
        lambda a, b: max(_percentile(a, percentile), _percentile(b, percentile)),
        one_empty=math.inf,
    )


def assd(distances: SurfaceDistances) -> float:
    """Average symmetric surface distance: the mean over the border elements of both masks.

    In [0, inf], 0 is best, in the unit of spacing. NaN where both masks are empty, `inf` where one
    is. The mask with the longer border weighs more; see `masd`. Source: Heimann et al. 2009, IEEE
    TMI 28(8).
    """
    return _reduce(
        distances,
        lambda a, b: float((a.sum() + b.sum()) / (a.size + b.size)),
        one_empty=math.inf,
    )


def masd(distances: SurfaceDistances) -> float:
    """Mean average surface distance: the mean of the two directed means.

    In [0, inf], 0 is best, in the unit of spacing. NaN where both masks are empty, `inf` where one
    is. Source: Benes and Zitova 2015, J. Microscopy 257(1); Maier-Hein et al. 2024.
    """
    return _reduce(distances, lambda a, b: float((a.mean() + b.mean()) / 2), one_empty=math.inf)


def nsd(distances: SurfaceDistances, *, tolerance: float) -> float:
    """Normalised surface distance (surface Dice): share of border elements within `tolerance`.

    Pools the border elements of both masks; a distance equal to the tolerance is within it, up to
    rounding (1e-7 of it). In [0, 1], 1 is best. NaN where both masks are empty, 0 where one is.
    Source: Nikolov et al. 2021, J. Med. Internet Res. 23(7), with elements counted, not weighed by
    area.

    Parameters
    ----------
    tolerance
        In the unit of spacing, >= 0. It has no default: it says what difference does not matter,
        for instance that between two annotators.

    Raises
    ------
    ValueError
        `tolerance` is negative or not finite.
    """
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance is {tolerance}, not a finite number >= 0")
    limit = tolerance * (1 + _ROUNDING)

    def share(a: Distances, b: Distances) -> float:
        near = np.count_nonzero(a <= limit) + np.count_nonzero(b <= limit)
        return float(near / (a.size + b.size))

    return _reduce(distances, share, one_empty=0.0)


def _reduce(
    distances: SurfaceDistances,
    value: Callable[[Distances, Distances], float],
    *,
    one_empty: float,
) -> float:
    """`value` of both directions; NaN where both masks are empty, `one_empty` where one is."""
    a, b = distances.reference_to_prediction, distances.prediction_to_reference
    if a.size and b.size:
        return value(a, b)
    return one_empty if a.size or b.size else math.nan


def _percentile(values: Distances, percentile: float) -> float:
    """`numpy.percentile` with linear interpolation, without its overhead."""
    position = (values.size - 1) * percentile / 100
    low = math.floor(position)
    high = min(low + 1, values.size - 1)
    ordered = np.partition(values, (low, high))
    return float(ordered[low] + (ordered[high] - ordered[low]) * (position - low))
