"""Surface metrics against peers: hd, hd95, assd and nsd of one pair of masks together.

    python benchmarks/surface.py [--quick]

Makes the masks, checks that MONAI gets the same four numbers (to 1e-6), and prints how many times
longer each peer takes (best of several runs in this one process) and how much memory each needs
above the masks (a process of its own each; Linux). Peers that are not installed are left out. For
all of them:

    pip install torch==2.13.0 monai==1.6.1 surface-distance==0.1 medpy
"""

from __future__ import annotations

import argparse
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

from segmetrics.metrics import assd, hd, hd95, nsd, surface_distances

TOLERANCE = 2.0
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


def blobs(shape: tuple[int, ...], *, change: float, rng: np.random.Generator) -> np.ndarray:
    """A lumpy ball and the same ball with a changed surface, (2, *shape)."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    radius = np.sqrt(sum(axis * axis for axis in axes))
    lumps, changes = (
        ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 10) for _ in range(2)
    )
    ball = radius + 0.08 * lumps / lumps.std()
    return np.stack((ball < 0.6, ball + change * changes / changes.std() < 0.6))


def make_cases(quick: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    volume, noise = ((128, 128, 50), (64, 64, 64)) if quick else ((512, 512, 200), (160, 160, 160))
    shifted = blobs((512, 512), change=0.02, rng=rng)
    shifted[1] = np.roll(shifted[1], 20, axis=1)
    return {
        "512 x 512": blobs((512, 512), change=0.02, rng=rng),
        "512 x 512, off by 20": shifted,
        " x ".join(map(str, volume)): blobs(volume, change=0.02, rng=rng),
        "noise 512 x 512": rng.random((2, 512, 512)) < 0.5,
        "sparse noise 512 x 512": rng.random((2, 512, 512)) < 0.03,
        "noise against a blob": np.stack(
            (rng.random((512, 512)) < 0.5, blobs((512, 512), change=0, rng=rng)[0])
        ),
        "noise " + " x ".join(map(str, noise)): rng.random((2, *noise)) < 0.5,
    }


def best_seconds(method: Method, pair: np.ndarray) -> tuple[float, Four]:
    """The best of as many runs as about a second allows (2 to 50)."""
    times: list[float] = []
    while len(times) < 2 or (sum(times) < 1 and len(times) < 50):
        start = time.perf_counter()
        values = method(*pair)
        times.append(time.perf_counter() - start)
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
    method(*small)  # imports
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small volumes")
    parser.add_argument("--memory", nargs=2, metavar=("METHOD", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        measure_memory(options.memory[0], Path(options.memory[1]))
        return
    versions = installed()
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
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
                if name in ("MONAI", "plain transform"):
                    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-6, err_msg=name)
                print(
                    f"| {case} | {name} | {seconds * 1e3:.2f} | {seconds / ours:.1f} "
                    f"| {peak_megabytes(name, path):.0f} "
                    f"| {', '.join(f'{value:.4f}' for value in values)} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
