"""Stored scores for tests: pixels drawn by hypothesis, histograms on paper."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segmetrics.metrics.histograms import ScoreHistogram


def histogram(positives: dict[int, int], negatives: dict[int, int]) -> ScoreHistogram:
    """Pixels by score, on paper."""
    made = ScoreHistogram.zeros()
    for counts, array in ((positives, made.positives), (negatives, made.negatives)):
        for score, pixels in counts.items():
            array[score] = pixels
    return made


def store(probability):
    """The stored score, independently of the package: the definition, number by number."""
    return np.array([min(255, math.floor(256 * float(p))) for p in probability], np.uint8)


@st.composite
def pixels(draw, both: bool = False):
    """Reference and scores of one size; few different scores, so that ties are common."""
    n = draw(st.integers(2, 60))
    some = st.sampled_from([0, 1, 2, 100, 127, 128, 129, 254, 255]) | st.integers(0, 255)
    scores = draw(arrays(np.uint8, n, elements=some))
    reference = draw(arrays(np.bool_, n))
    if both:
        reference[0], reference[1] = True, False
    return reference, scores
