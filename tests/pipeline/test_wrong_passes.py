"""Ways to a pass that should not be one, each tried on a project whose verdict is a pass."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

pytestmark = pytest.mark.pipeline


@pytest.fixture
def tracked(project):
    """The passing project, tracked in a store of its own."""
    project.ok("dvc", "repro", "-f", "-s", "track")
    return project


def refused(project, reason):
    done = project.run("segmetrics", "promote")
    assert done.returncode in (1, 2), done.stdout
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert project.store()["champion"] is None


@pytest.mark.parametrize(
    ("folder", "pixels"), [("data/masks", 1), ("data/images", 9), ("results/predictions/test", 255)]
)
def test_files_that_change_after_the_verdict_are_not_promoted(tracked, folder, pixels):
    path = tracked.folder / folder / "test-0.png"
    with Image.open(path) as picture:
        size = picture.size
    path.unlink()  # it may be a link into DVC's cache
    Image.new("L", size, pixels).save(path)
    done = tracked.run("segmetrics", "promote")
    assert done.returncode in (1, 2), done.stdout
    assert tracked.store()["champion"] is None


def test_another_threshold_without_measuring_again(tracked):
    tracked.params(lambda p: p["operating_point"].update(threshold=0.9))
    tracked.ok("dvc", "repro", "-s", "operate")
    done = tracked.run("dvc", "repro", "-s", "evaluate")
    assert done.returncode != 0
    assert "was measured with other classes, encoding, ignored labels, threshold" in done.stderr
    assert tracked.run("segmetrics", "promote").returncode != 0


def test_other_preprocessing_without_predicting_again(tracked):
    tracked.params(lambda p: p["infer"].update(scale=60.0))
    tracked.ok("dvc", "repro", "-s", "check")
    verdict = json.loads((tracked.folder / "results" / "verdict.json").read_text())
    assert verdict["decision"] == "fail"
    assert "stale_predictions" in {f["name"] for f in verdict["findings"]}


def perfect(folder):
    """Edit both tables so that they agree with each other and with every digest of a file."""
    path = folder / "results" / "measurements" / "test" / "images.parquet"
    table = pq.read_table(path)
    columns = {name: table.column(name).to_numpy().copy() for name in ("tp", "fp", "fn", "tn")}
    columns["tp"] += columns["fn"]
    columns["tn"] += columns["fp"]
    columns["fn"] *= 0
    columns["fp"] *= 0
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.array(values))
    path.unlink()
    pq.write_table(table, path)


def test_edited_counts_are_neither_believed_nor_reused(tracked):
    before = (tracked.folder / "results" / "metrics.json").read_text()
    perfect(tracked.folder)
    refused(tracked, "its rows are not those that were written")
    tracked.ok("dvc", "repro", "-f", "measure@test", "evaluate")
    assert (tracked.folder / "results" / "metrics.json").read_text() == before


def test_a_tightened_rule_or_an_edited_verdict_is_no_pass_for_the_verdict_command(tracked):
    assert tracked.run("segmetrics", "verdict").returncode == 0
    params = (tracked.folder / "params.yaml").read_text()
    dream = {"metric": "dice", "at_least": 0.9999, "statistic": "point"}
    tracked.params(lambda p: p["rules"].update(dream=dream))
    done = tracked.run("segmetrics", "verdict")
    assert done.returncode == 1
    assert "is of an earlier run: params.yaml" in done.stderr

    (tracked.folder / "params.yaml").write_text(params)
    path = tracked.folder / "results" / "verdict.json"
    path.write_text(path.read_text().replace('"at_least": 0.85', '"at_least": 0.10', 1))
    done = tracked.run("segmetrics", "verdict")
    assert done.returncode == 1
    assert "the verdict itself" in done.stderr


def test_labels_of_no_class_cannot_hide_false_positives(project):
    """A predictor that writes label 7 over the background would have perfect precision."""
    script = (
        "import csv, sys, numpy as np\nfrom PIL import Image\n"
        "rows = list(csv.DictReader(open(sys.argv[1])))\n"
        "assert all('mask' not in key for row in rows for key in row)\n"
        "for row in rows:\n"
        "    mask = np.array(Image.open(row['image'].replace('images', 'masks')))\n"
        "    mask[-9:][mask[-9:] == 0] = 7\n"
        "    Image.fromarray(mask).save(f\"{sys.argv[2]}/{row['id']}.png\")\n"
    )
    (project.folder / "predict.py").write_text(script)

    def change(params):
        params["infer"]["command"] = "python predict.py {samples} {out}"
        params["operating_point"] = {"decision": "argmax", "threshold": None}

    project.params(change)
    done = project.run("dvc", "repro")
    assert done.returncode != 0
    verdict = json.loads((project.folder / "results" / "verdict.json").read_text())
    assert verdict["decision"] == "fail"
    assert {r["outcome"] for r in verdict["rules"]} == {"pass"}  # the metrics alone would pass
    assert "unknown_labels" in {f["name"] for f in verdict["findings"]}


def test_a_predictor_that_is_a_folder_of_python_can_be_promoted(project):
    """Its own cache files are no other model."""
    folder = project.folder / "models" / "net"
    folder.mkdir()
    (folder / "level.py").write_text("LEVEL = 128\n")
    (folder / "predict.py").write_text(
        "import csv, sys\nfrom PIL import Image\nfrom level import LEVEL\n"
        "for row in csv.DictReader(open(sys.argv[1])):\n"
        "    image = Image.open(row['image']).point(lambda v: 255 * (v > LEVEL))\n"
        "    image.save(f\"{sys.argv[2]}/{row['id']}.png\")\n"
    )
    command = "python {source}/predict.py {samples} {out}"
    project.params(lambda p: p["infer"].update(source="models/net", command=command))
    project.repro()
    (folder / "__pycache__").mkdir(exist_ok=True)
    (folder / "__pycache__" / "level.pyc").write_bytes(np.random.default_rng(1).bytes(9))
    assert "now is version 1" in project.ok("segmetrics", "promote", "--allow-first")


def test_a_verdict_is_not_believed_from_another_folder(tracked, tmp_path):
    """There its inputs would not be compared: a tightened rule must not go unseen."""
    dream = {"metric": "dice", "at_least": 0.9999, "statistic": "point"}
    tracked.params(lambda p: p["rules"].update(dream=dream))
    file = str(tracked.folder / "results" / "verdict.json")
    tracked.folder = tmp_path
    done = tracked.run("segmetrics", "verdict", file)
    assert done.returncode == 1
    assert "can only be checked in its project folder" in done.stderr


def test_a_command_that_is_not_told_its_model_is_not_promoted(project):
    (project.folder / "predict.py").write_text(PREDICT)
    project.params(lambda p: p["infer"].update(command="python predict.py {samples} {out}"))
    project.repro()
    refused(project, "does not use {source}: nothing says that models/unet.onnx made")
    verdict = project.ok("segmetrics", "verdict")
    assert "source_not_named" in verdict
    # The script decides the predictions, too, although DVC does not know it.
    script = project.folder / "predict.py"
    script.write_text(PREDICT.replace("v > 128", "v < 128"))
    assert project.run("segmetrics", "verdict").returncode == 1


def test_a_class_that_never_occurs_is_no_pass(project):
    def change(params):
        params["data"]["classes"]["tumour"] = 2
        params["measure"]["both_empty"] = "one"
        params["operating_point"] = {"decision": "argmax", "threshold": None}
        params["infer"]["source"] = "given"

    for split in ("test", "train", "val"):
        target = project.folder / "given" / split
        target.mkdir(parents=True)
        for path in (project.folder / "data" / "masks").glob(f"{split}-*.png"):
            (target / path.name).write_bytes(path.read_bytes())
    project.params(change)
    assert project.run("dvc", "repro").returncode != 0
    verdict = json.loads((project.folder / "results" / "verdict.json").read_text())
    assert verdict["decision"] == "fail"
    assert "absent_class" in {f["name"] for f in verdict["findings"]}


def test_given_predictions_that_were_never_measured_are_no_pass(project):
    given = project.folder / "given"
    for split in ("test", "train", "val"):
        (given / split).mkdir(parents=True)
        for path in (project.folder / "results" / "predictions" / split).glob("*.png"):
            (given / split / path.name).write_bytes(path.read_bytes())
    project.params(lambda p: p["infer"].update(source="given"))
    project.repro()
    path = given / "test" / "test-0.png"
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    project.ok("dvc", "repro", "-s", "check")
    assert project.run("segmetrics", "verdict").returncode == 1
    verdict = json.loads((project.folder / "results" / "verdict.json").read_text())
    assert verdict["decision"] == "fail"


@pytest.mark.parametrize("folder", ["data/masks", "data/images", "results/predictions/test"])
def test_the_verdict_command_notices_changed_files(project, folder):
    project.ok("segmetrics", "verdict")
    path = project.folder / folder / "test-0.png"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content + b"\0")
    done = project.run("segmetrics", "verdict")
    assert done.returncode == 1
    assert "test-0.png: changed since it was listed" in done.stderr


def test_the_verdict_command_does_not_believe_an_edited_evaluation(project):
    """Nor does `check`; whoever goes around it, and judges the values by hand, gets no further."""
    path = project.folder / "results" / "evaluation.json"
    data = json.loads(path.read_text())
    for estimate in data["splits"]["test"]["mean"]["group_mean"].values():
        if estimate["value"] is not None:
            estimate.update(value=0.999, low=0.998, high=1.0)
    path.chmod(0o644)
    path.write_text(json.dumps(data))
    done = project.run("python", "-m", "stages.check")
    assert done.returncode == 2
    assert "evaluation.json: is not what the tables give: it was edited" in done.stderr
    project.ok("python", "-c", AROUND)
    done = project.run("segmetrics", "verdict")
    assert done.returncode == 1
    assert "evaluation.json (it is not what the tables give)" in done.stderr


AROUND = """
from pathlib import Path
from segmetrics.config import load_settings
from segmetrics.config.build import layout, predictor, result_settings
from segmetrics.config.judging import policy
from segmetrics.files import write_json
from segmetrics.judge import judge_project

s = load_settings(Path("params.yaml"))
files = layout(s)
verdict = judge_project(files, policy(s), result_settings(s), predictor(s))
write_json(files.verdict, verdict.to_json())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_to_folders_are_refused_because_dvc_does_not_follow_them(project, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "k.txt").write_text("128")
    tool = project.folder / "tool"
    tool.mkdir()
    (tool / "predict.py").write_text(PREDICT)
    (tool / "w").symlink_to(tmp_path / "weights")
    command = "python {source}/predict.py {samples} {out}"
    project.params(lambda p: p["infer"].update(source="tool", command=command))
    done = project.run("dvc", "repro")
    assert done.returncode != 0
    assert "tool/w: is a link to a folder, whose changes DVC does not see" in done.stderr


PREDICT = """
import csv, sys
from PIL import Image
for row in csv.DictReader(open(sys.argv[1])):
    Image.open(row["image"]).point(lambda v: 255 * (v > 128)).save(f"{sys.argv[2]}/{row['id']}.png")
"""


def test_a_leakage_report_that_was_cleaned_by_hand_is_not_promoted(tracked):
    data = tracked.folder / "data" / "images"
    shutil.copyfile(data / "train-0.png", data / "test-0.png")
    done = tracked.run("dvc", "repro")
    assert done.returncode != 0
    assert "leakage_pixels" in done.stdout + done.stderr
    path = tracked.folder / "results" / "leakage.json"
    report = json.loads(path.read_text())
    assert report["counts"]["pixels"] == 1
    report |= {"pairs": [], "counts": dict.fromkeys(report["counts"], 0)}
    report |= {"samples": {kind: [] for kind in report["samples"]}}
    path.chmod(0o644)
    path.write_text(json.dumps(report))
    tracked.ok("python", "-m", "stages.check")
    tracked.ok("python", "-m", "stages.track")
    tracked.ok("python", "-m", "stages.gate")
    refused(tracked, "leakage.json: is not what the images and masks at hand give")
