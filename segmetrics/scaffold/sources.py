"""Where images, masks and predictions lie, and the rows of samples.csv."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from segmetrics.data.folders import files_by_stem, pair_by_stem
from segmetrics.data.pictures import SUFFIXES
from segmetrics.errors import ConfigError
from segmetrics.gates.rules import MIN_GROUPS
from segmetrics.scaffold.predicted import Predicted, find_predicted
from segmetrics.scaffold.request import Request
from segmetrics.sniff import Guess, first_guess, holds_probabilities


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the data lie, relative to the target, and what the files say about themselves.

    Attributes
    ----------
    groups
        How many groups the judged split has, every image being one; None: not known.
    listed
        How many samples samples.csv lists.
    predicted
        What the given predictions say about splits.
    """

    root: str
    samples: str
    rows: str
    source: str
    folders: tuple[str, ...]
    guess: Guess
    groups: int | None = None
    listed: int = 0
    predicted: Predicted = field(default_factory=Predicted)

    @property
    def too_few(self) -> bool:
        """Whether the judged split is known to have fewer groups than certify anything."""
        return self.groups is not None and self.groups < MIN_GROUPS

    @classmethod
    def of(cls, request: Request) -> Sources:
        target = request.target.resolve()
        source = request.model or request.predictions
        default = "predictions" if request.minimal else "models/unet.onnx"
        where = _relative(source, target) if source else default
        if request.images is None or request.masks is None:
            samples = "data/samples.csv"
            return cls("data", samples, _EXAMPLE, where, ("data",), first_guess([], request.model))
        images = files_by_stem(request.images, SUFFIXES, "image")
        masks = files_by_stem(request.masks, SUFFIXES, "mask")
        stems = pair_by_stem(images, masks, ("image", "mask"))
        folders = [_relative(p, target) for p in (request.images, request.masks)]
        root = _common(request.images.resolve(), request.masks.resolve(), target)
        inside = not Path(root).is_absolute() and not root.startswith("..")
        samples = f"{root}/samples.csv" if inside and root != "." else "samples.csv"
        predicted = find_predicted(request.predictions, stems)
        guess = first_guess(list(masks.values()), request.model)
        if holds_probabilities(predicted.held, guess):
            guess = replace(guess, decision="fixed")
        splits = {stem: predicted.split(stem) for stem in stems}
        return cls(
            root=root,
            samples=samples,
            rows=_rows(splits, images, masks, (target / root).resolve()),
            source=where,
            folders=tuple(folders),
            guess=guess,
            groups=list(splits.values()).count(predicted.judge),
            listed=len(stems),
            predicted=predicted,
        )


def _relative(path: Path, target: Path) -> str:
    """A path as params.yaml writes it: relative inside the repository, absolute outside."""
    full = path.resolve()
    return full.relative_to(target).as_posix() if full.is_relative_to(target) else full.as_posix()


def _common(images: Path, masks: Path, target: Path) -> str:
    """The folder that holds images and masks, as params.yaml writes it."""
    try:
        return _relative(Path(os.path.commonpath([images, masks])), target)
    except ValueError as error:  # Windows: on two drives
        raise ConfigError("init", "--images and --masks are on different drives") from error


_EXAMPLE = "id,image,mask,split,group\n"


def _rows(
    splits: Mapping[str, str], images: Mapping[str, Path], masks: Mapping[str, Path], root: Path
) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "image", "mask", "split"])
    for stem, split in splits.items():
        paths = [p[stem].resolve().relative_to(root).as_posix() for p in (images, masks)]
        writer.writerow([stem, *paths, split])
    return out.getvalue()
