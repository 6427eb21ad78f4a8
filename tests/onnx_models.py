"""Tiny real ONNX models: what fits, and everything that does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dimension = int | str
STEEPNESS = 20.0


def _save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    image: Sequence[Dimension],
    scores: Sequence[Dimension],
    constants: dict[str, np.ndarray],
    *,
    element: int = TensorProto.FLOAT,
    more_inputs: Sequence[str] = (),
) -> Path:
    values = [helper.make_tensor_value_info("image", element, image)]
    values += [helper.make_tensor_value_info(name, element, image) for name in more_inputs]
    graph = helper.make_graph(
        nodes,
        "tiny",
        values,
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, scores)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def brightness(
    path: Path,
    *,
    level: float = 0.5,
    channels: int = 1,
    batch: Dimension = "n",
    size: tuple[Dimension, ...] = ("h", "w"),
    sigmoid: bool = True,
) -> Path:
    """One probability per pixel: sigmoid(20 (mean of the channels - level)), or its logit."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["grey", "level"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "steepness"], ["logit"]),
        helper.make_node("Sigmoid" if sigmoid else "Identity", ["logit"], ["scores"]),
    ]
    constants = {"level": np.float32([level]), "steepness": np.float32([STEEPNESS])}
    return _save(path, nodes, [batch, channels, *size], [batch, 1, *size], constants)


def overlapping(
    path: Path,
    centres: Sequence[float] = (0.3, 0.6),
    *,
    channels: int = 1,
    size: tuple[Dimension, ...] = ("h", "w"),
    slopes: Sequence[float] = (STEEPNESS,),
    last: str = "Sigmoid",
    declared: bool = True,
) -> Path:
    """A probability for each class: sigmoid(slope (mean of the channels - centre)).

    `last` is the operation that the scores come from; `hidden softmax` does what Softmax does.
    """
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["grey", "centres"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "steepness"], ["logit"]),
    ]
    if last == "hidden softmax":
        nodes += [
            helper.make_node("Exp", ["logit"], ["power"]),
            helper.make_node("ReduceL1", ["power"], ["sum"], axes=[1], keepdims=1),
            helper.make_node("Div", ["power", "sum"], ["scores"]),
        ]
    else:
        options = {"axis": 1} if "oftmax" in last else {}
        nodes.append(helper.make_node(last, ["logit"], ["moved"], **options))
        nodes.append(helper.make_node("Identity", ["moved"], ["scores"]))
    k = len(centres)
    shape = (1, k, *(1 for _ in size))
    constants = {
        "centres": np.float32(centres).reshape(shape),
        "steepness": np.float32(slopes).reshape(1, len(slopes), *shape[2:]),
    }
    outputs = ["n", k if declared else "k", *size]
    return _save(path, nodes, ["n", channels, *size], outputs, constants)


def logits(path: Path) -> Path:
    """`brightness` without its sigmoid."""
    return brightness(path, sigmoid=False)


def levels(
    path: Path,
    k: int,
    *,
    declared: bool = True,
    size: tuple[Dimension, Dimension] = ("h", "w"),
) -> Path:
    """K scores per pixel; the highest is that of the nearest of K grey levels from 0 to 1."""
    nodes = [
        helper.make_node("Sub", ["image", "centres"], ["distance"]),
        helper.make_node("Mul", ["distance", "distance"], ["square"]),
        helper.make_node("Neg", ["square"], ["scores" if declared else "all"]),
    ]
    constants = {"centres": np.linspace(0, 1, k, dtype=np.float32).reshape(1, k, 1, 1)}
    if not declared:
        # Cut after as many channels as the image has pixels: nobody can tell K without running it.
        nodes.append(helper.make_node("Size", ["image"], ["pixels"]))
        nodes.append(helper.make_node("Reshape", ["pixels", "one"], ["end"]))
        nodes.append(helper.make_node("Slice", ["all", "zero", "end", "one"], ["scores"]))
        constants |= {"zero": np.int64([0]), "one": np.int64([1])}
    shape = ["n", k if declared else "k", *size]
    return _save(path, nodes, ["n", 1, *size], shape, constants)


def two_levels_deep(path: Path) -> Path:
    """Halves and doubles the size on the way, as a U-Net does: fails on an odd height or width."""
    nodes = [
        helper.make_node("MaxPool", ["image"], ["half"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["half", "", "scales"], ["full"], mode="nearest"),
        helper.make_node("Add", ["image", "full"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["scores"]),
    ]
    scales = {"scales": np.float32([1, 1, 2, 2])}
    return _save(path, nodes, ["n", 1, "h", "w"], ["n", 1, "h", "w"], scales)


def half_size(path: Path) -> Path:
    """Gives scores of half the height and width."""
    nodes = [
        helper.make_node("MaxPool", ["image"], ["half"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Sigmoid", ["half"], ["scores"]),
    ]
    return _save(path, nodes, ["n", 1, "h", "w"], ["n", 1, "h2", "w2"], {})


def without_channels(path: Path) -> Path:
    """Takes (N, H, W)."""
    nodes = [helper.make_node("Unsqueeze", ["image", "axes"], ["scores"])]
    return _save(path, nodes, ["n", "h", "w"], ["n", 1, "h", "w"], {"axes": np.int64([1])})


def finished_labels(path: Path) -> Path:
    """Gives (N, H, W) instead of scores."""
    nodes = [helper.make_node("ReduceMax", ["image"], ["scores"], axes=[1], keepdims=0)]
    return _save(path, nodes, ["n", 3, "h", "w"], ["n", "h", "w"], {})


def any_channels(path: Path) -> Path:
    """Takes any number of channels."""
    nodes = [helper.make_node("ReduceMean", ["image"], ["scores"], axes=[1], keepdims=1)]
    return _save(path, nodes, ["n", "c", "h", "w"], ["n", 1, "h", "w"], {})


def two_inputs(path: Path) -> Path:
    """Takes an image and something else."""
    nodes = [helper.make_node("Add", ["image", "second"], ["scores"])]
    shape = ["n", 1, "h", "w"]
    return _save(path, nodes, shape, shape, {}, more_inputs=["second"])


def takes_bytes(path: Path) -> Path:
    """Takes uint8."""
    nodes = [helper.make_node("Cast", ["image"], ["scores"], to=TensorProto.FLOAT)]
    shape = ["n", 1, "h", "w"]
    return _save(path, nodes, shape, shape, {}, element=TensorProto.UINT8)


def not_a_number(path: Path) -> Path:
    """Gives NaN everywhere."""
    nodes = [
        helper.make_node("Sub", ["image", "image"], ["zero"]),
        helper.make_node("Div", ["zero", "zero"], ["scores"]),
    ]
    return _save(path, nodes, ["n", 1, "h", "w"], ["n", 1, "h", "w"], {})


def weights_elsewhere(path: Path) -> Path:
    """`brightness` with its weights in a second file."""
    model = onnx.load(str(brightness(path)))
    onnx.save(
        model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    return path


def unet_3d(path: Path, *, channels: int = 2, k: int = 3, size: int | None = None) -> Path:
    """A 3-D U-Net of one level with set weights: convolution, pooling, upsampling, skip, 1 x 1 x 1.

    The features are the mean of 3 x 3 x 3 neighbours of every channel, seen at full and at half
    resolution. Class 0 scores 0; class c scores where channel c - 1 is brighter than 0.5, so that a
    volume whose channel c - 1 is bright where class c is gives back these classes.
    """
    box = np.zeros((channels, channels, 3, 3, 3), np.float32)
    for c in range(channels):
        box[c, c] = 1 / 27
    # Score of class c: fine plus coarse view of channel c - 1, minus 1; one class: its sigmoid.
    weights = np.zeros((k, 2 * channels, 1, 1, 1), np.float32)
    bias = np.zeros(k, np.float32)
    for c in range(k) if k == 1 else range(1, k):
        channel = c if k == 1 else c - 1
        weights[c, [channel, channels + channel]] = 8.0
        bias[c] = -8.0
    halves = {"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]}
    nodes = [
        helper.make_node("Conv", ["image", "box"], ["mean"], pads=[1] * 6),
        helper.make_node("Relu", ["mean"], ["fine"]),
        helper.make_node("MaxPool", ["fine"], ["half"], **halves),
        helper.make_node("Conv", ["half", "box"], ["below"], pads=[1] * 6),
        helper.make_node("Resize", ["below", "", "scales"], ["coarse"], mode="nearest"),
        helper.make_node("Concat", ["fine", "coarse"], ["both"], axis=1),
        helper.make_node("Conv", ["both", "weights", "bias"], ["logits"]),
        helper.make_node("Sigmoid" if k == 1 else "Identity", ["logits"], ["scores"]),
    ]
    constants = {
        "box": box,
        "weights": weights,
        "bias": bias,
        "scales": np.float32([1, 1, 2, 2, 2]),
    }
    sides: list[Dimension] = ["d", "h", "w"] if size is None else [size] * 3
    return _save(path, nodes, ["n", channels, *sides], ["n", k, *sides], constants)


def half_size_3d(path: Path) -> Path:
    """Gives scores of half the sides."""
    nodes = [
        helper.make_node("MaxPool", ["image"], ["half"], kernel_shape=[2] * 3, strides=[2] * 3),
        helper.make_node("Sigmoid", ["half"], ["scores"]),
    ]
    return _save(path, nodes, ["n", 1, "d", "h", "w"], ["n", 1, "d2", "h2", "w2"], {})
