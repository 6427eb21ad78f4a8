"""One image or mask of a sample: decoded, and what is known of it when its check ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmetrics.data.bands import band_values, is_large, open_bands
from segmetrics.data.grid import Affine
from segmetrics.data.kinds import kind_of
from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.data.masks import check_reference, check_values, lossy_pixels, read_mask
from segmetrics.data.pictures import read_bytes
from segmetrics.data.reading import image_sizes, read_class_files
from segmetrics.data.volumes import verify_nifti
from segmetrics.files import sha256_bytes, sha256_path


@dataclass(slots=True, eq=False)
class ImageFile:
    """Shape upright, shape as stored, place in space and digest of an image."""

    shape: tuple[int, ...] | None = None
    stored: tuple[int, ...] = ()
    affine: Affine | None = None
    digest: str = ""
    spacing: tuple[float, ...] | None = None


@dataclass(slots=True, eq=False)
class MaskFile:
    """What is known of a mask when its check ends, well or not."""

    shape: tuple[int, ...] | None = None
    affine: Affine | None = None
    digest: str = ""
    classes: frozenset[int] = frozenset()
    lossy: int | None = None
    spacing: tuple[float, ...] | None = None

    @property
    def ndim(self) -> int | None:
        """Its axes, which say what those of a NumPy image are."""
        return None if self.shape is None else len(self.shape)


def read_image_file(path: Path, ndim: int | None) -> ImageFile:
    """Decode an image as far as a check needs it.

    Parameters
    ----------
    ndim
        The axes of the mask, which say what those of a NumPy image are; None: not known.

    Raises
    ------
    DataError
        It cannot be read.
    """
    if is_large(path):
        # Too large to decode whole: no model here takes it, but given predictions may be of it.
        with open_bands(path, channels=True) as bands:
            return ImageFile(bands.shape, bands.shape, None, sha256_path(path))
    content = read_bytes(path)
    affine = spacing = None
    if kind_of(content, str(path)) == "nifti":
        header = verify_nifti(content, str(path))
        affine, spacing = header.affine, header.spacing
    shape, stored = image_sizes(content, str(path), ndim=ndim)
    return ImageFile(shape, stored, affine, sha256_bytes(content), spacing)


def read_mask_file(path: Path, scheme: LabelScheme, found: MaskFile) -> None:
    """Fill in `found` as far as the mask can be read.

    Raises
    ------
    DataError
        It cannot be, or holds undeclared labels.
    """
    if is_large(path) and not scheme.multilabel and scheme.encoding != "rgb":
        with open_bands(path) as bands:
            found.shape, found.digest = bands.shape, sha256_path(path)
            values = np.array(sorted(counts := band_values(bands)), np.int64)
        # One pixel of each value stands for all: what is wrong is said of values.
        check_values(counts, str(path), scheme)
        found.classes = frozenset(scheme.reference_lookup(values).tolist())
        return
    if scheme.encoding == "files":
        mask, found.digest = read_class_files(path, scheme)
    else:
        content = read_bytes(path)
        found.digest = sha256_bytes(content)
        mask = read_mask(content, str(path), scheme)
    found.shape, found.affine, found.lossy = mask.labels.shape, mask.affine, lossy_pixels(mask)
    found.spacing = mask.spacing
    check_reference(mask, str(path), scheme)
    values = values_of(mask.labels)[0]
    if scheme.multilabel:
        present = int(np.bitwise_or.reduce(values))
        found.classes = frozenset(k for k in range(scheme.n_classes) if present >> k & 1)
    else:
        found.classes = frozenset(scheme.reference_lookup(values).tolist())
