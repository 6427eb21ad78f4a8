"""An ONNX segmentation model: one image input (N, C, ...), one score output (N, K, ...).

The axes after the channels are (H, W) of a 2-D model and (D, H, W) of a 3-D one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segmetrics.data.labels import LabelScheme
from segmetrics.errors import ConfigError, ModelError
from segmetrics.inference.outputs import AXES, check_classes, check_operation, last_operation
from segmetrics.inference.preprocess import Floats, Preprocessing

_WORDS = {2: "height and width", 3: "depth, height and width"}
_INPUT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxModel:
    """A loaded model whose inputs and outputs were checked.

    Parameters
    ----------
    path
        The `.onnx` file.
    threads
        Threads of one run; changes no result.
    providers
        ONNX Runtime execution providers, best first.

    Attributes
    ----------
    ndim
        Spatial axes of its images: 2 or 3.
    channels
        C.
    batch
        The fixed batch size, None where any is taken.
    size
        The fixed (height, width) or (depth, height, width), None in the place of one that is free.
    operation
        The ONNX operation that the scores come from, such as `Sigmoid`.

    Raises
    ------
    ModelError
        Not a model, weights in another file, or its input or output does not fit: expected and
        found shapes are named.
    ConfigError
        A provider is not available.
    """

    def __init__(self, path: Path, *, threads: int, providers: Sequence[str]) -> None:
        # From 1.29 on it sends events to its maker, which is settled when it is imported.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        # Imported here: neither is part of the base install.
        try:
            import onnx
            import onnxruntime
            from onnxruntime.capi import onnxruntime_pybind11_state as state
        except ImportError as error:
            raise ModelError(
                str(path), "ONNX Runtime is not installed", 'pip install "segmetrics[pipeline]"'
            ) from error
        self.path = path
        self._failures = tuple(
            e for e in vars(state).values() if isinstance(e, type) and issubclass(e, Exception)
        )
        _check_providers(providers, onnxruntime.get_available_providers())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=list(providers)
            )
        except self._failures as error:
            raise ModelError(
                str(path), f"cannot be loaded as an ONNX model ({_short(error)})", "export it again"
            ) from error
        graph = onnx.load(str(path), load_external_data=False)
        elsewhere = _external_file(graph)
        if elsewhere is not None:
            raise ModelError(
                str(path),
                f'keeps its weights in another file ("{elsewhere}"), which nothing would track',
                "save it as one file: onnx.save(onnx.load(path), path)",
            )
        self._input = self._only(self._session.get_inputs(), "input")
        self._output = self._session.get_outputs()[0].name
        self.operation = last_operation(graph, self._output)
        self._check_shapes()

    def _only(self, nodes: Sequence[Any], what: str) -> Any:
        if len(nodes) != 1:
            found = ", ".join(f"{n.name} {n.shape}" for n in nodes)
            raise ModelError(str(self.path), f"expected one {what}, found {len(nodes)}: {found}")
        return nodes[0]

    def _check_shapes(self) -> None:
        shape, dtype = self._input.shape, self._input.type
        if (
            len(shape) not in (4, 5)
            or dtype not in _INPUT_TYPES
            or not isinstance(shape[1], int)
            or shape[1] < 1
        ):
            raise ModelError(
                str(self.path),
                f"expected an input float32 [N, C, H, W] or [N, C, D, H, W], found "
                f'"{self._input.name}" {dtype} {shape}',
                "export the model with channels first and a fixed number of channels",
            )
        self._dtype = _INPUT_TYPES[dtype]
        self.ndim = len(shape) - 2
        self.channels: int = shape[1]
        self.batch: int | None = shape[0] if isinstance(shape[0], int) else None
        self.size = tuple(n if isinstance(n, int) else None for n in shape[2:])
        output = self._session.get_outputs()[0]
        if len(output.shape) != len(shape):
            raise ModelError(
                str(self.path),
                f"expected an output [N, K, {AXES[self.ndim]}] of one score per class, found "
                f'"{output.name}" {output.shape}',
                "export the scores, not the finished label map",
            )

    @property
    def n_outputs(self) -> int | None:
        """K where the model declares it: 1 is one probability per pixel or voxel."""
        k = self._session.get_outputs()[0].shape[1]
        return k if isinstance(k, int) else None

    def check_fits(self, how: Preprocessing, scheme: LabelScheme) -> None:
        """Check a model's fixed size, channels and classes against the settings.

        Raises
        ------
        ModelError
            They do not fit; the message names what would.
        """
        check_operation(str(self.path), self.operation, scheme)
        how.check(self.ndim, fixed=None not in self.size)
        self._check_size(how)
        for name, values in (("mean", how.mean), ("std", how.std)):
            if len(values) not in (1, self.channels):
                raise ModelError(
                    str(self.path),
                    f"has {self.channels} channels, infer.{name} has {len(values)} values",
                    f"give one value or {self.channels}",
                )
        if self.n_outputs is not None:
            check_classes(str(self.path), self.n_outputs, scheme, self.ndim)

    def _check_size(self, how: Preprocessing) -> None:
        given = how.tile_size or how.size
        fits = given is not None and all(
            n in (None, g) for n, g in zip(self.size, given, strict=True)
        )
        # A model that fixes some axes only may fit what the images are: running it tells.
        if fits or (given is None and None in self.size):
            return
        key = "infer.size" if how.tile_size is None else "infer.tile.size"
        found = f"{key} is {list(given) if given else 'null (native size)'}"
        wanted = ", ".join("any" if n is None else str(n) for n in self.size)
        sides = wanted.replace(", ", " x ")
        raise ModelError(
            str(self.path),
            f"takes only {sides} {'pixels' if self.ndim == 2 else 'voxels'}, {found}",
            f"set infer.size: [{wanted}], or tile.size to keep every pixel",
        )

    def run(self, batch: Floats) -> Floats:
        """Scores (N, K, ...), float32, of a batch (N, C, ...).

        Raises
        ------
        ModelError
            The model fails on this shape, or gives another shape or non-finite scores.
        """
        n = batch.shape[0]
        if self.batch is not None and n < self.batch:
            # A model with a fixed batch wants it full; what was repeated is cut off below.
            batch = np.concatenate([batch, np.repeat(batch[-1:], self.batch - n, axis=0)])
        feed = {self._input.name: batch.astype(self._dtype, copy=False)}
        try:
            scores = self._session.run([self._output], feed)[0]
        except self._failures as error:
            raise ModelError(
                str(self.path),
                f"failed on an input of shape {list(batch.shape)} ({_short(error)})",
                "set infer.multiple to the model's downsampling factor, or infer.size",
            ) from error
        expected = (batch.shape[0], *batch.shape[2:])
        if scores.ndim != batch.ndim or (scores.shape[0], *scores.shape[2:]) != expected:
            sides = ", ".join(map(str, batch.shape[2:]))
            raise ModelError(
                str(self.path),
                f"expected an output [{batch.shape[0]}, K, {sides}] for the input "
                f"{list(batch.shape)}, found {list(scores.shape)}",
                f"the output must have the {_WORDS[self.ndim]} of the input",
            )
        if not np.isfinite(scores).all():
            raise ModelError(str(self.path), "gives NaN or infinite scores", "check its export")
        return np.asarray(scores[:n], np.float32)


def _check_providers(wanted: Sequence[str], available: Sequence[str]) -> None:
    unknown = [name for name in wanted if name not in available]
    if unknown:
        raise ConfigError(
            "runtime.providers",
            f"{', '.join(unknown)} is not available (available: {', '.join(available)})",
            "name one of these or install the onnxruntime that brings it",
        )


def _external_file(message: Any) -> str | None:
    """The file outside the model that holds weights of it; None where there is none.

    Tensors hide in branches, functions and attributes, too: every part of the model is looked at.
    """
    if message.DESCRIPTOR.name == "TensorProto":
        return next((str(e.value) for e in message.external_data if e.key == "location"), None)
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in value if field.is_repeated else (value,):
            if (found := _external_file(part)) is not None:
                return found
    return None


def _short(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
