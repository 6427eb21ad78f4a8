"""Surface metrics against peers: hd, hd95, assd and nsd of one pair of masks together.

    python benchmarks/surface.py [--quick]
    python benchmarks/surface.py --pairs [--data ../shared/data]

Makes the masks, checks that MONAI gets the same four numbers (to 1e-6, see `check`), and prints how
many times longer each peer takes (processor time on one thread, best of several runs in this
process) and how much memory each needs above the masks (a process of its own each; Linux). With
`--pairs`: time alone, on many pictures, made and real ones, so that the spread shows. Peers that
are not installed are left out. For all of them:

    pip install torch==2.13.0 monai==1.6.1 surface-distance==0.1 medpy
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import ndimage
from surface_pairs import made_pairs, make_cases, real_pairs

from segmetrics.metrics import assd, hd, hd95, nsd, surface_distances

TOLERANCE = 2.0
SHARED = Path(__file__).parents[2] / "shared" / "data"
Four = tuple[float, float, float, float]
Method = Callable[[np.ndarray, np.ndarray], Four]


def segmetrics(reference: np.ndarray, prediction: np.ndarray) -> Four:
    found = surface_distances(reference=reference, prediction=prediction)
    return hd(found), hd95(found), assd(found), nsd(found, tolerance=TOLERANCE)


def transform(reference: np.ndarray, prediction: np.ndarray) -> Four:
    """The plain way: SciPy's erosion and distance transform in the common bounding box."""
    box = ndimage.find_objects((reference | prediction).astype(np.uint8))[0]
    borders = [m[box] & ~ndimage.binary_erosion(m[box]) for m in (reference, prediction)]
    a, b = (
        ndimage.distance_transform_edt(~other)[own] for own, other in (borders, reversed(borders))
    )
    near = np.count_nonzero(a <= TOLERANCE) + np.count_nonzero(b <= TOLERANCE)
    return (
        float(max(a.max(), b.max())),
        float(max(np.percentile(a, 95), np.percentile(b, 95))),
        float(np.concatenate((a, b)).mean()),
        near / (a.size + b.size),
    )


def monai(reference: np.ndarray, prediction: np.ndarray) -> Four:
    import torch
    from monai import metrics as m

    torch.set_num_threads(1)  # as all others; more make it slower beside other work
    pair = {
        "y": torch.from_numpy(reference)[None, None],
        "y_pred": torch.from_numpy(prediction)[None, None],
        "include_background": True,
    }
    values = (
        m.compute_hausdorff_distance(**pair),
        m.compute_hausdorff_distance(**pair, percentile=95),
        m.compute_average_surface_distance(**pair, symmetric=True),
        m.compute_surface_dice(**pair, class_thresholds=[TOLERANCE]),
    )
    return tuple(float(value) for value in values)


def monai_hd95(reference: np.ndarray, prediction: np.ndarray) -> float:
    """The same definition from MONAI's own distances, with the percentile in double precision."""
    import torch
    from monai.metrics.utils import get_edge_surface_distance

    pair = torch.from_numpy(prediction), torch.from_numpy(reference)
    _, directed, _ = get_edge_surface_distance(*pair, symmetric=True)
    return float(max(np.percentile(one.numpy().astype(np.float64), 95) for one in directed))


def surface_distance(reference: np.ndarray, prediction: np.ndarray) -> Four:
    """Weighs by surface area, so its numbers differ."""
    import surface_distance as s

    found = s.compute_surface_distances(reference, prediction, (1.0,) * reference.ndim)
    return (
        s.compute_robust_hausdorff(found, 100),
        s.compute_robust_hausdorff(found, 95),
        float(np.mean(s.compute_average_surface_distance(found))),
        s.compute_surface_dice_at_tolerance(found, TOLERANCE),
    )


def medpy(reference: np.ndarray, prediction: np.ndarray) -> Four:
    """Has no NSD (three metrics of four), and pools both directions in hd95."""
    from medpy.metric import binary as m

    pair = (prediction, reference)
    return m.hd(*pair), m.hd95(*pair), m.assd(*pair), float("nan")


# How each is called, and the package whose version is shown.
METHODS: dict[str, tuple[Method, str]] = {
    "segmetrics": (segmetrics, "segmetrics"),
    "plain transform": (transform, "scipy"),
    "surface-distance": (surface_distance, "surface-distance"),
    "MONAI": (monai, "monai"),
    "MedPy": (medpy, "medpy"),
}


def best_seconds(method: Method, pair: np.ndarray) -> tuple[float, Four]:
    """The best of as many runs as about a second allows (2 to 50)."""
    times: list[float] = []
    while len(times) < 2 or (sum(times) < 1 and len(times) < 50):
        start = time.process_time()
        values = method(*pair)
        times.append(time.process_time() - start)
    return min(times), values


def peak_megabytes(name: str, path: Path) -> float:
    """What a process of its own needs above the masks, interpreter and imports."""
    command = [sys.executable, __file__, "--memory", name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def peak_kilobytes() -> int:
    # Not `ru_maxrss`: a child begins with that of its parent.
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def measure_memory(name: str, path: Path) -> None:
    method, _ = METHODS[name]
    small = np.zeros((2, 40, 40), bool)
    small[0, 5:15, 5:15] = small[1, 20:30, 25:35] = True
    method(*small)  # imports, as does the next line what only some masks need
    importlib.import_module("scipy.spatial")
    pair = np.load(path)
    pair.sum()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = peak_kilobytes()
    method(*pair)
    print((peak_kilobytes() - before) / 1024)


def installed() -> dict[str, str]:
    """Version by method, for those that are there."""
    versions = {}
    for name, (_, package) in METHODS.items():
        try:
            versions[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            if name == "segmetrics":
                versions[name] = "this checkout"
    return versions


def check(values: dict[str, Four], case: str, pair: np.ndarray) -> None:
    """Those of the same definition have the same values, to 1e-6: relative to values above 1.

    MONAI places its percentile in single precision (`torch.quantile` of float32), which moves it by
    up to some 1e-5 of the step between two distances. So its hd95 is held to 1e-6 from its own
    distances with the percentile in double precision, and as it returns it, to 1e-5.
    """
    ours = np.array(values["segmetrics"])
    for name in {"MONAI", "plain transform"} & set(values):
        theirs = np.array(values[name])
        if name == "MONAI":
            assert abs(ours[1] - theirs[1]) <= 1e-5 * max(1, ours[1]), (case, theirs)
            theirs[1] = monai_hd95(*pair)
        assert np.all(np.abs(ours - theirs) <= 1e-6 * np.maximum(1, ours)), (case, name, theirs)


def compare_pairs(versions: dict[str, str], data: Path) -> None:
    """Times ours on many pictures, and how many times longer each peer takes."""
    peers = [name for name in versions if name not in ("segmetrics", "MedPy")]
    print(f"\n| pair | rows x columns | ours, ms | {' | '.join(peers)} |")
    print("|---|---|---:|" + "---:|" * len(peers))
    sums = {"all but noise": dict.fromkeys(versions, 0.0), "all": dict.fromkeys(versions, 0.0)}

    def line(name: str, size: str, seconds: dict[str, float]) -> None:
        ours = seconds["segmetrics"]
        ratios = " | ".join(f"{seconds[peer] / ours:.1f} x" for peer in peers)
        print(f"| {name} | {size} | {ours * 1e3:.2f} | {ratios} |", flush=True)

    for name, pair in (made_pairs(np.random.default_rng(1)) | real_pairs(data)).items():
        seconds, values = {}, {}
        for method in ("segmetrics", *peers):
            seconds[method], values[method] = best_seconds(METHODS[method][0], pair)
        check(values, name, pair)
        line(name, f"{pair.shape[1]} x {pair.shape[2]}", seconds)
        for kind, total in sums.items():
            if kind == "all" or not name.startswith("noise"):
                for method in seconds:
                    total[method] += seconds[method]
    for kind, total in sums.items():
        line(f"sum of {kind}", "", total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small volumes")
    parser.add_argument("--pairs", action="store_true", help="many pictures, time alone")
    parser.add_argument(
        "--data", type=Path, default=SHARED, help="folder with stare, camvid_val and nuclei"
    )
    parser.add_argument("--memory", nargs=2, metavar=("METHOD", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        measure_memory(options.memory[0], Path(options.memory[1]))
        return
    versions = installed()
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    if options.pairs:
        compare_pairs(versions, options.data)
        return
    print("\n| masks | method | ms | times ours | MB above the masks | hd, hd95, assd, nsd |")
    print("|---|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case, pair in make_cases(options.quick).items():
            path = Path(folder, "pair.npy")
            np.save(path, pair)
            ours, expected = best_seconds(segmetrics, pair)
            for name in versions:
                slow = name == "MedPy" or "noise" in case
                if slow and pair[0].size > 1e6 and name not in ("segmetrics", "plain transform"):
                    continue  # half a minute a run
                seconds, values = best_seconds(METHODS[name][0], pair)
                check({"segmetrics": expected, name: values}, case, pair)
                print(
                    f"| {case} | {name} | {seconds * 1e3:.2f} | {seconds / ours:.1f} "
                    f"| {peak_megabytes(name, path):.0f} "
                    f"| {', '.join(f'{value:.4f}' for value in values)} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
