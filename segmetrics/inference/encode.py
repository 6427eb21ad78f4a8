"""Scores of a model as the file of a prediction.

Predictions of NIfTI images are `.nii.gz` in the grid of the image, those of other volumes `.npy`
(read without a further package, and memory-mapped), those of 2-D images PNG. Where classes may
overlap there is a probability map for each: along the last axis of NIfTI, the first of `.npy`, and
as pages of a TIFF for 2-D images.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import quantise
from segmetrics.data.sample_list import Sample
from segmetrics.data.volumes import VolumeHeader, write_nifti_labels, write_nifti_scores
from segmetrics.errors import ModelError
from segmetrics.inference.preprocess import Floats, Preprocessing, best_class, restore
from segmetrics.inference.store import (
    Kind,
    label_map_png,
    probabilities_tiff,
    probability_png,
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of a prediction file, its ending and what it holds."""

    content: bytes
    suffix: str
    kind: Kind


def encode(
    planes: Floats,
    sample: Sample,
    header: VolumeHeader | None,
    *,
    how: Preprocessing,
    scheme: LabelScheme,
    source: Path,
) -> Encoded:
    """Encode scores (K, ...): a label map of several, an 8-bit probability map of one.

    Where classes may overlap, every one keeps its probability map, in declared order.

    Parameters
    ----------
    header
        Of the image, where it is a NIfTI.
    source
        The model, for the message.

    Raises
    ------
    ModelError
        A score that has to be a probability is none.
    """
    if planes.shape[0] > 1 and not scheme.multilabel:
        return _labels(best_class(planes, sample.shape, how), header, scheme)
    low, high = float(planes.min()), float(planes.max())
    # Rounding in float16 and interpolation may leave [0, 1] by a hair; logits leave it by far.
    if low < -1e-3 or high > 1 + 1e-3:
        raise ModelError(
            str(source),
            f"expected probabilities in [0, 1], found values from {low:.3g} to {high:.3g} "
            f'for "{sample.id}"',
            "export the model with its sigmoid",
        )
    maps = [quantise(np.clip(restore(plane, sample.shape, how), 0.0, 1.0)) for plane in planes]
    if scheme.multilabel:
        return _several(np.stack(maps), header)
    q = maps[0]
    if header is not None:
        return Encoded(write_nifti_scores(q, header), ".nii.gz", "probability")
    if q.ndim == 2:
        return Encoded(probability_png(q), ".png", "probability")
    return Encoded(_npy(q), ".npy", "probability")


def _labels(
    index: npt.NDArray[np.intp], header: VolumeHeader | None, scheme: LabelScheme
) -> Encoded:
    if header is None and index.ndim == 2:
        return Encoded(label_map_png(index, scheme), ".png", "labels")
    values = np.array([v[0] for v in scheme.values])
    small = values.astype(np.uint8) if values.max() <= 255 else values.astype(np.uint16)
    labels = small[index]
    if header is not None:
        return Encoded(write_nifti_labels(labels, header), ".nii.gz", "labels")
    return Encoded(_npy(labels), ".npy", "labels")


def _several(q: npt.NDArray[np.uint8], header: VolumeHeader | None) -> Encoded:
    if header is not None:
        content = write_nifti_scores(np.moveaxis(q, 0, -1), header)
        return Encoded(content, ".nii.gz", "class_probabilities")
    if q.ndim == 3:
        return Encoded(probabilities_tiff(q), ".tif", "class_probabilities")
    return Encoded(_npy(q), ".npy", "class_probabilities")


def _npy(array: npt.NDArray[Any]) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()
