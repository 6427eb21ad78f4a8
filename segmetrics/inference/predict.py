"""`infer`: fill the prediction folder of a split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from segmetrics.data.labels import LabelScheme
from segmetrics.data.masks import quantise
from segmetrics.data.pictures import read_bytes
from segmetrics.data.sample_list import Sample
from segmetrics.errors import DataError, ModelError
from segmetrics.files import linked_folder, sha256_bytes, sha256_json, sha256_path
from segmetrics.format import FORMAT
from segmetrics.inference.given import command_files, copy_given, run_command
from segmetrics.inference.onnx_model import OnnxModel, check_classes
from segmetrics.inference.preprocess import (
    Floats,
    Preprocessing,
    best_class,
    read_image,
    restore,
    to_input,
)
from segmetrics.inference.store import (
    Manifest,
    PredictionStore,
    is_probability_file,
    label_map_png,
    probability_png,
)
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
        values = [v[0] for v in self.scheme.values]
        made: list[object] = [FORMAT, digest]
        if self.command is None:
            made += [asdict(self.how), values]
        else:
            made += [self.command, command_files(self.command)]
        return {s.id: sha256_json([made, s.image_digest]) for s in samples}


@dataclass(frozen=True, slots=True)
class _Prepared:
    sample: Sample
    pixels: Floats


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
        return run_command(command, samples, split=split, source=source, out=out, keys=keys)
    if source.is_dir():
        return copy_given(source / split, samples, out=out)
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
    model.check_fits(how, scheme.n_classes)
    todo = [s for s in samples if s.id in missing]
    prepare = partial(_prepare, channels=model.channels, how=how)
    prepared = ordered_map(prepare, todo, workers=runtime.workers)
    pending = progress(prepared, total=len(todo), text="predicting")
    probability = model.n_outputs == 1
    for batch in _batches(pending, model.batch or runtime.batch):
        scores = model.run(np.stack([item.pixels for item in batch]))
        check_classes(str(source), scores.shape[1], scheme.n_classes)
        probability = scores.shape[1] == 1
        for item, planes in zip(batch, scores, strict=True):
            store.add(item.sample.id, _encode(planes, item.sample, how, scheme, source))
    if not todo and model.n_outputs is None:
        # Nothing was run, and the model does not say: the files that it wrote do.
        probability = store.any_file is not None and is_probability_file(store.any_file)
    return store.finish("probability" if probability else "labels", digest)


def _prepare(sample: Sample, *, channels: int, how: Preprocessing) -> _Prepared:
    content = read_bytes(sample.image)
    if sha256_bytes(content) != sample.image_digest:
        raise DataError(str(sample.image), "changed since `samples` ran", "run `dvc repro` again")
    image = read_image(content, str(sample.image), channels)
    if image.shape[1:] != sample.shape:
        raise DataError(str(sample.image), f"has shape {image.shape[1:]}, its mask {sample.shape}")
    return _Prepared(sample, to_input(image, how))


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


def _encode(
    planes: Floats, sample: Sample, how: Preprocessing, scheme: LabelScheme, source: Path
) -> bytes:
    if planes.shape[0] > 1:
        return label_map_png(best_class(planes, sample.shape, how), scheme)
    low, high = float(planes.min()), float(planes.max())
    # Rounding in float16 and interpolation may leave [0, 1] by a hair; logits leave it by far.
    if low < -1e-3 or high > 1 + 1e-3:
        raise ModelError(
            str(source),
            f"expected probabilities in [0, 1], found values from {low:.3g} to {high:.3g} "
            f'for "{sample.id}"',
            "export the model with its sigmoid",
        )
    return probability_png(quantise(np.clip(restore(planes[0], sample.shape, how), 0.0, 1.0)))
