"""Decoding masks, checking reference label maps, and the levels of stored probabilities."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segmetrics.data.colours import colour_text
from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.data.mask import Mask
from segmetrics.data.reading import read_labels
from segmetrics.errors import DataError

__all__ = [
    "LossyMaskWarning",
    "Mask",
    "check_reference",
    "check_values",
    "lossy_pixels",
    "quantise",
    "read_mask",
    "threshold_level",
    "warn_jpeg_predictions",
    "warn_lossy",
]


# More values than this that nobody declared are no labels that somebody forgot.
_MANY = 8
_BLURRED = (
    "so many look like a mask that was resampled, or like probabilities: export it again with "
    "nearest neighbour, or apply a threshold"
)


class LossyMaskWarning(UserWarning):
    """A mask was stored as JPEG, which invents label values along edges."""


def read_mask(content: bytes, where: str, scheme: LabelScheme) -> Mask:
    """Decode one label per pixel, or bits where the scheme is multi-label; any kind of file.

    Raises
    ------
    DataError
        Unreadable, has several channels, or lacks a palette that `scheme` asks for.
    """
    return read_labels(content, where, scheme)


def lossy_pixels(mask: Mask) -> int | None:
    """Pixels of a JPEG mask that are neither 0 nor 255; None for other formats."""
    if mask.file_format not in ("JPEG", "MPO"):
        return None
    return int(((mask.labels != 0) & (mask.labels != 255)).sum())


def warn_lossy(lossy: Sequence[tuple[str, int]]) -> None:
    """Warn loudly, once, about JPEG masks: (file, pixels that are neither 0 nor 255) each."""
    _warn_jpeg(
        [f"{where} ({odd} pixels)" for where, odd in lossy],
        "JPEG masks are lossy: label values along edges are invented (in brackets: pixels that "
        "are neither 0 nor 255); export them again as PNG from the original",
    )


def warn_jpeg_predictions(paths: Iterable[Path]) -> None:
    """Warn loudly, once, about predicted label maps stored as JPEG."""
    _warn_jpeg(
        [str(path) for path in paths if path.suffix.lower() in (".jpg", ".jpeg")],
        "JPEG predictions are lossy: labels along edges are invented and the scores are too low; "
        "write PNG",
    )


def _warn_jpeg(files: Sequence[str], text: str) -> None:
    if files:
        more = f" and {len(files) - 5} more" if len(files) > 5 else ""
        message = f"{', '.join(files[:5])}{more}: {text}"
        warnings.warn(message, LossyMaskWarning, stacklevel=3)


def check_reference(mask: Mask, where: str, scheme: LabelScheme) -> None:
    """Check the label values of a reference.

    Raises
    ------
    DataError
        A label that is neither a class nor ignored, with value and pixel count; a 0/255 mask
        that is declared as labels gets its own sentence.
    """
    if scheme.multilabel:
        return  # bits of declared classes: checked where they were read
    if scheme.two_valued and lossy_pixels(mask) is not None:
        return
    values, pixels = values_of(mask.labels)
    check_values(dict(zip(values.tolist(), pixels.tolist(), strict=True)), where, scheme)


def check_values(counts: Mapping[int, int], where: str, scheme: LabelScheme) -> None:
    """Check label values that were counted (value: pixels), as `check_reference`.

    Raises
    ------
    DataError
        As `check_reference`.
    """
    values = np.array(sorted(counts), np.int64)
    if scheme.encoding == "binary":
        _check_binary(values, where, scheme)
    wrong = values[scheme.reference_lookup(values) == scheme.n_classes + 1].tolist()
    undeclared = {value: counts[value] for value in wrong}
    if not undeclared:
        return
    write = colour_text if scheme.encoding == "rgb" else str
    if scheme.encoding != "rgb" and set(counts) <= {0, 255}:
        raise DataError(
            where,
            f"holds only 0 and 255 ({undeclared[255]} pixels of 255), which looks like a binary "
            f"mask declared as labels",
            "set data.encoding: binary (score: --binary)",
        )
    listed = [f"{write(value)} ({n} pixels)" for value, n in list(undeclared.items())[:8]]
    more = f" and {len(undeclared) - 8} more" if len(undeclared) > 8 else ""
    declared = {
        name: _written(v, scheme) for name, v in zip(scheme.names, scheme.values, strict=True)
    }
    remedy = (
        f"declare it in data.classes ({declared}) or list it in data.ignore (score: --classes, "
        f"--ignore)"
    )
    raise DataError(
        where,
        f"undeclared {'colour' if scheme.encoding == 'rgb' else 'label'} {', '.join(listed)}{more}",
        f"{_BLURRED}; else {remedy}" if len(undeclared) > _MANY else remedy,
    )


def _written(values: tuple[int, ...], scheme: LabelScheme) -> list[int] | list[str]:
    return [colour_text(v) for v in values] if scheme.encoding == "rgb" else list(values)


def _check_binary(values: npt.NDArray[np.int64], where: str, scheme: LabelScheme) -> None:
    values = values[~np.isin(values, scheme.ignore)]
    if np.count_nonzero(values) > 1:
        shown = ", ".join(map(str, values[:5])) + (", ..." if values.size > 5 else "")
        remedy = (
            "declare its labels with data.encoding: labels, or list a void label in data.ignore"
        )
        raise DataError(
            where,
            f"holds {values.size} different values ({shown}); a binary mask holds 0 and one other",
            _BLURRED if values.size > _MANY else remedy,
        )


def threshold_level(threshold: float) -> int:
    """The smallest stored value `q = min(255, floor(256 p))` that counts as foreground.

    Exact for multiples of 1/256; 0.5 gives 128.
    """
    return math.ceil(256 * threshold)


def quantise(probability: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """`q = min(255, floor(256 p))` of probabilities in [0, 1]."""
    q: npt.NDArray[np.uint8] = np.minimum(np.floor(probability * 256.0), 255.0).astype(np.uint8)
    return q
