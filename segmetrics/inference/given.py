"""Predictions that segmetrics does not make: a folder of files, or another program's output."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from segmetrics.data.folders import files_by_stem
from segmetrics.data.kinds import SUFFIXES, suffix_of
from segmetrics.data.multilabel import channels_of
from segmetrics.data.pictures import read_bytes
from segmetrics.data.sample_list import Sample, image_list_text
from segmetrics.errors import ConfigError, DataError, ModelError, Problem
from segmetrics.files import sha256_bytes, sha256_json, sha256_path, write_text
from segmetrics.format import FORMAT
from segmetrics.inference.images import image_shape
from segmetrics.inference.store import Manifest, PredictionStore
from segmetrics.progress import progress

# A command that is interrupted or fails loses at most this many predictions.
SAMPLES_A_CALL = 256
_SCRIPTS = frozenset({".py", ".sh", ".bash", ".ps1", ".r", ".jl", ".pl"})


def copy_given(
    folder: Path,
    samples: Sequence[Sample],
    *,
    out: Path,
    others: Collection[str] = (),
    several: bool = False,
) -> Manifest:
    """Take over the predictions of a folder, named `<id>.<ending>`; `others` as in `match_given`.

    Parameters
    ----------
    several
        Whether a pixel may be of several classes: a file then has a channel for each.

    Raises
    ------
    DataError
        Predictions are missing or surplus, unreadable, or of another shape: all are listed.
    """
    files = match_given(folder, samples, others)
    hashing = progress(samples, total=len(samples), text="hashing given predictions")
    keys = {s.id: sha256_json(["given", FORMAT, sha256_path(files[s.id])]) for s in hashing}
    store = PredictionStore(out, keys)
    _add_all(store, {s.id: s for s in samples}, files, several)
    return store.finish("given", sha256_path(folder))


def match_given(
    folder: Path, samples: Sequence[Sample], others: Collection[str] = ()
) -> dict[str, Path]:
    """The files of a folder by sample id.

    Parameters
    ----------
    others
        Ids of the split that are not asked for: their files may be there.

    Raises
    ------
    DataError
        Files are missing or surplus, or two have one name: all are listed.
    """
    files = files_by_stem(folder, SUFFIXES, "prediction")
    wanted = {s.id for s in samples}
    problems = [
        Problem(
            str(folder), f'no prediction for the sample "{s.id}"', f"expected {s.id}{_ending(s)}"
        )
        for s in samples
        if s.id not in files
    ]
    problems += [
        Problem(str(path), "belongs to no sample of this split", "list it or move it away")
        for stem, path in files.items()
        if stem not in wanted and stem not in others
    ]
    if problems:
        raise DataError.of(problems, f"predictions in {folder}")
    return {s.id: files[s.id] for s in samples}


def _add_all(
    store: PredictionStore, samples: Mapping[str, Sample], files: Mapping[str, Path], several: bool
) -> None:
    """Check and add what the store lacks; nothing is added where anything is wrong."""
    problems: list[Problem] = []
    missing = [name for name in store.missing if name in samples]
    for name in progress(missing, total=len(missing), text="checking predictions"):
        try:
            _check_shape(files[name], samples[name], several)
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError.of(problems, "given predictions")
    for name in progress(missing, total=len(missing), text="taking predictions over"):
        store.add(name, read_bytes(files[name]), suffix_of(files[name]))


def _check_shape(path: Path, sample: Sample, several: bool) -> None:
    content = read_bytes(path)
    if several:
        found = channels_of(content, str(path))[0][0].shape
    else:
        found = image_shape(content, str(path), ndim=len(sample.shape))
    if found != sample.shape:
        sides = " x ".join(map(str, found))
        raise DataError(
            str(path),
            f"has {sides} {'pixels' if len(sample.shape) == 2 else 'voxels'}, the mask of "
            f"{sample.id} {' x '.join(map(str, sample.shape))}",
            "nothing is resized to fit: write predictions at the size of the mask",
        )


def _ending(sample: Sample) -> str:
    return ".png" if len(sample.shape) == 2 else ".nii.gz"


def run_command(
    command: str,
    samples: Sequence[Sample],
    *,
    split: str,
    source: Path,
    out: Path,
    keys: Mapping[str, str],
    several: bool = False,
) -> Manifest:
    """Let another program predict, and take over what it writes.

    The command is split as a POSIX shell splits words and run without a shell. In it, `{samples}`
    is a CSV list of the samples to predict (id, image, shape, image_sha256 and, where there are
    several input files, `image:<name>`; no predictor is told the truth), `{out}` the folder for
    `<id>.png` files (volumes: `<id>.nii.gz`, or `.npy`), `{source}` is `infer.source` and `{split}`
    the name of the split. Only samples without a finished prediction are listed, at most
    `SAMPLES_A_CALL` a call: what finished calls wrote is kept when a later one is interrupted.
    `several`: as in `copy_given`.

    Raises
    ------
    ConfigError
        The command cannot be split or lacks `{samples}` or `{out}`.
    ModelError
        It cannot be started or exits with another status than 0.
    DataError
        Its predictions are missing, surplus, unreadable or of another shape, or an image or
        `source` changed meanwhile.
    """
    source_digest = sha256_path(source)
    store = PredictionStore(out, keys)
    missing = set(store.missing)
    todo = [s for s in samples if s.id in missing]
    for start in range(0, len(todo), SAMPLES_A_CALL):
        part = todo[start : start + SAMPLES_A_CALL]
        with tempfile.TemporaryDirectory(prefix=".command-", dir=out.parent) as folder:
            listed, written = Path(folder) / "samples.csv", Path(folder) / "predictions"
            _check_images(part)
            write_text(listed, image_list_text(part))
            written.mkdir()
            values = {"samples": listed, "out": written, "source": source, "split": split}
            _run(_arguments(command, values))
            if sha256_path(source) != source_digest:
                raise DataError(
                    str(source), "changed while the command ran", "let it write elsewhere"
                )
            _add_all(store, {s.id: s for s in part}, match_given(written, part), several)
    return store.finish("given", source_digest)


def command_files(command: str) -> list[str]:
    """Digests of the scripts that a command names: they decide predictions, too.

    Other files that it names may be what it writes, such as a log.
    """
    try:
        words = [Path(word) for word in shlex.split(command) if "{" not in word]
    except ValueError:
        return []  # said by `_arguments`, when it is run
    scripts = [p for i, p in enumerate(words) if p.suffix.lower() in _SCRIPTS or i == 0]
    return [sha256_path(path) for path in scripts if path.is_file()]


def _check_images(samples: Sequence[Sample]) -> None:
    files = [f for s in samples for f in zip(s.images, s.image_digests, strict=True)]
    changed = [path for path, digest in files if sha256_bytes(read_bytes(path)) != digest]
    if changed:
        problems = [Problem(str(path), "changed since `samples` ran") for path in changed]
        raise DataError.of(problems, "images; run `dvc repro` again")


def _arguments(command: str, values: Mapping[str, object]) -> list[str]:
    for name in ("samples", "out"):
        if f"{{{name}}}" not in command:
            raise ConfigError("infer.command", f"lacks {{{name}}}", f"add {{{name}}} to it")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError("infer.command", f"cannot be split into words ({error})") from error
    # Replaced word by word, so that braces of the command's own and spaces in paths stay whole.
    for name, value in values.items():
        words = [word.replace(f"{{{name}}}", str(value)) for word in words]
    return words


def _run(words: list[str]) -> None:
    program = shutil.which(words[0])
    if program is None:
        raise ModelError("infer.command", f'there is no program "{words[0]}"', "check the name")
    sys.stdout.flush()
    # Python would otherwise write __pycache__ into the folder of the script, which is hashed.
    quiet = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([program, *words[1:]], check=False, env=quiet)
    if done.returncode != 0:
        raise ModelError(
            "infer.command",
            f"{shlex.join(words)} ended with status {done.returncode}",
            "its own output stands above",
        )
