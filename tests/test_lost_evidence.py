"""Conservative rules from tables to verdict: what says nothing, or is lost, never makes a pass.

Few resamples and rules at the ends of intervals: noise of resampling would show.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segmetrics.baseline.definition import Definition
from segmetrics.compare.pairs import Cells, Pairs, Side
from segmetrics.data.samples import SampleRow
from segmetrics.evaluate import EvaluationOptions, evaluate_split
from segmetrics.gates.against import Against, Compared
from segmetrics.gates.judging import judge_rules
from segmetrics.gates.rules import Rule, RuleResult
from segmetrics.gates.verdict import decide
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.stats.evaluation import Evaluation, SplitEvaluation
from segmetrics.stats.observations import Observations
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy
from segmetrics.tables import Measurements, Targets
from segmetrics.tables.objects import ObjectTable

SCORED = ("cell", "nucleus")
TARGETS = Targets(("background", *SCORED))
FEW = Resampling(resamples=80)
OPTIONS = EvaluationOptions(SCORED, resampling=FEW, size_edges=(50,))
CUTS = (
    None, None, SliceBy(("scanner",)), SliceBy(("scanner", "city")), SliceBy(("age",), (40.0,)),
)  # fmt: skip
# What an image without the class in either mask says nothing about, not even pooled.
METRICS = ("dice", "iou", "precision", "recall", "f2", "hd95", "nsd", "object_recall", "pq")
NEAR = 2e-9  # ends are rounded


@dataclass(frozen=True)
class Image:
    """Pixels (tp, fp, fn) and objects of each class, where it belongs, how large it is."""

    pixels: tuple[tuple[int, int, int], ...]
    group: str
    scanner: str = "A"
    city: str = "Bern"
    age: int = 30
    diagonal: float = 100.0

    @property
    def cells(self) -> dict[str, str]:
        return {"scanner": self.scanner, "city": self.city, "age": str(self.age)}


EMPTY = ((0, 0, 0), (0, 0, 0))


def measured(images: list[Image], *, with_objects: bool = True) -> Measurements:
    matrices, hd95, nsd, objects = [], [], [], []
    for place, image in enumerate(images):
        (a, b, c), (d, e, f) = image.pixels
        matrices.append([[900 - b - c - e - f, b, e, 0], [c, a, 0, 0], [f, 0, d, 0]])
        hd95.append([np.nan, *(_hd95(p) for p in image.pixels)])
        nsd.append([np.nan, *(np.nan if not sum(p) else p[0] / sum(p) for p in image.pixels)])
        for target, (tp, fp, fn) in enumerate(image.pixels, start=1):
            # One object found, one missed and one false, where there are such pixels.
            found = [(False, tp, True)] * (tp > 0) + [(True, tp, True)] * (tp > 0)
            found += [(False, fn, False)] * (fn > 0) + [(True, fp, False)] * (fp > 0)
            objects += [(place, target, *one) for one in found]
    image, target, predicted, size, matched = (
        np.array([row[i] for row in objects], kind)
        for i, kind in enumerate((int, int, bool, int, bool))
    )
    table = ObjectTable(
        image, target, predicted, size, matched, np.where(matched, 0.8, 0.0),
        np.where(matched, 0.8, 0.0), np.zeros(size.size, bool), (len(images), 3),
    )  # fmt: skip
    names = tuple(f"s{i:02}" for i in range(len(images)))
    matrix = np.array(matrices, np.int64)
    return Measurements(
        ids=names, image_digests=names, reference_digests=names, prediction_digests=names,
        targets=TARGETS,
        observations=Observations(
            ConfusionCounts.from_matrix(matrix), {"hd95": np.array(hd95), "nsd": np.array(nsd)},
            np.array([i.diagonal for i in images]), table.counts() if with_objects else None,
        ),
        objects=table if with_objects else None, confusion=matrix.sum(axis=0), key="key",
    )  # fmt: skip


def _hd95(pixels: tuple[int, int, int]) -> float:
    tp, fp, fn = pixels
    if not sum(pixels):
        return np.nan
    return float(fp + fn) if tp else np.inf


def rows_of(tables: Measurements, images: list[Image], by: SliceBy | None) -> dict:
    """With the columns that are cut by alone: each column costs an evaluation a value."""
    return {
        name: SampleRow(
            name, "i", "m", "test", image.group,
            {key: cell for key, cell in image.cells.items() if by and key in by.columns},
        )
        for name, image in zip(tables.ids, images, strict=True)
    }  # fmt: skip


def evaluated(images: list[Image], rule: Rule | None = None) -> SplitEvaluation:
    by = rule and rule.slice_by
    tables = measured(images, with_objects=not rule or rule.metric in ("object_recall", "pq"))
    asked = replace(OPTIONS, slices=(by,) if by else ())
    return evaluate_split(tables, rows_of(tables, images, by), asked)


def judged(split: SplitEvaluation, rule: Rule) -> list[RuleResult]:
    return judge_rules([rule], Evaluation({"test": split}, {}), SCORED, min_groups=2)


def keyed(results: list[RuleResult], rule: Rule) -> dict[tuple[str, str | None], str]:
    # Which slice is the worst may change; that there is one may not.
    return {(r.class_name, None if rule.worst else r.slice): r.outcome for r in results}


def never_a_pass(before: list[RuleResult], after: list[RuleResult], rule: Rule) -> None:
    old, new = keyed(before, rule), keyed(after, rule)
    for place, outcome in old.items():
        assert outcome == "pass" or new.get(place) != "pass", (place, before, after)
    if decide(before, []) != "pass":
        assert decide(after, []) != "pass"


# --- drawing ------------------------------------------------------------------------------------

parts = st.integers(0, 60) | st.sampled_from([0, 0, 100])
pixels = st.tuples(parts, st.integers(0, 20), st.integers(0, 20)) | st.just((0, 0, 0))
# Of the new ones a comes first, c and e in between, g last, however groups are sorted or hashed.
old_groups, new_groups = st.sampled_from("bdf"), st.sampled_from("aceg")
diagonals = st.sampled_from([5.0, 100.0, 100.0, 2000.0])


def images_of(groups, of) -> st.SearchStrategy[Image]:
    return st.builds(
        Image, of, groups, st.sampled_from("AB"),
        st.sampled_from(["Bern", "Ulm"]), st.sampled_from([20, 60]), diagonals,
    )  # fmt: skip


several = st.lists(images_of(old_groups, st.tuples(pixels, pixels)), min_size=3, max_size=9)


@st.composite
def rules_at_ends(draw, images: list[Image], **fixed) -> Rule:
    """A conservative rule whose bound lies at an end of an interval, a little off it, or anywhere.

    Another slice than the one that the end is of may decide.
    """
    metric = CATALOG[fixed.get("metric") or draw(st.sampled_from(METRICS))]
    sized = metric.name == "object_recall" and draw(st.booleans())
    by = None if sized else draw(st.sampled_from(CUTS))
    kinds = [*SCORED, "every"] if sized else [*SCORED, "every", "mean"]
    rule = Rule(
        "r", metric.name, draw(st.sampled_from(kinds)), draw(st.sampled_from(metric.aggregates)),
        "test", at_least=0.0, slice_by=by, worst=by is not None and draw(st.booleans()),
        size=draw(st.sampled_from(["small", "large"])) if sized else None,
        statistic="conservative",
    )  # fmt: skip
    if by is not None and not rule.worst and draw(st.booleans()):
        rule = replace(rule, slice_value=by.value(draw(st.sampled_from(images)).cells))
    lower = metric.better == "lower"
    found = judged(evaluated(images, rule), rule)
    ends = [(r.estimate.high if lower else r.estimate.low) for r in found if r.estimate]
    known = [end for end in ends if end is not None] or [0.5]
    bound = draw(st.sampled_from(known)) + draw(st.sampled_from([0, 0, NEAR, -NEAR, 0.05]))
    return replace(rule, **({"at_most": bound, "at_least": None} if lower else {"at_least": bound}))


# --- samples that say nothing -------------------------------------------------------------------


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_an_undefined_sample_never_turns_a_rule_into_a_pass(data):
    """In a new group or a known one, anywhere among the samples, of whatever size and slice."""
    images = data.draw(several)
    rule = data.draw(rules_at_ends(images))
    extra = data.draw(images_of(old_groups | new_groups, st.just(EMPTY)))
    place = data.draw(st.integers(0, len(images)))
    before = judged(evaluated(images, rule), rule)
    after = judged(evaluated([*images[:place], extra, *images[place:]], rule), rule)
    never_a_pass(before, after, rule)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_an_undefined_sample_of_a_new_group_changes_no_byte(data):
    """No value, no end, no number of groups of a class that it says nothing about."""
    images = data.draw(several)
    extra = data.draw(images_of(new_groups, st.tuples(st.just((0, 0, 0)), pixels)))
    before, after = (evaluated(some) for some in (images, [*images, extra]))
    for aggregate in ("pooled", "image_mean", "group_mean"):
        for metric in METRICS:
            old, new = (s.estimate("cell", aggregate, metric) for s in (before, after))
            if old is not None:
                rest = [(e.defined, e.groups) for e in (old, new)]
                assert rest[0] == rest[1] or aggregate == "pooled"
                assert old.groups == new.groups
                assert [new.value, new.low, new.high] == pytest.approx(
                    [old.value, old.low, old.high], abs=NEAR
                )


def test_numbers_by_place_would_have_made_a_pass():
    """The fault that these laws are about: a group in front drew all others anew."""
    images = [Image(((50 + 3 * i, 5, 7), (9, 1, 1)), group=f"g{i}") for i in range(8)]
    low = evaluated(images).estimate("cell", "image_mean", "dice").low
    for name in ("a", "g3x", "z"):
        more = evaluated([*images, Image(EMPTY, group=name)])
        assert more.estimate("cell", "image_mean", "dice").low == low


# --- what is lost -------------------------------------------------------------------------------


def without_class(split: SplitEvaluation, name: str) -> SplitEvaluation:
    def less(scope):
        return replace(scope, classes={k: v for k, v in scope.classes.items() if k != name})

    slices = {key: {v: less(s) for v, s in found.items()} for key, found in split.slices.items()}
    sizes = {key: found for key, found in split.sizes.items() if key != name}
    return replace(less(split), slices=slices, sizes=sizes)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_lost_class_slice_size_or_split_never_makes_a_pass(data):
    images = data.draw(several)
    rule = data.draw(rules_at_ends(images))
    split = evaluated(images, rule)
    before = judged(split, rule)
    lost = [without_class(split, name) for name in SCORED]
    for key, values in split.slices.items():
        lost.append(replace(split, slices={k: v for k, v in split.slices.items() if k != key}))
        for value in values:
            fewer = {v: s for v, s in values.items() if v != value}
            lost.append(replace(split, slices={**split.slices, key: fewer}))
    lost.append(replace(split, sizes={}))
    for after in lost:
        never_a_pass(before, judged(after, rule), rule)
    gone = judge_rules([rule], Evaluation({}, {}), SCORED, min_groups=2)
    assert {r.outcome for r in gone} == {"fail"}


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_tables_without_a_class_never_make_a_pass(data):
    """The class was not measured at all, and params.yaml still names it."""
    images = data.draw(several)
    rule = data.draw(rules_at_ends(images))
    assume(rule.class_name != "nucleus")
    tables = measured(images)
    o = tables.observations
    c = o.counts
    two = dataclasses.replace(
        tables,
        targets=Targets(("background", "nucleus")),
        observations=Observations(
            ConfusionCounts(*(a[:, [0, 2]] for a in (c.tp, c.fp, c.fn, c.tn))),
            {name: values[:, [0, 2]] for name, values in o.columns.items()},
            o.diagonals, None,
        ),
        objects=None, confusion=tables.confusion[:2, :3],
    )  # fmt: skip
    by = rule.slice_by
    asked = replace(OPTIONS, slices=(by,) if by else ())
    rows = rows_of(tables, images, by)
    after = judged(evaluate_split(two, rows, asked), rule)
    for result in after:
        assert result.class_name == "nucleus" or result.outcome == "fail"
    assert decide(after, []) == "fail"


# --- against a baseline -------------------------------------------------------------------------

DEFINITION = Definition(
    format=1, classes={"background": (0,), "cell": (1,), "nucleus": (2,)}, regions={},
    scored=SCORED, ignore=(), encoding="labels", predicted="foreground", both_empty="undefined",
    size_edges=(50,),
    families=dict.fromkeys(("surface", "nsd", "boundary", "centreline", "objects", "scores"), "x"),
)  # fmt: skip


def side(name: str, images: list[Image]) -> Side:
    tables = measured(images)
    cells = {
        i: Cells(image.group, image.cells) for i, image in zip(tables.ids, images, strict=True)
    }
    return Side(name, "test", tables, cells, DEFINITION)


def compared(candidate: list[Image], baseline: list[Image], rule: Rule) -> list[RuleResult]:
    """As the rules of a project are compared, for each of its slices."""
    pairs = Pairs.of(first=side("baseline", baseline), second=side("own", candidate))
    over = SCORED if rule.class_name == "mean" else (rule.class_name,)
    by, found = rule.slice_by, []
    values = sorted({by.value(i.cells) for i in candidate}) if by else [None]
    for value in values:
        rows, shared = pairs.slice(by, value) if by else (pairs.whole, pairs.shared)
        (difference,) = pairs.difference(CATALOG[rule.metric], rule.aggregate, [over], FEW, rows)
        where = f"{by.text}={value}" if by else None
        found.append(Compared(rule.class_name, where, difference, shared))
    against = Against({rule.name: found}, min_shared=0.5)
    return judge_rules([rule], Evaluation({}, {}), SCORED, min_groups=2, against=against)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_undefined_sample_never_makes_a_model_no_worse_than_its_baseline(data):
    """In both evaluations, or in the one at hand alone."""
    images = data.draw(several)
    changed = [
        replace(image, pixels=tuple((tp, max(0, fp + more), fn) if tp + fp + fn else (0, 0, 0)
                                    for tp, fp, fn in image.pixels))
        for image in images
        for more in [data.draw(st.integers(-3, 3))]
    ]  # fmt: skip
    metric = data.draw(st.sampled_from(["dice", "precision", "hd95", "object_recall", "nsd"]))
    by = data.draw(st.sampled_from(CUTS))
    rule = Rule(
        "r", metric, data.draw(st.sampled_from([*SCORED, "mean"])),
        data.draw(st.sampled_from(CATALOG[metric].aggregates)), "test", against="baseline",
        margin=0.0, slice_by=by, worst=by is not None and data.draw(st.booleans()),
        statistic="conservative",
    )  # fmt: skip
    lower = CATALOG[metric].better == "lower"
    ends = [
        (r.estimate.high if lower else -r.estimate.low)
        for r in compared(changed, images, rule)
        if r.estimate is not None and r.estimate.low is not None
    ]
    at = data.draw(st.sampled_from([max(0.0, end) for end in ends] or [0.02]))
    rule = replace(rule, margin=at + data.draw(st.sampled_from([0, NEAR, 0.01])))
    extra = data.draw(images_of(old_groups | new_groups, st.just(EMPTY)))
    before = compared(changed, images, rule)
    both = compared([*changed, extra], [*images, extra], rule)
    never_a_pass(before, both, rule)
    never_a_pass(before, compared([*changed, extra], images, rule), rule)


# --- order --------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(several, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_of_samples_csv_changes_no_byte(images, random):
    """The tables hold samples in the order of their ids."""
    tables = measured(images, with_objects=False)
    rows = list(rows_of(tables, images, SliceBy(("scanner", "city"))).values())
    shuffled = copy.copy(rows)
    random.shuffle(shuffled)
    one, two = (
        json.dumps(evaluate_split(tables, {r.id: r for r in some}, OPTIONS).to_json())
        for some in (rows, shuffled)
    )
    assert one == two
