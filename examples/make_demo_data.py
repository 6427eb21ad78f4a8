"""Write a seeded, synthetic data set that looks like stained nuclei under a microscope.

Run::

    python examples/make_demo_data.py --out data

The images are drawn, not photographed: ellipse-like nuclei with chromatin texture, blurred by a
point-spread function, lit unevenly and read out with shot and read noise. Slides differ in
brightness, density and nucleus size; two scanners differ in sharpness, gain and background. The
same seed gives the same files, byte for byte. Needs only `numpy` and `pillow`.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 128
MARGIN = 16
"""Nuclei are drawn on a larger field, so that the border cuts some of them."""
FIELD = SIZE + 2 * MARGIN
SPLITS = (("train", 24, 1), ("val", 12, 1), ("test", 48, 2))
"""Name, number of slides, images of each slide."""
COLUMNS = ("id", "image", "mask", "split", "group", "scanner")


@dataclass(frozen=True)
class Scanner:
    """How one microscope turns light into grey levels."""

    blur: float  # standard deviation of the point-spread function in pixels
    photons: float  # for a signal of 1: fewer give more shot noise
    gain: float  # grey levels for a signal of 1
    offset: float  # grey level of darkness
    read_noise: float  # its standard deviation


SCANNERS = {
    "A": Scanner(blur=0.8, photons=260.0, gain=120.0, offset=6.0, read_noise=1.0),
    "B": Scanner(blur=1.5, photons=120.0, gain=75.0, offset=12.0, read_noise=1.3),
}


@dataclass(frozen=True)
class Slide:
    """What the images of one slide have in common."""

    radius: float  # mean radius of a nucleus in pixels
    count: float  # mean number of nuclei on the field
    stretch: float  # mean ratio of the long to the short axis
    brightness: float  # mean signal of a nucleus
    spread: float  # spread of the logarithm of that signal between nuclei
    haze: float  # signal between the nuclei
    defocus: float  # extra blur in pixels
    ghosts: float  # share of extra nuclei far out of focus: light that the mask does not count
    faint: float  # share of nuclei that the stain barely shows
    clumping: float  # chance that a nucleus is placed against an earlier one


def draw_slide(rng: np.random.Generator) -> Slide:
    """Draw one slide; about one in five is out of focus, faint and crowded."""
    hard = rng.random() < 0.2
    radius = rng.uniform(5.0, 10.0)
    cover = rng.uniform(0.08, 0.32)
    return Slide(
        radius=radius,
        count=max(5.0, cover * FIELD**2 / (np.pi * radius**2)),
        stretch=rng.uniform(1.1, 1.7),
        brightness=rng.uniform(0.2, 0.4) if hard else rng.uniform(0.5, 1.5),
        spread=rng.uniform(0.15, 0.35),
        haze=rng.uniform(0.01, 0.05),
        defocus=rng.uniform(1.0, 1.8) if hard else rng.uniform(0.0, 0.6),
        ghosts=rng.uniform(0.1, 0.25) if hard else rng.uniform(0.0, 0.12),
        faint=rng.uniform(0.1, 0.25) if hard else rng.uniform(0.0, 0.08),
        clumping=rng.uniform(0.1, 0.5),
    )


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur with a Gaussian, reflecting at the borders."""
    if sigma <= 0:
        return image
    reach = int(np.ceil(3.5 * sigma))
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pads = [(0, 0), (0, 0)]
        pads[axis] = (reach, reach)
        padded = np.pad(image, pads, mode="reflect")
        length = image.shape[axis]
        parts = [w * padded.take(range(i, i + length), axis) for i, w in enumerate(kernel)]
        image = np.sum(parts, axis=0)
    return image


def smooth_noise(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Return blurred noise on the field with mean 0 and standard deviation 1."""
    noise = blur(rng.standard_normal((FIELD, FIELD)), sigma)
    return (noise - noise.mean()) / noise.std()


def place_nuclei(slide: Slide, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Return (row, column, radius) of nuclei that touch now and then but hardly overlap."""
    placed: list[tuple[float, float, float]] = []
    wanted = rng.poisson(slide.count)
    for _ in range(40 * wanted):
        if len(placed) >= wanted:
            break
        small = rng.random() < 0.12
        radius = slide.radius * (rng.uniform(0.45, 0.6) if small else rng.lognormal(0.0, 0.14))
        row, column = rng.uniform(0, FIELD, size=2)
        if placed and rng.random() < slide.clumping:
            row0, column0, radius0 = placed[rng.integers(len(placed))]
            angle = rng.uniform(0, 2 * np.pi)
            reach = (radius0 + radius) * rng.uniform(0.9, 1.05)
            row, column = row0 + reach * np.sin(angle), column0 + reach * np.cos(angle)
        gaps = [np.hypot(row - r, column - c) / (radius + s) for r, c, s in placed]
        if all(gap > 0.88 for gap in gaps):
            placed.append((row, column, radius))
    return placed


def draw_nucleus(
    place: tuple[float, float, float], slide: Slide, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outline (boolean) and the thickness (0 to 1) of one nucleus on the field."""
    row, column, radius = place
    stretch = np.sqrt(max(1.0, slide.stretch + rng.normal(0, 0.12)))
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:FIELD, :FIELD]
    along = ((x - column) * np.cos(angle) + (y - row) * np.sin(angle)) / stretch
    across = ((y - row) * np.cos(angle) - (x - column) * np.sin(angle)) * stretch
    theta = np.arctan2(across, along)
    bumps = [rng.normal(0, 0.11 / k) * np.cos(k * theta + rng.uniform(0, 6.3)) for k in (2, 3, 4)]
    distance = np.hypot(along, across) / (radius * (1 + np.sum(bumps, axis=0)))
    # A nucleus is flat in the middle and thins out over its last fifth.
    return distance <= 1, np.clip((1.12 - distance) / 0.3, 0, 1) * (1 - 0.2 * distance.clip(0, 1))


def draw_tissue(slide: Slide, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the light that leaves the sample, before the optics, and the mask."""
    light = np.zeros((FIELD, FIELD))
    mask = np.zeros((FIELD, FIELD), dtype=bool)
    # Chromatin is grainy; nucleoli are dark spots in it.
    texture = 1 + 0.16 * smooth_noise(rng, 1.2) - 0.3 * (smooth_noise(rng, 1.8) - 1.3).clip(0, 1)
    for place in place_nuclei(slide, rng):
        outline, thickness = draw_nucleus(place, slide, rng)
        level = slide.brightness * rng.lognormal(0.0, slide.spread)
        if place[2] < 0.65 * slide.radius:
            level *= 1.5  # condensed
        elif rng.random() < slide.faint:
            level *= rng.uniform(0.12, 0.3)
        # Touching nuclei do not add up where they meet: they lie beside each other.
        light = np.maximum(light, level * thickness * texture.clip(0.4, None))
        mask |= outline
    ghosts = np.zeros_like(light)
    for _ in range(rng.poisson(slide.ghosts * slide.count)):
        place = (*rng.uniform(0, FIELD, size=2), slide.radius * rng.uniform(0.8, 1.2))
        ghosts += rng.uniform(0.2, 0.5) * slide.brightness * draw_nucleus(place, slide, rng)[1]
    haze = slide.haze * (1 + 0.3 * smooth_noise(rng, 14.0)).clip(0, None)
    return light + blur(ghosts, 4.0) + haze, mask


def photograph(
    light: np.ndarray, slide: Slide, scanner: Scanner, rng: np.random.Generator
) -> np.ndarray:
    """Return the 8-bit image that a scanner takes of the light."""
    sharp = blur(light, float(np.hypot(scanner.blur, slide.defocus)))
    # Scattered light: every bright nucleus has a wide, faint halo.
    signal = 0.9 * sharp + 0.1 * blur(light, 7.0)
    y, x = (np.mgrid[:FIELD, :FIELD] - FIELD / 2) / (FIELD / 2)
    row, column = rng.uniform(-0.4, 0.4, size=2)
    slope = rng.uniform(-0.15, 0.15, size=2)
    falloff = rng.uniform(0.1, 0.3) * ((y - row) ** 2 + (x - column) ** 2)
    signal = signal * (1 + slope[0] * y + slope[1] * x - falloff).clip(0.3, None)
    # Rounding keeps the last bits of a platform's exp() from changing a Poisson draw.
    photons = rng.poisson(np.round(signal * scanner.photons, 6))
    grey = scanner.offset + scanner.gain * photons / scanner.photons
    grey += rng.normal(0, scanner.read_noise, size=grey.shape)
    return np.rint(grey).clip(0, 255).astype(np.uint8)


def write_image(out: Path, name: str, picture: np.ndarray, mask: np.ndarray) -> tuple[str, str]:
    """Write the middle of the field and return the paths of the image and of its mask."""
    inner = slice(MARGIN, MARGIN + SIZE)
    paths = (f"images/{name}.png", f"masks/{name}.png")
    for path, plane in zip(paths, (picture, mask.astype(np.uint8)), strict=True):
        Image.fromarray(plane[inner, inner]).save(out / path, optimize=True)
    return paths


def write_data(out: Path, seed: int) -> int:
    """Write all images, masks and `samples.csv`; return the number of images."""
    for name in ("images", "masks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    rows = []
    for split_index, (split, slides, images) in enumerate(SPLITS):
        for number in range(1, slides + 1):
            slide = draw_slide(np.random.default_rng([seed, split_index, number]))
            scanner = "AB"[number % 2]
            group = f"{split}-slide{number:02d}"
            for view in range(1, images + 1):
                # A seed for each image: changing one slide leaves the others as they are.
                rng = np.random.default_rng([seed, split_index, number, view])
                light, mask = draw_tissue(slide, rng)
                picture = photograph(light, slide, SCANNERS[scanner], rng)
                name = f"{group}-{view}"
                paths = write_image(out, name, picture, mask)
                rows.append((name, *paths, split, group, scanner))
    with (out / "samples.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    return len(rows)


def main() -> int:
    """Run one command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=20260101, help="seed (default: 20260101)")
    args = parser.parse_args()
    if args.seed < 0:
        parser.error("--seed must not be negative")
    try:
        count = write_data(args.out, args.seed)
    except OSError as error:
        print(f"make_demo_data: error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {count} images to {args.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
