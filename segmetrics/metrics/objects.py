"""Match reference and predicted objects one to one (cells, lesions, vehicles)."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from segmetrics.errors import ConfigError, DataError
from segmetrics.metrics.assignment import heaviest_pairs
from segmetrics.metrics.components import ObjectOverlaps, count_overlaps, label_components
from segmetrics.metrics.object_counts import ObjectMatches, Objects
from segmetrics.metrics.pairs import BoolMask, Mask, check_pair

Match = Literal["iou", "coverage", "any_overlap"]
Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


def match_objects(
    *,
    reference: Mask,
    prediction: Mask,
    match: Match = "iou",
    at_least: float = 0.5,
    min_size: int = 1,
    reference_instances: bool = False,
    prediction_instances: bool = False,
    ignored: BoolMask | None = None,
) -> ObjectMatches:
    """Pair each reference object with at most one predicted object, and the other way round.

    A pair may match under

    - `iou`: intersection over union >= `at_least`;
    - `coverage`: intersection over the size of the reference object >= `at_least`;
    - `any_overlap`: one shared pixel.

    Above IoU 0.5 the pairing is unique. Elsewhere objects compete, and the pairing with the largest
    total IoU (`iou`) or the most shared pixels in total (the other two) is taken; among equals one
    with more pairs; what is still equal is decided the same way in every run. So one blob over five
    lesions finds one of them, not five.

    Parameters
    ----------
    reference, prediction
        Arrays of one shape, any number of axes.
    match, at_least
        The rule, and its bound in (0, 1]; `any_overlap` has none.
    min_size
        Objects of fewer pixels (voxels) are left out on both sides, before matching.
    reference_instances, prediction_instances
        True: 0 is background, and each other value is one object, connected or not. False: what is
        not zero is foreground, and its connected components are the objects (`label_components`).
    ignored
        Pixels that count nowhere. Components are formed before they are taken away, so that an
        ignored strip does not cut a predicted object in two.

    Returns
    -------
    ObjectMatches
        An unmatched predicted object more than half of which lies on ignored pixels and on
        reference objects that `min_size` left out is left out, too: it found something that nobody
        asked for, which is not an invention. (Where it has a partner it stays, marked `excused`.)

    Raises
    ------
    ConfigError
        An unknown rule, or a bound or size out of range.
    DataError
        The shapes differ, or instance labels are negative or 2**63 or more.
    TypeError
        An array holds neither integers nor booleans.

    Source: one-to-one matching and the rule for what is ignored, Kirillov et al. 2019, Panoptic
    Segmentation (void and group regions), CVPR, arXiv 1801.00868; coverage and overlap, Maier-Hein
    et al. 2024, Metrics Reloaded, Nature Methods 21.
    """
    _check_rule(match, at_least, min_size)
    check_pair("match_objects", reference=reference, prediction=prediction)
    if ignored is not None and (ignored.shape != reference.shape or ignored.dtype != np.bool_):
        raise DataError(
            "match_objects: ignored",
            f"{ignored.dtype} of shape {ignored.shape}",
            f"give a boolean array of shape {reference.shape}",
        )
    overlaps = count_overlaps(
        reference=_objects("reference", reference, reference_instances),
        prediction=_objects("prediction", prediction, prediction_instances),
        ignored=ignored,
    )
    return _matched(overlaps, match=match, at_least=at_least, min_size=min_size)


def _check_rule(match: str, at_least: float, min_size: int) -> None:
    if match not in get_args(Match):
        raise ConfigError(
            "match_objects: match",
            f'unknown rule "{match}"',
            f"rules: {', '.join(get_args(Match))}",
        )
    if not 0 < at_least <= 1:
        raise ConfigError(
            "match_objects: at_least", f"{at_least} is not a bound", "give one above 0, at most 1"
        )
    if min_size < 1:
        raise ConfigError(
            "match_objects: min_size", f"{min_size} is not a size", "1 keeps every object"
        )


def _objects(name: str, labels: Mask, instances: bool) -> Mask:
    """An array of objects: 0 is background."""
    if not instances:
        return label_components(labels)
    kind = labels.dtype.kind
    if (kind == "i" and labels.min(initial=0) < 0) or (
        labels.dtype == np.uint64 and labels.max(initial=0) > np.iinfo(np.int64).max
    ):
        raise DataError(
            f"match_objects: {name}",
            f"instance labels from {labels.min()} to {labels.max()}",
            "label background 0 and objects from 1 on",
        )
    return labels


def _matched(
    overlaps: ObjectOverlaps, *, match: Match, at_least: float, min_size: int
) -> ObjectMatches:
    keep_r = overlaps.reference_size >= min_size
    keep_p = overlaps.prediction_size >= min_size
    excused = _excused(overlaps, keep_r)
    kept = keep_r[overlaps.i] & keep_p[overlaps.j]
    i, j, shared = overlaps.i[kept], overlaps.j[kept], overlaps.shared[kept]
    union = overlaps.reference_size[i] + overlaps.prediction_size[j] - shared
    iou = np.divide(shared, union, dtype=np.float64)
    chosen = _chosen(i, j, shared, iou, overlaps.reference_size[i], match, at_least)
    strict = 2 * shared > union  # IoU > 0.5, in integers; unique, as more than half is shared

    def side(
        ids: Counts, size: Counts, own: Counts, other: Counts, excuse: npt.NDArray[np.bool_]
    ) -> Objects:
        partner, pq_partner = np.zeros(ids.size, np.int64), np.zeros(ids.size, np.int64)
        value, pq_value = np.full(ids.size, np.nan), np.full(ids.size, np.nan)
        partner[own[chosen]], value[own[chosen]] = other[chosen], iou[chosen]
        pq_partner[own[strict]], pq_value[own[strict]] = other[strict], iou[strict]
        return Objects(ids, size, partner, value, pq_partner, pq_value, excuse)

    r_id, p_id = overlaps.reference_id, overlaps.prediction_id
    never = np.zeros(r_id.size, np.bool_)
    r = side(r_id, overlaps.reference_size, i, p_id[j], never)
    p = side(p_id, overlaps.prediction_size, j, r_id[i], excused)
    keep_p &= ~excused | (p.match != 0) | (p.pq_match != 0)
    return ObjectMatches(reference=_rows(r, keep_r), prediction=_rows(p, keep_p))


def _rows(objects: Objects, which: npt.NDArray[np.bool_]) -> Objects:
    return Objects(*(getattr(objects, name)[which] for name in Objects.__slots__))


def _excused(
    overlaps: ObjectOverlaps, keep_reference: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Predicted objects more than half of which is ignored or on reference objects left out."""
    away = overlaps.prediction_ignored.copy()
    dropped = ~keep_reference[overlaps.i]
    np.add.at(away, overlaps.j[dropped], overlaps.shared[dropped])
    whole = overlaps.prediction_size + overlaps.prediction_ignored
    excused: npt.NDArray[np.bool_] = 2 * away > whole
    return excused


def _chosen(
    i: Counts,
    j: Counts,
    shared: Counts,
    iou: Values,
    reference_size: Counts,
    match: Match,
    at_least: float,
) -> npt.NDArray[np.bool_]:
    """Which of the overlapping pairs are matched."""
    # The small extra of each pair prefers more pairs where totals are equal.
    if match == "iou":
        allowed, weight = iou >= at_least, iou + 1e-9
    else:
        bound = at_least if match == "coverage" else 0.0
        allowed = shared / reference_size >= bound
        # A power of two: sums of such weights are exact, so equals stay equals.
        weight = shared.astype(np.float64) + 0.5 ** (i.size.bit_length() + 1)
    chosen = np.zeros(i.size, np.bool_)
    chosen[allowed] = heaviest_pairs(i[allowed], j[allowed], weight[allowed])
    return chosen
