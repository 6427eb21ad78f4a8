"""The champion's tables, from its run to the folder `baseline/`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from segmetrics.baseline.definition import Definition
from segmetrics.baseline.folder import RECORD, Baseline, install_baseline, read_baseline
from segmetrics.compare.pairing import common_classes, pair_samples
from segmetrics.data.sample_list import Sample
from segmetrics.errors import DataError
from segmetrics.files import sha256_path
from segmetrics.registry.download import fetch
from segmetrics.registry.store import (
    BASELINE,
    DIGEST,
    EVAL_ID,
    RUN_ID,
    ModelUri,
    resolve,
    session,
)
from segmetrics.registry.verification import check_run, missing_tags
from segmetrics.tables import Measurements, read_measurements

if TYPE_CHECKING:
    from mlflow import MlflowClient

_HERE = "`segmetrics evaluate-champion` evaluates it here"
_FOLDER = "baseline"  # of the artifacts of a run


@dataclass(frozen=True, slots=True)
class PulledBaseline:
    """A baseline that came from the registry.

    Attributes
    ----------
    uri
        The version, `models:/name/3`.
    changed
        False where the folder held this very evaluation already.
    """

    uri: str
    baseline: Baseline
    changed: bool

    def __str__(self) -> str:
        b = self.baseline
        about = f"the evaluation {b.eval_id[:8]} of {self.uri}"
        if not self.changed:
            return f"{b.folder} already is {about}; nothing changed."
        return (
            f"{b.folder} now is {about}: verdict {b.decision}, {b.samples} samples in {b.groups} "
            f"groups of {b.judged}. Commit the folder; `dvc repro` compares with it."
        )


def pull_baseline(uri: ModelUri, folder: Path) -> PulledBaseline:
    """Replace `baseline/` by what the evaluation of a registered version kept, whole or not at all.

    Raises
    ------
    DataError
        There is no such version, or its evaluation kept no tables.
    VerificationError
        Its run is gone, unfinished, or of another evaluation.
    RegistryError
        The server or store fails. The folder is as it was, in every case.
    """
    with tempfile.TemporaryDirectory() as temporary:
        with session(writes=False) as client:
            version = resolve(client, uri)
            where = f"models:/{uri.name}/{version.version}"
            missing = missing_tags(version.tags)
            if missing:
                what = f"carries no evaluation of segmetrics: it lacks {', '.join(missing)}"
                raise DataError(where, what, _HERE)
            check_run(client, where, version.tags)
            kept = _download(client, version.tags[RUN_ID], Path(temporary))
        _check_kept(kept, version.tags)
        # Outside of the session: what the file system refuses is no failure of the registry.
        changed = install_baseline(folder, kept)
    baseline = read_baseline(folder)
    if baseline is None:
        raise DataError(str(folder), "could not be written")
    return PulledBaseline(where, baseline, changed)


def _download(client: MlflowClient, run_id: str, to: Path) -> Path:
    if _FOLDER not in {artifact.path for artifact in client.list_artifacts(run_id)}:
        what = "kept no tables of single images (`tracking.upload.ids: none`)"
        raise DataError(f"run {run_id}", what, _HERE)
    return fetch(f"runs:/{run_id}/{_FOLDER}", to)


def _check_kept(kept: Path, tags: Mapping[str, str]) -> None:
    """Check that a downloaded baseline is whole, and the one that the version was promoted with."""
    where = f"run {tags[RUN_ID]}"
    if not (kept / RECORD).is_file():
        what = f"{_FOLDER}/ lacks {RECORD}: it was tracked by an earlier segmetrics"
        raise DataError(where, what, _HERE)
    if tags.get(BASELINE, sha256_path(kept / RECORD)) != sha256_path(kept / RECORD):
        raise DataError(where, f"{_FOLDER}/{RECORD} was changed after the promotion", _HERE)
    try:
        baseline = read_baseline(kept)
    except DataError as error:
        raise DataError(where, f"{_FOLDER}/ {error.problems[0].what}", _HERE) from error
    wanted = (tags[DIGEST], tags[EVAL_ID])
    if baseline is None or (baseline.model, baseline.eval_id) != wanted:
        raise DataError(where, f"{_FOLDER}/ is of another model or evaluation", _HERE)


@dataclass(frozen=True, slots=True)
class Comparable:
    """How much of today's evaluation can be compared with a baseline.

    Attributes
    ----------
    samples, shared
        Judged samples of today, and those of them that the baseline has, too.
    lacking
        Today's classes that the baseline lacks or defines otherwise -> why.
    min_shared
        The share that rules against the baseline need.
    """

    split: str
    samples: int
    shared: int
    lacking: Mapping[str, str]
    min_shared: float

    @property
    def enough(self) -> bool:
        """Whether rules against the baseline will be decided."""
        many = self.samples > 0 and self.shared >= self.min_shared * self.samples
        return many and not self.lacking

    def __str__(self) -> str:
        share = f"{self.shared / self.samples:.0%}" if self.samples else "none"
        text = f"it has {self.shared} of the {self.samples} samples of {self.split} ({share})"
        if self.enough:
            return f"{text}."
        reasons = [f"{text}; rules need {self.min_shared:.0%}"] if not self.lacking else [text]
        reasons += [f"{name}: {why}" for name, why in self.lacking.items()]
        return (
            f"warning: it is of other data or classes than today's: {'; '.join(reasons)}. "
            "`segmetrics evaluate-champion` evaluates the champion as things are today."
        )


@dataclass(frozen=True, slots=True)
class _Listed:
    ids: Sequence[str]
    image_digests: Sequence[str]
    reference_digests: Sequence[str]


def comparable(
    baseline: Baseline,
    samples: Sequence[Sample],
    *,
    judged: str,
    definition: Definition,
    min_shared: float,
) -> Comparable:
    """Pair today's list of judged samples with a baseline, as rules against it will.

    Raises
    ------
    DataError
        A table of the baseline is missing or damaged.
    """
    lacking = dict(common_classes(baseline.definition, definition).lacking)
    if judged not in baseline.splits:
        return Comparable(judged, len(samples), 0, lacking, min_shared)
    today: Any = _Listed(
        [s.id for s in samples],
        [s.image_digest for s in samples],
        [s.mask_digest for s in samples],
    )
    pairing = pair_samples(
        first=read_measurements(baseline.measurements(judged)), second=cast(Measurements, today)
    )
    return Comparable(judged, len(samples), int(pairing.second.size), lacking, min_shared)
