"""Boundary IoU: the intersection over union of the inner rims of two masks."""

from __future__ import annotations

import math

import numpy as np

from segmetrics.errors import ConfigError
from segmetrics.metrics.pairs import BoolMask, Mask, cropped_masks


def boundary_iou(*, reference: Mask, prediction: Mask, dilation_ratio: float = 0.02) -> float:
    """Intersection over union of the boundary regions, in [0, 1].

    The boundary region of a mask is the mask minus its erosion by a square (cube) that reaches `d`
    pixels to each side: all its pixels within Chebyshev distance `d` of the background. Outside
    the image is background. `d` is `dilation_ratio` times the diagonal of the image, rounded as
    Python rounds (a half to the even number, as the published code does), at least 1. It counts
    pixels, whatever their spacing.

    Plain IoU forgives a wrong contour where the object is large; this one does not.

    Parameters
    ----------
    reference, prediction
        Masks of one shape, any number of axes; what is not zero is foreground.
    dilation_ratio
        Width of the region as a share of the diagonal, more than 0. The authors use 0.02 for
        COCO and Cityscapes.

    Returns
    -------
    float
        NaN where both masks are empty, 0.0 where one is.

    Raises
    ------
    ConfigError
        `dilation_ratio` is not a positive number.
    DataError
        The shapes differ.
    TypeError
        An array holds neither integers nor booleans.

    Source: Cheng, Girshick, Dollár, Berg, Kirillov 2021, Boundary IoU, CVPR, arXiv 2103.16562; the
    authors' code pads the mask with one zero and erodes it `d` times by 3 x 3, which is the same.
    """
    if not (math.isfinite(dilation_ratio) and dilation_ratio > 0):
        raise ConfigError(
            "boundary_iou",
            f"dilation_ratio {dilation_ratio} is not a positive number",
            "give the width as a share of the image diagonal, usually 0.02",
        )
    width = reach_of(reference.shape, dilation_ratio)
    r, p = cropped_masks("boundary_iou", reference=reference, prediction=prediction)
    r_rim, p_rim = _rim(r, width), _rim(p, width)
    union = np.count_nonzero(r_rim | p_rim)
    return float(np.count_nonzero(r_rim & p_rim) / union) if union else math.nan


def reach_of(shape: tuple[int, ...], ratio: float) -> int:
    """`d` in pixels: see `boundary_iou`."""
    diagonal = math.sqrt(sum(side * side for side in shape))
    return max(1, round(ratio * diagonal))


def _rim(mask: BoolMask, width: int) -> BoolMask:
    """The pixels of `mask` within Chebyshev distance `width` of the background or the edge."""
    rim = mask.copy()
    if all(side > 2 * width for side in mask.shape):
        inner = (slice(width, -width),) * mask.ndim
        np.logical_and(mask[inner], ~erode(mask, 2 * width + 1), out=rim[inner])
    return rim


def erode(mask: BoolMask, window: int) -> BoolMask:
    """Whether every pixel of the window is set, for the windows that lie wholly inside.

    One axis at a time; along an axis the window doubles, so that its width costs its logarithm.
    """
    for axis in range(mask.ndim):
        lines = mask.swapaxes(0, axis)
        reach = 1
        while reach < window:
            step = min(reach, window - reach)
            lines = lines[:-step] & lines[step:]
            reach += step
        mask = lines.swapaxes(0, axis)
    return mask
