"""The page as it may leave the machine: names of samples, groups and slices replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from segmetrics.gates.leakage import hide_names
from segmetrics.report.data import ReportData
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation

NameKind = Literal["id", "group", "slice"]
# What stands for the id of a sample, the name of a group or the value of a slice; None: nothing.
Rename = Callable[[NameKind, str], str | None]
LEFT_OUT = "(name left out)"


def renamed(data: ReportData, rename: Rename) -> ReportData:
    """The same with other names.

    Names of samples and groups stand in findings and overlays, values of slices in the evaluation,
    in rules and in texts (as `column=value`). The picture of leaked pairs, which has ids in its
    pixels, goes, and so do the settings of rules, whose slices name values.
    """
    texts = _slice_texts(data, rename)
    verdict = dict(data.verdict)
    verdict["rules"] = [_rule(rule, texts) for rule in verdict["rules"]]
    verdict["findings"] = [_finding(finding, rename, texts) for finding in verdict["findings"]]
    splits = {name: _split(split, rename) for name, split in data.evaluation.splits.items()}
    overlays = data.overlays
    if overlays is not None:
        images = (replace(image, id=_shown(rename("id", image.id))) for image in overlays.images)
        overlays = replace(overlays, images=tuple(images))
    settings = {name: value for name, value in data.settings.items() if name != "rules"}
    return replace(
        data,
        verdict=verdict,
        evaluation=Evaluation(splits, data.evaluation.inputs),
        settings=settings,
        overlays=overlays,
        pairs=None,
    )


def _shown(name: str | None) -> str:
    return LEFT_OUT if name is None else name


def _slice_texts(data: ReportData, rename: Rename) -> list[tuple[str, str]]:
    """`column=value` and what stands for it, the longest first."""
    found = {}
    for split in data.evaluation.splits.values():
        for column, values in split.slices.items():
            for value in values:
                # Rules name crossed and binned columns without their edges.
                for name in dict.fromkeys((column, column.partition(" | ")[0])):
                    found[f"{name}={value}"] = f"{name}={_shown(rename('slice', value))}"
    return sorted(found.items(), key=lambda pair: (-len(pair[0]), pair[0]))


def _with_slices(text: str, texts: list[tuple[str, str]]) -> str:
    changed = any(old != new for old, new in texts)
    if changed and " (values: " in text:
        text = text.partition(" (values: ")[0] + " (values left out)"
    for old, new in texts:
        text = text.replace(old, new)
    return text


def _rule(rule: Mapping[str, Any], texts: list[tuple[str, str]]) -> dict[str, Any]:
    known = dict(texts)
    own, reason = rule["slice"], rule["reason"]
    if own in known:
        # First: the value itself may look like another slice.
        reason = reason.replace(own, known[own])
    elif own is not None and "=" in own and not own.startswith("size="):
        # A value without samples: its slice is in no evaluation.
        hidden = f"{own.partition('=')[0]}={LEFT_OUT}" if _changes(texts) else own
        own, reason = hidden, reason.replace(own, hidden)
    return dict(rule) | {"slice": known.get(own, own), "reason": _with_slices(reason, texts)}


def _changes(texts: list[tuple[str, str]]) -> bool:
    return any(old != new for old, new in texts)


def _finding(
    finding: Mapping[str, Any], rename: Rename, texts: list[tuple[str, str]]
) -> dict[str, Any]:
    # Leakage names samples and groups in one list: a name is renamed as what it is.
    held = finding["data"].get("groups")
    groups = set(held) if isinstance(held, Mapping) else set()

    def other(name: str) -> str:
        return _shown(rename("group" if name in groups else "id", name))

    found = hide_names(finding, other)
    data = dict(found["data"])
    if isinstance(data.get("ids"), list | tuple):
        names = (rename("id", str(name)) for name in data["ids"])
        data["ids"] = [name for name in names if name is not None]
    return found | {"text": _with_slices(found["text"], texts), "data": data}


def _split(split: SplitEvaluation, rename: Rename) -> SplitEvaluation:
    slices: dict[str, Mapping[str, Scope]] = {}
    for column, values in split.slices.items():
        scopes: dict[str, Scope] = {}
        for place, (value, scope) in enumerate(values.items(), start=1):
            name = rename("slice", value)
            scopes[f"slice {place}" if name is None else name] = scope
        slices[column] = scopes
    return replace(split, slices=slices, worst={})
