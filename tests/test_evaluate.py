"""From tables to metrics: whole, by group, by slice; and what does not belong together."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.sample_list import write_sample_list
from segmetrics.data.samples import SampleRow
from segmetrics.errors import DataError
from segmetrics.evaluate import (
    EvaluationOptions,
    evaluate_split,
    read_split,
    write_dice_curve,
)
from segmetrics.gates.judging import judge_rules
from segmetrics.gates.rules import Rule
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.slices import MOST_SLICES
from segmetrics.stats.evaluation import Evaluation
from segmetrics.stats.observations import Observations
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy
from segmetrics.tables import Measurements, Targets

OPTIONS = EvaluationOptions(scored=("cell",))
CLASSES = ("background", "cell")


def tables(pairs: Mapping[str, Sequence[int]]) -> Measurements:
    """Measurements of 100-pixel images from their (tp, fp, fn) of the class `cell`."""
    names = sorted(pairs)
    matrices = []
    for name in names:
        tp, fp, fn = pairs[name]
        matrices.append([[100 - tp - fp - fn, fp, 0], [fn, tp, 0]])
    digests = tuple(names)
    return Measurements(
        ids=tuple(names),
        image_digests=digests,
        reference_digests=digests,
        prediction_digests=digests,
        targets=Targets(CLASSES),
        observations=Observations(ConfusionCounts.from_matrix(np.array(matrices, np.int64))),
        objects=None,
        confusion=np.sum(matrices, axis=0),
        key="key",
    )


def rows(groups: Mapping[str, str], **columns: Mapping[str, str]) -> dict[str, SampleRow]:
    return {
        name: SampleRow(name, "i", "m", "test", group, {c: v[name] for c, v in columns.items()})
        for name, group in groups.items()
    }


def value(scope, aggregate: str, metric: str = "dice", name: str = "cell"):
    return scope.estimate(name, aggregate, metric).value


PAIRS = {"a": (8, 2, 0), "b": (3, 1, 3), "c": (0, 0, 5)}
DICE = {"a": 16 / 18, "b": 6 / 10, "c": 0.0}


def test_pooled_image_mean_and_group_mean_are_three_numbers():
    split = evaluate_split(tables(PAIRS), rows({"a": "x", "b": "x", "c": "y"}), OPTIONS)
    assert value(split, "pooled") == pytest.approx(22 / 33)
    assert value(split, "image_mean") == pytest.approx(np.mean(list(DICE.values())))
    assert value(split, "group_mean") == pytest.approx(((DICE["a"] + DICE["b"]) / 2 + 0) / 2)
    assert (split.samples, split.groups) == (3, 2)
    assert split.labels == CLASSES
    assert split.confusion == ((278, 3), (8, 11))
    assert split.other == (0, 0)


def test_the_rows_are_matched_by_id_and_not_by_place():
    groups = {"c": "y", "a": "x", "b": "x"}
    split = evaluate_split(tables(PAIRS), rows(groups), OPTIONS)
    again = evaluate_split(tables(PAIRS), dict(sorted(rows(groups).items())), OPTIONS)
    assert split == again


def test_slices_are_evaluated_like_splits_of_their_own():
    groups = {"a": "x", "b": "x", "c": "y"}
    scanner = {"a": "A", "b": "", "c": "A"}
    split = evaluate_split(tables(PAIRS), rows(groups, scanner=scanner), OPTIONS)
    assert list(split.slices["scanner"]) == ["(empty)", "A"]
    sliced = split.slices["scanner"]["A"]
    alone = evaluate_split(
        tables({name: PAIRS[name] for name in "ac"}), rows({"a": "x", "c": "y"}), OPTIONS
    )
    assert (sliced.classes, sliced.mean) == (alone.classes, alone.mean)
    assert (sliced.samples, sliced.groups) == (2, 2)
    assert split.slices["scanner"]["(empty)"].samples == 1


def test_the_whole_and_its_slices_have_intervals():
    groups = {"a": "x", "b": "x", "c": "y"}
    options = EvaluationOptions(scored=("cell",), resampling=Resampling(resamples=100))
    split = evaluate_split(tables(PAIRS), rows(groups, scanner=groups), options)
    for scope in (split, *split.slices["scanner"].values()):
        for name in ("cell", "mean"):
            estimate = scope.estimate(name, "group_mean", "dice")
            assert estimate.low < estimate.value < estimate.high or estimate.value == 0
            assert estimate.groups == scope.groups
    # The slice of one group: whatever it shows, the next one may be all wrong or all right.
    alone = split.slices["scanner"]["x"].estimate("cell", "pooled", "dice")
    assert alone.low < 0.1
    assert alone.high > 0.95


def test_a_column_of_too_many_values_is_left_out_and_said():
    names = [f"s{i:02}" for i in range(MOST_SLICES + 1)]
    measured = tables(dict.fromkeys(names, (1, 1, 1)))
    own = rows({n: n for n in names}, age={n: n for n in names}, site=dict.fromkeys(names, "1"))
    split = evaluate_split(measured, own, OPTIONS)
    assert list(split.slices) == ["site"]
    assert split.slices_left_out == {"age": "51 different values, at most 50 are sliced"}


def test_a_number_in_two_spellings_is_no_two_slices():
    size = {"a": "256", "b": "256.0", "c": "512"}
    split = evaluate_split(tables(PAIRS), rows({n: n for n in size}, size=size), OPTIONS)
    assert split.slices == {}
    why = '"256" and "256.0" in size are the same number in samples.csv: write it alike'
    assert split.slices_left_out == {"size": why}


ROWS = {
    "a": {"w": "rain", "c": "Bern", "age": "39.9"},
    "b": {"w": "rain", "c": "Basel", "age": "40"},
    "c": {"w": "sun", "c": "Bern", "age": "71"},
}
BY = {name: {i: row[name] for i, row in ROWS.items()} for name in ("w", "c", "age")}
CROSSED, AGE = SliceBy(("w", "c")), SliceBy(("age",), (40.0, 60.0))


def asked(*by: SliceBy) -> EvaluationOptions:
    return EvaluationOptions(scored=("cell",), slices=by)


def test_crossed_columns_and_bins_hold_every_sample_once():
    own = rows({"a": "x", "b": "x", "c": "y"}, **BY)
    split = evaluate_split(tables(PAIRS), own, asked(CROSSED, AGE))
    assert list(split.slices) == ["w", "c", "age", "w x c", "age | 40 | 60"]
    crossed, ages = split.slices[CROSSED.key], split.slices[AGE.key]
    assert {name: value(scope, "pooled") for name, scope in crossed.items()} == {
        "rain x Basel": DICE["b"], "rain x Bern": DICE["a"], "sun x Bern": DICE["c"],
    }  # fmt: skip
    assert list(ages) == ["below 40", "40 to 60", "60 and above"]
    assert value(ages["60 and above"], "pooled") == DICE["c"]
    assert [scope.samples for scope in ages.values()] == [1, 1, 1]


def test_a_bin_without_samples_is_not_there():
    own = rows({"a": "x", "b": "x", "c": "y"}, age={"a": "1", "b": "70", "c": "2"})
    split = evaluate_split(tables(PAIRS), own, asked(AGE))
    assert {name: scope.samples for name, scope in split.slices[AGE.key].items()} == {
        "below 40": 2, "60 and above": 1,
    }  # fmt: skip


def test_groups_are_counted_within_a_slice():
    own = rows({"a": "x", "b": "x", "c": "y"}, w={"a": "1", "b": "1", "c": "1"},
               c={"a": "1", "b": "2", "c": "2"})  # fmt: skip
    crossed = evaluate_split(tables(PAIRS), own, asked(CROSSED)).slices[CROSSED.key]
    counted = {name: (scope.samples, scope.groups) for name, scope in crossed.items()}
    assert counted == {"1 x 1": (1, 1), "1 x 2": (2, 2)}
    estimate = crossed["1 x 2"].estimate("cell", "image_mean", "dice")
    assert (estimate.groups, estimate.defined) == (2, 2)


@pytest.mark.parametrize(
    ("by", "cells", "why"),
    [
        (AGE, ["30", "n/a", ""], '2 of 3 samples hold no number in age: "", "n/a"'),
        (AGE, ["", "", ""], '3 of 3 samples hold no number in age: ""'),
        (SliceBy(("sex",)), ["1", "2", "3"], "samples.csv has no column sex (columns: age)"),
        (SliceBy(("sex",), (1.0,)), ["1", "2", "3"], "samples.csv has no column sex "
         "(columns: age)"),
        (SliceBy(("age", "w")), ["1", "2", "3"], "samples.csv has no column w (columns: age)"),
    ],
)  # fmt: skip
def test_slices_that_a_rule_asks_for_and_cannot_be_say_why(by, cells, why):
    own = rows(dict.fromkeys("abc", "x"), age=dict(zip("abc", cells, strict=True)))
    split = evaluate_split(tables(PAIRS), own, asked(by))
    assert by.key not in split.slices
    assert split.slices_left_out[by.key] == why


def test_a_column_that_a_rule_names_may_have_many_values():
    names = [f"s{i:02}" for i in range(MOST_SLICES + 1)]
    measured = tables(dict.fromkeys(names, (1, 1, 1)))
    own = rows({n: n for n in names}, site={n: n for n in names})
    split = evaluate_split(measured, own, asked(SliceBy(("site",))))
    assert len(split.slices["site"]) == MOST_SLICES + 1


def test_slices_do_not_depend_on_the_order_of_the_rows():
    own = rows({"a": "x", "b": "x", "c": "y"}, **BY)
    options = dataclasses.replace(asked(CROSSED, AGE), resampling=Resampling(resamples=50))
    one = evaluate_split(tables(PAIRS), own, options)
    two = evaluate_split(tables(PAIRS), dict(reversed(own.items())), options)
    assert json.dumps(one.to_json()) == json.dumps(two.to_json())


@pytest.mark.parametrize(("one", "expected", "undefined"), [(False, 0.8, 1), (True, 0.9, 0)])
def test_both_empty_is_undefined_unless_it_is_to_be_one(one, expected, undefined):
    measured = tables({"a": (8, 2, 2), "b": (0, 0, 0)})
    options = EvaluationOptions(scored=("cell",), both_empty_is_one=one)
    split = evaluate_split(measured, rows({"a": "a", "b": "b"}), options)
    estimate = split.estimate("cell", "image_mean", "dice")
    assert estimate.value == pytest.approx(expected)
    assert (estimate.defined, estimate.undefined) == (2 - undefined, undefined)


@pytest.mark.parametrize("aggregate", ["image_mean", "group_mean"])
def test_a_slice_of_empty_images_alone_is_no_evidence(aggregate):
    """With `both_empty: one`, too: a mean of 1 would rest on no reference pixel."""
    measured = tables({"a": (8, 2, 2), "b": (0, 0, 0), "c": (0, 0, 0), "d": (0, 5, 0)})
    options = EvaluationOptions(
        scored=("cell",), both_empty_is_one=True, resampling=Resampling(resamples=50)
    )
    scanner = dict(zip("abcd", "XXYZ", strict=True))
    own = rows({name: name for name in "abcd"}, scanner=scanner)
    split = evaluate_split(measured, own, options)
    found = {v: s.estimate("cell", aggregate, "dice") for v, s in split.slices["scanner"].items()}
    assert found["X"].value == pytest.approx(0.9)  # beside an image that has the class, it counts
    assert (found["Y"].value, found["Y"].low, found["Y"].groups) == (None, None, 0)
    assert found["Z"].value == 0.0
    rule = Rule("r", "dice", "cell", aggregate, "test", at_least=0.1, statistic="point",
                slice_by=SliceBy(("scanner",)))  # fmt: skip
    results = judge_rules([rule], Evaluation({"test": split}, {}), ("cell",))
    assert {r.slice: r.outcome for r in results} == {
        "scanner=X": "pass", "scanner=Y": "fail", "scanner=Z": "fail",
    }  # fmt: skip
    assert "is undefined (0/0)" in results[1].reason


def test_class_means_are_over_the_scored_classes():
    own = rows({name: name for name in PAIRS})
    split = evaluate_split(tables(PAIRS), own, EvaluationOptions(scored=CLASSES))
    both = [value(split, "pooled", name=name) for name in CLASSES]
    assert value(split, "pooled", name="mean") == pytest.approx(np.mean(both))
    split = evaluate_split(tables(PAIRS), own, OPTIONS)
    assert value(split, "pooled", name="mean") == both[1]


@pytest.fixture
def project(dataset, run_measure, tmp_path, three):
    """results/ with a sample list and tables of the split test."""
    results = tmp_path / "results"
    samples = dataset.samples(three)
    write_sample_list(results / "samples" / "test.csv", samples)
    run_measure(out=results / "measurements" / "test")
    return results


def test_a_split_is_read_with_the_rows_of_its_samples(project, dataset):
    other = SampleRow("other", "i", "m", "val", "g", {})
    measured, by_id = read_split("test", project, [*dataset.rows, other])
    assert tuple(sorted(by_id)) == measured.ids


def lacking(project, dataset) -> str:
    with pytest.raises(DataError) as caught:
        read_split("test", project, dataset.rows)
    return str(caught.value)


def test_a_sample_that_is_listed_in_one_place_only(project, dataset):
    dataset.rows.append(SampleRow("new", "i", "m", "test", "g", {}))
    assert lacking(project, dataset).endswith(
        "test: 1 samples are not in all of samples.csv, sample list and tables: new; "
        "run `dvc repro`"
    )


def test_a_sample_that_moved_to_another_split(project, dataset):
    row = dataset.rows.pop()
    dataset.rows.append(SampleRow(row.id, row.image, row.mask, "val", row.group, {}))
    assert "1 samples are not in all" in lacking(project, dataset)


@pytest.mark.parametrize("kind", ["masks", "images"])
def test_tables_of_other_files_than_listed(project, dataset, three, kind):
    path = dataset.root / kind / "test1.png"
    Image.fromarray(np.eye(16, dtype=np.uint8)).save(path)
    write_sample_list(project / "samples" / "test.csv", dataset.samples(three))
    assert lacking(project, dataset).endswith(
        "test: was measured on other files: test1; run `dvc repro`"
    )


def test_the_dice_curve_is_sorted_and_leaves_out_undefined_images(tmp_path):
    measured = tables({**PAIRS, "d": (0, 0, 0)})
    write_dice_curve(tmp_path / "dice.csv", {"test": (measured, ["cell"]), "val": (measured, [])})
    with (tmp_path / "dice.csv").open() as stream:
        found = list(csv.DictReader(stream))
    assert [row["split"] for row in found] == ["test"] * 3
    assert [float(row["share"]) for row in found] == pytest.approx([1 / 3, 2 / 3, 1], abs=1e-5)
    assert [float(row["dice"]) for row in found] == pytest.approx(sorted(DICE.values()), abs=1e-5)
