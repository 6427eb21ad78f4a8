"""Tumour regions of volumes: labels 1, 2 and 4, unions of which are what counts (BraTS)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import all_pairs
import numpy as np
import pytest

from segmetrics.data.check import check_samples
from segmetrics.data.labels import LabelScheme
from segmetrics.data.samples import SampleRow
from segmetrics.evaluate import EvaluationOptions, evaluate_split
from segmetrics.measure import measure_split
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import PixelOptions, Question
from segmetrics.stats.evaluation import SplitEvaluation
from segmetrics.tables import Targets, read_measurements

CLASSES = {"background": 0, "necrosis": 1, "oedema": 2, "enhancing": 4}
# By the places of the classes, and by their labels
REGIONS = (
    ("whole_tumour", (1, 2, 3)),
    ("tumour_core", (1, 3)),
    ("enhancing_tumour", (3,)),
)
LABELS = {"whole_tumour": (1, 2, 4), "tumour_core": (1, 4), "enhancing_tumour": (4,)}
SCHEME = LabelScheme.of(CLASSES, exclude=["background"])
SPACING = (1.0, 1.25, 3.0)


def tumour(rng, shape, *, enhancing=True) -> np.ndarray:
    """Labels of nested balls: oedema around an enhancing rim around necrosis, with a rough edge."""
    centre = np.array(shape) / 2 + rng.uniform(-1, 1, 3)
    distance = np.linalg.norm(np.moveaxis(np.indices(shape), 0, -1) - centre, axis=-1)
    distance = distance + rng.uniform(-0.8, 0.8, shape)
    labels = np.zeros(shape, np.uint8)
    for limit, label in ((5.5, 2), (3.5, 4 if enhancing else 1), (2.0, 1)):
        labels[distance < limit] = label
    return labels


@dataclass
class Volumes:
    """Pairs of volumes on disk."""

    root: Path
    ending: str
    pairs: dict[str, tuple[np.ndarray, np.ndarray]]

    def write(self) -> None:
        for name, (reference, prediction) in self.pairs.items():
            for folder, labels in (("masks", reference), ("predictions", prediction)):
                self.save(self.root / folder / f"{name}{self.ending}", labels)
            self.save(self.root / "images" / f"{name}{self.ending}", reference + np.uint8(10))

    def save(self, path: Path, array: np.ndarray) -> None:
        path.parent.mkdir(exist_ok=True)
        if self.ending == ".npy":
            np.save(path, array)
        else:
            nibabel = pytest.importorskip("nibabel", reason="writes NIfTI")
            nibabel.Nifti1Image(array, np.diag([*SPACING, 1.0])).to_filename(path)

    def evaluate(self, spacing) -> SplitEvaluation:
        rows = [
            SampleRow(n, *(f"{kind}/{n}{self.ending}" for kind in ("images", "masks")), "t", n, {})
            for n in self.pairs
        ]
        options = PixelOptions(surface=("hd95", "assd"))
        measure_split(
            check_samples(rows, root=self.root, scheme=SCHEME, workers=1),
            predictions=self.root / "predictions",
            out=self.root / "out",
            question=Question(
                SCHEME, Targets(SCHEME.names, REGIONS), OperatingPoint("argmax"), options
            ),
            spacing=spacing,
            workers=1,
        )
        by_id = {row.id: row for row in rows}
        measured = read_measurements(self.root / "out")
        return evaluate_split(measured, by_id, EvaluationOptions(SCHEME.scored))


@pytest.fixture(params=[".nii.gz", ".npy"])
def volumes(request, tmp_path) -> Volumes:
    """Two pairs as they should be, one whose enhancing tumour is missed, one without any."""
    rng = np.random.default_rng(11)
    shapes = [(14, 13, 12), (12, 15, 13), (14, 14, 11), (13, 12, 12)]
    with_it = [(True, True), (True, True), (True, False), (False, False)]
    pairs = {
        f"p{i}": tuple(tumour(rng, shape, enhancing=has) for has in both)
        for i, (shape, both) in enumerate(zip(shapes, with_it, strict=True))
    }
    made = Volumes(tmp_path, request.param, pairs)
    made.write()
    return made


def test_regions_equal_numpy(volumes):
    nifti = volumes.ending == ".nii.gz"
    found = volumes.evaluate(None if nifti else SPACING)
    assert found.samples == 4
    for region, labels in LABELS.items():
        masks = [tuple(np.isin(side, labels) for side in pair) for pair in volumes.pairs.values()]
        tp = np.array([(r & p).sum() for r, p in masks])
        both = np.array([r.sum() + p.sum() for r, p in masks])
        pooled = found.estimate(region, "pooled", "dice")
        assert pooled.value == pytest.approx(2 * tp.sum() / both.sum(), abs=1e-12)
        there = both > 0
        mean = found.estimate(region, "image_mean", "dice")
        assert mean.value == pytest.approx((2 * tp[there] / both[there]).mean(), abs=1e-12)
        for metric, oracle in (("hd95", all_pairs.hd95), ("assd", all_pairs.assd)):
            values, replaced = [], 0
            for r, p in masks:
                if r.any() and p.any():
                    values.append(oracle(r, p, SPACING))
                elif r.any() or p.any():  # missed: infinitely far, which counts as the diagonal
                    values.append(np.linalg.norm(np.array(r.shape) * SPACING))
                    replaced += 1
            estimate = found.estimate(region, "image_mean", metric)
            assert estimate.value == pytest.approx(np.mean(values), abs=1e-9)
            assert (estimate.replaced, estimate.undefined) == (replaced, 4 - len(values))
    missed = found.estimate("enhancing_tumour", "image_mean", "hd95")
    assert (missed.defined, missed.undefined, missed.replaced) == (3, 1, 1)


def test_a_region_of_one_class_is_that_class_and_regions_are_no_classes(volumes):
    found = volumes.evaluate(SPACING)
    assert found.classes["enhancing_tumour"] == found.classes["enhancing"]
    assert found.labels == tuple(CLASSES)
    scored = [found.estimate(name, "pooled", "dice").value for name in SCHEME.scored]
    assert found.estimate("mean", "pooled", "dice").value == pytest.approx(np.mean(scored))


def test_spacing_and_pixels_are_two_numbers(volumes):
    """In pixels the distances differ: what the header says was used above."""
    in_mm, in_px = volumes.evaluate(SPACING), volumes.evaluate(())
    for region, labels in LABELS.items():
        r, p = (np.isin(side, labels) for side in volumes.pairs["p0"])
        assert all_pairs.hd95(r, p, SPACING) > all_pairs.hd95(r, p, (1, 1, 1))
        values = [e.estimate(region, "image_mean", "hd95").value for e in (in_mm, in_px)]
        assert values[0] > values[1]
