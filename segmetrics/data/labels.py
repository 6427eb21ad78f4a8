"""How label values mean classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from segmetrics.data.colours import colour_label, colour_labels
from segmetrics.errors import ConfigError
from segmetrics.metrics.counts import LabelLookup, Labels

Encoding = Literal["labels", "binary", "palette", "rgb", "instances", "channels", "files"]
ClassValue = int | str | Sequence[int | str | Sequence[int]]

# A pixel of a multi-label mask is an integer whose bits are the classes.
MOST_MULTILABEL = 32


@dataclass(frozen=True)
class LabelScheme:
    """The declared classes and how masks write them.

    Attributes
    ----------
    names
        Class names, in declared order; their place is the class index `0 .. K - 1`.
    values
        The label values of each class; the first one is what predictions are written with.
    ignore
        Reference labels that are counted nowhere.
    exclude
        Classes that are counted but left out of class means and of rules on `every` class.
    encoding
        `labels`: grey or palette values are labels. `palette`: the same, and the file must have a
        palette. `binary`: 0 is the background, everything else the other class. `instances`: the
        same, and the values are ids of objects. `rgb`: colours are labels,
        `red << 16 | green << 8 | blue`. `channels`: a class is a channel, its value the number of
        the channel. `files`: a class is a file, whose path has the name in place of `{class}`.
    """

    names: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]
    ignore: tuple[int, ...] = ()
    exclude: tuple[str, ...] = ()
    encoding: Encoding = "labels"

    @classmethod
    def of(
        cls,
        classes: Mapping[str, ClassValue],
        *,
        ignore: Sequence[int | str | Sequence[int]] = (),
        exclude: Sequence[str] = (),
        encoding: Encoding = "labels",
    ) -> LabelScheme:
        """From names and values as params.yaml gives them; colours as `"#rrggbb"` or `[r, g, b]`.

        Raises
        ------
        ConfigError
            A value is no colour where colours are wanted, or no label where labels are; a
            multi-label scheme has more than 32 classes or ignores a label.
        """
        read = colour_label if encoding == "rgb" else _label
        read_class = colour_labels if encoding == "rgb" else _labels
        values = tuple(read_class(value) for value in classes.values())
        ignored = tuple(read(value) for value in ignore)
        scheme = cls(tuple(classes), values, ignored, tuple(exclude), encoding)
        if scheme.multilabel:
            scheme.check_multilabel()
        return scheme

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.names)

    @property
    def scored(self) -> tuple[str, ...]:
        """The classes that class means are over."""
        return tuple(name for name in self.names if name not in self.exclude)

    @property
    def multilabel(self) -> bool:
        """Whether a pixel may be of several classes: masks are then read as bits."""
        return self.encoding in ("channels", "files")

    @property
    def two_valued(self) -> bool:
        """Whether 0 is the background and everything else the other class."""
        return self.encoding in ("binary", "instances")

    @property
    def bits(self) -> tuple[int, ...]:
        """The bit of each class in a multi-label mask: `1 << k`."""
        return tuple(1 << k for k in range(self.n_classes))

    def check_multilabel(self) -> None:
        """Check that bits can hold the classes.

        Raises
        ------
        ConfigError
            There are more than 32, or labels are ignored, which bits cannot say.
        """
        if self.n_classes > MOST_MULTILABEL:
            raise ConfigError(
                "data.classes",
                f"{self.n_classes} classes, multi-label masks hold at most {MOST_MULTILABEL}",
            )
        if self.ignore:
            raise ConfigError(
                "data.ignore",
                f"has no meaning where masks are {self.encoding}: pixels have no single label",
                "leave it empty",
            )

    @property
    def foreground(self) -> int:
        """Index of the one class of a two-class scheme that is not the background (label 0).

        Raises
        ------
        ConfigError
            There are not two classes, or none of them is label 0.
        """
        background = [i for i, values in enumerate(self.values) if 0 in values]
        if self.n_classes != 2 or len(background) != 1:
            raise ConfigError(
                "data.classes",
                f"one probability per pixel needs two classes, one of them with label 0; "
                f"found {dict(zip(self.names, self.values, strict=True))}",
                "declare for example {background: 0, tumour: 1}",
            )
        return 1 - background[0]

    @cached_property
    def reference_lookup(self) -> LabelLookup:
        """Reference label -> class index, K for ignored, K + 1 for undeclared labels."""
        k = self.n_classes
        ignored = dict.fromkeys(self.ignore, k)
        if self.two_valued:
            return LabelLookup({0: 1 - self.foreground} | ignored, otherwise=self.foreground)
        return LabelLookup(self._index_of_value | ignored, otherwise=k + 1)

    @cached_property
    def prediction_lookup(self) -> LabelLookup:
        """Predicted label -> class index, K for a label that is no class."""
        if self.two_valued:
            return LabelLookup({0: 1 - self.foreground}, otherwise=self.foreground)
        return LabelLookup(self._index_of_value, otherwise=self.n_classes)

    @cached_property
    def threshold_lookup(self) -> LabelLookup:
        """0 -> background, 1 -> foreground, for thresholded probabilities."""
        return LabelLookup({0: 1 - self.foreground}, otherwise=self.foreground)

    @cached_property
    def _index_of_value(self) -> dict[int, int]:
        return {value: i for i, values in enumerate(self.values) for value in values}

    def undeclared(self, labels: Labels) -> dict[int, int]:
        """Undeclared reference labels with their number of pixels."""
        values, pixels = values_of(labels)
        wrong = self.reference_lookup(values) == self.n_classes + 1
        return dict(zip(values[wrong].tolist(), pixels[wrong].tolist(), strict=True))


def _label(value: int | str | Sequence[int]) -> int:
    if isinstance(value, int):
        return value
    what = f"{value!r} is not a label"
    raise ConfigError("data.classes", what, "colours need data.encoding: rgb")


def _labels(value: ClassValue) -> tuple[int, ...]:
    several = (value,) if isinstance(value, int | str) else value
    return tuple(_label(v) for v in several)


def values_of(labels: Labels) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The distinct label values, ascending, and their pixels."""
    if labels.dtype == np.uint8:
        pixels = np.bincount(labels.reshape(-1), minlength=256)
        values = np.flatnonzero(pixels)
        return values.astype(np.int64), pixels[values].astype(np.int64)
    found, counts = np.unique(labels, return_counts=True)
    return found.astype(np.int64), counts.astype(np.int64)
