"""A reference and a prediction of one image: checked, and cropped to what they hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segmetrics.errors import DataError

BoolMask = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.integer] | BoolMask
Box = tuple[slice, ...]


def check_pair(where: str, *, reference: Mask, prediction: Mask) -> None:
    """Refuse arrays that are no masks of one image.

    Raises
    ------
    DataError
        The shapes differ.
    TypeError
        An array holds neither integers nor booleans.
    """
    for name, array in (("reference", reference), ("prediction", prediction)):
        if array.dtype.kind not in "iub":
            raise TypeError(f"{where}: {name} holds {array.dtype}, not a mask or integer labels")
    if reference.shape != prediction.shape:
        raise DataError(
            where,
            f"the reference has shape {reference.shape}, the prediction {prediction.shape}",
            "nothing is resized to fit: bring the prediction to the size of the reference",
        )


def bounding_box(mask: Mask) -> Box:
    """The smallest box that holds every pixel that is not zero; of size zero where there is none.

    Axis by axis, each within the range already found: most of a volume is read once only.
    """
    box: Box = ()
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        occupied = np.flatnonzero(mask[box].any(axis=others))
        if not occupied.size:
            return (slice(0, 0),) * mask.ndim
        box += (slice(int(occupied[0]), int(occupied[-1]) + 1),)
    return box


def common_box(first: Mask, second: Mask) -> Box:
    """The smallest box that holds every pixel of both masks that is not zero."""
    boxes = [box for mask in (first, second) if (box := bounding_box(mask))[0].stop]
    if not boxes:
        return (slice(0, 0),) * first.ndim
    return tuple(
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*boxes, strict=True)
    )


def cropped_masks(where: str, *, reference: Mask, prediction: Mask) -> tuple[BoolMask, BoolMask]:
    """Reference and prediction as boolean masks (not zero is foreground), cropped to both.

    Views of the arguments where these are boolean. Raises as `check_pair`.
    """
    check_pair(where, reference=reference, prediction=prediction)
    box = common_box(reference, prediction)
    return _foreground(reference[box]), _foreground(prediction[box])


def _foreground(mask: Mask) -> BoolMask:
    return mask.view(np.bool_) if mask.dtype == np.bool_ else mask != 0
