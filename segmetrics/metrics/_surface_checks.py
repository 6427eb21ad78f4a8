"""What `surface_distances` accepts."""

from __future__ import annotations

from collections.abc import Sequence

from segmetrics.errors import DataError
from segmetrics.metrics.counts import Labels


def check_masks(reference: Labels, prediction: Labels) -> None:
    for name, mask in (("reference", reference), ("prediction", prediction)):
        if mask.dtype.kind not in "iub":
            raise TypeError(f"{name} holds {mask.dtype}, not booleans or integers")
    if reference.shape != prediction.shape:
        raise DataError(
            "surface_distances",
            f"the reference has shape {reference.shape}, the prediction {prediction.shape}",
            "nothing is resized to fit: bring the prediction to the size of the reference",
        )
    if reference.ndim == 0:
        raise DataError("surface_distances", "the masks have no axis", "give arrays, not scalars")


def check_spacing(spacing: Sequence[float] | None, n_axes: int) -> tuple[float, ...]:
    if spacing is None:
        return (1.0,) * n_axes
    steps = tuple(float(step) for step in spacing)
    if len(steps) != n_axes:
        raise ValueError(f"spacing has {len(steps)} numbers for {n_axes} axes")
    # Squares of anything beyond underflow to 0, a perfect distance, or overflow.
    if not all(1e-100 < step < 1e100 for step in steps):
        raise ValueError(f"spacing is {steps}, not positive, finite numbers")
    return steps
