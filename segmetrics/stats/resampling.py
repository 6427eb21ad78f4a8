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
        B, how many times the groups are weighted anew.
    seed
        Any integer.
    """

    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 20260101

    @property
    def tail(self) -> float:
        """The share of resamples beyond each end."""
        return (1 - self.confidence) / 2

    def in_one_chunk(self, n_groups: int) -> bool:
        """Whether `weights` gives those of so many groups at once."""
        return n_groups * self.resamples <= _CHUNK

    def weights(
        self, groups: npt.NDArray[np.intp], stream: int = 0
    ) -> Iterator[tuple[slice, Values]]:
        """The weights of some groups, a few groups at a time: their places and (g, B) weights.

        Standard exponentials; divided by their sum they are the weights of the Bayesian bootstrap
        (Rubin 1981, Annals of Statistics 9(1)), uniform over all ways to share 1 among groups. None
        is zero, so that what is defined in the sample is defined in every resample.

        Each group has random numbers of its own, of which nothing but its number, `stream` and the
        seed decide: what else is evaluated, and in which order, changes none of them. Where numbers
        come from names (`aggregate.group_keys`), neither do other groups that come or go.

        Parameters
        ----------
        groups
            Their numbers, not negative and below 2**63.
        stream
            Another one for samples that share no group though their numbers are the same.
        """
        rows = max(1, _CHUNK // self.resamples)
        for start in range(0, groups.size, rows):
            some = groups[start : start + rows].tolist()
            drawn = np.empty((len(some), self.resamples))
            for row, group in zip(drawn, some, strict=True):
                self._generator(stream, group + 1).standard_exponential(out=row)
            yield slice(start, start + len(some)), drawn

    def unseen(self, stream: int = 0) -> Values:
        """The weights of a further group that the sample does not hold, shape (B,)."""
        return self._generator(stream, 0).standard_exponential(self.resamples)

    def _generator(self, stream: int, group: int) -> np.random.Generator:
        return np.random.default_rng([abs(self.seed), int(self.seed < 0), stream, group])
