"""What must not leave the machine is looked for in every byte of a store."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from tracking_project import IDS, TrackedProject, evaluated_project

pytest.importorskip("mlflow")

FILES = ("data/images", "data/masks", "images/test", "masks/test", "slide-of-maria", "by-dr")
GROUPS = ("patient-joan", *(f"patient-{s}-{i}" for s in IDS for i in (1, 2, 3)))
ANNOTATORS = ("dr-annamaria", "dr-benedikt")
# Column -> its values: one a sample, one of two groups only, an annotator's name that many share.
NAMES = [f"Name{letter} Surname" for letter in "abcdefgh"]
PRIVATE = [
    *(i for ids in IDS.values() for i in ids),
    *GROUPS,
    *ANNOTATORS,
    *FILES,
    *NAMES,
    "ward 7",
]
# These are shared by three groups or more, or named by a rule.
PUBLIC = ["Uppsala", "Zurich", "site x scanner", "named by a rule"]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> TrackedProject:
    """As people fill in samples.csv: names in columns to slice by, annotators by their names."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import onnx_models

    project = evaluated_project(tmp_path_factory.mktemp("private") / "project", onnx_models)
    path = project.folder / "data/samples.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for n, row in enumerate(rows):
        row |= {
            "name": NAMES[n],
            "site": ("Uppsala", "Zurich")[n % 2],
            "read by": ANNOTATORS[n % 2],
        }
        row["ward"] = "ward 7" if n in (1, 2) else "named by a rule" if n == 3 else "common ward"
        for annotator in ANNOTATORS:
            file = f"by-dr/{annotator}/slide-of-maria-{n}.png"
            (path.parent / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path.parent / row["mask"], path.parent / file)
            row[f"mask:{annotator}"] = file
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    rule = {"metric": "dice", "class": "foreground", "statistic": "point", "at_least": 0.99}
    project.params(
        rules={
            "names": rule | {"slice": "name"},
            "worst_ward": rule | {"slice": "ward", "worst": True},
            "one_ward": rule | {"slice": {"ward": "named by a rule"}},
            "nobody": rule | {"slice": {"ward": "no such ward"}},
            "crossed": rule | {"slice": ["site", "scanner"]},
            "unread": rule | {"slice": "name", "bins": [3.0]},
            "people": {"metric": "dice", "class": "foreground", "against": "annotators",
                       "margin": 0.05},
        }
    )  # fmt: skip
    project.evaluate()
    project.ok("-m", "stages.overlays", "results/predictions/test")
    project.ok("-m", "stages.report")
    return project


def everything(folder: Path) -> str:
    """All bytes of a store, and its compressed tables as text."""
    import pyarrow.parquet as pq

    files = [*folder.glob("mlflow.db*"), *(folder / "mlartifacts").rglob("*")]
    files = [path for path in files if path.is_file()]
    found = [path.read_bytes().decode("latin-1") for path in files]
    found += [str(path.relative_to(folder)) for path in files]
    for path in files:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            found += [json.dumps(table.to_pydict()), str(table.schema.metadata)]
    return "\n".join(found)


def sent(evaluated: TrackedProject, to: Path, **upload: object) -> tuple[TrackedProject, str]:
    project = evaluated.copy(to)
    project.params(tracking={"upload": {"images": False, "ids": "hashed"} | upload})
    project.track()
    return project, everything(project.folder)


@pytest.fixture(scope="module")
def plain(evaluated, tmp_path_factory):
    return sent(evaluated, tmp_path_factory.mktemp("plain") / "p", ids="plain", images=True)


def test_the_search_would_find_every_name(plain):
    text = plain[1]
    only_local = (*FILES, "no such ward")
    # What is kept for later comparisons is of the judged split alone.
    named = [name for name in (*PRIVATE, *PUBLIC) if "train" not in name]
    wanted = [name for name in named if name not in only_local]
    assert [name for name in wanted if name not in text and name != "site x scanner"] == []
    page = next((plain[0].folder / "mlartifacts").rglob("report.html")).read_text()
    assert page == (plain[0].folder / "results/report.html").read_text()
    assert "test-maria-0" in page


@pytest.fixture(scope="module", params=[("hashed", True), ("none", False)])
def hidden(evaluated, tmp_path_factory, request):
    ids, images = request.param
    folder = tmp_path_factory.mktemp("hidden") / "p"
    return ids, images, *sent(evaluated, folder, ids=ids, images=images)


def test_no_name_of_a_sample_group_person_or_file_is_in_the_store(hidden):
    text = hidden[-1]
    assert [name for name in PRIVATE if name in text] == []
    assert [name for name in PUBLIC if name not in text and name != "site x scanner"] == []
    assert "test/dice_group_mean/foreground/slice/site Uppsala" in text


def test_pictures_leave_only_where_they_may(hidden):
    ids, images, project, _ = hidden
    (run,) = project.store()["runs"]
    drawn = [name for name in run["artifacts"] if name.endswith((".png", ".webp"))]
    assert bool(drawn) == images
    page = next((project.folder / "mlartifacts").rglob("report.html")).read_text()
    assert ("data:image" in page) == images
    assert "recall" in page, "it is a page all the same"
    if images:
        names = {Path(n).name for n in run["artifacts"] if n.startswith("overlays/")}
        assert {"worst-001.png", "index.json"} <= names
        index = next((project.folder / "mlartifacts").rglob("overlays/index.json"))
        entries = json.loads(index.read_text())["images"]
        assert {len(e.get("id", "")) for e in entries} == {16 * (ids == "hashed")}
        assert {e["file"] for e in entries} == names - {"index.json"}


def test_panels_show_the_worst_images(plain):
    project, _ = plain
    (run,) = project.store()["runs"]
    panels = {n.rpartition("step")[0] for n in run["artifacts"] if n.startswith("images/worst")}
    assert len(panels) == len(IDS["test"]), "all images of this split, there are so few"
    assert any("test-maria-0" in name for name in panels)


def test_a_run_that_was_sent_otherwise_is_left_alone_with_a_warning(plain, tmp_path):
    project = plain[0].copy(tmp_path / "p")
    project.params(tracking={"upload": {"images": False, "ids": "hashed"}})
    before = plain[0].store()
    told = project.track(MLFLOW_TRACKING_URI=plain[0].uri)
    run = before["runs"][0]["id"]
    assert f"the MLflow run {run} of this evaluation was sent with ids=plain images=true" in told
    assert "params.yaml says ids=hashed images=false" in told
    assert f"mlflow runs delete --run-id {run}" in told
    assert plain[0].store() == before


def test_the_summary_of_ci_names_nobody(evaluated, tmp_path):
    """The stage `gate` writes it: it leaves the machine as well."""
    project = evaluated.copy(tmp_path / "p")
    project.track()
    summary = tmp_path / "summary.md"
    project.run("-m", "stages.gate", GITHUB_STEP_SUMMARY=str(summary))
    text = summary.read_text()
    assert "named by a rule" in text
    assert [name for name in PRIVATE if name in text] == []
