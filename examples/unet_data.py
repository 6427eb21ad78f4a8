"""Images, augmented crops and pooled scores for `train_unet.py` (numpy and pillow only)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

Predict = Callable[[np.ndarray], np.ndarray]
"""A model: float32 [1, 3, H, W] in 0..1 to probabilities [1, 1, H, W]."""

MULTIPLE = 16
MODALITIES = ("fluorescence", "histology")


@dataclass(frozen=True)
class Sample:
    """One decoded image: uint8 [H, W, 3], its boolean mask [H, W] and its modality."""

    image: np.ndarray
    mask: np.ndarray
    modality: str


def load_split(folder: Path, split: str) -> list[Sample]:
    """Decode every image of one split, in the order of `samples.csv`."""
    table = folder / "samples.csv"
    if not table.is_file():
        raise FileNotFoundError(f"no samples.csv in the data folder '{folder}'")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = {"id", "split", "modality"} - set(rows[0] if rows else ())
    if missing:
        raise ValueError(f"'{table}' has no column {', '.join(sorted(missing))}")
    samples = [_load(folder, row["id"], row["modality"]) for row in rows if row["split"] == split]
    if not samples:
        raise ValueError(f"'{table}' has no row with split '{split}'")
    return samples


def _load(folder: Path, name: str, modality: str) -> Sample:
    if modality not in MODALITIES:
        raise ValueError(f"image '{name}': unknown modality '{modality}'")
    with Image.open(folder / "images" / f"{name}.png") as file:
        image = np.asarray(file.convert("RGB"))
    with Image.open(folder / "masks" / f"{name}.png") as file:
        mask = np.asarray(file.convert("L")) > 0
    if image.shape[:2] != mask.shape:
        raise ValueError(f"image '{name}': image and mask differ in size")
    return Sample(image, mask, modality)


def probability(predict: Predict, image: np.ndarray) -> np.ndarray:
    """Run a model at native size: pad bottom and right to a multiple of 16, crop back."""
    height, width = image.shape[:2]
    pads = (-height % MULTIPLE, -width % MULTIPLE)
    # numpy could reflect more than once, other readers of the model may not: use 'edge' there.
    mode = "reflect" if pads[0] < height and pads[1] < width else "edge"
    padded = np.pad(image, ((0, pads[0]), (0, pads[1]), (0, 0)), mode=mode)
    batch = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], dtype=np.float32) / 255
    return predict(batch)[0, 0, :height, :width]


def pooled_metrics(predict: Predict, samples: Iterable[Sample]) -> dict[str, dict[str, float]]:
    """Score a model with the pixel counts of all images pooled.

    Returns
    -------
    dict
        For each modality and for `together`: `images`, `dice`, `iou`, `precision`, `recall`.
    """
    counts = {key: np.zeros(4, dtype=np.int64) for key in (*MODALITIES, "together")}
    for sample in samples:
        quantised = np.floor(probability(predict, sample.image) * 256).clip(0, 255)
        found = quantised >= 128
        tp = np.count_nonzero(found & sample.mask)
        row = np.array([tp, found.sum() - tp, sample.mask.sum() - tp, 1])
        counts[sample.modality] += row
        counts["together"] += row
    return {key: _scores(*map(int, row)) for key, row in counts.items() if row[3]}


def _scores(tp: int, fp: int, fn: int, images: int) -> dict[str, float]:
    def ratio(part: int, whole: int) -> float:
        return part / whole if whole else 1.0

    return {
        "images": images,
        "dice": ratio(2 * tp, 2 * tp + fp + fn),
        "iou": ratio(tp, tp + fp + fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
    }


class CropSampler:
    """Draw augmented square crops, seeded.

    Parameters
    ----------
    samples
        The training images.
    size
        Side of the crops in pixels.
    histology
        Share of crops from histology, which has few images.
    seed
        Seed of the crops and of their augmentation.
    """

    def __init__(self, samples: list[Sample], size: int, histology: float, seed: int) -> None:
        self.samples = samples
        self.size = size
        self.rng = np.random.default_rng(seed)
        # Pooled scores weigh images by area, variety asks for equal weights: the root is between.
        weights = np.array([np.sqrt(s.mask.size) for s in samples])
        is_histology = np.array([s.modality == "histology" for s in samples])
        for chosen, share in ((is_histology, histology), (~is_histology, 1 - histology)):
            if chosen.any():
                weights[chosen] *= share / weights[chosen].sum()
        self.weights = weights / weights.sum()

    def batch(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 images [count, 3, size, size] and masks [count, 1, size, size]."""
        picks = self.rng.choice(len(self.samples), size=count, p=self.weights)
        pairs = [self._crop(self.samples[i]) for i in picks]
        images = np.stack([image.transpose(2, 0, 1) for image, _ in pairs])
        masks = np.stack([mask[None] for _, mask in pairs])
        return images.astype(np.float32), masks.astype(np.float32)

    def _crop(self, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        rng = self.rng
        scale = np.exp(rng.uniform(np.log(0.65), np.log(1.5))) if rng.random() < 0.7 else 1.0
        height, width = sample.mask.shape
        side = min(round(self.size * scale), height, width)
        top = rng.integers(height - side + 1)
        left = rng.integers(width - side + 1)
        area = (slice(top, top + side), slice(left, left + side))
        image, mask = Image.fromarray(sample.image[area]), Image.fromarray(sample.mask[area])
        if side != self.size:
            square = (self.size, self.size)
            image = image.resize(square, Image.Resampling.BILINEAR)
            mask = mask.convert("L").resize(square, Image.Resampling.BILINEAR)
        pixels = np.asarray(image, dtype=np.float32) / 255
        labels = np.asarray(mask) > (0 if side == self.size else 127)
        turns, flip = rng.integers(4), rng.random() < 0.5
        pixels, labels = np.rot90(pixels, turns), np.rot90(labels, turns)
        if flip:
            pixels, labels = pixels[:, ::-1], labels[:, ::-1]
        if sample.modality == "histology":
            return _vary_colour(pixels, rng), labels
        return _vary_grey(pixels, rng), labels


def _vary_grey(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vary gamma, gain, illumination, offset and noise of a fluorescence crop."""
    grey = image[..., :1] ** np.exp(rng.uniform(-0.3, 0.3))
    gain = np.exp(rng.uniform(-0.7, 0.9))
    grey = grey * min(gain, 1.3 / max(float(grey.max()), 0.01))
    if rng.random() < 0.3:
        grey = grey * _ramp(grey.shape[0], rng)
    if rng.random() < 0.5:
        grey = grey + rng.uniform(0, 0.08)
    if rng.random() < 0.4:
        grey = _noise(grey, rng)
    if rng.random() < 0.04:
        grey = 1 - grey
    return np.broadcast_to(grey, image.shape).clip(0, 1)


def _vary_colour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vary the stain, gamma, contrast and sharpness of a histology crop."""
    mix = np.eye(3) + rng.uniform(-0.12, 0.12, size=(3, 3))
    mix *= rng.uniform(0.9, 1.1, size=3) / mix.sum(axis=1)
    if rng.random() < 0.1:
        mix = np.full((3, 3), 1 / 3)
    image = image @ mix.T.astype(np.float32)
    image = image.clip(0, 1) ** np.exp(rng.uniform(-0.3, 0.3))
    image = (image - 0.5) * rng.uniform(0.75, 1.25) + 0.5 + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.2:
        image = _noise(image, rng)
    return image.clip(0, 1)


def _ramp(size: int, rng: np.random.Generator) -> np.ndarray:
    axis = np.linspace(-1, 1, size)
    slope = rng.uniform(-0.3, 0.3, size=2)
    return (1 + slope[0] * axis[:, None] + slope[1] * axis[None, :])[..., None]


def _noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add shot noise (grows with the signal) and read noise, the same in all channels."""
    shot, read = rng.uniform(0, 0.06), rng.uniform(0, 0.015)
    level = np.sqrt(image.clip(0, None)) * shot + read
    return image + level * rng.standard_normal((*image.shape[:2], 1), dtype=np.float32)
