"""From tables to verdicts: what is lost or says nothing never makes a pass."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segmetrics.data.sample_list import write_sample_list
from segmetrics.data.samples import SampleRow
from segmetrics.errors import DataError
from segmetrics.evaluate import EvaluationOptions, evaluate_split, read_split
from segmetrics.gates.judging import judge_rules
from segmetrics.gates.rules import Rule
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.evaluation import Evaluation, SplitEvaluation
from segmetrics.stats.observations import Observations
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy
from segmetrics.tables import Measurements, Targets

SCANNER = SliceBy(("scanner",))
OPTIONS = EvaluationOptions(scored=("cell",), resampling=Resampling(resamples=100))
# An image without the class in either mask says nothing about these; fp_on_empty, specificity and
# accuracy do count it: for them it is evidence like any other.
UNTOUCHED = ("dice", "iou", "precision", "recall", "f2", "f0.5")
EMPTY = (0, 0, 0)

Image = tuple[tuple[int, int, int], str, str]  # (tp, fp, fn), group, scanner


def evaluated(images: list[Image]) -> SplitEvaluation:
    names = [f"s{i:02}" for i in range(len(images))]
    matrices = np.array(
        [[[90 - tp - fp - fn, fp, 0], [fn, tp, 0]] for (tp, fp, fn), _, _ in images], np.int64
    )
    measured = Measurements(
        ids=tuple(names),
        image_digests=tuple(names),
        reference_digests=tuple(names),
        prediction_digests=tuple(names),
        targets=Targets(("background", "cell")),
        observations=Observations(ConfusionCounts.from_matrix(matrices)),
        objects=None,
        confusion=matrices.sum(axis=0),
        key="key",
    )
    rows = {
        name: SampleRow(name, "i", "m", "test", group, {"scanner": scanner})
        for name, (_, group, scanner) in zip(names, images, strict=True)
    }
    return evaluate_split(measured, rows, OPTIONS)


def outcomes(split: SplitEvaluation, rule: Rule) -> list[tuple[str | None, str]]:
    results = judge_rules([rule], Evaluation({"test": split}, {}), ("cell",), min_groups=2)
    # Sums of other lengths may round differently: a value at its bound is left out.
    assume(all(abs(r.margin) > 1e-9 for r in results))
    return [(result.slice, result.outcome) for result in results]


counts = st.tuples(*[st.integers(0, 20)] * 3)
groups, scanners = st.sampled_from("pqr"), st.sampled_from("AB")
images = st.lists(st.tuples(counts, groups, scanners), min_size=1, max_size=6)
aggregates = st.sampled_from(["pooled", "image_mean", "group_mean"])


@st.composite
def rules(draw) -> Rule:
    by = draw(st.sampled_from([None, SCANNER]))
    return Rule(
        "r", draw(st.sampled_from(UNTOUCHED)), draw(st.sampled_from(["cell", "mean"])),
        draw(aggregates), "test", at_least=draw(st.floats(0, 1)), slice_by=by,
        worst=by is not None and draw(st.booleans()),
        statistic=draw(st.sampled_from(["point", "conservative"])),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(images, rules(), st.integers(0, 5))
def test_an_undefined_image_of_a_known_group_and_slice_changes_no_outcome(some, rule, place):
    before = evaluated(some)
    _, group, scanner = some[place % len(some)]
    after = evaluated([*some, (EMPTY, group, scanner)])
    assert outcomes(after, rule) == outcomes(before, rule)


@settings(max_examples=60, deadline=None)
@given(images, rules(), st.sampled_from("pz"), st.sampled_from("AC"))
def test_an_undefined_image_changes_no_value_and_adds_no_group(some, rule, group, scanner):
    """In a new group, too: it cannot help to reach `min_groups`, nor move a rule by the value.

    (An interval is drawn anew where the number of groups changes: it moves by the noise of its
    resamples, in either direction.)
    """
    before, after = evaluated(some), evaluated([*some, (EMPTY, group, scanner)])
    for metric, aggregate in itertools.product(UNTOUCHED, ("pooled", "image_mean", "group_mean")):
        old, new = (s.estimate("cell", aggregate, metric) for s in (before, after))
        assert new.value == (None if old.value is None else pytest.approx(old.value, abs=1e-12))
        assert (new.defined, new.groups) == (old.defined, old.groups) or aggregate == "pooled"
        assert new.groups <= old.groups
    rule = dataclasses.replace(rule, statistic="point")
    failed = [name for name, outcome in outcomes(before, rule) if outcome != "pass"]
    still = dict(outcomes(after, rule))
    if rule.worst and failed:
        assert set(still.values()) == {"fail"}
    else:
        assert all(still[name] == "fail" for name in failed)


def test_the_metrics_above_are_those_that_an_empty_image_says_nothing_about():
    empty = ConfusionCounts.from_matrix(np.array([[[90, 0, 0], [0, 0, 0]]], np.int64))
    undefined = {
        name
        for name, metric in CATALOG.items()
        if metric.rule and metric.family == "counts"
        and np.isnan(metric.values(empty, both_empty_is_one=False)[0, 1])
    }  # fmt: skip
    # Balanced accuracy, MCC and the volume error are undefined for the image, but pooled with
    # others its true negatives count.
    assert set(UNTOUCHED) <= undefined


@pytest.fixture
def measure_some(tmp_path, run_measure):
    """Measure these samples alone, as if there had been no others."""

    def measured(samples) -> None:
        for path in (tmp_path / "predictions").iterdir():
            if path.stem not in {sample.id for sample in samples}:
                path.unlink()
        run_measure(out=tmp_path / "results" / "measurements" / "test", samples=samples)

    return measured


@pytest.fixture
def project(dataset, run_measure, tmp_path, three):
    """results/ with a sample list and tables of the split test, and its nine samples."""
    results = tmp_path / "results"
    run_measure(out=results / "measurements" / "test")
    samples = dataset.samples(three)
    write_sample_list(results / "samples" / "test.csv", samples)
    return results, samples


@pytest.mark.parametrize("lost", [[0], [8], [2, 3, 5], list(range(1, 9))])
@pytest.mark.parametrize("place", ["tables", "sample list", "samples.csv"])
def test_samples_that_one_place_lacks_are_an_error(project, dataset, measure_some, lost, place):
    results, samples = project
    kept = [sample for i, sample in enumerate(samples) if i not in lost]
    rows = dataset.rows
    if place == "tables":
        measure_some(kept)
    elif place == "sample list":
        write_sample_list(results / "samples" / "test.csv", kept)
    else:
        rows = [row for row in rows if row.id in {sample.id for sample in kept}]
    with pytest.raises(DataError) as caught:
        read_split("test", results, rows)
    names = ", ".join(samples[i].id for i in lost)
    assert (
        f"{len(lost)} samples are not in all of samples.csv, sample list and tables: {names}"
        in (str(caught.value))
    )


def test_samples_that_every_place_lacks_are_no_error(project, dataset, measure_some):
    """The ones above fail for what is missing, not for being fewer."""
    results, samples = project
    write_sample_list(results / "samples" / "test.csv", samples[1:])
    measure_some(samples[1:])
    measured, _ = read_split("test", results, dataset.rows[1:])
    assert len(measured.ids) == 8
