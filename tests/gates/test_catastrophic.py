"""Catastrophic images and totals that hide poor ones, in words."""

from __future__ import annotations

from segmetrics.gates.diagnosis import catastrophic_images, worst_share
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import SplitEvaluation
from segmetrics.stats.worst import ImageScore, WorstImages


def table(pooled, mean):
    def dice(value):
        return {"dice": Estimate(value, None, None, 40, 0)}

    return {"pooled": dice(pooled), "image_mean": dice(mean)}


def worst(values, missed=0, false_alarms=0) -> WorstImages:
    images = tuple(ImageScore(f"p{i}", d, None, None) for i, d in enumerate(values))
    low = sum(d < 0.1 for d in values)
    mean = sum(values[:2]) / 2 if values else None
    return WorstImages(40, low, missed, false_alarms, 2 if values else 0, mean, images)


SPLIT = SplitEvaluation(
    40, 40, {"tumour": table(0.85, 0.71), "vessel": table(0.8, 0.8)}, {},
    labels=("tumour", "vessel"),
    worst={"tumour": worst([0.0, 0.02, 0.3], missed=1), "vessel": worst([0.4, 0.6])},
)  # fmt: skip
BOTH = ("tumour", "vessel")


def test_images_that_fail_are_counted_and_named_in_the_data_alone():
    failed, hidden = catastrophic_images(SPLIT, BOTH, "block")
    assert (failed.name, failed.severity) == ("catastrophic_images", "block")
    assert failed.text == (
        "some images fail outright (Dice below 0.1), whatever the mean says: tumour in 2 of 40 (1 "
        "miss it whole). Look at them first"
    )
    assert failed.data["ids"] == ["p0", "p1"]
    assert failed.data["classes"]["tumour"]["images"] == 2
    assert (hidden.name, hidden.severity) == ("total_hides_images", "block")
    assert "Dice of tumour is 0.85 pooled and 0.71 as a mean of images" in hidden.text
    assert list(hidden.data["gaps"]) == ["tumour"]


def test_nothing_to_report():
    assert catastrophic_images(SPLIT, ("vessel",), "warn") == []


def test_what_is_not_in_the_evaluation_is_no_silence():
    (finding,) = catastrophic_images(SplitEvaluation(1, 1, {}, {}), BOTH, "block")
    assert (finding.severity, finding.data) == ("block", {"unknown": ["tumour", "vessel"]})


def test_the_worst_five_percent_of_the_class_that_does_worst():
    (note,) = worst_share(SPLIT, BOTH)
    assert note.severity == "note"
    assert note.text == (
        "in the worst 5% of the images (2 of 40) Dice of tumour is 0.01, against 0.71 over all"
    )
    assert note.data["ids"] == ["p0", "p1"]
    assert note.data["classes"]["vessel"] == {"dice": 0.5, "images": 2}
    assert worst_share(SplitEvaluation(1, 1, {}, {}), BOTH) == []


def test_many_failing_classes_make_one_sentence():
    names = [f"c{i}" for i in range(9)]
    many = SplitEvaluation(
        40, 40, {n: table(0.1, 0.1) for n in names}, {}, labels=tuple(names),
        worst={n: worst([0.0], false_alarms=1) for n in names},
    )  # fmt: skip
    (finding,) = catastrophic_images(many, names, "warn")
    assert "(1 show it where there is none)" in finding.text
    assert "; 4 classes more. " in finding.text
