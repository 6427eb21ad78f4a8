"""Which samples and classes are the same, and their differences against a slow computation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmetrics.baseline.definition import Definition
from segmetrics.compare.annotators import annotator_differences
from segmetrics.compare.pairing import common_classes, of_classes, pair_samples
from segmetrics.compare.pairs import Cells, Pairs, Side
from segmetrics.compare.worse import got_worse
from segmetrics.gates.against import Against, Compared, difference_bound, judge_against
from segmetrics.gates.rules import Rule
from segmetrics.metrics.catalog import CATALOG
from segmetrics.metrics.counts import ConfusionCounts
from segmetrics.metrics.histograms import ScoreHistogram
from segmetrics.stats.observations import Observations
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy
from segmetrics.tables import Measurements, Targets
from segmetrics.tables.agreements import AgreementTable

FEW = Resampling(resamples=500, seed=3)
DICE = CATALOG["dice"]


def counts(dice) -> ConfusionCounts:
    """1,000 pixels of the class and as many predicted; shape (n, R)."""
    tp = np.rint(1000 * np.asarray(dice)).astype(np.int64)
    return ConfusionCounts(tp, 1000 - tp, 1000 - tp, 4000 + tp)


def tables(dice, ids=None, references=None, images=None, classes=("a", "b"), **more):
    dice = np.asarray(dice, float)
    n = len(dice)
    ids = tuple(ids or (f"s{i}" for i in range(n)))
    return Measurements(
        ids=ids,
        image_digests=tuple(images or (f"i-{name}" for name in ids)),
        reference_digests=tuple(references or (f"r-{name}" for name in ids)),
        prediction_digests=("",) * n,
        targets=Targets(tuple(classes)),
        observations=Observations(counts(dice)),
        objects=None,
        confusion=np.zeros((0, 1), np.int64),
        key="",
        **more,
    )


def definition(classes=None, **changes) -> Definition:
    classes = classes or {"a": (1,), "b": (2,)}
    values = {
        "format": 1, "classes": classes, "regions": {}, "scored": tuple(classes), "ignore": (),
        "encoding": "labels", "predicted": "foreground", "both_empty": "undefined",
        "size_edges": (), "families": {},
    }  # fmt: skip
    return Definition(**(values | changes))


def side(measured, own=None, groups=None, columns=None) -> Side:
    ids = measured.ids
    groups = groups or ids
    columns = columns or [{} for _ in ids]
    cells = {i: Cells(g, c) for i, g, c in zip(ids, groups, columns, strict=True)}
    return Side("x", "test", measured, cells, own or definition())


def paired(first, second, by="reference"):
    found = pair_samples(first=first, second=second, by=by)
    pairs = zip(found.first.tolist(), found.second.tolist(), strict=True)
    return {second.ids[j]: first.ids[i] for i, j in pairs}, found


ONE = [[0.5, 0.5]]


def test_samples_pair_by_their_reference_whatever_their_ids_are():
    old = tables(ONE * 3, ["x", "y", "z"], ["r1", "r2", "r3"], ["i1", "i2", "i3"])
    new = tables(ONE * 3, ["p", "q", "z"], ["r2", "r9", "r3"], ["i2", "i1", "i3"])
    assert paired(old, new)[0] == {"p": "y", "z": "z"}


def test_equal_masks_pair_by_image_then_by_id_or_not_at_all():
    old = tables(ONE * 4, ["a", "b", "c", "d"], ["empty"] * 4, ["i1", "i2", "i3", "i4"])
    new = tables(ONE * 4, ["z", "b", "c", "e"], ["empty"] * 4, ["i1", "i9", "i3", "i8"])
    found, pairing = paired(old, new)
    assert found == {"z": "a", "b": "b", "c": "c"}
    assert (pairing.ambiguous, pairing.other_images) == (1, 1)


def test_one_equal_mask_of_another_image_is_no_pair():
    """A single empty mask on both sides, of two images."""
    old = tables(ONE, ["a"], ["empty"], ["i1"])
    new = tables(ONE, ["b"], ["empty"], ["i2"])
    assert paired(old, new)[0] == {}
    unknown = tables(ONE, ["b"], ["empty"], [""])
    assert paired(old, unknown)[0] == {"b": "a"}


def test_by_id_other_references_are_counted():
    old = tables(ONE * 3, ["a", "b", "c"], ["r1", "r2", "r3"])
    new = tables(ONE * 3, ["b", "c", "d"], ["r2", "r9", "r4"])
    found, pairing = paired(old, new, by="id")
    assert (found, pairing.other_references) == ({"b": "b", "c": "c"}, 1)


ROWS = st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from("xyz")), max_size=12)


@given(ROWS, ROWS)
def test_nothing_is_paired_twice_or_with_another_mask(olds, news):
    def of(rows, ids):
        return tables(np.full((len(rows), 2), 0.5), [f"{i:02}{ids}" for i in range(len(rows))],
                      [r for r, _ in rows], [i for _, i in rows])  # fmt: skip

    first, second = of(olds, ""), of(news, "")
    if not olds or not news:
        return
    found = pair_samples(first=first, second=second)
    assert len(set(found.first.tolist())) == found.first.size
    assert (np.diff(found.second) > 0).all()
    for i, j in zip(found.first, found.second, strict=True):
        assert olds[i][0] == news[j][0]
        assert olds[i][1] == news[j][1] or first.ids[i] == second.ids[j]


@pytest.mark.parametrize(
    ("old", "lacking", "removed"),
    [
        (definition(), {}, {}),
        (definition({"b": (2,), "a": (1,)}), {}, {}),
        (definition({"a": (1,)}), {"b": 'the baseline has no class "b"'}, {}),
        (definition({"a": (1,), "b": (2,), "c": (3,)}), {}, {"c": "gone, or defined otherwise"}),
        (
            definition({"a": (1,), "old": (2,)}),
            {"b": 'the baseline has no class "b" (its labels are those of "old" there)'},
            {"old": "gone, or defined otherwise"},
        ),
        (
            definition({"a": (1, 3), "b": (2,)}),
            {"a": '"a" is label 1, in the baseline labels 1, 3'},
            {"a": "gone, or defined otherwise"},
        ),
        (
            definition({"b": (2,)}, regions={"a": (1,)}),
            {"a": '"a" is a class, in the baseline a region'},
            {"a": "gone, or defined otherwise"},
        ),
    ],
)
def test_classes_are_the_same_where_their_labels_are(old, lacking, removed):
    found = common_classes(old, definition())
    assert (found.lacking, found.removed) == (lacking, removed)
    assert found.names == tuple(n for n in ("a", "b") if n not in lacking)


@pytest.mark.parametrize("change", [
    {"ignore": (255,)}, {"encoding": "rgb"}, {"format": 2}, {"predicted": "instances"},
])  # fmt: skip
def test_masks_that_are_read_otherwise_share_no_class(change):
    assert common_classes(definition(**change), definition()).names == ()


@pytest.mark.parametrize(("metric", "change", "fine"), [
    ("dice", {"both_empty": "one"}, False), ("recall", {"both_empty": "one"}, True),
    ("hd95", {"families": {"surface": ["px"], "nsd": ["px", 1]}}, True),
    ("nsd", {"families": {"surface": ["px"], "nsd": ["px", 1]}}, False),
    ("hd95", {"families": {"surface": ["mm"]}}, False), ("hd95", {"families": {}}, False),
])  # fmt: skip
def test_metrics_are_compared_where_they_were_measured_alike(metric, change, fine):
    new = definition(families={"surface": ["px"], "nsd": ["px", 2]})
    old = definition(**({"families": new.families} | change))
    assert (new.metric_unlike(CATALOG[metric], old) == "") is fine


def test_a_definition_comes_back_from_json():
    import json

    one = definition(regions={"r": (1, 2)}, families={"nsd": [[0.5, 0.5], "mm", 2.0]})
    assert Definition.from_json(json.loads(json.dumps(one.to_json())), "x") == one


def slow(first, second, groups, aggregate, classes) -> float:
    """The difference, one image after the other."""
    values = []
    for side_counts in (first, second):
        per_class = []
        for k in classes:
            images = [2 * t / (2 * t + p + n) for t, p, n in zip(
                side_counts.tp[:, k].tolist(), side_counts.fp[:, k].tolist(),
                side_counts.fn[:, k].tolist(), strict=True)]  # fmt: skip
            if aggregate == "pooled":
                t, p, n = (getattr(side_counts, x)[:, k].sum() for x in ("tp", "fp", "fn"))
                per_class.append(2 * t / (2 * t + p + n))
            elif aggregate == "image_mean":
                per_class.append(sum(images) / len(images))
            else:
                means = [
                    np.mean([v for v, h in zip(images, groups, strict=True) if h == g])
                    for g in sorted({*groups})
                ]
                per_class.append(sum(means) / len(means))
        values.append(sum(per_class) / len(per_class))
    return values[1] - values[0]


@pytest.mark.parametrize("aggregate", ["pooled", "image_mean", "group_mean"])
def test_differences_are_those_of_a_slow_computation(aggregate):
    """Other ids, another order of samples and of classes, some on one side alone."""
    rng = np.random.default_rng(4)
    old, new = rng.uniform(0.3, 1, (2, 14, 2))
    first = side(
        tables(old, [f"o{i:02}" for i in range(14)], [f"r{i}" for i in range(14)],
               [f"i{i}" for i in range(14)], ("b", "a")),
        definition({"b": (2,), "a": (1,)}),
    )  # fmt: skip
    order = rng.permutation(14)
    references = [f"r{i}" if i < 11 else f"new{i}" for i in order]
    names = [f"p{i % 4}" for i in order]
    second = side(
        tables(new, [f"n{j:02}" for j in range(14)], references, [f"i{i}" for i in order]),
        groups=names,
    )
    pairs = Pairs.of(first=first, second=second)
    kept = [j for j in range(14) if order[j] < 11]
    one = counts(old[order[kept]][:, [1, 0]])
    two = counts(new[kept])
    groups = [names[j] for j in kept]
    found = pairs.difference(DICE, aggregate, [("a",), ("b",), ("a", "b")], FEW)
    for difference, classes in zip(found, [[0], [1], [0, 1]], strict=True):
        assert difference.value == pytest.approx(slow(one, two, groups, aggregate, classes))
        assert difference.low < difference.value < difference.high
        assert (difference.samples, difference.groups) == (11, 4)
    assert (pairs.shared.samples, pairs.shared.candidate) == (11, 14)


def test_a_slice_counts_what_only_the_baseline_has_by_its_own_cells():
    old = side(
        tables(ONE * 4, references=["r0", "r1", "r2", "r3"]),
        columns=[{"scanner": s} for s in "AABB"],
    )
    new = side(
        tables(ONE * 3, ["s0", "s1", "s9"], ["r0", "r1", "r9"]),
        columns=[{"scanner": s} for s in "ABB"],
    )
    pairs = Pairs.of(first=old, second=new)
    by = SliceBy(("scanner",))
    rows, shared = pairs.slice(by, "B")
    assert (rows.tolist(), (shared.samples, shared.candidate, shared.baseline)) == (
        [False, True], (1, 2, 3),
    )  # fmt: skip


def verdict_of(old, new, keep_old, keep_new, statistic) -> tuple[str, int]:
    first, second = (
        side(tables(values[kept], [f"s{i:02}" for i in kept]))
        for values, kept in ((old, keep_old), (new, keep_new))
    )
    pairs = Pairs.of(first=first, second=second)
    (difference,) = pairs.difference(DICE, "image_mean", [("a",)], FEW)
    rule = Rule(
        "r", "dice", "a", "image_mean", "test", against="baseline", margin=0.03,
        statistic=statistic, min_groups=5, **difference_bound("dice", 0.03),
    )  # fmt: skip
    one = Compared("a", None, difference, pairs.shared)
    (result,) = judge_against(rule, Against({"r": [one]}))
    return result.outcome, pairs.shared.samples


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19)),
       st.sampled_from(["conservative", "point"]))  # fmt: skip
def test_only_a_few_samples_may_be_left_out_of_either_side(seed, gone_old, gone_new, statistic):
    """A pass is about at least 80 % of either evaluation, whatever was left out of the other."""
    old = np.random.default_rng(seed).uniform(0.3, 1, (20, 2))
    new = np.clip(old + np.random.default_rng(seed + 1).normal(0.02, 0.05, (20, 2)), 0, 1)
    kept_old = [i for i in range(20) if i not in gone_old]
    kept_new = [i for i in range(20) if i not in gone_new]
    if not kept_old or not kept_new:
        return
    outcome, shared = verdict_of(old, new, kept_old, kept_new, statistic)
    if outcome == "pass":
        assert shared >= 0.8 * max(len(kept_old), len(kept_new))
        # And it is the pass of these samples alone.
        both = [i for i in kept_old if i in kept_new]
        assert verdict_of(old, new, both, both, statistic) == ("pass", len(both))


def test_samples_that_got_worse_are_listed_worst_first():
    old = np.array([[0.9, 0.9], [0.9, 0.9], [0.9, 0.9], [0.9, 0.9]])
    new = np.array([[0.9, 0.7], [0.8, 0.8], [0.5, 0.95], [0.2, 1.0]])
    (found,) = got_worse(Pairs.of(first=side(tables(old)), second=side(tables(new))))
    assert found.data["ids"] == ["s3", "s2", "s0"]
    assert found.data["classes"] == ["a", "a", "b"]
    assert (found.data["before"], found.data["now"]) == ([0.9] * 3, [0.2, 0.5, 0.7])
    assert (found.data["count"], found.data["shared"]) == (3, 4)
    assert "s3" not in found.text
    assert got_worse(Pairs.of(first=side(tables(old)), second=side(tables(old)))) == []


def test_a_first_false_alarm_is_worse():
    zero = np.zeros((1, 2), np.int64)
    clean = ConfusionCounts(zero, zero, zero, zero + 9)
    alarm = ConfusionCounts(zero, zero + 2, zero, zero + 7)
    sides = [side(replace(tables(ONE), observations=Observations(c))) for c in (clean, alarm)]
    (found,) = got_worse(Pairs.of(first=sides[0], second=sides[1]))
    assert (found.data["before"], found.data["now"]) == ([1.0], [0.0])


def test_at_most_fifty_are_listed_and_all_are_counted():
    old, new = np.full((70, 2), 0.9), np.full((70, 2), 0.3)
    (found,) = got_worse(Pairs.of(first=side(tables(old)), second=side(tables(new))))
    assert (len(found.data["ids"]), found.data["count"]) == (50, 70)


def test_classes_are_taken_with_everything_that_was_measured():
    rng = np.random.default_rng(0)
    histogram = ScoreHistogram(*rng.integers(0, 9, (2, 3, 2, 256)))
    observed = Observations(
        counts(rng.uniform(0, 1, (3, 3))), {"nsd": rng.uniform(0, 1, (3, 3))},
        histograms=histogram, near=histogram, scored=(2, 0),
    )  # fmt: skip
    found = of_classes(observed, [2, 1])
    assert found.counts.tp.tolist() == observed.counts.tp[:, [2, 1]].tolist()
    assert found.columns["nsd"].tolist() == observed.columns["nsd"][:, [2, 1]].tolist()
    assert found.scored == (0,)
    ap = CATALOG["average_precision"]
    whole, part = (o.per_image(ap, both_empty_is_one=False) for o in (observed, found))
    assert part[:, 0].tolist() == whole[:, 2].tolist()
    assert np.isnan(part[:, 1]).all()


def agreed(pairs) -> Measurements:
    """`(reference, prediction) -> Dice of class a by sample`; the first annotator is `mask`."""
    own = pairs.pop(("mask", "model"))
    found = []
    for (one, other), values in pairs.items():
        observed = Observations(counts([[v] for v in values.values()]))
        found.append(AgreementTable(one, other, tuple(values), observed))
    return tables([[v] for v in own.values()], list(own), classes=("a",), agreements=tuple(found))


def test_people_and_model_are_compared_image_by_image():
    measured = agreed({
        ("mask", "model"): {"s0": 0.8, "s1": 0.7, "s2": 0.1},
        ("ben", "model"): {"s0": 0.6, "s1": 0.9},
        ("cleo", "model"): {"s0": 0.7},
        ("mask", "ben"): {"s0": 0.9, "s1": 0.6},
        ("mask", "cleo"): {"s0": 0.8},
        ("ben", "cleo"): {"s0": 0.7},
    })  # fmt: skip
    (found,), shared = annotator_differences(
        measured, DICE, "image_mean", [[0]], groups=np.arange(3), rows=np.ones(3, bool),
        resampling=FEW, both_empty_is_one=False,
    )  # fmt: skip
    # s0: (0.8 + 0.6 + 0.7) / 3 - (0.9 + 0.8 + 0.7) / 3 = -0.1; s1: 0.8 - 0.6 = 0.2; s2: one alone.
    assert found.value == pytest.approx(0.05)
    assert (found.samples, found.groups) == (2, 2)
    assert (shared.samples, shared.candidate) == (2, 3)


def test_what_only_the_model_sees_counts_against_it():
    """Two people agree that s1 is empty, and the model predicts something there."""
    zero = np.array([[0], [0]])
    people = ConfusionCounts(np.array([[9], [0]]), zero, zero, np.array([[1], [10]]))
    model = ConfusionCounts(np.array([[9], [0]]), np.array([[0], [3]]), zero, np.array([[1], [7]]))
    measured = replace(
        tables([[0.5], [0.5]], classes=("a",)),
        observations=Observations(model),
        agreements=(
            AgreementTable("mask", "ben", ("s0", "s1"), Observations(people)),
            AgreementTable("ben", "model", ("s0", "s1"), Observations(model)),
        ),
    )
    (found,), _ = annotator_differences(
        measured, DICE, "image_mean", [[0]], groups=np.arange(2), rows=np.ones(2, bool),
        resampling=FEW, both_empty_is_one=False,
    )  # fmt: skip
    assert found.value == pytest.approx(-0.5)


def test_without_people_nothing_is_compared():
    (found,), shared = annotator_differences(
        tables(ONE * 3), DICE, "image_mean", [[0]], groups=np.arange(3), rows=np.ones(3, bool),
        resampling=FEW, both_empty_is_one=False,
    )  # fmt: skip
    assert (found.value, shared.samples) == (None, 0)
