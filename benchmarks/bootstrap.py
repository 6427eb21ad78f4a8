"""How long intervals take, and how much memory: 1,000 groups x 19 classes, 10,000 resamples.

    python benchmarks/bootstrap.py [--groups 1000] [--classes 19] [--slices 50]

Every overlap metric, pooled, image_mean and group_mean, both ends, and the class means; then the
same images cut into slices. Best of three runs in one process, with the processor time of all
threads beside it; memory is the peak above the counts.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

import numpy as np

from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.observations import Observations
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.scopes import EvaluationOptions, evaluate_counts


def counts(n: int, n_classes: int, rng: np.random.Generator) -> ConfusionCounts:
    """Images of 512 x 512 pixels; a fifth of them lack each class."""
    size = rng.lognormal(8, 1, (n, n_classes)) * (rng.random((n, n_classes)) < 0.8)
    hit = rng.beta(8, 1, (n, n_classes))
    tp, fn, fp = (np.rint(size * share).astype(np.int64) for share in (hit, 1 - hit, 1 - hit))
    return ConfusionCounts(tp, fp, fn, np.maximum(512 * 512 - tp - fp - fn, 0))


def peak_megabytes() -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--classes", type=int, default=19)
    parser.add_argument("--slices", type=int, default=50)
    options = parser.parse_args()
    names = [f"class {k}" for k in range(options.classes)]
    observed = Observations(counts(options.groups, len(names), np.random.default_rng(0)))
    groups = np.arange(options.groups)
    slices = np.array_split(groups, options.slices)
    plain = EvaluationOptions(tuple(names))
    asked = EvaluationOptions(tuple(names), resampling=Resampling())
    before = peak_megabytes()
    for what, sets in (("whole", [groups]), (f"{options.slices} slices", slices)):
        times = {}
        for how, wanted in (("values", plain), ("with intervals", asked)):
            runs = []
            for _ in range(3):
                start = time.perf_counter(), time.process_time()
                for chosen in sets:
                    evaluate_counts(observed.rows(chosen), groups[chosen], names, wanted)
                now = time.perf_counter(), time.process_time()
                runs.append((now[0] - start[0], now[1] - start[1]))
            times[how] = min(runs)
        shown = ", ".join(
            f"{how} {wall:.2f} s (processor {busy:.2f} s)" for how, (wall, busy) in times.items()
        )
        print(f"{what}: {shown}", flush=True)
    print(f"memory: {peak_megabytes() - before:.0f} MB")


if __name__ == "__main__":
    main()
