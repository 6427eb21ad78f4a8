"""The pairs side by side, as one picture to look at."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from segmetrics.data.bands import is_large
from segmetrics.data.fingerprints import turned
from segmetrics.data.image_pixels import grey_plane, read_pixels
from segmetrics.data.pictures import read_bytes
from segmetrics.data.sample_list import Sample
from segmetrics.errors import DataError
from segmetrics.files import write_bytes
from segmetrics.gates.leakage_report import KINDS, LeakageReport, LeakedPair

MOST_SHOWN = 40  # pairs, of each kind at most
_SIDE, _GAP, _TEXT = 192, 8, 40
_WIDTH = 2 * _SIDE + 3 * _GAP

Rgb = npt.NDArray[np.uint8]


def write_sheet(path: Path, report: LeakageReport, splits: Mapping[str, Sequence[Sample]]) -> None:
    """Draw the first pairs of every kind: left the judged image, turned as the other lies, right.

    A report without pairs gives a picture that says so.
    """
    by_id = {(name, s.id): s for name, samples in splits.items() for s in samples}
    shown = [
        pair for kind in KINDS for pair in [p for p in report.pairs if p.kind == kind][:MOST_SHOWN]
    ]
    height = max(1, len(shown)) * (_SIDE + _TEXT + _GAP) if shown else _TEXT
    sheet = Image.new("RGB", (_WIDTH, height), "white")
    draw = ImageDraw.Draw(sheet)
    if not shown:
        _write(draw, 4, f"{report.judged}: no pairs found")
    for n, pair in enumerate(shown):
        top = n * (_SIDE + _TEXT + _GAP)
        _write(draw, top + 2, _caption(pair))
        _write(draw, top + 18, f"{pair.id} | {pair.split}: {pair.other}")
        mine, other = by_id[report.judged, pair.id], by_id[pair.split, pair.other]
        for k, (sample, way) in enumerate(((mine, pair.orientation), (other, "as it is"))):
            sheet.paste(_picture(sample, way), (_GAP + k * (_SIDE + _GAP), top + _TEXT))
    content = io.BytesIO()
    sheet.save(content, "PNG")
    write_bytes(path, content.getvalue())


def _caption(pair: LeakedPair) -> str:
    parts = [pair.kind]
    if pair.distance is not None:
        parts.append(f"{pair.distance} bits")
    if pair.correlation is not None:
        parts.append(f"correlation {pair.correlation:.2f}")
    return ", ".join([*parts, pair.orientation])


def _write(draw: ImageDraw.ImageDraw, top: int, text: str) -> None:
    # Pillow's own font may know no other letters.
    draw.text((_GAP, top), text.encode("ascii", "replace").decode(), fill="black")


def _picture(sample: Sample, orientation: str) -> Image.Image:
    """The first image of a sample, fitted into a square; grey where it cannot be shown."""
    frame = Image.new("RGB", (_SIDE, _SIDE), "lightgrey")
    if is_large(sample.image):
        return frame
    try:
        pixels = read_pixels(read_bytes(sample.image), str(sample.image), ndim=len(sample.shape))
    except DataError:
        return frame  # it was read a moment ago
    picture = Image.fromarray(turned(_rgb(pixels, len(sample.shape)), orientation).copy())
    picture.thumbnail((_SIDE, _SIDE))
    frame.paste(picture, ((_SIDE - picture.width) // 2, (_SIDE - picture.height) // 2))
    return frame


def _rgb(pixels: npt.NDArray[np.generic], ndim: int) -> Rgb:
    if ndim == 2 and pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] >= 3:
        return np.ascontiguousarray(pixels[..., :3], np.uint8)
    plane = grey_plane(pixels, ndim=ndim)
    low, high = float(plane.min()), float(plane.max())
    # Stretched: a dark pair is to be seen, too.
    grey = (plane - low) * (255 / (high - low) if high > low else 0.0)
    return np.repeat(np.rint(grey).astype(np.uint8)[..., np.newaxis], 3, axis=2)
