"""Changing the domain flips the verdict, and the reasons name what the domain puts first.

Two sets of predictions of the same 160 masks, as files: one finds everything and marks a third too
much (recall 1, precision about 0.77), the other marks nothing wrong and misses a sixth (precision
1, recall about 0.83).
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from segmetrics.data.check import check_samples
from segmetrics.data.labels import LabelScheme
from segmetrics.data.samples import SampleRow
from segmetrics.evaluate import EvaluationOptions, evaluate_split
from segmetrics.gates.domains import DOMAINS, resolve_rules
from segmetrics.gates.grade import Bands
from segmetrics.gates.verdict import judge
from segmetrics.measure import measure_split
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import PixelOptions, Question
from segmetrics.score import score_folders
from segmetrics.stats.evaluation import Evaluation
from segmetrics.stats.resampling import Resampling
from segmetrics.tables import Targets, read_measurements
from segmetrics.texts import headline

SCHEME = LabelScheme.of({"background": 0, "object": 1}, exclude=["background"])
GROUPS = 160  # so many that whole intervals clear the bounds, not values alone


def square(i: int) -> np.ndarray:
    mask = np.zeros((48, 56), np.uint8)
    mask[10 + i % 3 : 30 + i % 3, 8 + i % 5 : 28 + i % 5] = 1
    return mask


def too_much(i: int) -> np.ndarray:
    """The mask, and 5, 6 or 7 columns of 20 beside it: precision 0.80 to 0.74."""
    mask = square(i)
    mask[10 + i % 3 : 30 + i % 3, 28 + i % 5 : 28 + i % 5 + 5 + i % 3] = 1
    return mask


def too_little(i: int) -> np.ndarray:
    """The mask without 3 columns of 20, and in two of three images a half column more."""
    mask = square(i)
    mask[:, 8 + i % 5 : 11 + i % 5] = 0
    mask[10 + i % 3 : 10 + i % 3 + 10 * (i % 3 > 0), 11 + i % 5] = 0
    return mask


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("flip")
    for i in range(GROUPS):
        for kind, mask in (
            ("masks", square(i)), ("images", square(i) * 200), ("too_much", too_much(i)),
            ("too_little", too_little(i)),
        ):  # fmt: skip
            (root / kind).mkdir(exist_ok=True)
            Image.fromarray(mask).save(root / kind / f"p{i:03}.png")
    return root


@pytest.fixture(scope="module")
def evaluations(folders):
    return {kind: evaluated(folders, kind) for kind in ("too_much", "too_little")}


def evaluated(root, kind):
    """The evaluation of one set of predictions, from its tables."""
    names = [f"p{i:03}" for i in range(GROUPS)]
    rows = {n: SampleRow(n, f"images/{n}.png", f"masks/{n}.png", "test", n, {}) for n in names}
    samples = check_samples(list(rows.values()), root=root, scheme=SCHEME, workers=1)
    out = root / f"tables_{kind}"
    question = Question(SCHEME, Targets(SCHEME.names), OperatingPoint("argmax"), PixelOptions())
    measure_split(
        samples, predictions=root / kind, out=out, question=question, spacing=(), workers=1
    )
    options = EvaluationOptions(("object",), resampling=Resampling(resamples=2000))
    return Evaluation({"test": evaluate_split(read_measurements(out), rows, options)}, {})


def judged(evaluation, domain):
    return judge(
        evaluation,
        resolve_rules(DOMAINS[domain], {}, judge="test", safety_critical=["object"]),
        domain=DOMAINS[domain],
        bands=Bands(),
        split="test",
        scored=("object",),
        inputs={},
    )


@pytest.mark.parametrize(
    ("kind", "domain", "decision", "unmet"),
    [
        ("too_much", "medical", "pass", set()),
        ("too_much", "autonomous_driving", "fail", {"precision_floor"}),
        ("too_little", "autonomous_driving", "pass", set()),
        ("too_little", "medical", "fail", {"recall_floor"}),
    ],
)
def test_the_domain_decides(evaluations, kind, domain, decision, unmet):
    verdict = judged(evaluations[kind], domain)
    assert verdict.decision == decision
    failed = {r.rule.name: r for r in verdict.rules if r.outcome == "fail"}
    assert unmet <= set(failed)
    assert bool(failed) == bool(unmet)
    first = {"medical": "recall", "autonomous_driving": "precision"}[domain]
    assert f"{first} first" in headline(verdict.to_json())
    assert (verdict.primary.metric, verdict.grade) == (first, "good")
    for name in unmet:
        assert failed[name].reason.startswith(f"{first} ")
        assert failed[name].rule.metric == first


@pytest.mark.parametrize(
    ("kind", "recall", "precision"), [("too_much", 1.0, 0.77), ("too_little", 0.83, 1.0)]
)
def test_the_same_files_through_score(folders, evaluations, kind, recall, precision):
    scored = score_folders(
        references=folders / "masks", predictions=folders / kind, scheme=SCHEME, workers=1
    )
    found = {
        m: scored.evaluation.estimate("object", "pooled", m).value for m in ("recall", "precision")
    }
    assert found["recall"] == pytest.approx(recall, abs=0.01)
    assert found["precision"] == pytest.approx(precision, abs=0.01)
    tables = evaluations[kind].splits["test"]
    for metric, value in found.items():
        assert tables.estimate("object", "pooled", metric).value == value
