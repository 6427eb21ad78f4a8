"""What the outputs of a model have to be: as many as there are classes, and of the right kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from segmetrics.data.labels import LabelScheme
from segmetrics.data.levels import predicted_classes
from segmetrics.errors import ModelError
from segmetrics.inference.preprocess import Floats

AXES = {2: "H, W", 3: "D, H, W"}

_ONE_CLASS = frozenset({"Softmax", "LogSoftmax", "Hardmax"})
# They move or resize scores: what these are was decided before.
_PASSING = frozenset(
    {"Cast", "Clip", "Gather", "Identity", "Reshape", "Resize", "Slice", "Squeeze", "Transpose"}
    | {"Unsqueeze"}
)
# Independent probabilities hardly ever add up to 1 where they are unsure; so many times never.
_SOFT_PIXELS = 64
_REMEDY = (
    "use a model with a sigmoid per class; or masks of one class a pixel (data.encoding: labels) "
    "with operating_point: {decision: argmax, threshold: null}"
)


def check_classes(where: str, k: int, scheme: LabelScheme, ndim: int = 2) -> None:
    """Check K output channels against the declared classes.

    One per class. Of two classes also 1, the probability of the second; of classes that may overlap
    also one less, without the one excluded class, see `predicted_classes`.

    Raises
    ------
    ModelError
        They do not fit; the message names what would.
    """
    n = scheme.n_classes
    if scheme.multilabel:
        fits = predicted_classes(scheme, k) is not None
        less = f" without {scheme.exclude[0]}" if len(scheme.exclude) == 1 and n > 1 else ""
        other = n - 1 if less else None
    else:
        fits = k == n or (k == 1 and n == 2)
        less, other = "", 1 if n == 2 else None
    if fits:
        return
    axes = AXES[ndim]
    more = "" if other is None else f" or [N, {other}, {axes}]{less}"
    raise ModelError(
        where,
        f"gives {k} channels [N, {k}, {axes}]; data.classes declares {n} classes, "
        f"expected [N, {n}, {axes}]{more}",
        "declare in data.classes what the model predicts, in its order",
    )


def check_operation(where: str, operation: str, scheme: LabelScheme) -> None:
    """Refuse a model of one class per pixel where classes overlap, by its last operation.

    Raises
    ------
    ModelError
        It ends in a softmax.
    """
    if scheme.multilabel and operation in _ONE_CLASS:
        what = f"ends in {operation}: it gives one class a pixel, {_several(scheme)}"
        raise ModelError(where, what, _REMEDY)


def check_independent(
    where: str, planes: Floats, sample: str, operation: str, scheme: LabelScheme
) -> None:
    """Refuse probabilities (K, ...) that are those of a softmax.

    Not every softmax shows in the last operation of a model: functions and branches hide it.

    Raises
    ------
    ModelError
        They add up to 1 at every pixel, although many are far from 0 and 1.
    """
    if not scheme.multilabel or operation == "Sigmoid" or len(planes) < 2:
        return
    if np.abs(planes.sum(axis=0) - 1).max() > 1e-3:
        return
    highest = planes.max(axis=0)
    if np.count_nonzero(highest < 0.95) >= _SOFT_PIXELS:
        what = f'gives scores that add up to 1 at every pixel of "{sample}", as a softmax does'
        raise ModelError(where, f"{what}: that is one class a pixel, {_several(scheme)}", _REMEDY)


def _several(scheme: LabelScheme) -> str:
    return f"data.encoding: {scheme.encoding} has several"


def last_operation(model: Any, output: str) -> str:
    """The operation that an output comes from; empty where it comes straight from an input.

    Operations that only move, cut or resize scores are passed.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    while (node := makers.get(output)) is not None and node.op_type in _PASSING:
        output = node.input[0]
    return "" if node is None else str(node.op_type)
