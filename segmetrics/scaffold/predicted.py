"""Given predictions: which split each sample belongs to, by the subfolder that holds its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from segmetrics.data.kinds import SUFFIXES, stem_of, suffix_of
from segmetrics.errors import ConfigError, DataError, Problem

TEST, TUNE = "test", "val"


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a folder of predictions says about samples.

    Attributes
    ----------
    files
        Sample -> its prediction, in the subfolder of its split.
    judge
        The split that the verdict is about: `test` or, where there is only one, that one.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    judge: str = TEST

    @property
    def splits(self) -> tuple[str, ...]:
        """The judged split, then the others, sorted."""
        return tuple(dict.fromkeys([self.judge, *sorted({f.parent.name for f in self.held})]))

    @property
    def held(self) -> tuple[Path, ...]:
        """The predictions, in the order of the samples."""
        return tuple(self.files[stem] for stem in sorted(self.files))

    @property
    def tune(self) -> str | None:
        """The split that thresholds can be tuned on; None where there is none."""
        return TUNE if TUNE in self.splits and self.judge != TUNE else None

    def split(self, stem: str) -> str:
        """The split of a sample; one without prediction is judged, where it will be missed."""
        return self.files[stem].parent.name if stem in self.files else self.judge


def find_predicted(folder: Path | None, stems: Iterable[str]) -> Predicted:
    """Look for the predictions of samples in the subfolders of a folder, one subfolder a split.

    Raises
    ------
    DataError
        A sample has predictions in two subfolders.
    ConfigError
        Several subfolders hold predictions, and none of them is `test`.
    """
    if folder is None:
        return Predicted()
    wanted, files = set(stems), dict[str, Path]()
    problems = []
    for path in sorted(folder.glob("*/*")):
        stem = stem_of(path)
        hidden = path.name.startswith(".") or path.parent.name.startswith(".")
        if hidden or suffix_of(path) not in SUFFIXES or stem not in wanted:
            continue
        if stem in files and files[stem].parent != path.parent:
            text = f"has the name of {files[stem]}, which is of another split"
            problems.append(Problem(str(path), text, "keep one: a sample is in one split"))
        files.setdefault(stem, path)
    if problems:
        raise DataError.of(problems, str(folder))
    splits = sorted({path.parent.name for path in files.values()})
    if len(splits) > 1 and TEST not in splits:
        what = f"its subfolders are {', '.join(splits)}: which one is judged?"
        raise ConfigError(str(folder), what, f"name that one {TEST}")
    return Predicted(files, splits[0] if len(splits) == 1 else TEST)
