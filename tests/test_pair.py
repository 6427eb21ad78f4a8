"""A pair of files: what is checked before anything is measured."""

from __future__ import annotations

import numpy as np
import pytest

from segmetrics.data.labels import LabelScheme
from segmetrics.errors import DataError
from segmetrics.operating_point import OperatingPoint
from segmetrics.pair import measure_files
from segmetrics.pixels import ObjectOptions, PixelOptions, Question
from segmetrics.tables import Targets

CELLS = {"background": 0, "cell": 1}
INSTANCES = LabelScheme.of(CELLS, exclude=["background"], encoding="instances")
MASK = np.zeros((12, 12), np.uint16)
MASK[1:4, 1:4], MASK[1:4, 4:7], MASK[7:10, 7:10] = 1, 2, 300


def measured(reference, prediction, *, point=None, numbered=False, spacing=(), scheme=INSTANCES):
    targets = Targets(scheme.names, objects=True)
    options = PixelOptions(objects=ObjectOptions())
    question = Question(scheme, targets, point or OperatingPoint("argmax"), options, numbered)
    return measure_files(
        reference=reference, prediction=prediction, question=question, spacing=spacing
    ).measured


def objects(found):
    cells = found.objects.target == 1
    return [int((cells & (found.objects.predicted == side)).sum()) for side in (False, True)]


def test_predictions_of_instances_are_components_unless_they_are_said_to_be_numbers(save):
    reference = save("r.png", MASK)
    assert objects(measured(reference, save("p.png", MASK), numbered=True)) == [3, 3]
    flat = save("f.png", np.uint8(MASK > 0) * 255)
    assert objects(measured(reference, flat)) == [3, 2]
    # One number is one object, however many pieces it has: the files do not decide.
    assert objects(measured(reference, flat, numbered=True)) == [3, 1]


def test_numbers_that_nobody_announced_are_refused(save):
    with pytest.raises(DataError, match=r"for object numbers set data\.predicted: instances$"):
        measured(save("r.png", MASK), save("p.png", MASK))


def test_objects_of_probabilities_are_components_of_what_lies_above_the_threshold(save):
    levels = np.where(MASK > 0, 200 + MASK % 50, 30).astype(np.uint8)
    point = OperatingPoint("fixed", 0.5)
    found = measured(save("r.png", MASK), save("p.png", levels), point=point)
    assert objects(found) == [3, 2]


def test_spacing_that_no_file_states_is_an_error(save):
    path = save("r.png", np.uint8(MASK > 0))
    scheme = LabelScheme.of(CELLS)
    with pytest.raises(DataError, match="does not say how large its pixels are"):
        measured(path, path, scheme=scheme, spacing=None)


def test_spacing_of_other_axes_is_an_error(save):
    path = save("r.png", np.uint8(MASK > 0))
    with pytest.raises(DataError, match=r"has 2 axes, data\.spacing 3 values"):
        measured(path, path, scheme=LabelScheme.of(CELLS), spacing=(1.0, 1.0, 2.0))
