"""Volumes on disk for tests of inference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import overlapping_data
import pytest
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.data.sample_list import ListedFile, Sample
from segmetrics.files import sha256_path
from segmetrics.inference.predict import Runtime, infer_split
from segmetrics.inference.preprocess import Preprocessing

# Rotated about z, and no two voxel sides alike: nothing here is right by chance.
AFFINE = np.array([[0.0, -0.5, 0, 12], [0.75, 0, 0, -3], [0, 0, 7.5, 40], [0, 0, 0, 1]])
SHAPES = ((12, 9, 6), (8, 8, 8), (7, 11, 5))


def write_nifti(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    """Write an array in the storage order of the file."""
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs nibabel")
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(array, affine).to_filename(path)
    return path


@dataclass
class Volumes:
    """Samples of two NIfTI channels, bright where the classes 1 and 2 are."""

    root: Path
    labels: dict[str, np.ndarray] = field(default_factory=dict)

    def fill(self, n: int) -> Volumes:
        rng = np.random.default_rng(7)
        for i in range(n):
            shape = SHAPES[i % len(SHAPES)]
            coarse = rng.integers(0, 3, tuple(-(-s // 4) for s in shape))
            labels = np.kron(coarse, np.ones((4, 4, 4), np.int64))[tuple(map(slice, shape))]
            self.labels[f"v{i}"] = labels.astype(np.uint8)
            for k, name in enumerate(("t1", "flair"), start=1):
                bright = np.where(labels == k, 900, 60) + rng.integers(0, 80, shape)
                write_nifti(self.root / name / f"v{i}.nii.gz", bright.astype(np.int16))
        return self

    def path(self, name: str, channel: str) -> Path:
        return self.root / channel / f"{name}.nii.gz"

    def samples(self) -> list[Sample]:
        return [
            Sample(
                name,
                self.path(name, "t1"),
                self.root / "no mask",
                labels.shape,
                sha256_path(self.path(name, "t1")),
                "digest of the mask",
                {"flair": self.listed(name, "flair")},
            )
            for name, labels in self.labels.items()
        ]

    def listed(self, name: str, channel: str) -> ListedFile:
        path = self.path(name, channel)
        return ListedFile(path, sha256_path(path))


@pytest.fixture
def infer(dataset, tmp_path, two):
    """Infer the data set; options replace the usual ones."""

    def run(source: Path, *, scheme=two, how=None, runtime=None, out=tmp_path / "out", **options):
        samples = options.pop("samples", None) or dataset.samples(scheme)
        return infer_split(
            samples,
            split="test",
            source=source,
            command=None,
            out=out,
            how=how or Preprocessing(),
            scheme=scheme,
            runtime=runtime or Runtime(),
        )

    return run


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    """No volumes yet; `fill`."""
    return Volumes(tmp_path / "volumes")


@pytest.fixture
def nifti() -> Callable[..., Path]:
    """Write a NIfTI file."""
    return write_nifti


@pytest.fixture
def tissue() -> LabelScheme:
    """background 0, white 1, grey 4 (written as 4, not as its index)."""
    return LabelScheme.of({"background": 0, "white": 1, "grey": 4}, exclude=["background"])


@pytest.fixture
def nested(dataset, save):
    """Six images of noise and blobs; masks are two pages: bright, and very bright."""
    rng = np.random.default_rng(4)
    for i in range(6):
        shape = ((20, 24), (16, 16))[i % 2]
        clean = np.kron(rng.random((5, 6)), np.ones((4, 4)))[: shape[0], : shape[1]]
        image = np.clip(255 * clean + rng.normal(0, 30, shape), 0, 255).astype(np.uint8)
        dataset.add(f"s{i}", image, np.zeros(shape, np.uint8))
        pages = [
            Image.fromarray(((clean > c) * 255).astype(np.uint8)) for c in overlapping_data.CENTRES
        ]
        path = dataset.root / "masks" / f"s{i}.tif"
        pages[0].save(path, save_all=True, append_images=pages[1:])
        dataset.rows[-1] = replace(dataset.rows[-1], mask=f"masks/s{i}.tif")
    return dataset


@pytest.fixture
def run_infer(infer):
    """Infer with the two classes."""

    def run(source: Path, **options):
        return infer(source, scheme=options.pop("scheme", overlapping_data.TWO), **options)

    return run
