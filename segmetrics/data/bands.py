"""Large label TIFFs, read a band of rows at a time."""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from segmetrics.data.tiff_storage import check_pages, check_storage, damaged, import_tifffile
from segmetrics.data.whole import whole_numbers
from segmetrics.errors import DataError
from segmetrics.metrics.counts import Labels

# Pictures of more pixels are read in bands where they are TIFF files.
LARGE_PIXELS = 1 << 27
BAND_PIXELS = 1 << 25
_SIZE_TAGS = (256, 257)
_DAMAGE = (
    OSError, ValueError, TypeError, KeyError, IndexError, struct.error, zlib.error, RuntimeError,
    AttributeError, OverflowError, ZeroDivisionError, EOFError, MemoryError,
)  # fmt: skip


class Bands:
    """A label TIFF whose rows are decoded when asked for; close it, or use it in `with`.

    Attributes
    ----------
    shape
        (H, W).
    dtype
        As stored, native byte order.
    step
        Rows of a strip or a row of tiles: bands that begin and end at multiples decode every
        strip once.
    """

    def __init__(
        self, tiff: Any, where: str, errors: tuple[type[BaseException], ...] = _DAMAGE
    ) -> None:
        self._tiff, self._page, self._where, self._errors = tiff, tiff.pages[0], where, errors
        self.shape: tuple[int, int] = (self._page.imagelength, self._page.imagewidth)
        self.dtype: np.dtype[Any] = self._page.dtype.newbyteorder("=")
        self.step: int = 1 if self._plain else self._segment_rows
        self._cache: tuple[int, Labels] | None = None

    def __enter__(self) -> Bands:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tiff.close()

    @property
    def _plain(self) -> bool:
        """Whether the rows lie in the file one after the other, as they are."""
        return bool(self._page.is_contiguous and self._page.bitspersample % 8 == 0)

    @property
    def _segment_rows(self) -> int:
        page = self._page
        return int(page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength))

    def rows(self, start: int, stop: int) -> Labels:
        """Rows `start` to `stop` (exclusive), shape (stop - start, W).

        Raises
        ------
        DataError
            They are damaged or missing.
        """
        if not 0 <= start < stop <= self.shape[0]:
            raise ValueError(f"rows {start} to {stop} of {self.shape[0]}")
        try:
            if self._plain:
                return self._from_file(start, stop)
            out = np.empty((stop - start, self.shape[1]), self.dtype)
            for at in range(start // self.step, -(-stop // self.step)):
                first = at * self.step
                low, high = max(start, first), min(stop, first + self.step)
                out[low - start : high - start] = self._strip(at)[low - first : high - first]
            return out
        except self._errors as error:
            raise damaged(self._where, error) from error

    def _from_file(self, start: int, stop: int) -> Labels:
        # Read, not mapped: mapped pages of a file count as memory in use.
        stored = self._page.dtype.newbyteorder(self._tiff.byteorder)
        row = self.shape[1] * stored.itemsize
        handle = self._tiff.filehandle
        handle.seek(self._page.dataoffsets[0] + start * row)
        content = handle.read((stop - start) * row)
        if len(content) != (stop - start) * row:
            raise ValueError("the file ends within its rows")
        rows = np.frombuffer(content, stored).reshape(stop - start, self.shape[1])
        return rows.astype(self.dtype, copy=False)

    def _strip(self, at: int) -> Labels:
        """One strip, or one row of tiles, as wide as the picture; the last one is kept."""
        if self._cache is not None and self._cache[0] == at:
            return self._cache[1]
        self._cache = None
        page, width = self._page, self.shape[1]
        across = -(-width // page.tilewidth) if page.is_tiled else 1
        rows = min(self.step, self.shape[0] - at * self.step)
        strip = np.empty((rows, width), self.dtype)
        for i in range(across):
            index = at * across + i
            handle = self._tiff.filehandle
            handle.seek(page.dataoffsets[index])
            content = handle.read(page.databytecounts[index])
            segment, place, shape = page.decode(content, index, _fullsize=False)
            if segment is None:
                raise ValueError(f"segment {index} is empty")
            left = place[-2]
            found = segment.reshape(shape[-3], shape[-2])[:rows]
            if shape[-3] < rows or left + min(shape[-2], width - left) < min(
                width, left + (page.tilewidth if page.is_tiled else width)
            ):
                raise ValueError(f"segment {index} is cut short")
            strip[:, left : left + shape[-2]] = found[:, : width - left]
        self._cache = (at, strip)
        return strip


def open_bands(path: Path, *, channels: bool = False) -> Bands:
    """Open a label TIFF to read bands of rows; strips and tiles, also BigTIFF.

    Uncompressed, deflate and packbits; LZW where imagecodecs is installed. Further pages may only
    be previews (reduced resolution).

    Parameters
    ----------
    channels
        Whether an image is meant, of which only the shape is wanted: any storage is accepted.

    Raises
    ------
    DataError
        Not such a file, or tifffile is not installed.
    """
    where = str(path)
    tifffile = import_tifffile(where)
    errors = (tifffile.TiffFileError, *_DAMAGE)
    try:
        tiff = tifffile.TiffFile(path)
    except FileNotFoundError as error:
        raise DataError(where, "there is no such file") from error
    except errors as error:
        raise damaged(where, error) from error
    try:
        check_pages(tiff, where)
        if not channels:
            check_storage(tiff.pages[0], where)
        return Bands(tiff, where, errors)
    except errors as error:
        tiff.close()
        raise damaged(where, error) from error
    except DataError:
        tiff.close()
        raise


def walk_pair(
    reference: Bands, prediction: Bands, *, most_pixels: int = BAND_PIXELS
) -> Iterator[tuple[Labels, Labels]]:
    """The same rows of both files, top to bottom, about `most_pixels` at a time.

    Bands end at a strip border of both where these meet within `most_pixels`; else of the one with
    the taller strips, and the other's last strip is kept between bands.

    Raises
    ------
    ValueError
        The shapes differ.
    """
    if reference.shape != prediction.shape:
        raise ValueError(f"shapes {reference.shape} and {prediction.shape} differ")
    height, width = reference.shape
    most = max(1, most_pixels // width)
    unit = math.lcm(reference.step, prediction.step)
    if unit > most:
        unit = max(reference.step, prediction.step)
    size = max(unit, most // unit * unit)
    for start in range(0, height, size):
        stop = min(height, start + size)
        yield reference.rows(start, stop), prediction.rows(start, stop)


def is_large(path: Path | str) -> bool:
    """Whether a TIFF has more than `LARGE_PIXELS` pixels, by its header; False for other files."""
    if not os.fspath(path).lower().endswith((".tif", ".tiff")):
        return False  # not even opened: this is asked of every file
    try:
        with Path(path).open("rb") as stream:
            size = _tiff_size(stream)
    except (OSError, struct.error, OverflowError, ValueError):
        return False  # said by whoever reads it
    return size is not None and size[0] * size[1] > LARGE_PIXELS


def _tiff_size(stream: BinaryIO) -> tuple[int, int] | None:
    """Width and height of the first page (TIFF 6.0, BigTIFF); None where there are none."""
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return None
    (version,) = struct.unpack_from(order + "H", head, 2)
    if version not in (42, 43):
        return None
    # Formats of an offset and of the number of entries, size of an entry, place of its value.
    offset, number, entry, value = ("IH", "H", 12, 8) if version == 42 else ("QQ", "Q", 20, 12)
    (at,) = struct.unpack_from(order + offset[0], head, 4 if version == 42 else 8)
    stream.seek(at)
    (n,) = struct.unpack(order + number, stream.read(struct.calcsize(order + number)))
    sizes: dict[int, int] = {}
    for _ in range(min(n, 4096)):
        field = stream.read(entry)
        tag, kind = struct.unpack_from(order + "HH", field)
        if tag in _SIZE_TAGS:
            code = {3: "H", 4: "I", 16: "Q"}.get(kind, "I")
            (sizes[tag],) = struct.unpack_from(order + code, field, value)
    return (sizes[256], sizes[257]) if len(sizes) == 2 else None


def band_values(bands: Bands) -> dict[int, int]:
    """The distinct labels of a file and their pixels, counted band by band."""
    found: dict[int, int] = {}
    step = max(bands.step, BAND_PIXELS // bands.shape[1] // bands.step * bands.step)
    for start in range(0, bands.shape[0], step):
        labels = bands.rows(start, min(bands.shape[0], start + step))
        values, pixels = np.unique(whole_numbers(labels, "labels"), return_counts=True)
        for value, n in zip(values.tolist(), pixels.tolist(), strict=True):
            found[value] = found.get(value, 0) + n
    return found
