"""The regions of a pair of files, also of those too large to be decoded whole, and its image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from segmetrics.data.bands import is_large, open_bands, walk_pair
from segmetrics.data.image_pixels import read_pixels
from segmetrics.data.pictures import read_bytes
from segmetrics.data.sample_list import Sample
from segmetrics.errors import DataError
from segmetrics.overlays.index import Cut
from segmetrics.overlays.regions import Mask, Regions, cell_size, most_wrong, plane_of
from segmetrics.pair import read_pair
from segmetrics.pixels import Question, class_masks

Rgb = npt.NDArray[np.uint8]


def read_regions(
    sample: Sample, prediction: Path, question: Question, target: int
) -> tuple[Regions, Cut | None, bool, int]:
    """The regions of a class at the size of a picture, in the most wrong plane of a volume.

    Returns
    -------
    Regions, Cut or None, bool, int
        Cells (H, W), at most 640 a side; the plane; whether it was turned (NIfTI); pixels a cell.

    Raises
    ------
    DataError
        A file cannot be used any more.
    """
    if is_large(sample.mask) or is_large(prediction):
        return _large(sample.mask, prediction, question, target)
    mask, found = read_pair(reference=sample.mask, prediction=prediction, question=question)
    true, predicted, ignored = class_masks(
        reference=mask.labels, prediction=found.labels, question=question, target=target
    )
    regions = Regions.of(reference=true, prediction=predicted, ignored=ignored)
    turned = mask.file_format == "NIfTI"
    cut = most_wrong(regions) if len(regions.shape) == 3 else None
    regions = regions.each(lambda array: plane_of(array, cut, turned=turned))
    cell = cell_size((regions.shape[0], regions.shape[1]))
    return regions.reduced(cell), cut, turned, cell


def _large(
    reference: Path, prediction: Path, question: Question, target: int
) -> tuple[Regions, None, bool, int]:
    """Two TIFFs, band by band."""
    with open_bands(reference) as true, open_bands(prediction) as found:
        cell = cell_size(true.shape)
        shape = -(-true.shape[0] // cell), -(-true.shape[1] // cell)
        parts: list[Mask] = [np.zeros(shape, np.bool_) for _ in range(4)]
        start = 0
        for rows, predicted in walk_pair(true, found):
            a, b, ignored = class_masks(
                reference=rows, prediction=predicted, question=question, target=target
            )
            band = Regions.of(reference=a, prediction=b, ignored=ignored)
            for whole, mask in zip(parts, (band.tp, band.fp, band.fn, ignored), strict=True):
                if mask is not None:
                    _add_band(whole, mask, start, cell)
            start += len(rows)
    ignored_cells = parts[3] if parts[3].any() else None
    return Regions(parts[0], parts[1], parts[2], ignored_cells), None, False, cell


def _add_band(whole: Mask, band: Mask, start: int, cell: int) -> None:
    """Add the rows of a band that begins at row `start` to the cells of the whole."""
    columns = np.logical_or.reduceat(band, np.arange(0, band.shape[1], cell), axis=1)
    places = np.arange(start, start + len(band)) // cell
    first = np.flatnonzero(np.diff(places, prepend=-1))
    whole[places[first]] |= np.logical_or.reduceat(columns, first, axis=0)


def read_image(sample: Sample, cut: Cut | None, *, turned: bool, cell: int) -> Rgb | None:
    """The first image of a sample as (H, W, 3), reduced to cells; None where it cannot be shown.

    8-bit colour as it is; everything else as grey, stretched to its 0.5 and 99.5 percentiles.
    """
    ndim = len(sample.shape)
    if is_large(sample.image):
        return None
    try:
        pixels = read_pixels(read_bytes(sample.image), str(sample.image), ndim=ndim)
    except DataError:
        return None  # `samples` read it: a kind of file that only a model takes
    if pixels.shape[:ndim] != sample.shape:
        return None
    plane = plane_of(pixels, cut, turned=turned)
    rgb = _rgb(plane)
    picture = Image.fromarray(rgb)
    return np.asarray(picture.reduce(cell) if cell > 1 else picture)


def _rgb(plane: npt.NDArray[Any]) -> Rgb:
    if plane.ndim == 3 and plane.dtype == np.uint8 and plane.shape[2] >= 3:
        return np.ascontiguousarray(plane[..., :3])
    grey = np.asarray(plane if plane.ndim == 2 else plane[..., 0], np.float32)
    grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = (float(np.percentile(grey, q)) for q in (0.5, 99.5))
    scaled = (grey - low) * (255.0 / (high - low)) if high > low else np.zeros_like(grey)
    stretched = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return np.repeat(stretched[..., np.newaxis], 3, axis=2)
