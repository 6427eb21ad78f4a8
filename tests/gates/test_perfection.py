"""Too good to be true: copies of references and perfect scores."""

from __future__ import annotations

import pytest

from segmetrics.gates.diagnosis import Copies, reference_copies, suspicious_perfection
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import SplitEvaluation


def split(dice, iou) -> SplitEvaluation:
    def estimate(value):
        return Estimate(value, None, None, 1, 0)

    return SplitEvaluation(9, 9, {}, {"image_mean": {"dice": estimate(dice), "iou": estimate(iou)}})


def found(dice, iou, copies=Copies(), aggregate="image_mean"):  # noqa: B008
    return suspicious_perfection(split(dice, iou), aggregate, copies, "warn")


@pytest.mark.parametrize(
    ("dice", "iou", "copies", "reported"),
    [
        (1.0, 1.0, Copies(9), True),
        (0.9975, 0.995, Copies(9), True),
        (0.9974, 0.9949, Copies(9), False),
        (None, None, Copies(), False),
        (0.8, 0.7, Copies(9, 1, 1), False),
        (0.8, 0.7, Copies(9, 0, 3), False),  # images without a wrong pixel may be easy ones
    ],
)
def test_when_it_is_reported(dice, iou, copies, reported):
    assert len(found(dice, iou, copies)) == reported


def test_the_sentence():
    (finding,) = found(1.0, 1.0, Copies(40, 38, 40))
    assert finding.text == (
        "too good to be true on real data: Dice 1.0000 and IoU 1.0000; 40 of 40 images have no "
        "wrong pixel. Are the predictions copies of the references, is the mask among the inputs "
        "of the model, were these images trained on, or are the errors ignored?"
    )
    assert (finding.severity, finding.data["pixels_alike"]) == ("warn", 40)


@pytest.mark.parametrize("n", [1, 38])
def test_files_that_are_the_reference_are_a_finding_of_their_own(n):
    (finding,) = reference_copies(Copies(40, n, 40), "block")
    assert (finding.name, finding.severity) == ("reference_copies", "block")
    assert finding.data == {"images": 40, "bytes_alike": n}
    assert finding.text.startswith(
        "1 of 40 prediction files is byte for byte the reference file: hardly a model made it"
        if n == 1
        else "38 of 40 prediction files are byte for byte the reference file: hardly"
    )
    assert reference_copies(Copies(40, 0, 40), "block") == []


def test_an_aggregate_that_is_not_there_says_nothing():
    assert found(1.0, 1.0, aggregate="pooled") == []
