"""A project with given predictions whose stages run in this process, up to the report."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from segmetrics.cli import main
from segmetrics.overlays import Overlays, read_overlays

CHAIN = (
    ("samples", "test"), ("infer", "test"), ("operate", "results/predictions"),
    ("measure", "test", "results/predictions/test"), ("leakage",), ("evaluate",), ("check",),
)  # fmt: skip
OVERLAYS = ("overlays", "results/predictions/test")


def save(path: Path, array: np.ndarray) -> None:
    """As the ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.name.endswith(".nii.gz"):
        import nibabel

        nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)
    else:
        Image.fromarray(array).save(path)


@dataclass(frozen=True)
class DrawnProject:
    """A project folder, the current one. Everything is in split `test`."""

    folder: Path

    @property
    def overlays(self) -> Path:
        return self.folder / "results" / "overlays"

    @property
    def page(self) -> str:
        return (self.folder / "results" / "report.html").read_text("utf-8")

    @property
    def index(self) -> Overlays:
        return read_overlays(self.overlays)

    def verdict(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "results/verdict.json").read_text())
        return found

    def fill(
        self,
        masks: Mapping[str, np.ndarray],
        predictions: Mapping[str, np.ndarray],
        *,
        kind: str = ".png",
        columns: Mapping[str, Mapping[str, str]] | None = None,
        images: Mapping[str, np.ndarray] | None = None,
        **data: Any,
    ) -> None:
        """Write files, samples.csv and params.yaml."""
        assert main(["init", "--domain", "balanced", "--force", "."]) == 0
        more = list(columns or {})
        lines = [",".join(["id", "image", "mask", "split", *more])]
        for n, (name, mask) in enumerate(masks.items()):
            space = mask.shape if data.get("encoding") != "channels" else mask.shape[1:]
            image = np.full(space, 20 + n, np.uint8)
            image[:2] = 200
            own = ".npy" if len(space) == 2 and kind == ".nii.gz" else kind
            files = [f"images/{n}{own}", f"masks/{n}{kind}"]
            save(self.folder / "data" / files[0], image if images is None else images[name])
            save(self.folder / "data" / files[1], mask)
            save(self.folder / "predicted" / "test" / f"{name}{kind}", predictions[name])
            cells = [(columns or {})[column][name] for column in more]
            lines.append(",".join([f'"{name}"', *files, "test", *cells]))
        (self.folder / "data/samples.csv").write_text("\n".join(lines) + "\n", "utf-8")
        self.params(data={"splits": ["test"], "compare": None, "tune": None, **data})
        self.params(infer={"source": "predicted"})

    def params(self, **sections: Any) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text("utf-8"))
        for name, values in sections.items():
            params[name] = params[name] | values if isinstance(values, dict) else values
        path.write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")

    def run(self, *stages: tuple[str, ...]) -> None:
        for name, *words in stages:
            sys.argv = [f"stages/{name}.py", *words]
            importlib.import_module(f"stages.{name}").main()

    def evaluate(self) -> None:
        self.run(*CHAIN)

    def report(self) -> str:
        self.evaluate()
        self.run(OVERLAYS, ("report",))
        return self.page
