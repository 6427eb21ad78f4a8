"""evaluation.json and metrics.json: written, read again, refused when damaged."""

from __future__ import annotations

import copy
import json
import math

import pytest

from segmetrics.errors import DataError
from segmetrics.stats.aggregate import Estimate
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation, metrics_json


def table(dice: float | None, accuracy: float | None = 0.75):
    return {
        "pooled": {
            "dice": Estimate(dice, None, None, 3, 1),
            "accuracy": Estimate(accuracy, None, None, 4, 0),
            "mcc": Estimate(0.25, None, None, 4, 0),
        }
    }


def scope(dice: float | None = 0.5) -> Scope:
    return Scope(4, 2, {"tumour": table(dice), "background": table(None)}, table(dice))


def evaluation() -> Evaluation:
    whole = scope()
    split = SplitEvaluation(
        samples=4,
        groups=2,
        classes=whole.classes,
        mean=whole.mean,
        labels=("background", "tumour"),
        confusion=((90, 3), (2, 5)),
        other=(0, 1),
        reference_pixels=(93, 8),
        pixels=101,
        slices={"scanner": {"A": scope(0.25), "B": scope(1.0)}},
        slices_left_out={"age": "70 different values, at most 50 are sliced"},
    )
    return Evaluation({"test": split}, {"samples.csv": "ab12"})


def written() -> dict:
    return json.loads(json.dumps(evaluation().to_json(), allow_nan=False))


def test_what_is_written_is_read_again():
    again = Evaluation.from_json(written(), "evaluation.json")
    assert again.to_json() == evaluation().to_json()
    assert again.splits["test"] == evaluation().splits["test"]


def test_the_layout_that_others_rely_on():
    data = written()
    split = data["splits"]["test"]
    assert data["schema"] == 1
    assert split["classes"]["tumour"]["pooled"]["dice"] == {
        "value": 0.5, "low": None, "high": None, "defined": 3, "undefined": 1, "groups": 0,
    }  # fmt: skip
    assert split["confusion"] == {
        "labels": ["background", "tumour"], "counts": [[90, 3], [2, 5]], "other": [0, 1],
        "reference": [93, 8], "pixels": 101,
    }  # fmt: skip
    assert split["slices"]["scanner"]["B"]["mean"]["pooled"]["dice"]["value"] == 1.0
    assert split["mean"]["pooled"]["mcc"]["value"] == 0.25
    assert split["sizes"] == {}


def test_an_estimate_is_found_by_class_aggregate_and_metric():
    found = scope()
    assert found.estimate("tumour", "pooled", "dice") == Estimate(0.5, None, None, 3, 1)
    assert found.estimate("mean", "pooled", "dice") == Estimate(0.5, None, None, 3, 1)
    missing = [("vessel", "pooled", "dice"), ("tumour", "group_mean", "dice"),
               ("tumour", "pooled", "iou"), ("mean", "pooled", "iou")]  # fmt: skip
    assert [found.estimate(*place) for place in missing] == [None] * 4


def test_metrics_json_holds_numbers_only():
    assert metrics_json(evaluation(), ("tumour",)) == {
        "test": {
            "samples": 4,
            "groups": 2,
            "dice_pooled": 0.5,
            "tumour": {"dice_pooled": 0.5},
        }
    }


def test_an_undefined_value_is_absent_from_metrics_json():
    assert metrics_json(evaluation(), ("background",))["test"]["background"] == {}


def test_another_schema_is_refused():
    data = written() | {"schema": 2}
    with pytest.raises(DataError) as caught:
        Evaluation.from_json(data, "results/evaluation.json")
    expected = "results/evaluation.json: schema 2 instead of 1; run `dvc repro`"
    assert str(caught.value) == expected


def damage(*path: str | int, value: object = None, remove: bool = False) -> dict:
    data = copy.deepcopy(written())
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if remove:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return data


DICE = ("splits", "test", "classes", "tumour", "pooled", "dice")


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        {},
        damage("splits", remove=True),
        damage("inputs", remove=True),
        damage("splits", "test", "mean", remove=True),
        damage("splits", "test", "confusion", remove=True),
        damage("splits", "test", "slices", "scanner", "A", "classes", remove=True),
        damage(*DICE, "undefined", remove=True),
        damage(*DICE, "extra", value=1),
        damage(*DICE, value=0.9),
        damage(*DICE, "value", value="0.9"),
        damage(*DICE, "value", value=math.nan),
        damage(*DICE, "value", value=math.inf),
        damage(*DICE, "low", value=-math.inf),
        damage("splits", "test", value=None),
    ],
)
def test_a_damaged_evaluation_is_refused_and_nothing_is_guessed(damaged):
    with pytest.raises(DataError, match=r"^e\.json: not an evaluation \(.+\); run `dvc repro"):
        Evaluation.from_json(damaged, "e.json")
