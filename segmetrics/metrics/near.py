"""The pixels near a mask: where probabilities are put to the test."""

from __future__ import annotations

import numpy as np

from segmetrics.metrics.boundary import erode, reach_of
from segmetrics.metrics.pairs import BoolMask, common_box

NEAR_RATIO = 0.02


def near_masks(
    *, reference: BoolMask, prediction: BoolMask, dilation_ratio: float = NEAR_RATIO
) -> BoolMask:
    """The union of both masks, dilated.

    A pixel is near where a square (cube) that reaches `d` pixels to each side of it meets either
    mask, `d` being `dilation_ratio` times the diagonal of the image, at least 1: as far as the
    regions of boundary IoU reach, which takes 2 % from Cheng et al. 2021. It counts pixels,
    whatever their spacing. Where both masks are empty no pixel is near.

    Far background is easy: a model that says 0 there is right and certain, and with enough of it
    any model looks calibrated.

    Parameters
    ----------
    reference, prediction
        Bool, one shape, any number of axes.

    Returns
    -------
    bool, same shape
    """
    near = np.zeros(reference.shape, np.bool_)
    reach = reach_of(reference.shape, dilation_ratio)
    box = common_box(reference, prediction)
    if not box or box[0].stop == 0:
        return near
    around = tuple(
        slice(max(side.start - reach, 0), min(side.stop + reach, length))
        for side, length in zip(box, reference.shape, strict=True)
    )
    nothing = np.pad(~(reference[around] | prediction[around]), reach, constant_values=True)
    np.logical_not(erode(nothing, 2 * reach + 1), out=near[around])
    return near
