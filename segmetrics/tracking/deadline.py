"""How long tracking may take: a slow server must not hold a pipeline up without end."""

from __future__ import annotations

import math
import os
import time

from segmetrics.errors import TrackingError

SECONDS = "SEGMETRICS_TRACKING_SECONDS"
_USUAL_S = 600.0  # a run is some fifty requests; on a usual server they take seconds


class Deadline:
    """The moment until which a run has to be logged, from now on.

    A single request has its own limit; that of a run is looked at between requests.

    Raises
    ------
    TrackingError
        `SEGMETRICS_TRACKING_SECONDS` is no positive number.
    """

    def __init__(self) -> None:
        self._seconds = _seconds()
        self._end = time.monotonic() + self._seconds

    def check(self, part: str) -> None:
        """Go on with a part of the run while there is time.

        Raises
        ------
        TrackingError
            There is none left.
        """
        if time.monotonic() < self._end:
            return
        raise TrackingError(
            "MLflow",
            f"is too slow: {self._seconds:g} s are over before {part}; results and verdict are "
            f"kept, the unfinished run counts for nothing",
            f"run `dvc repro` again, or give it more time: {SECONDS}=3600",
        )


def _seconds() -> float:
    given = os.environ.get(SECONDS)
    if not given:
        return _USUAL_S
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise TrackingError(SECONDS, f'"{given}" is no number of seconds', f"write {SECONDS}=3600")
    return seconds
