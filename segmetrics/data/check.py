"""Checking samples before any work is done with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.data.masks import check_reference, lossy_pixels, read_mask, warn_lossy
from segmetrics.data.pictures import decode, read_bytes
from segmetrics.data.sample_list import Sample
from segmetrics.data.samples import SampleRow
from segmetrics.errors import ConfigError, DataError, Problem
from segmetrics.files import sha256_bytes
from segmetrics.parallel import ordered_map
from segmetrics.progress import progress


@dataclass(frozen=True, slots=True)
class _Checked:
    sample: Sample | None
    problems: tuple[Problem, ...]
    has_class: bool = False
    lossy_pixels: int | None = None


def check_samples(
    rows: Sequence[SampleRow], *, root: Path, scheme: LabelScheme, workers: int
) -> list[Sample]:
    """Decode every image and mask of a split and check what can be checked before any work.

    Parameters
    ----------
    rows
        The rows of the split.
    root
        The folder that their paths are relative to.

    Returns
    -------
    list of Sample
        With shapes and digests, in the order of `rows`.

    Raises
    ------
    DataError
        Everything that is wrong with any file, together: missing, unreadable or truncated files,
        masks of another shape than their image, several channels, undeclared labels.
    """
    _require_root(root)
    check = partial(_check, root=root, scheme=scheme)
    done = ordered_map(check, rows, workers=workers)
    checked = list(progress(done, total=len(rows), text="checking samples"))
    pairs = zip(rows, checked, strict=True)
    warn_lossy(
        [(str(root / r.mask), c.lossy_pixels) for r, c in pairs if c.lossy_pixels is not None]
    )
    problems = [problem for c in checked for problem in c.problems]
    if problems:
        raise DataError.of(problems, f"split {rows[0].split}")
    if not any(c.has_class for c in checked):
        raise DataError(
            f"split {rows[0].split}",
            f"no mask has a pixel of any scored class ({', '.join(scheme.scored)}): all are "
            f"{', '.join(scheme.exclude) or 'nothing'} or ignored",
            "check data.classes and data.ignore; 0/255 masks need data.encoding: binary",
        )
    return [c.sample for c in checked if c.sample is not None]


def _check(row: SampleRow, *, root: Path, scheme: LabelScheme) -> _Checked:
    image_path, mask_path = root / row.image, root / row.mask
    problems: list[Problem] = []
    size: tuple[int, ...] | None = None
    image_digest = mask_digest = ""
    shape: tuple[int, ...] | None = None
    has_class, lossy = False, None
    for path in (image_path, mask_path):
        if (what := _unseen(path, root)) is not None:
            problems.append(Problem(str(path), what, "move it there, or widen data.root"))
    try:
        content = read_bytes(image_path)
        image_digest = sha256_bytes(content)
        size = decode(content, str(image_path), _height_width)
    except DataError as error:
        problems += error.problems
    try:
        content = read_bytes(mask_path)
        mask_digest = sha256_bytes(content)
        mask = read_mask(content, str(mask_path), scheme)
        shape, lossy = mask.labels.shape, lossy_pixels(mask)
        check_reference(mask, str(mask_path), scheme)
        present = set(scheme.reference_lookup(values_of(mask.labels)[0]).tolist())
        has_class = any(scheme.names.index(name) in present for name in scheme.scored)
    except DataError as error:
        problems += error.problems
    if size is not None and shape is not None and size != shape:
        text = f"the mask is {_text(shape)}, its image {image_path} is {_text(size)}"
        problems.append(Problem(str(mask_path), text, "nothing is resized to fit: export it again"))
    if problems or shape is None:
        return _Checked(None, tuple(problems), lossy_pixels=lossy)
    sample = Sample(row.id, image_path, mask_path, shape, image_digest, mask_digest)
    return _Checked(sample, (), has_class, lossy)


def _unseen(path: Path, root: Path) -> str | None:
    """Why DVC would not see a change of this file; None where it does.

    A link to a file is followed (DVC's cache may be linked), a link to a folder below the root is
    not.
    """
    inside = Path(os.path.relpath(path, root))
    if ".." in inside.parts:
        return f'lies outside data.root "{root}", where changes go unseen'
    for parent in list(inside.parents)[:-1]:
        if (root / parent).is_symlink():
            return f'lies in "{root / parent}", a link to a folder, where changes go unseen'
    return None


def _height_width(picture: Image.Image) -> tuple[int, ...]:
    return picture.size[::-1]


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)


def _require_root(root: Path) -> None:
    """Check that the folder which samples.csv points into is there.

    Raises
    ------
    ConfigError
        It is not.
    """
    if not root.is_dir():
        raise ConfigError("data.root", f'there is no folder "{root}"', "mend params.yaml")
