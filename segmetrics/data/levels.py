"""Predicted probabilities of classes that may overlap: one plane of 8-bit levels per class.

A level is `q = min(255, floor(256 p))`; a class is predicted where its level reaches that of the
threshold, whatever the levels of the other classes are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from segmetrics.data.labels import LabelScheme
from segmetrics.data.mask import Mask
from segmetrics.data.multilabel import bit_type, channels_of
from segmetrics.errors import DataError
from segmetrics.metrics.counts import Labels

Bits = npt.NDArray[np.unsignedinteger]


def predicted_classes(scheme: LabelScheme, planes: int) -> tuple[int, ...] | None:
    """The indices of the classes that so many planes are about, in declared order.

    All classes, or all but the one that is excluded: the background, which is predicted where no
    other class is. None where the number fits neither.
    """
    k = scheme.n_classes
    if planes == k:
        return tuple(range(k))
    if planes == k - 1 and planes and len(scheme.exclude) == 1:
        return tuple(i for i, name in enumerate(scheme.names) if name not in scheme.exclude)
    return None


def wanted_planes(scheme: LabelScheme) -> str:
    """How many planes would fit, for messages: `3` or `3, or 2 without background`."""
    k, excluded = scheme.n_classes, scheme.exclude
    return f"{k}, or {k - 1} without {excluded[0]}" if len(excluded) == 1 and k > 1 else str(k)


def read_levels_of_classes(content: bytes, where: str, scheme: LabelScheme) -> Mask:
    """Decode one 8-bit probability map per class, in declared order.

    Planes are the first axis of .npy and .npz, the pages of a TIFF, the last axis of a NIfTI file,
    or the channels of an RGB picture.

    Returns
    -------
    Mask
        `labels` uint8, shape (planes, ...): one for every class, or for all but the excluded one.

    Raises
    ------
    DataError
        Unreadable, not stored as 8-bit grey or uint8, or of another number of planes.
    """
    planes, mask = channels_of(content, where)
    if mask.mode not in ("L", "RGB", "RGBA", "uint8") or mask.labels.dtype != np.uint8:
        raise DataError(
            where,
            f"holds {mask.mode}, not 8-bit probability maps",
            "write q = min(255, floor(256 p)) as uint8; for masks set operating_point.decision: "
            "argmax",
        )
    classes_of(len(planes), scheme, where)
    return replace(mask, labels=mask.labels.astype(np.uint8, copy=False))


def bits_of_levels(levels: Labels, level: int, scheme: LabelScheme) -> Bits:
    """The predicted classes of every pixel: bit k where class k reaches the level.

    Parameters
    ----------
    levels
        uint8, shape (planes, ...); see `read_levels_of_classes`.
    level
        The smallest level that counts, see `threshold_level`.

    Returns
    -------
    Bits
        Shape (...). Where the excluded class has no plane, its bit stands where no other does.
    """
    classes = classes_of(len(levels), scheme, "prediction")
    dtype = bit_type(scheme.n_classes)
    bits: Bits = np.zeros_like(levels[0], dtype)  # in the order of NIfTI, too
    for k, plane in zip(classes, levels, strict=True):
        bits |= np.multiply(plane >= level, dtype(1 << k), dtype=dtype)
    for k in set(range(scheme.n_classes)) - {*classes}:
        bits[bits == 0] = dtype(1 << k)
    return bits


def check_background(reference: Labels, planes: int, where: str, scheme: LabelScheme) -> None:
    """Check that a class that nobody predicts is the background of the reference.

    Raises
    ------
    DataError
        The excluded class has no plane, and is not exactly where no other class is.
    """
    missing = set(range(scheme.n_classes)) - {*classes_of(planes, scheme, where)}
    for k in missing:
        background = reference.dtype.type(1 << k)
        alone, there = reference == background, (reference & background) != 0
        wrong = int(np.count_nonzero((alone != there) | (reference == 0)))
        if wrong:
            raise DataError(
                where,
                f'at {wrong} pixels "{scheme.names[k]}" stands beside another class, or there is '
                f"no class; predictions without it take it for the background, which is where "
                f"nothing else is",
                f'predict "{scheme.names[k]}", too',
            )


def classes_of(planes: int, scheme: LabelScheme, where: str) -> tuple[int, ...]:
    """As `predicted_classes`, for planes that have to fit.

    Raises
    ------
    DataError
        They do not.
    """
    found = predicted_classes(scheme, planes)
    if found is None:
        raise DataError(
            where,
            f"holds {planes} probability maps, data.classes declares {scheme.n_classes} classes; "
            f"expected {wanted_planes(scheme)}",
            "write one per class, in declared order",
        )
    return found
