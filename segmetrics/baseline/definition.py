"""What the numbers of an evaluation are about: two are compared only where this is the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from segmetrics.errors import DataError
from segmetrics.metrics.catalog import MetricInfo


@dataclass(frozen=True, slots=True)
class Definition:
    """Classes, and how they were measured; what a model decides (its threshold) is not in it.

    Attributes
    ----------
    format
        Of params.yaml: another number may mean other results.
    classes, regions
        Name -> sorted label values; those of a region are the values of all its classes.
    scored
        The classes that class means are over.
    ignore, encoding, predicted
        As in params.yaml; `palette` is `labels`.
    both_empty
        What Dice and IoU of an image without the class in both masks are.
    size_edges
        Sizes in pixels that separate the buckets; empty: none were given.
    families
        `MetricInfo.needs` (and `nsd`) -> settings that its metrics depend on, as plain values.
    """

    format: int
    classes: Mapping[str, tuple[int, ...]]
    regions: Mapping[str, tuple[int, ...]]
    scored: tuple[str, ...]
    ignore: tuple[int, ...]
    encoding: str
    predicted: str
    both_empty: str
    size_edges: tuple[int, ...]
    families: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any, where: str) -> Definition:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            Something is missing or of another type.
        """
        try:
            return cls(
                format=int(data["format"]),
                classes=_labels(data["classes"]),
                regions=_labels(data["regions"]),
                scored=tuple(map(str, data["scored"])),
                ignore=tuple(map(int, data["ignore"])),
                encoding=str(data["encoding"]),
                predicted=str(data["predicted"]),
                both_empty=str(data["both_empty"]),
                size_edges=tuple(map(int, data["size_edges"])),
                families=dict(data["families"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"does not say how its classes are defined ({error!r})"
            raise DataError(where, what, "set it again: `segmetrics baseline set`") from error

    @property
    def names(self) -> tuple[str, ...]:
        """Classes and regions."""
        return (*self.classes, *self.regions)

    def unlike(self, other: Definition) -> str:
        """Why no class of the two can be compared; empty where some may be."""
        pairs = {
            "format": (self.format, other.format),
            "data.encoding": (self.encoding, other.encoding),
            "data.ignore": (self.ignore, other.ignore),
            "data.predicted": (self.predicted, other.predicted),
        }
        return _changed(pairs)

    def class_unlike(self, name: str, other: Definition) -> str:
        """Why a class or region of this one has no counterpart in the other; empty: it has."""
        own, kind = self._labels_of(name)
        there, other_kind = other._labels_of(name)
        if own is None:
            return f'"{name}" is not a class'
        if there is None:
            same = [n for n in other.names if other._labels_of(n)[0] == own]
            hint = f' (its labels are those of "{same[0]}" there)' if same else ""
            return f'the baseline has no class "{name}"{hint}'
        if kind != other_kind:
            return f'"{name}" is a {kind}, in the baseline a {other_kind}'
        if own != there:
            return f'"{name}" is {_values(own)}, in the baseline {_values(there)}'
        return ""

    def metric_unlike(self, metric: MetricInfo, other: Definition) -> str:
        """Why values of a metric cannot be compared; empty where they can."""
        if metric.one_if_both_empty and self.both_empty != other.both_empty:
            return _changed({"measure.both_empty": (self.both_empty, other.both_empty)})
        key = metric.name if metric.name == "nsd" else metric.needs
        own, there = self.families.get(key), other.families.get(key)
        if key and there is None:
            return f"{metric.name} was not measured in the baseline"
        return _changed({f"the settings of {metric.name}": (own, there)}) if key else ""

    def _labels_of(self, name: str) -> tuple[tuple[int, ...] | None, str]:
        if name in self.regions:
            return self.regions[name], "region"
        return self.classes.get(name), "class"


def _changed(pairs: Mapping[str, tuple[object, object]]) -> str:
    texts = [f"{key} is {a}, in the baseline {b}" for key, (a, b) in pairs.items() if a != b]
    return "; ".join(texts)


def _values(labels: tuple[int, ...]) -> str:
    return f"label{'s' * (len(labels) != 1)} {', '.join(map(str, labels))}"


def _labels(data: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {str(name): tuple(sorted(map(int, labels))) for name, labels in data.items()}
