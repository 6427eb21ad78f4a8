"""Counting pairs of label values: the one loop over pixels, told nothing about classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.integer] | npt.NDArray[np.bool_]
# Reference values, predicted values and pixels: three arrays of one length. A pair may come twice.
Pairs = tuple[Labels, Labels, npt.NDArray[np.integer]]

# Pixels per block: two uint8 blocks and their comparison stay in the second-level cache.
BLOCK = 1 << 18
# Runs are counted one by one up to this share of the pixels; above it every pixel is.
_RUNS = 1 / 8


def label_pairs(reference: Labels, prediction: Labels) -> Iterator[Pairs]:
    """The pairs of values at the same place, with their pixels, in several parts.

    Three ways, by what a block holds. Two values each (binary masks): comparisons. Long runs:
    where neither array changes, pixels are counted by run. Noise: a histogram of 16-bit codes.

    Parameters
    ----------
    reference, prediction
        Arrays of one shape, of any strides; nothing larger than a block is copied.
    """
    codes: npt.NDArray[np.intp] | None = None
    maybe_two = True
    for r, p in _blocks(reference, prediction):
        r, p = _narrow(r), _narrow(p)
        narrow = r.dtype == p.dtype == np.uint8
        pairs = _two_values(r, p) if narrow and maybe_two else None
        if pairs is None:
            maybe_two = False  # the next block will hardly differ
            changes = np.flatnonzero((r[1:] != r[:-1]) | (p[1:] != p[:-1]))
            if narrow and changes.size > r.size * _RUNS:
                code = r.astype(np.uint16)
                code <<= 8
                code |= p
                n = np.bincount(code, minlength=1 << 16)
                codes = n if codes is None else codes + n
                continue
            pairs = _runs(r, p, changes)
        yield pairs
    if codes is not None:
        found = np.flatnonzero(codes)
        yield found >> 8, found & 255, codes[found]


def _blocks(a: Labels, b: Labels) -> Iterator[tuple[Labels, Labels]]:
    """Both arrays in one-dimensional pieces of at most `BLOCK` elements (or one row)."""
    if a.ndim < 2 or (a.flags.c_contiguous and b.flags.c_contiguous):
        a, b = a.reshape(-1), b.reshape(-1)
    row = a[:1].size
    step = max(1, BLOCK // row) if row else 1
    for start in range(0, len(a) if row else 0, step):
        piece = slice(start, start + step)
        if a.ndim > 2 and row > BLOCK:
            yield from _blocks(a[start], b[start])
        else:
            yield a[piece].reshape(-1), b[piece].reshape(-1)


def _narrow(labels: Labels) -> Labels:
    """As uint8 where every value fits."""
    if labels.dtype == np.uint8:
        return labels
    if labels.dtype == np.bool_:
        return labels.view(np.uint8)
    fits = labels.max() <= 255 and (labels.dtype.kind == "u" or labels.min() >= 0)
    return labels.astype(np.uint8) if fits else labels


def _two_values(r: Labels, p: Labels) -> Pairs | None:
    """The four pairs where each array holds 0 and at most one other value; else None."""
    r_value = _one_value(r)
    p_value = _one_value(p) if r_value is not None else None
    if r_value is None or p_value is None:
        return None
    n_r, n_p = np.count_nonzero(r), np.count_nonzero(p)
    # Values with a bit in common meet where their bits do.
    both = np.count_nonzero(r & p if r_value & p_value else (r != 0) & (p != 0))
    pixels = np.array([r.size - n_r - n_p + both, n_p - both, n_r - both, both])
    references = np.array([0, 0, r_value, r_value], np.uint8)
    return references, np.array([0, p_value, 0, p_value], np.uint8), pixels


def _one_value(labels: Labels) -> int | None:
    """The one value that is not 0, or 0 where there is none; None where there are several."""
    value = int(labels.max())
    if value == 255:
        # As signed numbers 0 and 255 are 0 and -1, and everything else lies outside. No copy.
        signed = labels.view(np.int8)
        return value if signed.max() <= 0 and signed.min() == -1 else None
    # One less, zeros become 255: the smallest is then the smallest value that was not 0.
    if value > 1 and int((labels - np.uint8(1)).min()) != value - 1:
        return None
    return value


def _runs(r: Labels, p: Labels, changes: npt.NDArray[np.intp]) -> Pairs:
    """Values and lengths of the runs in which neither array changes."""
    starts = np.concatenate(([0], changes + 1))
    return r.take(starts), p.take(starts), np.diff(starts, append=r.size)
