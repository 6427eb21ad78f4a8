"""Measure every pair of files of two folders, in chunks that workers share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import warn_jpeg_predictions, warn_lossy
from segmetrics.data.names import PairNames, pair_names
from segmetrics.errors import DataError, Problem
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.overlap import Values
from segmetrics.operating_point import OperatingPoint
from segmetrics.pair import measure_files
from segmetrics.parallel import chunk_map
from segmetrics.pixels import Measured, PixelOptions, Question
from segmetrics.progress import progress
from segmetrics.score.discovery import discover
from segmetrics.tables import Targets
from segmetrics.tables.schema import DIAGONAL

if TYPE_CHECKING:
    from segmetrics.score.scored import Scored

_COUNTS_ONLY = PixelOptions()

# The first chunk that worker processes give, where there are any.
_UNDER_WAY = 2
_MOST_HELD = 1 << 20  # elements of confusion matrices: 8 MB


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """What is kept of some pairs: nothing of the size of an image or of K x K per pair."""

    counts: npt.NDArray[np.int64]  # (n, 4, K)
    digests: npt.NDArray[np.uint8]  # (n, 2, 32)
    confusion: npt.NDArray[np.int64]  # (K, K + 1), all pairs together
    problems: tuple[Problem, ...] = ()
    lossy: tuple[tuple[str, int], ...] = ()
    columns: dict[str, Values] = field(default_factory=dict)  # (n, K) each, and diagonals (n,)

    @classmethod
    def empty(cls, n: int, k: int) -> _Chunk:
        """Of `n` pairs and `k` classes, nothing counted."""
        return cls(
            np.zeros((n, 4, k), np.int64),
            np.zeros((n, 2, 32), np.uint8),
            np.zeros((k, k + 1), np.int64),
        )

    def take(self, matrices: Mapping[int, npt.NDArray[np.int64]]) -> None:
        """Put the counts of confusion matrices, by the place of their pair."""
        if matrices:
            stacked = np.stack(list(matrices.values()))
            four = ConfusionCounts.from_matrix(stacked)
            columns = np.stack((four.tp, four.fp, four.fn, four.tn), axis=1)
            self.counts[list(matrices)] = columns
            self.confusion[:] += stacked.sum(axis=0)

    def put(self, place: int, measured: Measured) -> None:
        """Put the distances of a pair."""
        n, _, k = self.counts.shape
        for name, values in measured.columns.items():
            self.columns.setdefault(name, np.full((n, k), np.nan))[place] = values
        if measured.diagonal is not None:
            self.columns.setdefault(DIAGONAL, np.full(n, np.nan))[place] = measured.diagonal


def score_folders(
    *,
    references: Path,
    predictions: Path,
    scheme: LabelScheme | None,
    workers: int,
    options: PixelOptions = _COUNTS_ONLY,
    spacing: tuple[float, ...] | None = (),
    meanwhile: Callable[[], None] = lambda: None,
) -> Scored:
    """Measure every pair of files of the same name.

    Parameters
    ----------
    scheme
        The classes; None: every label value that occurs in the references is a class, named by its
        number, and 0 is left out of the class mean.
    options, spacing
        What is measured besides the counts, and the size of a pixel (empty: 1 in every direction;
        None: what the files say).
    meanwhile
        Called once where there are so many pairs that worker processes count them: what can be
        done while they do.

    Raises
    ------
    DataError
        Files are missing, surplus, unreadable or of another shape: all are listed.
    """
    pairs = pair_names(references, predictions)
    jpeg = [p.prediction for p in pairs if p.prediction.lower().endswith((".jpg", ".jpeg"))]
    warn_jpeg_predictions(predictions / name for name in jpeg)
    scheme = scheme or discover([references / pair.reference for pair in pairs], workers)
    question = Question(scheme, Targets(scheme.names), OperatingPoint("argmax"), options)
    n, k = len(pairs), scheme.n_classes
    columns: dict[str, list[Values]] = {}
    whole = _Chunk.empty(n, k)
    problems: list[Problem] = []
    lossy: list[tuple[str, int]] = []
    count = partial(
        _count, references=references, predictions=predictions, question=question, spacing=spacing
    )
    at = 0
    for i, chunk in enumerate(_shown(chunk_map(count, pairs, workers=workers), n, "scoring")):
        here = slice(at, at := at + len(chunk.counts))
        whole.counts[here], whole.digests[here] = chunk.counts, chunk.digests
        whole.confusion[:] += chunk.confusion
        for name, values in chunk.columns.items():
            columns.setdefault(name, []).append(values)
        problems += chunk.problems
        lossy += chunk.lossy
        if i == _UNDER_WAY:
            import_module("segmetrics.score.scored")  # what the end needs
            meanwhile()
    if problems:
        raise DataError.of(problems, f"{references} against {predictions}")
    warn_lossy(lossy)
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    diagonals = joined.pop(DIAGONAL, None)
    from segmetrics.score.scored import evaluate_pairs

    return evaluate_pairs(
        tuple(pair.stem for pair in pairs),
        ConfusionCounts(*whole.counts.swapaxes(0, 1)),
        columns=joined,
        diagonals=diagonals,
        confusion=whole.confusion,
        digests=whole.digests,
        question=question,
    )


def _shown(chunks: Iterator[_Chunk], total: int, text: str) -> Iterator[_Chunk]:
    """The chunks, with progress by pairs."""
    held: deque[_Chunk] = deque()

    def pairs() -> Iterator[None]:
        for chunk in chunks:
            held.append(chunk)
            yield from repeat(None, len(chunk.counts))

    for _ in progress(pairs(), total=total, text=text):
        if held:
            yield held.popleft()


def _count(
    pairs: Sequence[PairNames],
    *,
    references: Path,
    predictions: Path,
    question: Question,
    spacing: tuple[float, ...] | None,
) -> _Chunk:
    k = question.scheme.n_classes
    chunk = _Chunk.empty(len(pairs), k)
    problems: list[Problem] = []
    lossy: list[tuple[str, int]] = []
    held: dict[int, npt.NDArray[np.int64]] = {}  # matrices, turned into counts many at a time
    folders = [str(folder / "x")[:-1] for folder in (references, predictions)]
    for i, pair in enumerate(pairs):
        reference = folders[0] + pair.reference
        try:
            found = measure_files(
                reference=reference,
                prediction=folders[1] + pair.prediction,
                question=question,
                spacing=spacing,
            )
        except DataError as error:
            problems.append(error.problems[0])
            continue
        digests = bytes.fromhex(found.reference_digest + found.prediction_digest)
        chunk.digests[i] = np.frombuffer(digests, np.uint8).reshape(2, 32)
        if found.lossy_pixels is not None:
            lossy.append((reference, found.lossy_pixels))
        held[i] = found.measured.matrix
        chunk.put(i, found.measured)
        if len(held) * k * k >= _MOST_HELD:
            chunk.take(held)
            held = {}
    chunk.take(held)
    return replace(chunk, problems=tuple(problems), lossy=tuple(lossy))
