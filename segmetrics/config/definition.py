"""From settings to what the numbers of an evaluation are about."""

from __future__ import annotations

from typing import Any

from segmetrics.baseline.definition import Definition
from segmetrics.config.models import Settings
from segmetrics.data.labels import LabelScheme
from segmetrics.tables import Targets


def definition_of(
    s: Settings, scheme: LabelScheme, asked: Targets, spacing: tuple[float, ...] | None
) -> Definition:
    """Classes and regions by label values, and the settings of what was measured."""
    m = s.measure
    values = [sorted(v) for v in scheme.values]
    distances: list[Any] = ["file" if spacing is None else list(spacing)]
    distances.append(s.data.unit)
    families: dict[str, Any] = {}
    if m.surface:
        families |= {"surface": distances, "nsd": [*distances, m.surface.tolerance]}
    if m.boundary_iou is not None:
        families["boundary"] = m.boundary_iou
    if m.cldice:
        families["centreline"] = True
    if m.objects:
        families["objects"] = [m.objects.match, m.objects.at_least, m.objects.min_size]
    if m.scores:
        families["scores"] = True
    return Definition(
        format=s.format,
        classes={name: tuple(v) for name, v in zip(scheme.names, values, strict=True)},
        regions={
            name: tuple(sorted({label for k in members for label in values[k]}))
            for name, members in asked.regions
        },
        scored=scheme.scored,
        ignore=tuple(sorted(scheme.ignore)),
        encoding="labels" if scheme.encoding == "palette" else scheme.encoding,
        predicted=s.data.predicted,
        both_empty=m.both_empty,
        size_edges=(m.objects.size_edges or ()) if m.objects else (),
        families=families,
    )
