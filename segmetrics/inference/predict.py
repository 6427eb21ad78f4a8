"""`infer`: fill the prediction folder of a split."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from segmetrics.data.labels import LabelScheme
from segmetrics.data.pictures import read_bytes
from segmetrics.data.sample_list import Sample
from segmetrics.data.volumes import VolumeHeader
from segmetrics.errors import DataError, ModelError
from segmetrics.files import linked_folder, sha256_bytes, sha256_json, sha256_path
from segmetrics.format import FORMAT
from segmetrics.inference.encode import encode
from segmetrics.inference.given import command_files, copy_given, run_command
from segmetrics.inference.images import read_input
from segmetrics.inference.onnx_model import OnnxModel
from segmetrics.inference.outputs import check_classes, check_independent
from segmetrics.inference.preprocess import Floats, Preprocessing, to_input
from segmetrics.inference.store import Manifest, PredictionStore
from segmetrics.inference.tiles import tiled_scores
from segmetrics.parallel import ordered_map
from segmetrics.progress import progress


@dataclass(frozen=True, slots=True)
class Runtime:
    """Settings that change no result."""

    workers: int = 1
    batch: int = 8
    providers: tuple[str, ...] = ("CPUExecutionProvider",)


@dataclass(frozen=True, slots=True)
class Predictor:
    """What predictions are made with, and the key that each of them must have."""

    source: Path
    command: str | None
    how: Preprocessing
    scheme: LabelScheme

    @property
    def given(self) -> bool:
        """Whether predictions are taken from a folder, made by nobody here."""
        return self.command is None and self.source.is_dir()

    @property
    def names_source(self) -> bool:
        """Whether the command, where there is one, is told what to predict with."""
        return self.command is None or "{source}" in self.command

    def keys(self, samples: Sequence[Sample]) -> dict[str, str]:
        """By sample id: the digest of everything that its prediction is made from."""
        digest = sha256_path(self.source)
        # Classes that may overlap are written in declared order, whatever their values.
        several = self.scheme.multilabel
        values = "one each" if several else [v[0] for v in self.scheme.values]
        made: list[object] = [FORMAT, digest]
        if self.command is None:
            made += [self.how.settings(), values]
        else:
            made += [self.command, command_files(self.command)]
        return {s.id: sha256_json([made, s.image_digest]) for s in samples}


@dataclass(frozen=True, slots=True)
class _Prepared:
    sample: Sample
    pixels: Floats
    header: VolumeHeader | None


def infer_split(
    samples: Sequence[Sample],
    *,
    split: str,
    source: Path,
    command: str | None,
    out: Path,
    how: Preprocessing,
    scheme: LabelScheme,
    runtime: Runtime,
    others: Collection[str] = (),
) -> Manifest:
    """Predict, or take over, one file per sample.

    Parameters
    ----------
    source
        An ONNX model; or a folder with one subfolder of predictions a split; with `command`,
        whatever the command needs (hashed, never loaded).
    command
        Another predictor, see `run_command`.
    out
        The prediction folder; finished files in it are reused.
    others
        Ids of the split that are not to be predicted: a folder may hold them all the same.

    Raises
    ------
    ModelError, DataError
        The model or command does not fit or fails; predictions are missing or damaged.
    """
    if (link := linked_folder(source)) is not None:
        what = "is a link to a folder, whose changes DVC does not see"
        raise DataError(str(link), what, "put the files themselves there")
    if command is not None:
        keys = Predictor(source, command, how, scheme).keys(samples)
        return run_command(
            command,
            samples,
            split=split,
            source=source,
            out=out,
            keys=keys,
            several=scheme.multilabel,
        )
    if source.is_dir():
        return copy_given(
            source / split, samples, out=out, others=others, several=scheme.multilabel
        )
    if source.suffix.lower() != ".onnx":
        raise ModelError(
            str(source),
            "only ONNX models are loaded (other formats may execute code)",
            "export to ONNX, or set infer.command to a program that predicts",
        )
    return _infer_onnx(samples, source=source, out=out, how=how, scheme=scheme, runtime=runtime)


def _infer_onnx(
    samples: Sequence[Sample],
    *,
    source: Path,
    out: Path,
    how: Preprocessing,
    scheme: LabelScheme,
    runtime: Runtime,
) -> Manifest:
    if not source.is_file():
        raise ModelError(str(source), "there is no such model", "mend infer.source in params.yaml")
    digest = sha256_path(source)
    store = PredictionStore(out, Predictor(source, None, how, scheme).keys(samples))
    missing = set(store.missing)
    model = OnnxModel(source, threads=runtime.workers, providers=runtime.providers)
    model.check_fits(how, scheme)
    todo = [s for s in samples if s.id in missing]
    _check_axes(todo, model)
    prepare = partial(_prepare, channels=model.channels, ndim=model.ndim, how=how)
    # Volumes are large: one waits for each worker, and one at a time is predicted.
    flat = model.ndim == 2
    prepared = ordered_map(prepare, todo, workers=runtime.workers, ahead=2 if flat else 1)
    pending = progress(prepared, total=len(todo), text="predicting")
    size = model.batch or (runtime.batch if flat else 1)
    for item, planes in _scores(pending, model, how, size=size, batch=runtime.batch):
        check_classes(str(source), planes.shape[0], scheme, model.ndim)
        check_independent(str(source), planes, item.sample.id, model.operation, scheme)
        made = encode(planes, item.sample, item.header, how=how, scheme=scheme, source=source)
        store.add(item.sample.id, made.content, made.suffix, kind=made.kind)
    if len(store.kinds) > 1:
        what = "gives one score per pixel of some images and several of others"
        raise ModelError(str(source), what, "export it with a fixed number of outputs")
    return store.finish(next(iter(store.kinds), "labels"), digest)


def _check_axes(samples: Sequence[Sample], model: OnnxModel) -> None:
    other = [s for s in samples if len(s.shape) != model.ndim]
    if other:
        sides = " x ".join(map(str, other[0].shape))
        raise ModelError(
            str(model.path),
            f'takes {model.ndim}-D images, "{other[0].id}" is {len(other[0].shape)}-D ({sides}), '
            f"as are {len(other) - 1} more",
            "use a model for such images, or infer.command with a program that cuts them into "
            "slices",
        )


def _prepare(sample: Sample, *, channels: int, ndim: int, how: Preprocessing) -> _Prepared:
    files = []
    for path, digest in zip(sample.images, sample.image_digests, strict=True):
        content = read_bytes(path)
        if sha256_bytes(content) != digest:
            raise DataError(str(path), "changed since `samples` ran", "run `dvc repro` again")
        files.append((content, path))
    image = read_input(files, channels=channels, ndim=ndim)
    shape = image.pixels.shape[1:]
    if shape != sample.shape:
        raise DataError(str(sample.image), f"has shape {shape}, its mask {sample.shape}")
    return _Prepared(sample, to_input(image.pixels, how), image.header)


def _scores(
    items: Iterator[_Prepared], model: OnnxModel, how: Preprocessing, *, size: int, batch: int
) -> Iterator[tuple[_Prepared, Floats]]:
    """Scores (K, ...) of each item: `size` whole images a call, or `batch` tiles of one image."""
    if how.tile_size is None:
        for group in _batches(items, size):
            yield from zip(group, model.run(np.stack([i.pixels for i in group])), strict=True)
        return
    for item in items:
        yield (
            item,
            tiled_scores(
                item.pixels,
                model.run,
                size=how.tile_size,
                overlap=how.tile_overlap,
                batch=model.batch or batch,
            ),
        )


def _batches(items: Iterator[_Prepared], size: int) -> Iterator[list[_Prepared]]:
    """Consecutive items of one shape, at most `size` together."""
    for _, same in groupby(items, key=lambda item: item.pixels.shape):
        batch: list[_Prepared] = []
        for item in same:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch
