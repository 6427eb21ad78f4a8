"""The classes of masks for which nobody declared any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segmetrics.data.bands import band_values, is_large, open_bands
from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.data.masks import read_mask
from segmetrics.data.pictures import read_bytes
from segmetrics.errors import DataError
from segmetrics.parallel import chunk_map

MOST_CLASSES = 256


def discover(files: Sequence[Path], workers: int) -> LabelScheme:
    """The label values that occur in masks, as classes named by their numbers.

    Raises
    ------
    DataError
        A mask cannot be read; or the values look like a 0/255 mask, or like no labels at all.
    """
    values = sorted(set[int]().union(*chunk_map(_distinct, files, workers=workers)))
    where = str(files[0].parent)
    if values in ([0, 255], [255]):
        raise DataError(where, "the masks hold only 0 and 255", "add --binary")
    if len(values) > MOST_CLASSES:
        raise DataError(
            where,
            f"the masks hold {len(values)} different values, more than {MOST_CLASSES}",
            "name the classes: --classes background=0,tumour=1",
        )
    exclude = ("0",) if 0 in values and len(values) > 1 else ()
    return LabelScheme(tuple(map(str, values)), tuple((v,) for v in values), exclude=exclude)


def _distinct(files: Sequence[Path]) -> set[int]:
    """The label values that occur in some masks."""
    anything = LabelScheme(names=("0",), values=((0,),))
    found: set[int] = set()
    for path in files:
        if is_large(path):
            with open_bands(path) as bands:
                found |= band_values(bands).keys()
        else:
            mask = read_mask(read_bytes(path), str(path), anything)
            found.update(values_of(mask.labels)[0].tolist())
    return found
