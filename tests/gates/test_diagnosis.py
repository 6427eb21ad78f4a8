"""The accuracy paradox: 98 % accuracy, 12 % recall, from real masks to a failed verdict."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.evaluate import EvaluationOptions, evaluate_counts
from segmetrics.gates.diagnosis import accuracy_paradox, paradox_numbers, unknown_labels
from segmetrics.gates.domains import DOMAINS, resolve_rules
from segmetrics.gates.grade import Bands
from segmetrics.gates.verdict import Verdict, judge
from segmetrics.metrics import ConfusionCounts, count_confusion
from segmetrics.stats.evaluation import Evaluation, SplitEvaluation
from segmetrics.stats.resampling import Resampling

CLASSES = ("background", "tumour")


def masks(there: int, found: int, false: int, shape=(100, 100)) -> tuple[np.ndarray, np.ndarray]:
    """A reference of `there` pixels of which `found` are predicted, and `false` others."""
    reference, prediction = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    reference.reshape(-1)[:there] = 1
    prediction.reshape(-1)[:found] = 1
    prediction.reshape(-1)[there : there + false] = 1
    return reference, prediction


def evaluated(
    *pairs: tuple[np.ndarray, np.ndarray], resampling: Resampling | None = None
) -> SplitEvaluation:
    counts = [count_confusion(reference=r, prediction=p, n_classes=2) for r, p in pairs]
    names = ("tp", "fp", "fn", "tn")
    stacked = ConfusionCounts(*(np.stack([getattr(c, name) for c in counts]) for name in names))
    options = EvaluationOptions(scored=("tumour",), resampling=resampling)
    scope = evaluate_counts(stacked, np.arange(len(pairs)), CLASSES, options)
    tp, fp, fn, tn = (int(getattr(stacked.sum(), name)[1]) for name in names)
    return SplitEvaluation(
        scope.samples, scope.groups, scope.classes, scope.mean,
        labels=CLASSES, confusion=((tn, fp), (fn, tp)), other=(0, 0),
        reference_pixels=(tn + fp, fn + tp), pixels=tn + fp + fn + tp,
    )  # fmt: skip


def judged(split: SplitEvaluation, domain: str = "medical", severity="warn") -> Verdict:
    return judge(
        Evaluation({"test": split}, {}),
        resolve_rules(DOMAINS[domain], {}, judge="test"),
        domain=DOMAINS[domain],
        bands=Bands(),
        split="test",
        scored=("tumour",),
        findings=accuracy_paradox(split, ("tumour",), Bands(), severity),
        inputs={},
    )


# 10000 pixels, 200 of them tumour: 24 found, 176 missed, 24 false: 200 errors.
PARADOX = evaluated(masks(there=200, found=24, false=24))


def test_the_masks_have_98_percent_accuracy_and_12_percent_recall():
    value = {m: PARADOX.estimate("tumour", "pooled", m).value for m in ("accuracy", "recall")}
    assert value == {"accuracy": 0.98, "recall": 0.12}


def test_98_percent_accuracy_with_12_percent_recall_fails_under_medical():
    images = [masks(there=200, found=24, false=24)] * 40
    verdict = judged(evaluated(*images, resampling=Resampling(resamples=2000)))
    assert (verdict.decision, verdict.grade) == ("fail", "bad")
    assert {result.rule.name: result.outcome for result in verdict.rules} == {
        "recall_floor": "fail", "f2": "fail", "dice": "fail", "iou": "fail",
    }  # fmt: skip
    assert [(f.name, f.severity) for f in verdict.findings] == [
        ("accuracy_paradox", "warn"), ("bad_grade", "block"),
    ]  # fmt: skip
    one_image = judged(PARADOX)  # says too little for the rules, enough for the grade
    assert {result.outcome for result in one_image.rules} == {"inconclusive"}
    assert (one_image.decision, one_image.grade) == ("fail", "bad")


def test_the_text_says_why_accuracy_means_nothing_here():
    (finding,) = accuracy_paradox(PARADOX, ("tumour",), Bands(), "block")
    assert finding.severity == "block"
    assert finding.text == (
        "tumour: accuracy 98.0% looks good, yet only 12.0% of the tumour pixels are found. "
        "Predicting no tumour at all would reach 98.0%, because tumour covers 2.00% of the "
        "pixels: the model is no better than an empty mask. With this recall, Dice cannot exceed "
        "0.214 and IoU 0.120, whatever the accuracy is."
    )
    assert finding.data == {
        "class": "tumour",
        "accuracy": 0.98,
        "recall": 0.12,
        "prevalence": 0.02,
        "accuracy_of_nothing": 0.98,
        "gain_over_nothing": 0.0,
        "dice_at_most": pytest.approx(0.2142857143),
        "iou_at_most": 0.12,
        "prevalence_at_most": pytest.approx(0.02 / 0.88),
        "dice": pytest.approx(48 / 248),
    }


@pytest.mark.parametrize("domain", ["medical", "balanced", "autonomous_driving"])
def test_predicting_nothing_passes_nowhere_and_is_explained(domain):
    nothing = evaluated(*(masks(there=80, found=0, false=0) for _ in range(3)))
    verdict = judged(nothing, domain)
    assert verdict.decision == "fail"
    assert verdict.findings[0].text.startswith(
        "tumour: accuracy 99.2% looks good, yet only 0.0% of the tumour pixels are found. "
        "Predicting no tumour at all would reach 99.2%"
    )


@pytest.mark.parametrize(
    ("there", "found", "false", "reported"),
    [
        (200, 99, 0, True),  # recall 0.495
        (200, 100, 0, False),  # recall 0.5, Dice 0.667
        (200, 120, 300, True),  # recall 0.6, accuracy 0.962, Dice 0.387: graded bad
        (200, 180, 20, False),
        (2000, 500, 0, False),  # accuracy 0.85 promises nothing
        (2000, 999, 0, False),  # accuracy 0.8999
        (1980, 980, 0, True),  # accuracy exactly 0.90
        (0, 0, 10, False),  # no recall to speak of
    ],
)
def test_when_it_is_reported(there, found, false, reported):
    split = evaluated(masks(there=there, found=found, false=false))
    assert len(accuracy_paradox(split, ("tumour",), Bands(), "warn")) == reported


def test_excluded_classes_are_not_reported():
    assert accuracy_paradox(PARADOX, (), Bands(), "warn") == []


def test_a_class_that_was_not_evaluated_is_not_reported():
    assert accuracy_paradox(PARADOX, ("vessel",), Bands(), "warn") == []


def test_the_example_of_the_documentation():
    numbers = paradox_numbers(0.98, 0.12, 0.02)
    assert numbers["prevalence_at_most"] == pytest.approx(0.0227, abs=5e-5)
    assert numbers["dice_at_most"] == pytest.approx(0.214, abs=5e-4)


def test_a_perfect_recall_bounds_nothing():
    numbers = paradox_numbers(0.95, 1.0, 0.1)
    assert (numbers["dice_at_most"], numbers["prevalence_at_most"]) == (1.0, 1.0)


def test_dice_and_iou_never_exceed_the_bounds_that_recall_sets():
    rng = np.random.default_rng(5)
    for _ in range(50):
        found = int(rng.integers(0, 200))
        split = evaluated(masks(there=200, found=found, false=int(rng.integers(0, 500))))
        values = {m: split.estimate("tumour", "pooled", m).value for m in ("dice", "iou")}
        bounds = paradox_numbers(0.9, found / 200, 0.02)
        assert values["dice"] <= bounds["dice_at_most"] + 1e-12
        assert values["iou"] <= bounds["iou_at_most"] + 1e-12


def test_predicted_labels_that_are_no_class_are_found():
    split = SplitEvaluation(
        2, 2, {}, {}, labels=CLASSES, confusion=((90, 2), (0, 0)), other=(3, 5),
        reference_pixels=(95, 5), pixels=100,
    )  # fmt: skip
    (finding,) = unknown_labels(split)
    assert finding.severity == "block"
    assert finding.text.startswith("8 predicted pixels (8.00%) hold labels that are no class")
    assert finding.data == {"pixels": 8, "share": 0.08}
    assert unknown_labels(PARADOX) == []


def test_98_percent_accuracy_and_12_percent_recall_bound_dice_iou_and_prevalence():
    """Whatever masks have these two values: Dice <= 0.214, IoU <= 0.12, prevalence <= 2.27 %."""
    rng = np.random.default_rng(7)
    for _ in range(200):
        # There pixels, 12 % of them found, and errors that leave 98 % of 10000 right.
        found = int(rng.integers(0, 28))
        there, missed = round(found / 0.12), round(found / 0.12) - found
        false = 200 - missed
        if not there or false < 0:
            continue
        split = evaluated(masks(there=there, found=found, false=false))
        value = {
            m: split.estimate("tumour", "pooled", m).value
            for m in ("accuracy", "recall", "dice", "iou")
        }
        numbers = paradox_numbers(value["accuracy"], value["recall"], there / 10000)
        assert value["accuracy"] == pytest.approx(0.98)
        assert value["dice"] <= numbers["dice_at_most"] + 1e-12
        assert value["iou"] <= numbers["iou_at_most"] + 1e-12
        assert there / 10000 <= numbers["prevalence_at_most"] + 1e-12
    exact = paradox_numbers(0.98, 0.12, 0.02)
    assert exact["dice_at_most"] == pytest.approx(0.24 / 1.12)
    assert round(exact["dice_at_most"], 3) == 0.214
    assert exact["iou_at_most"] == 0.12
    assert round(exact["prevalence_at_most"], 4) == 0.0227


@pytest.mark.parametrize(
    ("found", "false", "words"),
    [
        (24, 60, ": the model is worse than an empty mask, by 0.36% of the pixels"),
        (24, 24, ": the model is no better than an empty mask"),
        (24, 10, ": the model is better than an empty mask by 0.14% of the pixels only"),
    ],
)
def test_what_is_gained_over_predicting_nothing_is_said(found, false, words):
    split = evaluated(masks(there=200, found=found, false=false))
    (finding,) = accuracy_paradox(split, ("tumour",), Bands(), "warn")
    assert finding.data["gain_over_nothing"] == pytest.approx((found - false) / 10000, abs=1e-12)
    assert words in finding.text


def test_a_large_gain_needs_no_words():
    split = evaluated(masks(there=1500, found=600, false=0))
    (finding,) = accuracy_paradox(split, ("tumour",), Bands(), "warn")
    assert "empty mask" not in finding.text
    assert finding.data["gain_over_nothing"] == pytest.approx(0.06)


def test_worse_than_an_empty_mask_is_reported_although_the_class_is_found():
    # Recall 0.95, Dice 0.64 and IoU 0.475: not graded bad, and yet nothing would be more accurate.
    split = evaluated(masks(there=200, found=190, false=200))
    (finding,) = accuracy_paradox(split, ("tumour",), Bands(), "warn")
    assert finding.data["gain_over_nothing"] == pytest.approx(-0.001)


def test_a_region_is_reported_with_its_share_of_the_pixels():
    """The evaluation has no pixels of a region: they follow from its pooled metrics."""
    for found, false in ((24, 60), (0, 40), (0, 0), (99, 3)):
        split = evaluated(masks(there=200, found=found, false=false))
        region = SplitEvaluation(
            split.samples, split.groups, {"lesion": split.classes["tumour"]}, {},
            labels=(), pixels=split.pixels,
        )  # fmt: skip
        (finding,) = accuracy_paradox(region, ("lesion",), Bands(), "warn")
        assert finding.data["prevalence"] == pytest.approx(0.02)
        assert finding.data["gain_over_nothing"] == pytest.approx((found - false) / 10000)
