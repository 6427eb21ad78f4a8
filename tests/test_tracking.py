"""One run per evaluation with everything in it, and nothing that must not leave the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tracking_project import IDS, TrackedProject, evaluated_project

from segmetrics.baseline.folder import read_baseline
from segmetrics.tables import read_measurements

pytest.importorskip("mlflow")


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory) -> TrackedProject:
    """Evaluated, not tracked; copy it, do not change it."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import onnx_models

    return evaluated_project(tmp_path_factory.mktemp("evaluated") / "project", onnx_models)


@pytest.fixture(scope="session")
def tracked(evaluated, tmp_path_factory) -> TrackedProject:
    """Tracked in a SQLite store; not to be changed either."""
    project = evaluated.copy(tmp_path_factory.mktemp("tracked") / "project")
    project.track()
    return project


@pytest.fixture(scope="session")
def store(tracked):
    return tracked.store()


@pytest.fixture
def project(evaluated, tmp_path) -> TrackedProject:
    return evaluated.copy(tmp_path / "project")


def test_metrics_and_the_ends_of_their_intervals(tracked, store):
    run = store["runs"][0]
    evaluation = json.loads((tracked.folder / "results/evaluation.json").read_text())
    test = evaluation["splits"]["test"]
    for name, table in (("", test["mean"]), ("/foreground", test["classes"]["foreground"])):
        dice = table["group_mean"]["dice"]
        assert run["metrics"][f"test/dice_group_mean{name}"] == dice["value"]
        assert run["metrics"][f"test/dice_group_mean{name}/low"] == dice["low"]
        assert run["metrics"][f"test/dice_group_mean{name}/high"] == dice["high"]
    sliced = test["slices"]["scanner"]["A (3T)"]["classes"]["foreground"]["group_mean"]["dice"]
    name = "test/dice_group_mean/foreground/slice/scanner A _x28_3T_x29_"
    assert run["metrics"][name] == sliced["value"]
    margin = min(r["value"] for r in verdict(tracked)["rules"] if r["name"] == "scanners") - 0.6
    assert run["metrics"]["rules/scanners"] == pytest.approx(margin, abs=1e-15)


def verdict(project):
    return json.loads((project.folder / "results/verdict.json").read_text())


def test_tags_parameters_and_description(tracked, store):
    run = store["runs"][0]
    own = {k.removeprefix("segmetrics."): v for k, v in run["tags"].items() if "segmetrics." in k}
    assert own["decision"] == verdict(tracked)["decision"] == "fail"
    assert (own["domain"], own["primary"], own["judged"]) == ("medical", "recall", "test")
    assert own["rule.scanners"] == "pass"
    assert run["params"]["data.classes.foreground"] == "1"
    first = run["tags"]["mlflow.note.content"].splitlines()[0]
    value = f"{run['metrics']['test/recall_group_mean']:.4f}"
    assert first.startswith(f"**`unet` fails**: recall (group_mean) on test is {value} (")
    assert "leakage_groups" in first


def test_every_split_is_a_data_set_with_digest_and_schema(tracked, store):
    sets = {d[0]: d for d in store["runs"][0]["datasets"]}
    assert set(sets) == {"test", "train"}
    columns = json.loads(sets["test"][2])["mlflow_colspec"]
    assert [c["name"] for c in columns] == ["id", "image", "mask", "split", "group", "scanner"]
    assert json.loads(sets["test"][3]) == {"num_rows": 4, "num_groups": 4}
    assert sets["test"][4] == "test"
    assert len({d[1] for d in sets.values()}) == 2


def test_the_digest_of_a_data_set_is_that_of_its_contents(tracked, store, project):
    """The same files under other names are the same data."""
    path = project.folder / "data/samples.csv"
    path.write_text(path.read_text().replace("test-maria-0,", "renamed,"))
    project.evaluate()
    project.track()
    again = project.store()["runs"][0]
    assert [d[:2] for d in again["datasets"]] == [d[:2] for d in store["runs"][0]["datasets"]]
    assert again["tags"]["segmetrics.eval_id"] != store["runs"][0]["tags"]["segmetrics.eval_id"]


def test_tables_are_shown_as_tables(tracked, store):
    run = store["runs"][0]
    tables = {"per_class.json", "rules.json", "slices.json", "worst_images.json"}
    assert {t["path"] for t in json.loads(run["tags"]["mlflow.loggedArtifacts"])} == tables
    script = (
        "import json, mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]);"
        "mlflow.set_experiment('cells'); names = sys.argv[3:];"
        "tables = {n: mlflow.load_table(n, run_ids=[sys.argv[2]]) for n in names};"
        "print(json.dumps({n: t.iloc[:, 0].to_list() for n, t in tables.items()}))"
    )
    told = tracked.run("-c", script, tracked.uri, run["id"], *tables).stdout.splitlines()[-1]
    for name, first in json.loads(told).items():
        assert len(first) == len(set(first)) > 0, f"{name}: rows are told apart by the first column"


def test_metrics_belong_to_the_model_and_its_data(store):
    (model,) = store["models"]
    run = store["runs"][0]
    assert run["models"] == [model["id"]]
    assert (model["name"], model["status"]) == ("unet", "READY")
    held = {m[0]: m for m in model["metrics"]}
    digests = {d[0]: d[1] for d in run["datasets"]}
    for split in ("test", "train"):
        name = f"{split}/dice_group_mean/foreground"
        assert held[name][1:] == [run["metrics"][name], split, digests[split], run["id"]]
    assert not any(name.endswith("/low") or "/slice/" in name for name in held)


def test_two_evaluations_of_a_model_share_it(project):
    project.track()
    path = project.folder / "data/samples.csv"
    kept = [line for line in path.read_text().splitlines() if "train-maria-3" not in line]
    path.write_text("\n".join(kept) + "\n")
    project.evaluate()
    project.track()
    store = project.store()
    assert [r["status"] for r in store["runs"]] == ["FINISHED", "FINISHED"]
    assert len(store["models"]) == 1
    digests = {m[3] for m in store["models"][0]["metrics"] if m[2] == "train"}
    assert len({d[1] for r in store["runs"] for d in r["datasets"] if d[0] == "train"}) == 2
    assert len(digests) == 2


def test_tracking_again_changes_nothing(tracked, store):
    receipt = (tracked.folder / "results/tracking.json").read_bytes()
    tracked.track()
    assert tracked.store() == store
    assert (tracked.folder / "results/tracking.json").read_bytes() == receipt


def test_the_kept_tables_can_be_read(tracked, store):
    kept = next((tracked.folder / "mlartifacts").rglob("baseline"))
    own = read_measurements(tracked.folder / "results/measurements/test")
    there = read_measurements(kept / "measurements/test")
    assert sorted(there.reference_digests) == sorted(own.reference_digests)
    order = [own.reference_digests.index(d) for d in there.reference_digests]
    assert (there.counts.tp == own.counts.tp[order]).all()
    assert list(there.ids) == sorted(there.ids)
    cells = (kept / "samples.csv").read_text().splitlines()
    assert cells[0] == "id,split,group,scanner"
    assert {line.split(",")[0] for line in cells[1:] if ",test," in line} == set(there.ids)


def test_what_is_kept_is_a_baseline_of_this_evaluation(tracked, store):
    kept = next((tracked.folder / "mlartifacts").rglob("baseline"))
    baseline = read_baseline(kept)  # digests of all files are compared
    assert baseline is not None
    assert baseline.eval_id == store["runs"][0]["tags"]["segmetrics.eval_id"]
    assert baseline.model == store["runs"][0]["tags"]["segmetrics.model_sha256"]
    assert (baseline.judged, baseline.splits, baseline.samples) == ("test", ("test",), 4)
    assert set(baseline.cells("test")) == set(read_kept(tracked).ids)


def test_with_plain_ids_it_is_what_baseline_set_makes_to_the_byte(project):
    project.params(tracking={"upload": {"images": False, "ids": "plain"}})
    project.track()
    project.ok("-m", "segmetrics.cli", "baseline", "set")
    own = project.folder / "baseline"
    kept = next((project.folder / "mlartifacts").rglob("baseline"))
    names = sorted(p.relative_to(kept) for p in kept.rglob("*") if p.is_file())
    assert [*names, Path("README.md")] == sorted(
        (p.relative_to(own) for p in own.rglob("*") if p.is_file()),
        key=lambda p: (p.name == "README.md", p),
    )
    records = [json.loads((f / "baseline.json").read_text()) for f in (own, kept)]
    for record in records:
        del record["date"], record["digest"]  # they may be of two days
    assert records[0] == records[1]
    for name in names:
        if name.name != "baseline.json":
            assert (kept / name).read_bytes() == (own / name).read_bytes(), name


def everything(folder: Path) -> bytes:
    """All bytes of a store, tables and compressed ones as text, too."""
    import pyarrow.parquet as pq

    files = [folder / "mlflow.db", *(p for p in (folder / "mlartifacts").rglob("*") if p.is_file())]
    found = [p.read_bytes() for p in files]
    found += [str(p.relative_to(folder)).encode() for p in files]
    tables = [p for p in files if p.suffix == ".parquet"]
    found += [json.dumps(pq.read_table(p).to_pydict()).encode() for p in tables]
    return b"\n".join(found)


PRIVATE = [
    *(name for names in IDS.values() for name in names), "maria", "joan", "patient-", "data/images",
    "data/masks", "images/test", "masks/test",
]  # fmt: skip


def test_no_id_group_or_path_of_a_sample_is_in_the_store(tracked):
    text = everything(tracked.folder)
    assert b"test/dice_group_mean" in text
    assert [name for name in PRIVATE if name.encode() in text] == []


def test_the_search_would_find_them(project):
    project.params(tracking={"upload": {"images": False, "ids": "plain"}})
    project.track()
    text = everything(project.folder)
    assert all(name.encode() in text for name in IDS["test"])
    assert b"patient-joan" in text


def test_without_ids_there_are_no_tables_of_images(project):
    project.params(tracking={"upload": {"images": False, "ids": "none"}})
    project.track()
    text = everything(project.folder)
    assert [name for name in PRIVATE if name.encode() in text] == []
    assert not list((project.folder / "mlartifacts").rglob("*.parquet"))


def test_hashes_depend_on_a_key_that_stays(project):
    project.track(SEGMETRICS_ID_KEY="one")
    ids = set(read_kept(project).ids)
    assert not (project.folder / ".segmetrics.key").exists()
    for path in project.folder.glob("mlflow.db*"):
        path.unlink()
    project.track(SEGMETRICS_ID_KEY="two")
    kept = sorted(
        (project.folder / "mlartifacts").rglob("baseline"), key=lambda p: p.stat().st_ctime
    )
    assert set(read_measurements(kept[-1] / "measurements/test").ids).isdisjoint(ids)


def read_kept(project):
    kept = next((project.folder / "mlartifacts").rglob("baseline"))
    return read_measurements(kept / "measurements/test")
