"""Is the number of groups that would settle a rule too small where it is a square root?

    python benchmarks/needed.py

For differences against a baseline (lower end) and distances (upper end). The truth: with n * k
fresh groups half of the intervals are no wider than `d`. From each of 40 test sets of n groups: how
many groups `groups_needed` asks for to come down to `d`, divided by n * k. Printed: the median of
that ratio, and the share of test sets that were told too few. About two minutes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from segmetrics.gates.needed import MOST_GROUPS, groups_needed
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.observations import Observations
from segmetrics.stats.paired import paired_differences
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.scopes import EvaluationOptions, aggregated

FEW = Resampling(resamples=1000)
DIAGONAL = 724.0
SIZES, TIMES = (15, 30, 60), (2, 4, 8)
Values = npt.NDArray[np.float64]
Draw = Callable[[int, np.random.Generator], Values]

DISTANCES: dict[str, Draw] = {
    "distances, gamma": lambda n, rng: rng.gamma(4, 1, n),
    "distances, lognormal 1": lambda n, rng: rng.lognormal(1, 1, n),
    "distances, lognormal 1.5": lambda n, rng: rng.lognormal(1, 1.5, n),
    "distances, 2 % misses": lambda n, rng: np.where(
        rng.random(n) < 0.02, 300.0, rng.lognormal(1, 0.5, n)
    ),
}
CHANGES: dict[str, Draw] = {
    "differences, noise 0.02": lambda n, rng: rng.normal(0, 0.02, n),
    "differences, noise 0.05": lambda n, rng: rng.normal(0, 0.05, n),
    "differences, heavy tails": lambda n, rng: 0.03 * rng.standard_t(3, n),
    "differences, 5 % much worse": lambda n, rng: (
        np.where(rng.random(n) < 0.05, -0.3, 0.01) + rng.normal(0, 0.01, n)
    ),
}


def column(name: str, values: Values) -> Observations:
    n = len(values)
    diagonals = np.full(n, DIAGONAL)
    return Observations(ConfusionCounts.zeros((n, 1)), {name: values[:, None]}, diagonals)


def upper_half(values: Values) -> float:
    """From a mean distance to its upper end."""
    observed = column("hd95", np.minimum(values, DIAGONAL))
    options = EvaluationOptions((), resampling=FEW)
    groups = np.arange(len(values))
    found = aggregated(observed, groups, (), options, only=[CATALOG["hd95"]])
    estimate = found["image_mean"][0]["hd95"][0]
    return float(estimate.high or np.nan) - float(estimate.value or np.nan)


def lower_half(changes: Values, rng: np.random.Generator) -> float:
    """From a difference to its lower end."""
    before = rng.beta(8, 1.8, len(changes))
    (found,) = paired_differences(
        CATALOG["nsd"],
        candidate=column("nsd", np.clip(before + changes, 0, 1)),
        baseline=column("nsd", before),
        groups=np.arange(len(changes)),
        aggregate="image_mean",
        targets=[(0,)],
        resampling=FEW,
    )
    return float(found.value or 0.0) - float(found.low or 0.0)


def ratios(half: Callable[[int], float]) -> dict[tuple[int, int], tuple[float, float]]:
    """(n, k) -> median of asked / n k, and the share that was told too few."""
    sizes = sorted({n * k for n in SIZES for k in (1, *TIMES)})
    halves = {n: [half(n) for _ in range(40)] for n in sizes}
    result = {}
    for n in SIZES:
        for k in TIMES:
            bound = float(np.median(halves[n * k]))
            asked = np.array([groups_needed(n, h, bound) or MOST_GROUPS for h in halves[n]])
            result[n, k] = float(np.median(asked)) / (n * k), float((asked < n * k).mean())
    return result


def main() -> None:
    rng = np.random.default_rng(1)
    cases: dict[str, Callable[[int], float]] = {}
    for name, draw in DISTANCES.items():
        cases[name] = lambda n, draw=draw: upper_half(draw(n, rng))  # type: ignore[misc]
    for name, draw in CHANGES.items():
        cases[name] = lambda n, draw=draw: lower_half(draw(n, rng), rng)  # type: ignore[misc]
    for name, half in cases.items():
        found = ratios(half)
        shown = (f"{n}x{k} {r:.2f} ({few:.0%})" for (n, k), (r, few) in found.items())
        print(f"{name}: {', '.join(shown)}", flush=True)


if __name__ == "__main__":
    main()
