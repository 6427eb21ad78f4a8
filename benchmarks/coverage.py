"""How often intervals hold the truth, and how often a gate passes a model it should not.

    python benchmarks/coverage.py [--replications 4000] [--only ours] [--values pooled]

Draws test sets from known distributions, computes the 95 % interval of each by several methods, and
counts. A rule at the true value passes wrongly where the lower end reaches it (nominal: 2.5 %).
Seeded. Prints Markdown; docs/statistics.md holds what it printed. A count of 4,000 at 2.5 % has a
standard error of 0.25 points.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy import stats

from segmetrics.stats.intervals import intervals
from segmetrics.stats.paired import paired_ends
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.sums import GroupSums

Array = np.ndarray
Ends = tuple[Array, Array]
TAIL = 0.025
RESAMPLES = 2000  # of the other methods
BATCH = 250
# Left-skewed Dice: mean 0.895, standard deviation 0.19, skewness -2.3.
SKEWED = stats.beta(1.4, 0.165)
_SCORES = np.linspace(-6, 6, 4001)
_VALUES = SKEWED.ppf(stats.norm.cdf(_SCORES))


@dataclass(frozen=True)
class Sets:
    """Test sets side by side: sums over groups (G, test sets), of one or of two models."""

    truth: float
    above: Array
    below: Array
    baseline: Array | None = None  # above of the other model
    bounded: bool = True
    sign: int = 1  # -1: less is better, so that the upper end gates


# --- what is drawn ---------------------------------------------------------------------------


def of_scores(scores: Array) -> Array:
    """Skewed values of normal scores."""
    return np.interp(scores, _SCORES, _VALUES)


def of_values(values: Array, truth: float, **more: object) -> Sets:
    return Sets(truth, values, np.ones_like(values), **more)  # type: ignore[arg-type]


def skewed(rng: np.random.Generator, n: int, k: int) -> Sets:
    return of_values(rng.beta(1.4, 0.165, (n, k)), SKEWED.mean())


def failures(rng: np.random.Generator, n: int, k: int) -> Sets:
    """Good values, and 6.5 % of failures: standard deviation 0.17, skewness -3.1."""
    bad = rng.random((n, k)) < 0.065
    values = np.where(bad, rng.beta(1, 2.5, (n, k)), rng.beta(16, 2, (n, k)))
    return of_values(values, 0.065 / 3.5 + 0.935 * 16 / 18)


def misses(rng: np.random.Generator, n: int, k: int) -> Sets:
    """Good values, and 2 % of complete misses: skewness -5.6."""
    values = np.where(rng.random((n, k)) < 0.02, 0.0, rng.beta(30, 3, (n, k)))
    return of_values(values, 0.98 * 30 / 33)


def grouped(rng: np.random.Generator, n: int, k: int, *, slices: Array) -> Sets:
    """Slices of one group alike (intra-class correlation 0.5 of the values); mean of images."""
    shared = 0.61  # of the normal scores: gives 0.5 for the values
    above = np.zeros((n, k))
    for at in range(int(slices.max())):
        if at == 0:
            group = rng.standard_normal((n, k))
        own = rng.standard_normal((n, k))
        scores = np.sqrt(shared) * group + np.sqrt(1 - shared) * own
        above += of_scores(scores) * (slices > at)[:, None]
    return Sets(SKEWED.mean(), above, np.broadcast_to(slices[:, None], (n, k)).astype(float))


def equal_slices(rng: np.random.Generator, n: int, k: int) -> Sets:
    return grouped(rng, n, k, slices=np.full(n, 10))


def unequal_slices(rng: np.random.Generator, n: int, k: int) -> Sets:
    return grouped(rng, n, k, slices=np.random.default_rng(n).integers(1, 20, n))


def pooled(rng: np.random.Generator, n: int, k: int, *, slope: float) -> Sets:
    """Pooled Dice: lognormal areas (most of the pixels in few images); larger ones are better."""

    values, area = areas(rng, (n, k), slope)
    return Sets(pooled_truth(slope), values * area, area)


def areas(rng: np.random.Generator, shape: tuple[int, ...], slope: float) -> tuple[Array, Array]:
    size = rng.standard_normal(shape)
    scores = slope * size + np.sqrt(1 - slope**2) * rng.standard_normal(shape)
    return of_scores(scores), np.exp(size)


@cache
def pooled_truth(slope: float) -> float:
    values, area = areas(np.random.default_rng(99), (5_000_000,), slope)
    return float((values * area).mean() / area.mean())


def paired(rng: np.random.Generator, n: int, k: int, *, alike: float) -> Sets:
    """Two equally good models, whose values go together; the margin is the true difference."""
    one = rng.standard_normal((n, k))
    two = alike * one + np.sqrt(1 - alike**2) * rng.standard_normal((n, k))
    values = [of_scores(z) for z in (one, two)]
    return of_values(values[0], 0.0, baseline=values[1])


def worse_at_times(rng: np.random.Generator, n: int, k: int) -> Sets:
    """The candidate is the baseline with small changes, and much worse in 10 % of the groups."""
    drop = (rng.random((n, k)) < 0.1) * rng.beta(2, 5, (n, k))
    change = rng.normal(0, 0.03, (n, k)) - drop
    return of_values(change + 0.9, -0.1 * 2 / 7, baseline=np.full((n, k), 0.9))


def distances(rng: np.random.Generator, n: int, k: int) -> Sets:
    """Lognormal distances (skewness 6), relative to their mean; the upper end gates."""
    values = rng.lognormal(-0.5, 1.0, (n, k))
    return of_values(values, 1.0, bounded=False, sign=-1)


# --- the methods -----------------------------------------------------------------------------


def ours(sets: Sets, seed: int) -> Ends:
    """Bayesian bootstrap with an unseen group; of two models with an unseen change."""
    how = Resampling(seed=seed)
    numbers = np.arange(sets.above.shape[0])
    high = 1.0 if sets.bounded else np.inf

    def sums(above: Array) -> GroupSums:
        return GroupSums(above, sets.below, 0.0, high, 0.1 if sets.bounded else 0.0, high)

    if sets.baseline is not None:
        two = sums(sets.above), sums(sets.baseline)
        ends = paired_ends(*two, numbers, [(k,) for k in range(sets.above.shape[1])], how)
        low, high_ends = np.array(ends).T
        return low, high_ends
    found = intervals([sums(sets.above)], numbers, (), how)[0]
    return found.low, found.high


def linear(sets: Sets) -> Array:
    """The statistic as a mean: one value a group (differences, or value plus influence)."""
    if sets.baseline is not None:
        return sets.above - sets.baseline
    value = sets.above.sum(0) / sets.below.sum(0)
    return value + (sets.above - value * sets.below) / sets.below.mean(0)


def student(x: Array, rng: np.random.Generator) -> Ends:
    half = stats.t.ppf(1 - TAIL, len(x) - 1) * x.std(0, ddof=1) / np.sqrt(len(x))
    return x.mean(0) - half, x.mean(0) + half


def hall(x: Array, rng: np.random.Generator) -> Ends:
    """Hall 1992, On the removal of skewness by transformation, JRSS B 54(1)."""
    n, quantile = len(x), stats.t.ppf(1 - TAIL, len(x) - 1)
    scale = np.maximum(x.std(0, ddof=1), 1e-12)
    a = ((x - x.mean(0)) ** 3).mean(0) / scale**3 / np.sqrt(n)
    a = np.where(np.abs(a) < 1e-6, 1e-6, a)
    back = [3 / a * (np.cbrt(1 + a * (q - a / 6)) - 1) for q in (quantile, -quantile)]
    low, high = (x.mean(0) - scale / np.sqrt(n) * b for b in back)
    return low, high


def _bootstrap(x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    n = len(x)
    drawn = rng.integers(0, n, (RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    weights = np.bincount(drawn.ravel(), minlength=n * RESAMPLES).reshape(RESAMPLES, n) / n
    mean = weights @ x
    return mean, np.maximum(weights @ (x * x) - mean**2, 0)


def percentile(x: Array, rng: np.random.Generator) -> Ends:
    low, high = np.quantile(_bootstrap(x, rng)[0], (TAIL, 1 - TAIL), axis=0)
    return low, high


def bca(x: Array, rng: np.random.Generator) -> Ends:
    """Efron 1987, Better bootstrap confidence intervals, JASA 82."""
    mean = np.sort(_bootstrap(x, rng)[0], axis=0)
    centre = x.mean(0)
    bias = stats.norm.ppf(np.clip((mean < centre).mean(0), 1e-4, 1 - 1e-4))
    pull = x - centre
    speed = (pull**3).sum(0) / (6 * np.maximum((pull**2).sum(0), 1e-12) ** 1.5)
    ends = []
    for q in stats.norm.ppf((TAIL, 1 - TAIL)):
        level = stats.norm.cdf(bias + (bias + q) / (1 - speed * (bias + q)))
        place = np.clip((level * RESAMPLES).astype(int), 0, RESAMPLES - 1)
        ends.append(mean[place, np.arange(x.shape[1])])
    return ends[0], ends[1]


def bootstrap_t(x: Array, rng: np.random.Generator) -> Ends:
    mean, variance = _bootstrap(x, rng)
    scale = np.maximum(x.std(0), 1e-12)
    t = (mean - x.mean(0)) / np.sqrt(np.maximum(variance, 1e-12))
    low, high = np.quantile(t, (1 - TAIL, TAIL), axis=0)
    return x.mean(0) - low * scale, x.mean(0) - high * scale


METHODS: dict[str, Callable[[Array, np.random.Generator], Ends]] = {
    "t": student,
    "percentile": percentile,
    "BCa": bca,
    "bootstrap-t": bootstrap_t,
    "Hall": hall,
}


def betting(x: Array, bound: Array | float) -> Array:
    """Whether the predictable plug-in bet of Waudby-Smith and Ramdas 2024 shows mean > bound."""
    n = np.arange(1, len(x) + 1)[:, None]
    mean = (0.5 + np.cumsum(x, 0)) / (n + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2, 0)) / (n + 1)
    before = np.vstack((np.full((1, x.shape[1]), 0.25), variance[:-1]))
    stake = np.minimum(np.sqrt(2 * np.log(1 / TAIL) / (len(x) * before)), 0.5 / bound)
    wealth = np.cumsum(np.log1p(stake * (x - bound)), 0).max(0)
    passes: Array = wealth >= np.log(1 / TAIL)
    return passes


# --- counting --------------------------------------------------------------------------------

Draw = Callable[[np.random.Generator, int, int], Sets]
CASES: tuple[tuple[str, Draw, tuple[int, ...]], ...] = (
    ("skewed", skewed, (10, 30, 100, 200)),
    ("failures", failures, (30, 100, 200)),
    ("misses", misses, (30, 100, 200)),
    ("groups of 10 slices", equal_slices, (10, 30, 100)),
    ("groups of 1 to 19 slices", unequal_slices, (10, 30, 100)),
    ("pooled", partial(pooled, slope=0.0), (30, 100, 200)),
    ("pooled, larger is better", partial(pooled, slope=0.4), (30, 100, 200)),
    ("paired, correlation 0.8", partial(paired, alike=0.8), (30, 100, 200)),
    ("paired, correlation 0.95", partial(paired, alike=0.95), (30, 100, 200)),
    ("paired, worse in 10 %", worse_at_times, (30, 100, 200)),
    ("distances", distances, (30, 100, 200)),
)
MEASURES = ("covers", "passes at the bound", "2 below", "4 above", "6 above", "width")
Row = tuple[str, int, str, list[float]]  # values, groups, method, measures in per cent


def count(job: tuple[int, int, int, bool]) -> list[Row]:
    """One case and number of groups: what each method gave."""
    case, n, replications, only_ours = job
    name, draw, _ = CASES[case]
    found: dict[str, list[Array]] = {}
    for batch in range(-(-replications // BATCH)):
        rng = np.random.default_rng([case, n, batch])
        sets = draw(rng, n, BATCH)
        x = linear(sets)
        ends = {} if only_ours else {m: method(x, rng) for m, method in METHODS.items()}
        ends["ours"] = ours(sets, batch)
        for method, (low, high) in ends.items():
            if sets.baseline is None:  # no method may leave the range
                low, high = (np.clip(end, 0, 1 if sets.bounded else None) for end in (low, high))
            truth = sets.truth
            gate, against = (low, high) if sets.sign > 0 else (-high, -low)
            truth *= sets.sign
            found.setdefault(method, []).append(
                np.array(
                    (
                        (gate <= truth) & (truth <= against),
                        *(gate >= truth - above for above in (0, -0.02, 0.04, 0.06)),
                        high - low,
                    )
                )
            )
        if not only_ours and sets.bounded and sets.baseline is None and name in SIMPLE:
            passes = [betting(x, truth - above) for above in (0, -0.02, 0.04, 0.06)]
            upper = betting(1 - x, 1 - truth)
            row = np.array((~passes[0] & ~upper, *passes, np.full(BATCH, np.nan)))
            found.setdefault("betting", []).append(row)
    return [
        (name, n, method, (100 * np.concatenate(parts, axis=1).mean(axis=1)).tolist())
        for method, parts in found.items()
    ]


def table(rows: list[Row], measure: str) -> str:
    """One measure, by method."""
    methods = [m for m in (*METHODS, "betting", "ours") if any(row[2] == m for row in rows)]
    lines = [
        f"| {measure} | groups | {' | '.join(methods)} |",
        f"|---|---:|{'---:|' * len(methods)}",
    ]
    for name, n in dict.fromkeys(row[:2] for row in rows):
        found = {
            m: x[MEASURES.index(measure)] for values, k, m, x in rows if (values, k) == (name, n)
        }
        cells = [f"{found[m]:.1f}" if found.get(m, np.nan) >= 0 else "" for m in methods]
        lines.append(f"| {name} | {n} | {' | '.join(cells)} |")
    return "\n".join(lines)


SIMPLE = ("skewed", "failures", "misses")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", choices=["ours"], help="leave the other methods out")
    parser.add_argument("--values", default="", help="those whose name begins like this")
    options = parser.parse_args()
    jobs = [
        (case, n, options.replications, options.only == "ours")
        for case, (name, _, sizes) in enumerate(CASES)
        for n in sizes
        if name.startswith(options.values)
    ]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        rows = [row for found in pool.imap(count, jobs) for row in found]
    print("\n\n".join(table(rows, measure) for measure in MEASURES))


if __name__ == "__main__":
    main()
