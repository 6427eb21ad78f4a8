"""Which TIFF files can be read in bands: their pages, and how the pixels are stored."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

from segmetrics.errors import DataError

# Decoded bytes of one strip or tile row that are held at a time.
MOST_BYTES = 1 << 28
_READ = frozenset({1, 5, 8, 32773, 32946})  # none, LZW, deflate (two numbers), packbits
_LZW = 5


def check_pages(tiff: Any, where: str) -> None:
    """Check that there is one picture, and that it has a size.

    Raises
    ------
    DataError
        There are more pages that are no previews, or the page states no size.
    """
    more = [page for page in tiff.pages[1:] if not page.subfiletype & 1]
    if more:
        raise DataError(
            where, f"holds {len(more) + 1} pages, expected one", "write one file per page"
        )
    if tiff.pages[0].imagelength < 1 or tiff.pages[0].imagewidth < 1:
        raise DataError(where, "damaged or truncated (it states no size)", "export it again")


def check_storage(page: Any, where: str) -> None:
    """Check that the pixels are labels, and stored so that bands of them can be decoded.

    Raises
    ------
    DataError
        They are not, with what would do.
    """
    if page.samplesperpixel != 1 or page.imagedepth != 1:
        what = f"has {page.samplesperpixel} channels, not one label per pixel"
        raise DataError(where, what, "export class labels as grey TIFF")
    if page.dtype is None or page.dtype.kind not in "iu" or page.bitspersample not in (8, 16, 32):
        what = f"stores {page.bitspersample}-bit {page.dtype}, not labels of 8, 16 or 32 bits"
        raise DataError(where, what, "write it as uint8 or uint16")
    if page.photometric == 0:
        raise DataError(
            where,
            "stores grey inverted (TIFF WhiteIsZero), so that its labels are not certain",
            "write it again with black as zero",
        )
    orientation = page.tags.valueof(274, default=1)
    if orientation != 1:
        what = f"has the orientation {orientation}: a mask is never turned"
        raise DataError(where, what, "write it upright, without an orientation tag")
    if page.compression not in _READ:
        what = f"is compressed with {page.compression.name}, which is not read in bands"
        raise DataError(where, what, "write it with deflate, in tiles")
    if page.compression == _LZW:
        require_imagecodecs(where)
    if page.compression != 1:
        rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
        if rows * page.imagewidth * page.dtype.itemsize > MOST_BYTES:
            what = f"its strips of {rows} rows are larger than {MOST_BYTES >> 20} MiB"
            raise DataError(where, what, "write it in tiles of 256 x 256 or in smaller strips")


def import_tifffile(where: str) -> ModuleType:
    """The package; a DataError of the file where it is not installed."""
    try:
        import tifffile
    except ImportError as error:
        raise DataError(
            where, "large TIFF files need tifffile", 'pip install "segmetrics[volumes]"'
        ) from error
    module: ModuleType = tifffile
    return module


def require_imagecodecs(where: str) -> None:
    """Check that LZW can be decoded; a DataError of the file where it cannot."""
    if importlib.util.find_spec("imagecodecs") is None:
        what = "LZW in large TIFF files needs imagecodecs"
        raise DataError(where, what, "pip install imagecodecs, or write it with deflate")


def damaged(where: str, error: BaseException) -> DataError:
    """What is said of a file whose decoding ended with `error`."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(where, f"damaged or truncated ({text})", "export it again")
