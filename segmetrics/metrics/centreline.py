"""clDice: whether the centrelines of tubes (vessels, roads, nerves) are found whole."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from segmetrics.errors import ConfigError, DataError
from segmetrics.metrics.boundary import erode
from segmetrics.metrics.pairs import BoolMask, Mask, cropped_masks


def cl_dice(*, reference: Mask, prediction: Mask) -> float:
    """Centreline Dice, the harmonic mean of topology precision and sensitivity, in [0, 1].

    With masks R, P and their skeletons S(R), S(P):

    - topology precision `|S(P) and R| / |S(P)|`: how much of the predicted centreline is real;
    - topology sensitivity `|S(R) and P| / |S(R)|`: how much of the real centreline is found.

    Skeletons are those of scikit-image: thinning after Zhang and Suen in 2-D, after Lee, Kashyap
    and Chu in 3-D. Thinning goes in a fixed order, so that flipping both masks may change the value
    a little. Components that thinning erases are put back: in 3-D it takes away straight tubes of
    an even width whole (scikit-image issue 3757), and in the published code such a vessel is
    neither missed nor invented, whatever is predicted. Elsewhere the value is that of the published
    code.

    Parameters
    ----------
    reference, prediction
        Masks of one shape, 2-D or 3-D; what is not zero is foreground.

    Returns
    -------
    float
        NaN where both masks are empty. 0.0 where one is: one of the two ratios is then 0/0, and
        the other is 0. Also 0.0 where both ratios are 0 (the published code divides 0 by 0).

    Raises
    ------
    ConfigError
        scikit-image is not installed.
    DataError
        The shapes differ, or the masks are neither 2-D nor 3-D.
    TypeError
        An array holds neither integers nor booleans.

    Source: Shit et al. 2021, clDice, CVPR, arXiv 2003.07311, and `cldice_metric` of the authors'
    code.
    """
    if reference.ndim not in (2, 3):
        raise DataError(
            "cl_dice",
            f"the masks have {reference.ndim} axes",
            "centrelines are defined for 2-D images and 3-D volumes",
        )
    r, p = cropped_masks("cl_dice", reference=reference, prediction=prediction)
    if not r.any() or not p.any():
        return math.nan if not r.any() and not p.any() else 0.0
    precision = _share_inside(_skeleton(p), r)
    sensitivity = _share_inside(_skeleton(r), p)
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else 0.0


def _share_inside(skeleton: BoolMask, mask: BoolMask) -> float:
    return float(np.count_nonzero(skeleton & mask) / np.count_nonzero(skeleton))


def _skeleton(mask: BoolMask) -> BoolMask:
    """The skeleton of a mask, in which every connected component has a part."""
    # Here, because it loads SciPy, which whoever asks for other metrics does not pay for.
    from segmetrics.metrics.components import label_components

    skeleton = _thin(mask)
    labels = label_components(mask)
    erased = _without(skeleton, labels)
    if erased.any():
        # Without one layer on the upper side of each axis an even width is odd, and odd ones stay.
        lower = (slice(0, -1),) * mask.ndim
        if all(side > 1 for side in mask.shape):
            skeleton[lower] |= _thin(erode(erased, 2))
        # What is left is a plate of a few voxels, with rare exceptions: it stands for itself.
        skeleton |= _without(skeleton, labels)
    return skeleton


def _without(skeleton: BoolMask, labels: npt.NDArray[np.int32]) -> BoolMask:
    """The components in which the skeleton has no pixel."""
    erased = np.ones(int(labels.max(initial=0)) + 1, np.bool_)
    erased[labels[skeleton]] = False
    erased[0] = False
    return erased[labels]


def _thin(mask: BoolMask) -> BoolMask:
    # Optional, and slow to import: only who asks for clDice pays for it.
    try:
        from skimage.morphology import skeletonize
    except ImportError as error:
        raise ConfigError(
            "cl_dice", "scikit-image is not installed", 'pip install "segmetrics[topology]"'
        ) from error
    # Releases differ in the type of a 3-D skeleton (boolean, or bytes of 255), and older ones
    # refuse views, which a cropped mask is.
    skeleton: BoolMask = np.asarray(skeletonize(np.ascontiguousarray(mask))) != 0
    return skeleton
