"""Pairs of masks for `surface.py`: made ones, and real ones where the data is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

Pair = np.ndarray  # bool, (2, *shape): reference and prediction
SHAPE = (512, 512)


def blobs(shape: tuple[int, ...], *, change: float, rng: np.random.Generator) -> Pair:
    """A lumpy ball and the same ball with a changed surface, (2, *shape)."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    radius = np.sqrt(sum(axis * axis for axis in axes))
    lumps, changes = (
        ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 10) for _ in range(2)
    )
    ball = radius + 0.08 * lumps / lumps.std()
    return np.stack((ball < 0.6, ball + change * changes / changes.std() < 0.6))


def shifted(pair: Pair, by: int) -> Pair:
    """The prediction moved along the columns."""
    return np.stack((pair[0], np.roll(pair[1], by, axis=1)))


def vessels(rng: np.random.Generator) -> Pair:
    """Thin winding lines, and the same lines astray."""
    lines, astray = (ndimage.gaussian_filter(rng.standard_normal(SHAPE), 14) for _ in range(2))
    lines, astray = lines / lines.std(), astray / astray.std()
    return np.abs(np.stack((lines, lines + 0.1 * astray))) < 0.06


def discs(rng: np.random.Generator) -> Pair:
    """200 small objects; one in ten missed, one in ten made up, the others a little off."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pair = np.zeros((2, *SHAPE), bool)
    for _ in range(200):
        centre, radius = rng.uniform(8, 504, 2), rng.uniform(3, 9)
        for mask in pair:
            off = centre + rng.uniform(-2, 2, 2)
            if rng.random() < 0.9:
                mask |= (y - off[0]) ** 2 + (x - off[1]) ** 2 < radius**2
    return pair


def make_cases(quick: bool) -> dict[str, Pair]:
    """Pictures and volumes for time and memory, small volumes if `quick`."""
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


def made_pairs(rng: np.random.Generator) -> dict[str, Pair]:
    """Pairs of 512 x 512; the names of those that are noise begin with "noise"."""

    def blob(change: float = 0.02) -> Pair:
        return blobs(SHAPE, change=change, rng=rng)

    speck = blob()
    speck[1, 5:8, 5:8] = True
    return {
        "blob": blob(),
        "blob, well predicted": blob(0.005),
        "blob, off by 5 pixels": shifted(blob(), 5),
        "blob, off by 20 pixels": shifted(blob(), 20),
        "blob, off by 90 pixels": shifted(blob(), 90),
        "blob and a far speck": speck,
        "thin vessels": vessels(rng),
        "200 small objects": discs(rng),
        "one against 200": np.stack((blob()[0], discs(rng)[0])),
        "noise, 3 %": rng.random((2, *SHAPE)) < 0.03,
        "noise, 50 %": rng.random((2, *SHAPE)) < 0.5,
        "noise against a blob": np.stack((rng.random(SHAPE) < 0.5, blob()[0])),
    }


def real_pairs(data: Path) -> dict[str, Pair]:
    """Two observers, successive frames, and masks against eroded and shifted copies."""
    found: dict[str, Pair] = {}
    for path in sorted(data.glob("stare/masks_ah/*"))[:3]:
        other = data / "stare" / "masks_vk" / path.name
        found[f"stare {path.stem}, two observers"] = np.stack((read(path) > 0, read(other) > 0))
    frames = [read(path) for path in sorted(data.glob("camvid_val/masks/*"))[:2]]
    for value, name in ((1, "building"), (3, "road"), (5, "tree"), (8, "car"), (9, "pedestrian")):
        if frames:
            found[f"camvid {name}, next frame"] = np.stack([frame == value for frame in frames])
    for path in sorted(data.glob("nuclei/masks/*"))[:3]:
        mask, name = read(path) > 0, f"nuclei {path.stem[:6]}"
        found[f"{name}, eroded by 2"] = np.stack((mask, ndimage.binary_erosion(mask, None, 2)))
        found[f"{name}, off by 7"] = shifted(np.stack((mask, mask)), 7)
    return {name: pair for name, pair in found.items() if pair.any(axis=(1, 2)).all()}


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))
