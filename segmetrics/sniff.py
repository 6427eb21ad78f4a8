"""What masks and models say about themselves, so that `init` can write a fitting params.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.data.masks import read_mask
from segmetrics.data.pictures import read_bytes
from segmetrics.errors import ModelError

MOST_READ = 200
MOST_CLASSES = 64
_VOID = 255


@dataclass(frozen=True, slots=True)
class Guess:
    """A first params.yaml: classes, encoding, fixed input size, decision."""

    classes: Mapping[str, int] = field(default_factory=lambda: {"background": 0, "foreground": 1})
    exclude: tuple[str, ...] = ("background",)
    ignore: tuple[int, ...] = ()
    encoding: str = "labels"
    size: tuple[int, int] | None = None
    decision: str = "argmax"

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.encoding}, classes {dict(self.classes)}, ignored {list(self.ignore)}"


def guess_masks(masks: Sequence[Path]) -> Guess:
    """Classes and encoding from the first masks.

    Raises
    ------
    DataError
        A mask cannot be read.
    """
    anything = LabelScheme(names=("0",), values=((0,),))
    values: set[int] = set()
    one_bit = deep = True
    for path in masks[:MOST_READ]:
        mask = read_mask(read_bytes(path), str(path), anything)
        one_bit &= mask.mode == "1"
        deep &= mask.labels.dtype.itemsize > 1
        values |= set(values_of(mask.labels)[0].tolist())
    if one_bit or values <= {0, _VOID}:
        return Guess(encoding="binary")
    if deep and len(values) > MOST_CLASSES and 0 in values:
        # So many 16-bit values are ids of objects, not classes.
        return Guess(encoding="instances")
    ignore = (_VOID,) if _VOID in values else ()
    labels = sorted(values - set(ignore) | {0})
    if labels == [0, 1]:
        return Guess(ignore=ignore)
    classes = {"background" if v == 0 else f"class_{v}": v for v in labels[:MOST_CLASSES]}
    return Guess(classes=classes, ignore=ignore)


def guess_model(guess: Guess, model: Path | None) -> Guess:
    """Add the fixed size of a model and whether it gives one probability or one score a class."""
    if model is None or model.suffix.lower() != ".onnx":
        return guess
    from segmetrics.inference.onnx_model import OnnxModel

    try:
        loaded = OnnxModel(model, threads=1, providers=("CPUExecutionProvider",))
    except ModelError as error:
        # The pipeline extra may be missing where `init` runs; a broken model must be said now.
        if "not installed" in str(error):
            return guess
        raise
    height, width = loaded.size
    size = (height, width) if height and width else None
    return replace(guess, size=size, decision="fixed" if loaded.n_outputs == 1 else "argmax")
