"""Checking samples before any work is done with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from segmetrics.data.check_files import ImageFile, MaskFile, read_image_file, read_mask_file
from segmetrics.data.grid import check_same_grid
from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import warn_lossy
from segmetrics.data.sample_list import ListedFile, Sample
from segmetrics.data.samples import SampleRow
from segmetrics.errors import ConfigError, DataError, Problem
from segmetrics.parallel import ordered_map
from segmetrics.progress import progress

_MISSING = "there is no such file"  # as all readers say


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
    image, mask = ImageFile(), MaskFile()
    for path in (image_path, mask_path):
        if (what := _unseen(path, root)) is not None:
            problems.append(Problem(str(path), what, "move it there, or widen data.root"))
    unfit: Sequence[Problem] = ()
    try:
        read_mask_file(mask_path, scheme, mask)
    except DataError as error:
        unfit = error.problems
    try:
        image = read_image_file(image_path, mask.ndim)
    except DataError as error:
        problems += error.problems
    problems += unfit
    if image.shape is not None and mask.shape is not None:
        problems += _mismatch(image, image_path, mask, mask_path)
    channels = {n: root / path for n, path in row.channels.items()}
    annotators = {n: root / path for n, path in row.annotators.items()}
    more = _Further(root, image, image_path, scheme, mask.ndim)
    listed = {name: more.channel(path) for name, path in channels.items()}
    seconds = {name: more.annotation(path) for name, path in annotators.items()}
    problems += more.problems
    if problems or mask.shape is None:
        return _Checked(None, tuple(_needed(row, p) for p in problems), lossy_pixels=mask.lossy)
    sample = Sample(
        id=row.id,
        image=image_path,
        mask=mask_path,
        shape=mask.shape,
        file_digest=image.digest,
        mask_digest=mask.digest,
        channels=listed,
        annotators=seconds,
        spacing=mask.spacing or image.spacing,
    )
    has_class = any(scheme.names.index(name) in mask.classes for name in scheme.scored)
    return _Checked(sample, (), has_class, mask.lossy)


def _needed(row: SampleRow, problem: Problem) -> Problem:
    """A problem that is a missing file says who needs it."""
    if problem.what != _MISSING:
        return problem
    who = f"the sample {row.id}" if row.line is None else f"samples.csv:{row.line} ({row.id})"
    remedy = f"needed by {who}; restore it (`dvc checkout`) or remove the row"
    return Problem(problem.where, problem.what, remedy)


class _Further:
    """Checks of the further files of a sample: input channels, references of more annotators."""

    def __init__(
        self, root: Path, image: ImageFile, path: Path, scheme: LabelScheme, ndim: int | None
    ) -> None:
        self._root, self._image, self._path = root, image, path
        self._scheme, self._ndim = scheme, ndim
        self.problems: list[Problem] = []

    def channel(self, path: Path) -> ListedFile:
        """A further input file: as the image in shape and place."""
        found = ImageFile()
        try:
            self._require_seen(path)
            found = read_image_file(path, self._ndim)
            if None not in (self._image.shape, found.shape) and found.shape != self._image.shape:
                shapes = (
                    f"{_text(found.shape or ())}, {self._path} {_text(self._image.shape or ())}"
                )
                remedy = "channels of one sample have one size: resample it"
                raise DataError(str(path), f"has shape {shapes}", remedy)
            check_same_grid(self._image, found, names=(str(self._path), str(path)))
        except DataError as error:
            self.problems += error.problems
        return ListedFile(path, found.digest)

    def annotation(self, path: Path) -> ListedFile:
        """A reference by a further annotator: a mask like the first one."""
        found = MaskFile()
        try:
            self._require_seen(path)
            read_mask_file(path, self._scheme, found)
            if self._image.shape is not None and found.shape is not None:
                self.problems += _mismatch(self._image, self._path, found, path)
        except DataError as error:
            self.problems += error.problems
        return ListedFile(path, found.digest)

    def _require_seen(self, path: Path) -> None:
        if (what := _unseen(path, self._root)) is not None:
            raise DataError(str(path), what, "move it there, or widen data.root")


def _mismatch(
    image: ImageFile, image_path: Path, mask: MaskFile, mask_path: Path
) -> Sequence[Problem]:
    """What keeps a mask from lying on its image."""
    assert image.shape is not None
    assert mask.shape is not None
    if image.shape != mask.shape:
        text = f"the mask is {_text(mask.shape)}, its image {image_path} is {_text(image.shape)}"
        remedy = "nothing is resized to fit: export it again"
        if image.stored == mask.shape:
            text += " when turned as its EXIF orientation says; the mask fits it unturned"
            remedy = "turn the mask, or write the image upright without the tag"
        return [Problem(str(mask_path), text, remedy)]
    try:
        check_same_grid(image, mask, names=(str(image_path), str(mask_path)))
    except DataError as error:
        return error.problems
    return ()


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
