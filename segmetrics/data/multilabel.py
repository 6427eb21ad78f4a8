"""Masks whose pixels may be of several classes: bit k of a pixel says that class k is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.data.arrays import read_array
from segmetrics.data.grid import check_same_grid
from segmetrics.data.kinds import kind_of
from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.data.mask import Mask
from segmetrics.data.pages import picture_mask
from segmetrics.data.pictures import as_array, decode, deep_colour, read_bytes
from segmetrics.data.volumes import read_nifti, volume_labels
from segmetrics.data.whole import whole_numbers
from segmetrics.errors import ConfigError, DataError, Problem
from segmetrics.files import sha256_bytes, sha256_json, sha256_path
from segmetrics.metrics.counts import Labels

PLACEHOLDER = "{class}"


def bit_type(n_classes: int) -> type[np.uint8] | type[np.uint16] | type[np.uint32]:
    """The smallest type with a bit for every class."""
    return np.uint8 if n_classes <= 8 else np.uint16 if n_classes <= 16 else np.uint32


def read_channels(content: bytes, where: str, scheme: LabelScheme) -> Mask:
    """A mask of encoding `channels`: one channel per class, each 0 and one other value.

    Channels are the first axis of .npy and .npz, the pages of a TIFF, the last axis of a NIfTI
    file, or those of an RGB(A) picture. The value of a class is the number of its channel.

    Raises
    ------
    DataError
        A class has no channel, a channel that is no class is not empty, or holds several values.
    """
    scheme.check_multilabel()
    channels, mask = channels_of(content, where)
    used = {value: k for k, values in enumerate(scheme.values) for value in values}
    lacking = sorted(value for value in used if not 0 <= value < len(channels))
    if lacking:
        raise DataError(
            where,
            f"has {len(channels)} channels; there is no channel {lacking[0]} (counted from 0) "
            f'of class "{scheme.names[used[lacking[0]]]}"',
            "the values in data.classes are the numbers of the channels",
        )
    dtype = bit_type(scheme.n_classes)
    bits: npt.NDArray[np.unsignedinteger] = np.zeros_like(channels[0], dtype)
    opaque = len(channels) - 1 if mask.mode in ("RGBA", "LA") else None
    for number, channel in enumerate(channels):
        if number not in used:
            _check_unused(channel, number, where, opaque=number == opaque)
            continue
        present = _present(channel, f"{where}: channel {number}")
        bits[present] |= dtype(1 << used[number])
    return replace(mask, labels=bits)


def read_files(
    path: str | Path, scheme: LabelScheme, read: Callable[[bytes, str], Mask]
) -> tuple[Mask, str]:
    """A mask of encoding `files`: one binary file per class.

    Parameters
    ----------
    path
        With `{class}` in place of the name of the class.
    read
        Decodes one file to labels.

    Returns
    -------
    Mask, str
        Bits, and the digest of all files together.

    Raises
    ------
    DataError
        Files are missing, unreadable, or of different shapes or grids: all are listed.
    """
    scheme.check_multilabel()
    paths = class_files(path, scheme)
    problems: list[Problem] = []
    digests: list[list[str]] = []
    first: Mask | None = None
    dtype = bit_type(scheme.n_classes)
    bits: npt.NDArray[np.unsignedinteger] = np.zeros(0, dtype)
    for k, (name, file) in enumerate(paths.items()):
        try:
            content = read_bytes(file)
            digests.append([name, sha256_bytes(content)])
            mask = read(content, str(file))
            if first is None:
                first, bits = mask, np.zeros(mask.labels.shape, dtype)
            _check_like(mask, first, file, paths)
            bits[_present(mask.labels, str(file))] |= dtype(1 << k)
        except DataError as error:
            problems += error.problems
    if problems or first is None:
        raise DataError.of(problems, str(path))
    return replace(first, labels=bits), sha256_json(digests)


def class_files(path: str | Path, scheme: LabelScheme) -> dict[str, Path]:
    """The file of each class.

    Raises
    ------
    DataError
        The path lacks `{class}`.
    """
    if PLACEHOLDER not in str(path):
        raise DataError(
            str(path),
            f"lacks {PLACEHOLDER} for the name of the class",
            f"with data.encoding: files a mask is for example masks/a_{PLACEHOLDER}.png",
        )
    return {name: Path(str(path).replace(PLACEHOLDER, name)) for name in scheme.names}


def mask_digest(path: Path, scheme: LabelScheme) -> str:
    """SHA-256 of a mask file or, for the encoding `files`, of the files of all classes together.

    Raises
    ------
    DataError
        A file is missing or cannot be read.
    """
    several = scheme.encoding == "files" and PLACEHOLDER in str(path)
    files = class_files(path, scheme) if several else {"": path}
    digests = []
    for name, file in files.items():
        try:
            digests.append([name, sha256_path(file)])
        except FileNotFoundError as error:
            raise DataError(str(file), "there is no such file") from error
        except OSError as error:
            raise DataError(str(file), f"cannot be read ({error.strerror or error})") from error
    return sha256_json(digests) if several else digests[0][1]


def require_content(where: str, scheme: LabelScheme) -> None:
    """Refuse to decode the bytes of one file where a mask is several.

    Raises
    ------
    ConfigError
        The encoding is `files`.
    """
    if scheme.encoding == "files":
        raise ConfigError(
            where, "is one file, data.encoding: files wants one per class", "use channels"
        )


def _check_like(mask: Mask, first: Mask, file: Path, paths: dict[str, Path]) -> None:
    other = next(iter(paths.values()))
    if mask.labels.shape != first.labels.shape:
        raise DataError(str(file), f"has shape {mask.labels.shape}, {other} {first.labels.shape}")
    check_same_grid(first, mask, names=(str(other), str(file)))


def _present(channel: Labels, where: str) -> npt.NDArray[np.bool_]:
    values = values_of(channel)[0]
    if np.count_nonzero(values) > 1:
        shown = ", ".join(map(str, values[:5])) + (", ..." if values.size > 5 else "")
        raise DataError(
            where,
            f"holds {values.size} different values ({shown}); the mask of a class holds 0 and one "
            "other",
            "apply a threshold first, or set data.encoding: labels",
        )
    present: npt.NDArray[np.bool_] = channel != 0
    return present


def _check_unused(channel: Labels, number: int, where: str, *, opaque: bool) -> None:
    if opaque and (channel == channel.max()).all():
        return  # an alpha channel that says nothing
    pixels = int(np.count_nonzero(channel))
    if pixels:
        raise DataError(
            where,
            f"channel {number} is no class and holds {pixels} pixels",
            "declare it in data.classes with its number as value",
        )


def channels_of(content: bytes, where: str) -> tuple[list[Labels], Mask]:
    """The channels of a file, and all of them as a mask, channels first.

    Raises
    ------
    DataError
        Unreadable, a JPEG, without an axis of channels, or not of whole numbers.
    """
    kind = kind_of(content, where)
    if kind == "nifti":
        volume = read_nifti(content, where, channels=True)
        array = np.moveaxis(volume_labels(volume, where), -1, 0)
        mask = Mask(array, "NIfTI", str(volume.array.dtype), volume.spacing, volume.affine)
    elif kind in ("npy", "npz"):
        stored = read_array(content, where)
        array = whole_numbers(stored, where)
        mask = Mask(array, "NumPy", str(stored.dtype))
        if array.ndim < 3:
            text = f"has shape {array.shape}, expected (channels, height, width)"
            raise DataError(where, text, "stack the classes along the first axis")
    else:
        mask = _picture_channels(content, where)
        array = mask.labels
    return list(array), mask


def _picture_channels(content: bytes, where: str) -> Mask:
    def use(picture: Image) -> Mask | None:
        if picture.format in ("JPEG", "MPO"):
            raise DataError(where, "is a JPEG, which invents values along edges", "export PNG")
        if picture.mode not in ("RGB", "RGBA", "LA") or deep_colour(content, picture):
            return None
        array = np.moveaxis(as_array(picture), -1, 0)
        return Mask(array, picture.format or "", picture.mode)  # type: ignore[arg-type]

    found = decode(content, where, use, pages=True)
    if found is not None:
        return found
    mask = picture_mask(content, where)
    return mask if mask.labels.ndim == 3 else replace(mask, labels=mask.labels[np.newaxis])


Image = Any  # Pillow's picture: only `decode` knows Pillow here
