"""How many changed copies of real images are found, and how many pairs of different ones.

    python -m benchmarks.leakage_changes --images ../shared/data/nuclei/images

Every image of the folder is changed in each way and compared with itself; all pairs of the folder
are compared in all eight orientations.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from segmetrics.data.fingerprints import RECORD, fingerprint
from segmetrics.data.image_pixels import read_pixels
from segmetrics.leakage.search import find_similar

Change = Callable[[Image.Image], Image.Image]


def jpeg(quality: int) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality)
        return Image.open(io.BytesIO(stream.getvalue()))

    return change


def resized(factor: float) -> Change:
    return lambda p: p.resize(
        (round(p.width * factor), round(p.height * factor)), Image.Resampling.BICUBIC
    )


def brighter(factor: float) -> Change:
    return lambda p: p.point(lambda v: min(255, round(v * factor)))


def cropped(share: float) -> Change:
    def change(p: Image.Image) -> Image.Image:
        x, y = p.width * share / 2, p.height * share / 2
        return p.crop((int(x), int(y), int(p.width - x), int(p.height - y)))

    return change


def both(first: Change, second: Change) -> Change:
    return lambda p: second(first(p))


CHANGES: dict[str, Change] = {
    "resized to 30 %": resized(0.3),
    "resized to 50 %": resized(0.5),
    "resized to 150 %": resized(1.5),
    "JPEG quality 30": jpeg(30),
    "JPEG quality 10": jpeg(10),
    "brighter, x 1.2": brighter(1.2),
    "darker, x 0.7": brighter(0.7),
    "mirrored": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by 90 degrees": lambda p: p.transpose(Image.Transpose.ROTATE_90),
    "mirrored, then JPEG quality 30": both(
        lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM), jpeg(30)
    ),
    "resized to 50 %, x 1.2, JPEG quality 30": both(both(resized(0.5), brighter(1.2)), jpeg(30)),
    "cropped by 2 %": cropped(0.02),
    "cropped by 5 %": cropped(0.05),
}


def record(pixels: np.ndarray) -> tuple[object, ...]:
    found = fingerprint(pixels, ndim=2)
    raw = np.frombuffer(found.pixels, np.uint8)
    return np.zeros(32, np.uint8), raw, found.words, found.thumb, found.kind


def prints(pictures: list[Image.Image]) -> np.ndarray:
    def png(picture: Image.Image) -> bytes:
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        return stream.getvalue()

    return np.array([record(read_pixels(png(p), "x.png", ndim=2)) for p in pictures], RECORD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.images.iterdir() if p.is_file())
    pictures = [Image.open(p) for p in paths]
    pictures = [p if p.mode == "L" else p.convert("RGB") for p in pictures]
    own = prints(pictures)
    print(f"{len(own)} images, kinds {np.bincount(own['kind'], minlength=4)}")
    for name, change in CHANGES.items():
        copies = prints([change(p) for p in pictures])
        same = (copies["pixels"] == own["pixels"]).all(axis=1)
        found = reviewed = int(same.sum())
        for i in np.flatnonzero(~same):
            similar, review = next(find_similar(copies[i : i + 1], own[i : i + 1], workers=1))
            found += similar.count
            reviewed += similar.count or review.count
        print(f"{name}: {found / len(own):.1%} found, {reviewed / len(own):.1%} with review")
    similar, review = next(find_similar(own, own, workers=1))
    print(f"different images, {len(own) * (len(own) - 1) // 2} pairs: ", end="")
    print(f"{similar.count // 2} similar, {review.count // 2} to review")
    for n in range(0, min(24, len(similar.judged)), 2):
        a, b = paths[similar.judged[n]].name, paths[similar.other[n]].name
        print(f"  {a} {b} {similar.distance[n]} bits, correlation {similar.correlation[n]:.2f}")


if __name__ == "__main__":
    main()
