"""Random weights of groups: the resamples that every interval is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

# Weights that are in memory at once (32 MB).
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are computed.

    Attributes
    ----------
    confidence
        Of the two-sided interval, in (0, 1); each end errs in at most half of the rest.
    resamples
        How many times the groups are weighted anew.
    seed
        The same seed and the same groups give the same weights, whatever else is computed.
    """

    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 20260101

    def weights(self, n_groups: int) -> Iterator[Values]:
        """All resamples in chunks of shape (b, n_groups): independent standard exponentials.

        Divided by their sum they are the weights of the Bayesian bootstrap (Rubin 1981, Annals of
        Statistics 9(1)), uniform over all ways to share 1 among the groups. None is zero, so that
        what is defined in the sample is defined in every resample.
        """
        rng = np.random.default_rng([self.seed, n_groups])
        rows = max(1, _CHUNK // max(n_groups, 1))
        for start in range(0, self.resamples, rows):
            yield rng.standard_exponential((min(rows, self.resamples - start), n_groups))
