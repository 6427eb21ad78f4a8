"""STARE: a second observer as the ceiling of what a model can be asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.check import check_samples
from segmetrics.data.labels import LabelScheme
from segmetrics.data.samples import read_samples, rows_of_split
from segmetrics.evaluate import EvaluationOptions, evaluate_split
from segmetrics.findings import diagnose
from segmetrics.gates.diagnosis import Ceiling, Checks, Copies
from segmetrics.gates.domains import DOMAINS, resolve_rules
from segmetrics.gates.grade import Bands
from segmetrics.measure import measure_split
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import PixelOptions, Question
from segmetrics.policy import Policy
from segmetrics.tables import Targets, read_measurements

SCHEME = LabelScheme.of({"background": 0, "vessel": 1}, exclude=["background"], encoding="binary")
BALANCED = DOMAINS["balanced"]
POLICY = Policy(
    domain=BALANCED,
    rules=tuple(resolve_rules(BALANCED, {}, judge="test")),
    bands=Bands(),
    judge="test",
    scored=("vessel",),
    point=OperatingPoint("argmax"),
)


@pytest.fixture(scope="module")
def folder(request):
    found = request.config.rootpath.parent / "shared" / "data" / "stare"
    if not found.is_dir():
        pytest.skip(f"the real data are not here: {found}")
    return found


@pytest.fixture(scope="module")
def split(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("stare")
    lines = ["id,image,mask,mask:vk,split"]
    lines += [
        f"{p.stem},images/{p.name},masks_ah/{p.name},masks_vk/{p.name},test"
        for p in sorted((folder / "images").glob("*.png"))
    ]
    listed = out / "samples.csv"
    listed.write_text("\n".join(lines) + "\n")
    rows = rows_of_split(read_samples(listed), "test", listed)
    samples = check_samples(rows, root=folder, scheme=SCHEME, workers=1)
    point = OperatingPoint("fixed", 0.5)
    measure_split(
        samples, predictions=folder / "predictions" / "unet", out=out / "tables",
        question=Question(SCHEME, Targets(SCHEME.names), point, PixelOptions()),
        spacing=(), workers=2,
    )  # fmt: skip
    by_id = {row.id: row for row in rows}
    return evaluate_split(read_measurements(out / "tables"), by_id, EvaluationOptions(("vessel",)))


def mean_dice(folder, one: str, other: str, threshold: int = 1) -> float:
    values = []
    for path in sorted((folder / one).glob("*.png")):
        r = np.asarray(Image.open(path)) > 0
        p = np.asarray(Image.open(folder / other / path.name)) >= threshold
        values.append(2 * (r & p).sum() / (r.sum() + p.sum()))
    return float(np.mean(values))


def finding(split, name, policy=POLICY):
    (found,) = [f for f in diagnose(split, policy, Copies()) if f.name == name]
    return found


def test_the_two_observers_agree_as_numpy_says_and_fail_good(split, folder):
    found = finding(split, "annotator_agreement")
    people = mean_dice(folder, "masks_ah", "masks_vk")
    assert found.data["ceiling"]["dice"] == pytest.approx(people, abs=1e-9)
    assert round(people, 2) == 0.74
    model = [mean_dice(folder, who, "predictions/unet", 128) for who in ("masks_ah", "masks_vk")]
    assert found.data["model"]["dice"] == pytest.approx(np.mean(model), abs=1e-9)
    assert found.data["human_is_good"] is False
    assert found.data["rules_above"] == ["dice", "iou"]
    assert "a second human, at 0.74, fails it" in found.text
    assert "A human fails the grade 'good'" in found.text


def test_a_ceiling_that_is_given_stands_beside_the_bounds(split):
    ceiling = Ceiling({"dice": 0.74}, "STARE, second observer")
    policy = replace(POLICY, checks=Checks(human_ceiling=ceiling))
    found = finding(split, "human_ceiling", policy)
    assert found.data["rules_above"] == ["dice"]
    assert "people reach dice 0.74 (STARE, second observer); the model reaches" in found.text
