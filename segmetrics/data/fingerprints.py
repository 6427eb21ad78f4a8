"""Fingerprints of images: identical pixels, near-duplicates, and the eight ways to turn one.

The perceptual hash follows pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash
Functions, 2010): the signs of the lowest 16 x 16 cosine coefficients of a 64 x 64 thumbnail. Signs
instead of comparisons with the median make the hashes of a turned image a matter of bits: mirroring
flips the signs of every other row or column, transposing transposes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from segmetrics.data.image_pixels import Pixels, grey_plane, pixels_digest

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

SIDE = 64  # of the thumbnail that is hashed
KEPT = 32  # of the thumbnail that is kept, to confirm a hit
HASH = 16  # lowest coefficients an axis
LOW = 8  # those of the 64-bit hash, and left out where details are compared
TEXTURED, FLAT, CONSTANT, LARGE = range(4)
# Below these, a thumbnail holds noise and shading rather than a picture: standard deviation in
# levels of 8-bit pixels, and as a share of the range of the full image.
FLAT_LEVELS, FLAT_SHARE = 0.5, 0.005
EXTREMES = 8  # pixels of the thumbnail at either end that do not count

# What is done to an image, by (transpose, then mirror rows, then mirror columns).
ORIENTATIONS: dict[str, tuple[bool, bool, bool]] = {
    "as it is": (False, False, False),
    "mirrored left to right": (False, False, True),
    "mirrored top to bottom": (False, True, False),
    "turned by 180 degrees": (False, True, True),
    "mirrored along the diagonal": (True, False, False),
    "turned by 90 degrees clockwise": (True, False, True),
    "turned by 90 degrees counter-clockwise": (True, True, False),
    "mirrored along the other diagonal": (True, True, True),
}
NAMES = tuple(ORIENTATIONS)

# One fingerprint as it is stored. `key` is the SHA-256 of the file.
RECORD = np.dtype(
    [
        ("key", "u1", 32),
        ("pixels", "u1", 32),
        ("words", "<u8", 4),
        ("thumb", "u1", (KEPT, KEPT)),
        ("kind", "u1"),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What is kept of an image.

    Attributes
    ----------
    pixels
        SHA-256 of the decoded pixels, 32 bytes.
    words
        The 256-bit hash, uint64 (4,); the first word is the 64-bit hash.
    thumb
        uint8 (32, 32), stretched to its own range.
    kind
        `TEXTURED`; `FLAT` (almost one grey: its hash says nothing); `CONSTANT` (one value); or
        `LARGE` (not decoded: `pixels` is the digest of the file).
    """

    pixels: bytes
    words: Words
    thumb: npt.NDArray[np.uint8]
    kind: int


def fingerprint(pixels: Pixels, *, ndim: int) -> Fingerprint:
    """The fingerprint of a decoded image (see `read_pixels`)."""
    plane = grey_plane(pixels, ndim=ndim)
    small = _resized(plane, SIDE)
    spread, span = _spread(small), float(plane.max()) - float(plane.min())
    if pixels.min() == pixels.max():
        kind = CONSTANT
    else:
        flat = spread <= FLAT_SHARE * span or (pixels.dtype == np.uint8 and spread < FLAT_LEVELS)
        kind = FLAT if flat else TEXTURED
    words = pack_words(hash_bits(small))
    return Fingerprint(pixels_digest(pixels), words, _stretched(_resized(plane, KEPT)), kind)


def _spread(small: Floats) -> float:
    """Standard deviation without the extremes: a dead pixel of the camera is no picture."""
    ordered = np.sort(small, axis=None)
    return float(small.clip(ordered[EXTREMES], ordered[-1 - EXTREMES]).std())


def large_fingerprint(digest: str) -> Fingerprint:
    """That of an image too large to decode: only its file can be compared."""
    thumb = np.zeros((KEPT, KEPT), np.uint8)
    return Fingerprint(bytes.fromhex(digest), np.zeros(4, np.uint64), thumb, LARGE)


def _resized(plane: npt.NDArray[np.float32], side: int) -> Floats:
    """Shrunk with a triangle filter over all pixels (no aliasing), float64 (side, side)."""
    picture = Image.fromarray(plane).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.float64)


def _stretched(small: Floats) -> npt.NDArray[np.uint8]:
    low, high = small.min(), small.max()
    if high <= low:
        return np.zeros(small.shape, np.uint8)
    stretched: npt.NDArray[np.uint8] = np.rint((small - low) * (255 / (high - low))).astype(
        np.uint8
    )
    return stretched


@cache
def _cosines(side: int) -> Floats:
    """The orthonormal DCT-II matrix (side, side)."""
    k, x = np.arange(side)[:, np.newaxis], np.arange(side)
    matrix: Floats = np.cos(np.pi * k * (2 * x + 1) / (2 * side)) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    return matrix


def hash_bits(small: Floats) -> npt.NDArray[np.bool_]:
    """The signs of the lowest 16 x 16 cosine coefficients of a (64, 64) thumbnail.

    The first, the mean, is no detail: its bit is never set, so two hashes differ by 255 at most.
    """
    centred = small - small.mean()
    rows = _cosines(len(small))[:HASH]
    coefficients = rows @ centred @ rows.T
    # Rounding decides no bit, so that symmetric pictures hash alike everywhere.
    bits: npt.NDArray[np.bool_] = coefficients > 1e-9 * max(np.abs(coefficients).max(), 1e-300)
    return bits


def pack_words(bits: npt.NDArray[np.bool_]) -> Words:
    """(..., 16, 16) bits as (..., 4) words: the lowest 8 x 8 first, a block a word."""
    blocks = [bits[..., a : a + LOW, b : b + LOW] for a in (0, LOW) for b in (0, LOW)]
    flat = np.stack([b.reshape(*b.shape[:-2], 64) for b in blocks], axis=-2)
    words: Words = np.packbits(flat, axis=-1, bitorder="little").view("<u8")[..., 0]
    return words


def unpack_words(words: Words) -> npt.NDArray[np.bool_]:
    """The reverse of `pack_words`."""
    stored = np.ascontiguousarray(words, "<u8")[..., np.newaxis].view(np.uint8)
    flat = np.unpackbits(stored, axis=-1, bitorder="little").astype(bool)
    blocks = flat.reshape(*words.shape[:-1], 2, 2, LOW, LOW)
    bits: npt.NDArray[np.bool_] = np.moveaxis(blocks, -3, -2).reshape(*words.shape[:-1], HASH, HASH)
    return bits


def oriented_words(words: Words) -> Words:
    """The hashes (n, 8, 4) of n images turned in every way, in the order of `ORIENTATIONS`.

    Mirroring an axis changes the sign of its odd coefficients; a coefficient that is zero keeps
    its bit, so that the result may differ from the hash of the turned image there.
    """
    bits = unpack_words(words)
    odd = (np.arange(HASH) % 2).astype(bool)
    turned = []
    for transpose, rows, columns in ORIENTATIONS.values():
        one = np.swapaxes(bits, -2, -1) if transpose else bits
        turned.append(one ^ (odd[:, np.newaxis] & rows) ^ (odd & columns))
    return pack_words(np.stack(turned, axis=1))


def turned(array: npt.NDArray[Any], orientation: str) -> npt.NDArray[Any]:
    """A plane (H, W[, channels]) in one of the `ORIENTATIONS`."""
    transpose, rows, columns = ORIENTATIONS[orientation]
    array = np.swapaxes(array, 0, 1) if transpose else array
    return array[:: -1 if rows else 1, :: -1 if columns else 1]


def details(thumbs: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The details of (n, 32, 32) thumbnails as unit vectors (n, 1024); zero where there are none.

    The lowest 8 x 8 coefficients and the first two of each axis are left out: they are the lighting
    and the field of view that many images of one device share.
    """
    cosines = _cosines(KEPT)
    coefficients = cosines @ thumbs.astype(np.float64) @ cosines.T
    coefficients[:, :LOW, :LOW] = 0
    coefficients[:, :2] = coefficients[:, :, :2] = 0
    flat = coefficients.reshape(len(thumbs), -1)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    # Without detail only rounding is left, which is no picture.
    units: npt.NDArray[np.float32] = np.where(
        norms > 1e-6, flat / np.maximum(norms, 1e-6), 0.0
    ).astype(np.float32)
    return units
