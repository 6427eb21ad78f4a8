"""A threshold that is tuned on ten retinas and judged on ten others, by a real `dvc repro`."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

pytestmark = pytest.mark.pipeline

STARE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "stare"
TUNED_ON, JUDGED = "val", "test"


def split_of(names: list[str]) -> dict[str, str]:
    """Every second one is for tuning."""
    return {name: (TUNED_ON, JUDGED)[i % 2] for i, name in enumerate(names)}


@pytest.fixture
def retinas(project, tmp_path):
    """A project with the probability maps of a U-Net, given; vessels are the foreground."""
    if not STARE.is_dir():
        pytest.skip(f"the real data are not here: {STARE}")
    folder = tmp_path / "stare"
    splits = split_of(sorted(path.stem for path in (STARE / "images").glob("*.png")))
    shutil.copytree(STARE / "images", folder / "data" / "images")
    shutil.copytree(STARE / "masks_ah", folder / "data" / "masks")
    for name, split in splits.items():
        (folder / "maps" / split).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(
            STARE / "predictions" / "unet" / f"{name}.png", folder / "maps" / split / f"{name}.png"
        )
    project.folder = folder
    project.ok("git", "init", "-q")
    project.ok("dvc", "init", "-q")
    project.ok(
        "segmetrics", "init", "--domain", "medical", "--images", "data/images", "--masks",
        "data/masks", "--predictions", "maps", ".",
    )  # fmt: skip
    path = folder / "data" / "samples.csv"
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "split": splits[row["id"]]} for row in rows)

    def fit(params):
        params["data"] |= {"splits": [JUDGED, TUNED_ON], "judge": JUDGED, "tune": TUNED_ON}
        params["operating_point"] = {"decision": "tuned", "threshold": None}
        params["measure"]["scores"] = True
        params["gate"]["enforce"] = False  # vessels are thin: 0.85 of them is not found

    project.params(fit)
    return project


def pixels(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Vessels and stored scores of all images of a split, straight from the shared files."""
    names = sorted(path.stem for path in (STARE / "images").glob("*.png"))
    chosen = [name for name, its in split_of(names).items() if its == split]
    arrays = [
        [np.asarray(Image.open(STARE / kind / f"{name}.png")) for name in chosen]
        for kind in ("masks_ah", "predictions/unet")
    ]
    return np.stack(arrays[0]) != 0, np.stack(arrays[1])


def rates(true: np.ndarray, found: np.ndarray, beta: float = 2.0) -> tuple[float, float, float]:
    hits = (true & found).sum()
    f = (1 + beta**2) * hits / (beta**2 * true.sum() + found.sum())
    precision = hits / found.sum() if found.any() else np.nan
    return float(precision), float(hits / true.sum()), float(f)


def near_brier(true: np.ndarray, scores: np.ndarray, level: int) -> float:
    """Over the pixels within 2 % of the diagonal of a vessel, real or predicted."""
    reach = round(0.02 * np.hypot(*true.shape[1:]))
    box = np.ones((2 * reach + 1,) * 2)
    near = [
        ndimage.binary_dilation(t | (s >= level), box) for t, s in zip(true, scores, strict=True)
    ]
    p = (scores + 0.5) / 256
    return float(((p - true) ** 2)[np.stack(near)].mean())


def read(project, name: str):
    return json.loads((project.folder / "results" / name).read_text())


def test_a_threshold_is_tuned_on_one_half_of_stare_and_judged_on_the_other(retinas):
    ran = retinas.repro()
    assert {"operate", f"measure@{JUDGED}", f"measure@{TUNED_ON}", "check"} <= ran
    true, scores = pixels(TUNED_ON)
    values = {level: rates(true, scores >= level)[2] for level in range(1, 256)}
    best = max(values, key=values.__getitem__)
    assert sorted(values.values())[-2] < values[best]  # no tie: nothing to break
    point = read(retinas, "operating_point.json")
    assert point["threshold"] == best / 256
    assert (point["source"], point["tuned_on"], point["objective"]) == ("tuned", TUNED_ON, "f2")
    assert point["value"] == pytest.approx(values[best], abs=1e-12)

    true, scores = pixels(JUDGED)
    precision, recall, f2 = rates(true, scores >= best)
    evaluation = read(retinas, "evaluation.json")["splits"][JUDGED]
    (name,) = evaluation["scores"]
    pooled = evaluation["classes"][name]["pooled"]
    found = [pooled[metric]["value"] for metric in ("precision", "recall", "f2")]
    assert found == pytest.approx([precision, recall, f2], abs=1e-12)
    chosen = evaluation["scores"][name]["chosen"]
    assert chosen["threshold"] == best / 256
    assert [chosen[k] for k in ("precision", "recall", "f2")] == pytest.approx(found, abs=1e-12)
    assert pooled["brier"]["value"] == pytest.approx(near_brier(true, scores, best), abs=1e-12)
    sklearn = pytest.importorskip("sklearn.metrics", reason="the independent reference")
    expected = sklearn.average_precision_score(true.reshape(-1), scores.reshape(-1))
    assert pooled["average_precision"]["value"] == pytest.approx(expected, abs=1e-9)

    verdict = read(retinas, "verdict.json")
    names = {finding["name"] for finding in verdict["findings"]}
    assert not names & {"stale_operating_point", "tuned_on_judged"}
    curve = (retinas.folder / "results" / "plots" / "precision_recall.csv").read_text()
    assert len(curve.splitlines()) <= 1 + 2 * 256
    assert f"{JUDGED},{name},{best / 256:.6g},{recall:.6g},{precision:.6g}" in curve.splitlines()
    assert "Running stage" not in retinas.ok("dvc", "repro")

    # A kinder threshold that nobody tuned, followed through the whole pipeline, is no pass.
    path = retinas.folder / "results" / "operating_point.json"
    path.unlink()  # it may be a link into the cache
    path.write_text(json.dumps({**point, "threshold": 0.25}))
    for stage in (f"measure@{JUDGED}", f"measure@{TUNED_ON}", "evaluate", "check"):
        retinas.ok("dvc", "repro", "-f", "-s", stage)
    verdict = read(retinas, "verdict.json")
    assert verdict["decision"] == "fail"
    (finding,) = [f for f in verdict["findings"] if f["name"] == "stale_operating_point"]
    assert finding["severity"] == "block"
    assert "threshold 0.25" in finding["text"]

    # Nor is one that was tuned on the judged split.
    retinas.params(lambda p: p["data"].update(tune=JUDGED))
    retinas.repro()
    assert read(retinas, "operating_point.json")["tuned_on"] == JUDGED
    verdict = read(retinas, "verdict.json")
    assert verdict["decision"] == "fail"
    names = {f["name"] for f in verdict["findings"] if f["severity"] == "block"}
    assert "tuned_on_judged" in names
    assert "stale_operating_point" not in names


def test_a_model_with_a_tuned_threshold_is_promoted_and_an_edited_one_is_not(project):
    def tune(params):
        params["operating_point"] = {"decision": "tuned", "threshold": None}
        params["measure"]["scores"] = True

    project.params(tune)
    assert "operate" in project.repro()
    assert "now is version 1" in project.ok("segmetrics", "promote", "--allow-first")
    assert project.ok("segmetrics", "verdict")
    path = project.folder / "results" / "operating_point.json"
    point = read(project, "operating_point.json")
    path.unlink()
    path.write_text(json.dumps({**point, "threshold": point["threshold"] - 1 / 256}))
    for command in ("verdict", "promote"):
        done = project.run("segmetrics", command)
        assert done.returncode in (1, 2), done.stdout
        assert "Traceback" not in done.stderr
