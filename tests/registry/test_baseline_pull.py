"""The champion's tables come from its run; where they are of other data, it runs again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from champions import Project, enter, here, passing_project
from PIL import Image

from segmetrics.baseline.folder import read_baseline
from segmetrics.files import sha256_path

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory) -> Project:
    """Not to be changed; copy it."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import onnx_models

    return passing_project(tmp_path_factory.mktemp("passing") / "project", onnx_models)


@pytest.fixture(scope="session")
def promoted(evaluated, tmp_path_factory) -> tuple[Project, Path]:
    """A project whose model is the champion of its own store, and a copy of its files."""
    folder = tmp_path_factory.mktemp("promoted")
    shutil.copytree(evaluated.folder, folder / "project")
    project = Project(folder / "project")
    project.track()
    project.ok("-m", "segmetrics.cli", "promote", "--allow-first")
    shutil.copytree(project.folder, folder / "before")
    return project, folder / "before"


@pytest.fixture
def project(promoted, monkeypatch) -> Project:
    """As it was after promotion. The database stays: no test that asks for this writes to it."""
    made, before = promoted
    for path in made.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif not path.name.startswith("mlflow.db"):
            path.unlink()
    for path in before.iterdir():
        if path.is_dir():
            shutil.copytree(path, made.folder / path.name)
        elif not path.name.startswith("mlflow.db"):
            shutil.copyfile(path, made.folder / path.name)
    return here(made, monkeypatch)


def replace_model(models, level):
    Path("models/unet.onnx").unlink()
    models.brightness(Path("models/unet.onnx"), level=level)


def tree(folder):
    return {p: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def first_champion(project, outcome, name):
    """Track, promote and pull; gives what pulling said."""
    project.params(promotion={"model": name}, tracking={"experiment": name})
    project.stage(outcome, "track")
    project.done(outcome, "promote", "--allow-first")
    return project.done(outcome, "baseline", "pull").splitlines()


@pytest.mark.parametrize("where", ["embedded", "served"])
def test_the_tables_of_the_champion_are_brought(
    evaluated, tmp_path, monkeypatch, outcome, request, where
):
    uri = request.getfixturevalue("served") if where == "served" else ""
    project = enter(evaluated, tmp_path / "project", monkeypatch, uri)
    first, second = first_champion(project, outcome, where)
    assert first.startswith("baseline now is the evaluation ")
    assert f" of models:/{where}/1: verdict pass, 4 samples in 4 groups of test" in first
    assert second == "it has 4 of the 4 samples of test (100%)."
    baseline = read_baseline(Path("baseline"))
    assert baseline.model == sha256_path(Path("models/unet.onnx"))
    assert baseline.eval_id == json.loads(Path("results/tracking.json").read_text())["eval_id"]
    assert not any("maria" in name for name in baseline.cells("test"))  # ids left hashed
    assert (Path("baseline") / "README.md").exists()
    before = tree("baseline")
    assert "nothing changed" in project.done(outcome, "baseline", "pull", "--alias", "champion")
    assert tree("baseline") == before


def test_pull_compare_promote(evaluated, tmp_path, monkeypatch, outcome, models):
    """The everyday sequence; hashed ids of the champion's tables do not keep samples apart."""
    project = enter(evaluated, tmp_path / "project", monkeypatch)
    first_champion(project, outcome, "story")
    replace_model(models, 0.47)
    verdict = project.again(outcome)
    (rule,) = [r for r in verdict["rules"] if r["name"] == "no_worse"]
    assert rule["shared"] == {"samples": 4, "candidate": 4, "baseline": 4}
    assert (rule["outcome"], verdict["decision"]) == ("pass", "pass")
    assert "now is version 2 (was version 1)" in project.done(outcome, "promote")

    # The tables of version 1 are not those of the champion any more.
    replace_model(models, 0.46)
    project.again(outcome)
    done = project.cli(outcome, "promote")
    assert (done.code, "is of another model" in done.err) == (1, True)
    assert "`segmetrics baseline pull` puts its evaluation there" in done.err
    assert "/2: verdict pass" in project.done(outcome, "baseline", "pull")

    # Somebody mends masks: half of the samples are others than the champion saw.
    mend(["test-maria-0", "test-maria-1"])
    project.again(outcome)
    out = project.done(outcome, "baseline", "pull")
    assert "warning: it is of other data or classes than today's" in out
    assert "it has 2 of the 4 samples of test (50%); rules need 80%." in out
    assert "`segmetrics evaluate-champion`" in out
    project.done(outcome, "evaluate-champion")
    verdict = project.again(outcome)
    (rule,) = [r for r in verdict["rules"] if r["name"] == "no_worse"]
    assert rule["shared"]["samples"] == 4
    assert "now is version 3 (was version 2)" in project.done(outcome, "promote")


def mend(names):
    """Other masks for some samples: somebody mended the annotation."""
    for name in names:
        path = Path(f"data/masks/{name}.png")
        mask = np.asarray(Image.open(path)).copy()
        mask[20, 20:24] ^= 1
        Image.fromarray(mask).save(path)


def test_the_champion_is_evaluated_on_todays_data(project, outcome):
    mend(["test-maria-0", "test-maria-1"])
    results = tree("results")
    out = project.done(outcome, "evaluate-champion")
    assert "baseline now is models:/story/1 on today's data: 4 samples in 4 groups of test" in out
    assert {p: c for p, c in tree("results").items() if p.parts[1] != "champion"} == results
    assert read_baseline(Path("baseline")).model == sha256_path(Path("models/unet.onnx"))
    assert "already is this evaluation" in project.done(outcome, "evaluate-champion")

    # It is what `baseline set` makes of the same model and data.
    for split in ("test", "train"):
        project.stage(outcome, "samples", split)
        project.stage(outcome, "infer", split)
        project.stage(outcome, "measure", split, f"results/predictions/{split}")
    for name in ("leakage", "evaluate", "check"):
        project.stage(outcome, name)
    project.done(outcome, "baseline", "set", "--folder", "other")
    for name in ("measurements/test/images.parquet", "samples.csv", "operating_point.json"):
        assert (Path("other") / name).read_bytes() == (Path("baseline") / name).read_bytes()


def test_the_champion_is_run_as_it_was_judged(project, outcome):
    """With the preprocessing and threshold of another model it would look worse than it is."""
    before = json.loads(Path("results/evaluation.json").read_text())["splits"]["test"]["mean"]
    project.params(
        infer={"scale": 128.0, "mean": [0.4]},
        operating_point={"decision": "fixed", "threshold": 0.9},
    )
    project.done(outcome, "evaluate-champion")
    after = json.loads(Path("baseline/evaluation.json").read_text())["splits"]["test"]["mean"]
    assert after == before
    point = json.loads(Path("baseline/operating_point.json").read_text())
    assert point["threshold"] == 0.5


def test_a_tuned_threshold_is_the_champions_own(evaluated, tmp_path, monkeypatch, outcome):
    project = enter(evaluated, tmp_path / "project", monkeypatch)
    project.params(
        data={"tune": "train"},
        measure={"scores": True},
        operating_point={"decision": "tuned", "threshold": None},
    )
    project.again(outcome)
    tuned = json.loads(Path("results/operating_point.json").read_text())["threshold"]
    assert tuned != 0.5
    project.done(outcome, "promote", "--allow-first")
    project.params(operating_point={"decision": "fixed", "threshold": 0.5})
    project.done(outcome, "evaluate-champion")
    kept = json.loads(Path("baseline/operating_point.json").read_text())
    assert (kept["source"], kept["threshold"]) == ("fixed", tuned)


def test_classes_that_are_defined_otherwise_are_said(project, outcome):
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(
        text.replace("foreground", "blob").replace("predicted: blob", "predicted: foreground")
    )
    out = project.done(outcome, "baseline", "pull")
    wanted = 'blob: the baseline has no class "blob" (its labels are those of "foreground" there)'
    assert wanted in out
    assert "`segmetrics evaluate-champion`" in out


def artifacts(folder):
    (found,) = (folder / "mlartifacts").rglob("baseline")
    return found


def _edited(kept):
    path = kept / "samples.csv"
    path.write_text(path.read_text().replace(",A", ",B"))


def _forged(kept):
    """With a baseline.json that fits: only the version's tag knows."""
    path = kept / "baseline.json"
    path.write_text(path.read_text().replace('"grade": "', '"grade":  "'))


def _without_record(kept):
    (kept / "baseline.json").unlink()


def _gone(kept):
    shutil.rmtree(kept)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_edited, "baseline/ is not what was written: samples.csv changed"),
        (_forged, "baseline/baseline.json was changed after the promotion"),
        (_without_record, "baseline/ lacks baseline.json: it was tracked by an earlier segmetrics"),
        (_gone, "kept no tables of single images (`tracking.upload.ids: none`)"),
    ],
)
def test_what_was_changed_in_the_store_is_refused(project, outcome, spoil, reason):
    before = tree("baseline")
    spoil(artifacts(project.folder))
    done = project.cli(outcome, "baseline", "pull")
    assert (done.code, reason in done.err) == (2, True), done.err
    assert "`segmetrics evaluate-champion` evaluates it here" in done.err
    assert tree("baseline") == before


def test_what_is_not_there_and_who_does_not_answer(project, outcome, monkeypatch):
    done = project.cli(outcome, "baseline", "pull", "--alias", "nobody")
    assert (done.code, "the registry has no such model, alias or version" in done.err) == (2, True)
    assert project.cli(outcome, "baseline", "pull", "--uri", "models:/story").code == 2
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for words in (("baseline", "pull"), ("evaluate-champion",), ("model", "pull", "models:/m/1")):
        assert project.cli(outcome, *words).code == 3


def test_another_command_than_the_champions_is_not_run(project, outcome, monkeypatch):
    """Neither is a command that stands in the registry: it could be anything."""
    from segmetrics.registry import champion as fetching

    real = fetching._how

    def with_command(client, run_id):
        settings, point = real(client, run_id)
        return {**settings, "infer": settings["infer"] | {"command": "touch {source}"}}, point

    monkeypatch.setattr(fetching, "_how", with_command)
    done = project.cli(outcome, "evaluate-champion")
    assert (done.code, "is not what the champion is run with: touch {source}" in done.err) == (
        2,
        True,
    )
