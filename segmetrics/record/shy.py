"""Names beyond ids: which slices and people are hidden, and an evaluation without them.

A column of samples.csv is there to slice by, but nothing keeps a value from being the name of a
patient. So a value leaves as it is only where at least three groups share it, or where the rules of
params.yaml name it, and never where it is an id, a group or an annotator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from segmetrics.data.samples import SampleRow
from segmetrics.record.private import Names, hidden_texts
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation
from segmetrics.stats.slice_by import EMPTY, SliceBy

FEWEST = 3  # groups that share a value which may leave


def with_hidden(names: Names, rows: Sequence[SampleRow], settings: Mapping[str, Any]) -> Names:
    """The same names, who know what else of these samples is hidden.

    Parameters
    ----------
    settings
        Those that determine results: their rules say by what is sliced.
    """
    people = tuple(sorted({name for row in rows for name in row.annotators}))
    own = {name for row in rows for name in (row.id, row.group)} | {*people}
    asked, named = _of_rules(settings["rules"])
    plain = {SliceBy((column,)) for row in rows for column in row.columns}
    hidden = set()
    for by in plain | asked:
        for value, (groups, cells) in _shared(by, rows).items():
            few = len(groups) < FEWEST and (by, value) not in named
            if few or not own.isdisjoint(cells):
                hidden |= {(by.key, value), (by.text, value)}
    return replace(names, values=frozenset(hidden), people=people)


def _of_rules(rules: Mapping[str, Any]) -> tuple[set[SliceBy], set[tuple[SliceBy, str]]]:
    """The crossed columns that rules slice by, and the slices that they name.

    Bins are named by the edges that params.yaml has: there is nothing to hide.
    """
    asked, named = set(), set()
    for rule in rules.values():
        wanted = rule["slice"] if rule else None
        if isinstance(wanted, Mapping):
            by = SliceBy(tuple(wanted))
            named.add((by, by.named([str(value) for value in wanted.values()])))
            asked.add(by)
        elif isinstance(wanted, list | tuple):
            asked.add(SliceBy(tuple(wanted)))
    return asked, named


def _shared(by: SliceBy, rows: Sequence[SampleRow]) -> dict[str, tuple[set[str], set[str]]]:
    """Value -> the groups that share it, and the cells that it is made of."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for row in rows:
        value = by.value(row.columns)
        if value is not None and value != EMPTY:
            groups, cells = found.setdefault(value, (set(), set()))
            groups.add(row.group)
            cells |= {row.columns.get(column, "") for column in by.columns}
    return found


def private_evaluation(evaluation: Evaluation, names: Names) -> Evaluation:
    """The same with slices and annotators as they may leave; ids are not touched.

    Hidden slices leave under a hash or, with `ids: none`, not at all.
    """
    if names.ids == "plain":
        return evaluation
    splits = {name: _private_split(split, names) for name, split in evaluation.splits.items()}
    return Evaluation(splits, evaluation.inputs)


def _private_split(split: SplitEvaluation, names: Names) -> SplitEvaluation:
    texts = hidden_texts(names)
    return replace(
        split,
        slices={column: _slices(column, found, names) for column, found in split.slices.items()},
        slices_left_out={column: texts(why) for column, why in split.slices_left_out.items()},
        annotators={_pair(pair, names): scope for pair, scope in split.annotators.items()},
    )


def _slices(column: str, scopes: Mapping[str, Scope], names: Names) -> dict[str, Scope]:
    shown = {value: names.value(column, value) for value in scopes}
    if all(value == name for value, name in shown.items()):
        return dict(scopes)
    kept = [v for v in scopes if names.ids != "none" or shown[v] == v]
    # By their new names: the order of the former ones would tell something.
    return {shown[v]: scopes[v] for v in sorted(kept, key=lambda value: shown[value])}


def _pair(pair: str, names: Names) -> str:
    """`anna vs model`: names of annotators hold no spaces."""
    one, _, other = pair.partition(" vs ")
    return f"{names.person(one)} vs {names.person(other)}"
