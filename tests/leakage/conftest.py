"""Splits of pictures on disk, listed as the stage `samples` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.labels import LabelScheme
from segmetrics.data.sample_list import ListedFile, Sample
from segmetrics.files import sha256_path
from segmetrics.gates.leakage_report import LeakageReport
from segmetrics.leakage.find import find_leakage

BINARY = LabelScheme.of(
    {"background": 0, "foreground": 1}, exclude=["background"], encoding="binary"
)


class Splits:
    """Samples by split; `add` writes files, `find` compares."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.samples: dict[str, list[Sample]] = {"test": []}

    def write(self, name: str, content: Any, **options: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            np.save(path, content)
        else:
            picture = content if isinstance(content, Image.Image) else Image.fromarray(content)
            picture.save(path, **options)
        return path

    def add(
        self,
        split: str,
        name: str,
        image: Any,
        *,
        mask: np.ndarray | None = None,
        suffix: str = ".png",
        channels: Mapping[str, np.ndarray] | None = None,
        ndim: int = 2,
        **options: Any,
    ) -> None:
        path = self.write(f"images/{name}{suffix}", image, **options)
        n = len(self.samples)
        default = np.zeros((8,) * ndim, np.uint8)
        drawn = self.write(f"masks/{name}.npy", default + n if mask is None else mask)
        more = {
            key: self.write(f"{key}/{name}.npy", pixels) for key, pixels in (channels or {}).items()
        }
        self.samples.setdefault(split, []).append(
            Sample(
                id=name,
                image=path,
                mask=drawn,
                shape=(8,) * ndim,
                file_digest=sha256_path(path),
                mask_digest=sha256_path(drawn),
                channels={key: ListedFile(p, sha256_path(p)) for key, p in more.items()},
            )
        )

    def find(self, *, scheme: LabelScheme = BINARY, workers: int = 1) -> LeakageReport:
        return find_leakage(
            self.samples,
            judged="test",
            scheme=scheme,
            folder=self.folder / "prints",
            inputs={"list": "digest"},
            workers=workers,
        )


@pytest.fixture
def splits(tmp_path: Path) -> Splits:
    """No sample yet."""
    return Splits(tmp_path)
