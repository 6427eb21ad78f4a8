"""What masks and models say about themselves, so that `init` can write a fitting params.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.data.labels import LabelScheme, values_of
from segmetrics.data.masks import read_mask
from segmetrics.data.multilabel import channels_of
from segmetrics.data.pictures import read_bytes
from segmetrics.errors import DataError, ModelError

if TYPE_CHECKING:
    from segmetrics.inference.onnx_model import OnnxModel

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
    size: tuple[int, ...] | None = None
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


def holds_probabilities(predictions: Sequence[Path], guess: Guess) -> bool:
    """Whether given predictions are 8-bit maps of probabilities rather than of labels.

    They are if each is a one-channel 8-bit picture, and they hold more values than there are
    classes, some of them larger than labels are. With several classes, or objects, one map a
    sample is none of probabilities.
    """
    if len(guess.classes) != 2 or guess.encoding not in ("labels", "binary"):
        return False
    anything = LabelScheme(names=("0",), values=((0,),))
    values: set[int] = set()
    for path in predictions[:MOST_READ]:
        try:
            mask = read_mask(read_bytes(path), str(path), anything)
        except DataError:
            return False  # floats, or channels: not an 8-bit map; said when it is measured
        if mask.mode != "L":
            return False
        values |= set(values_of(mask.labels)[0].tolist())
    known = {*guess.classes.values(), *guess.ignore, 0, _VOID}
    return len(values) > len(known) and max(values - known, default=0) > MOST_CLASSES


def first_guess(masks: Sequence[Path], model: Path | None) -> Guess:
    """A first params.yaml from the first masks, where there are any, and the model.

    Raises
    ------
    DataError
        A mask cannot be read.
    ModelError
        The model cannot be loaded, or does not fit.
    """
    loaded = _loaded(model)
    if loaded is None:
        return guess_masks(masks) if masks else Guess()
    size = tuple(n for n in loaded.size if n is not None)
    fixed = size if len(size) == loaded.ndim else None
    several = _several_classes(masks[0], loaded) if masks else None
    if several is not None:
        return replace(several, size=fixed)
    found = guess_masks(masks) if masks else Guess()
    return replace(found, size=fixed, decision="fixed" if loaded.n_outputs == 1 else "argmax")


def _several_classes(mask: Path, model: OnnxModel) -> Guess | None:
    """Classes that may overlap: the model has a sigmoid for each, the masks a channel."""
    k = model.n_outputs
    if model.operation != "Sigmoid" or k is None or k < 2:
        return None
    try:
        channels = channels_of(read_bytes(mask), str(mask))[0]
    except DataError:
        return None  # said when the masks are read as labels
    if channels[0].ndim != model.ndim or len(channels) not in (k, k + 1):
        return None
    names = [f"class_{value}" for value in range(len(channels))]
    if len(channels) == k + 1:  # the model leaves one out, usually the first
        names[0] = "background"
    classes = {name: value for value, name in enumerate(names)}
    exclude = ("background",) if "background" in classes else ()
    return Guess(classes, exclude, encoding="channels", decision="fixed")


def _loaded(model: Path | None) -> OnnxModel | None:
    """The model; None where there is none, or where nothing can run it."""
    if model is None or model.suffix.lower() != ".onnx":
        return None
    from segmetrics.inference.onnx_model import OnnxModel

    try:
        return OnnxModel(model, threads=1, providers=("CPUExecutionProvider",))
    except ModelError as error:
        # The pipeline extra may be missing where `init` runs; a broken model must be said now.
        if "not installed" in str(error):
            return None
        raise
