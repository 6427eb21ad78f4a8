"""`segmetrics init`: what it writes for the files that are there."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

from segmetrics.cli import main
from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme
from segmetrics.config.judging import policy
from segmetrics.config.models import Settings
from segmetrics.data.check import check_samples
from segmetrics.data.samples import read_samples

LABELS = np.add.outer(np.arange(16) // 4, np.arange(20) // 5).astype(np.uint8) % 3
SCRIPTS = (
    "__init__",
    "check",
    "evaluate",
    "gate",
    "infer",
    "leakage",
    "measure",
    "operate",
    "overlays",
    "report",
    "samples",
    "track",
)
WRITTEN = {".dvcignore", ".gitignore", "baseline/README.md", "dvc.yaml", "params.yaml"}
WRITTEN |= {f"stages/{name}.py" for name in SCRIPTS}


def files_below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def repo(tmp_path, monkeypatch) -> Path:
    """An empty repository, the current folder."""
    folder = tmp_path / "repo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def data(repo, save) -> Callable[..., None]:
    """Write three pairs of images and masks."""

    def write(labels=LABELS, mode=None, root="repo/data") -> None:
        for i in range(3):
            save(f"{root}/images/s{i}.tif", np.uint8(LABELS * 100 + i))
            save(f"{root}/masks/s{i}.png", np.roll(labels, i, axis=1), mode=mode)

    return write


@pytest.fixture
def init(outcome):
    """Run `segmetrics init`; gives what it printed."""

    def run(*options: str) -> str:
        done = outcome(main, ["init", *options])
        assert (done.code, done.err) == (0, "")
        return done.out

    return run


DATA = ("--images", "data/images", "--masks", "data/masks")


def settings_that_fit(folder: Path) -> Settings:
    """Load params.yaml and check the samples with it, as the first stage does."""
    settings = load_settings(folder / "params.yaml")
    rows = read_samples(folder / settings.data.samples)
    root = folder / settings.data.root
    assert len(check_samples(rows, root=root, scheme=label_scheme(settings), workers=1)) == 3
    return settings


def test_an_empty_folder(repo, init):
    out = init()
    assert files_below(repo) == WRITTEN | {"data/samples.csv"}
    settings = load_settings(repo / "params.yaml")
    assert settings.infer.source == "models/unet.onnx"
    assert settings.tracking.experiment == settings.promotion.model == "repo"
    assert settings.domain == "balanced"
    assert read_samples(repo / "data/samples.csv") == []
    assert "Fill data/samples.csv" in out
    assert "dvc repro" in out


def test_the_repository_itself_is_what_init_writes(repo, repository, init):
    init()
    for name in WRITTEN - {"params.yaml", ".gitignore"}:
        assert (repo / name).read_text() == (repository / name).read_text(), name
    own = (repository / ".gitignore").read_text()
    assert own.startswith((repo / ".gitignore").read_text())


@pytest.mark.parametrize(
    ("labels", "mode", "expected"),
    [
        (LABELS == 1, None, ({"background": 0, "foreground": 1}, (), "binary")),
        (np.uint8(LABELS == 1) * 255, None, ({"background": 0, "foreground": 1}, (), "binary")),
        (np.uint8(LABELS == 1), None, ({"background": 0, "foreground": 1}, (), "labels")),
        (np.uint8(LABELS == 1), "P", ({"background": 0, "foreground": 1}, (), "labels")),
        (LABELS, "P", ({"background": 0, "class_1": 1, "class_2": 2}, (), "labels")),
        (
            np.choose(LABELS, [0, 1, 255]).astype(np.uint8),
            None,
            ({"background": 0, "foreground": 1}, (255,), "labels"),
        ),
        (
            np.choose(LABELS, [3, 7, 255]).astype(np.uint8),
            "P",
            ({"background": 0, "class_3": 3, "class_7": 7}, (255,), "labels"),
        ),
        (
            np.uint16(LABELS) * 300,
            None,
            ({"background": 0, "class_300": 300, "class_600": 600}, (), "labels"),
        ),
    ],
)
def test_classes_and_encoding_are_read_from_the_masks(repo, data, init, labels, mode, expected):
    data(labels, mode)
    init(*DATA)
    settings = settings_that_fit(repo)
    assert (dict(settings.data.classes), settings.data.ignore, settings.data.encoding) == expected
    assert settings.data.exclude == ("background",)
    with (repo / "data/samples.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0] == {
        "id": "s0",
        "image": "images/s0.tif",
        "mask": "masks/s0.png",
        "split": "test",
    }


@pytest.mark.parametrize(
    ("maker", "options", "decision", "size"),
    [
        ("brightness", {}, "fixed", None),
        ("brightness", {"size": (16, 32)}, "fixed", (16, 32)),
        ("levels", {"k": 3}, "argmax", None),
    ],
)
@pytest.mark.parametrize("with_data", [True, False])
def test_a_model_says_its_size_and_decision(
    repo, data, init, models: ModuleType, maker, options, decision, size, with_data
):
    data()
    getattr(models, maker)(repo / "models" / "m.onnx", **options)
    out = init(*(DATA if with_data else ()), "--model", "models/m.onnx")
    settings = load_settings(repo / "params.yaml")
    assert settings.infer.source == "models/m.onnx"
    assert settings.infer.size == size
    point = settings.operating_point
    assert (point.decision, point.threshold) == (decision, 0.5 if decision == "fixed" else None)
    assert "models/m.onnx" in out


@pytest.mark.parametrize("pages", [2, 3])
def test_a_model_and_masks_of_overlapping_classes(repo, data, init, models: ModuleType, pages):
    data()
    for i in range(3):
        (repo / "data" / "masks" / f"s{i}.png").unlink()
        stack = np.stack([k == LABELS for k in range(pages)]).astype(np.uint8)
        np.save(repo / "data" / "masks" / f"s{i}.npy", stack)
    model = models.overlapping(repo / "models" / "m.onnx")  # of two classes
    init(*DATA, "--model", "models/m.onnx")
    settings = load_settings(repo / "params.yaml")
    first = {"background": 0} if pages == 3 else {"class_0": 0}
    rest = {f"class_{k}": k for k in range(1, pages)}
    assert dict(settings.data.classes) == first | rest
    assert settings.data.exclude == (("background",) if pages == 3 else ())
    assert (settings.data.encoding, settings.data.ignore) == ("channels", ())
    assert (settings.operating_point.decision, settings.operating_point.threshold) == ("fixed", 0.5)
    # The same masks and a model of one class a pixel are no classes that overlap.
    models.overlapping(model, last="Softmax")
    init(*DATA, "--model", "models/m.onnx", "--force")
    settings = load_settings(repo / "params.yaml")
    assert (settings.data.encoding, settings.operating_point.decision) == ("labels", "argmax")


def test_a_model_of_several_sigmoids_beside_label_masks(repo, data, init, models: ModuleType):
    data()
    models.overlapping(repo / "models" / "m.onnx", (0.2, 0.4, 0.6))
    init(*DATA, "--model", "models/m.onnx")
    settings = load_settings(repo / "params.yaml")
    assert (settings.data.encoding, settings.operating_point.decision) == ("labels", "argmax")


@pytest.mark.parametrize("size", [None, 16])
def test_a_3d_model(repo, init, models: ModuleType, size):
    models.unet_3d(repo / "models" / "m.onnx", size=size)
    init("--model", "models/m.onnx")
    assert load_settings(repo / "params.yaml").infer.size == (None if size is None else (16,) * 3)


def test_minimal_with_predictions(repo, data, init):
    data()
    (repo / "predicted" / "test").mkdir(parents=True)
    init(*DATA, "--predictions", "predicted", "--minimal")
    stages = yaml.safe_load((repo / "dvc.yaml").read_text())["stages"]
    assert list(stages) == ["samples", "operate", "measure", "evaluate", "check", "track", "gate"]
    assert settings_that_fit(repo).infer.source == "predicted"


def predict(save, where: dict[str, str], values: np.ndarray) -> None:
    for stem, split in where.items():
        save(f"repo/predicted/{split}/{stem}.png", values)


GREY = np.uint8(np.add.outer(np.arange(16), np.arange(20)) * 7)


@pytest.mark.parametrize(
    ("values", "decision"),
    [(GREY, "fixed"), (np.uint8(LABELS == 1), "argmax"), (np.uint8(LABELS == 1) * 255, "argmax"),
     (LABELS, "argmax"), (GREY.astype(np.uint16), "argmax"), (np.dstack([GREY] * 3), "argmax")],
)  # fmt: skip
def test_splits_and_decision_are_read_from_given_predictions(
    repo, save, data, init, values, decision
):
    data(np.uint8(LABELS == 1))
    predict(save, {"s0": "val", "s1": "test", "s2": "test"}, values)
    save("repo/predicted/old/another.png", values)
    out = init(*DATA, "--predictions", "predicted", "--minimal")
    settings = settings_that_fit(repo)
    rows = read_samples(repo / "data/samples.csv")
    assert {row.id: row.split for row in rows} == {"s0": "val", "s1": "test", "s2": "test"}
    assert settings.data.splits == ("test", "val")
    assert (settings.data.judge, settings.data.tune) == ("test", "val")
    point = settings.operating_point
    assert (point.decision, point.threshold) == (decision, 0.5 if decision == "fixed" else None)
    assert ("look like 8-bit probabilities" in out) == (decision == "fixed")
    assert "Too few to certify (2 of 30 groups)" in out
    assert "data/samples.csv: add a column group (patient, slide, drive), or leakage stays" in out


def test_several_classes_have_no_threshold(repo, save, data, init):
    data()
    predict(save, {"s0": "test", "s1": "test", "s2": "test"}, GREY)
    init(*DATA, "--predictions", "predicted", "--minimal")
    assert settings_that_fit(repo).operating_point.decision == "argmax"


def test_the_only_split_is_judged_and_a_sample_without_prediction_is_not_left_out(
    repo, save, data, init
):
    data()
    predict(save, {"s0": "val", "s1": "val"}, LABELS)
    out = init(*DATA, "--predictions", "predicted", "--minimal")
    data_settings = settings_that_fit(repo).data
    assert (data_settings.splits, data_settings.judge, data_settings.tune) == (
        ("val",),
        "val",
        None,
    )
    assert {row.split for row in read_samples(repo / "data/samples.csv")} == {"val"}
    assert "without a prediction in any subfolder: 1 of 3. They are in split val" in out


def test_what_stays_unverified_with_one_split_is_said(repo, data, init):
    data()
    assert (
        "All 3 samples are in split test; give some to train and val in data/samples.csv, and add "
        "a column group (patient, slide, drive), or overfitting and leakage stay unverified."
    ) in init(*DATA)


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ([("s0", "test"), ("s0", "val")], "keep one: a sample is in one split"),
        ([("s0", "a"), ("s1", "b")], "its subfolders are a, b: which one is judged?; name that"),
    ],
)
def test_predictions_of_unclear_splits_are_refused(repo, save, data, outcome, where, told):
    data()
    for stem, split in where:
        predict(save, {stem: split}, LABELS)
    done = outcome(main, ["init", *DATA, "--predictions", "predicted", "--minimal"])
    assert done.code == 2
    assert told in done.err
    assert not (repo / "params.yaml").exists()


def test_minimal_without_anything_expects_a_folder_of_predictions(repo, init):
    init("--minimal")
    assert load_settings(repo / "params.yaml").infer.source == "predictions"


def test_driving_names_all_scored_classes_as_critical(repo, data, init):
    data()
    init(*DATA, "--domain", "autonomous_driving")
    settings = settings_that_fit(repo)
    assert settings.data.safety_critical_classes == ("class_1", "class_2")
    assert policy(settings).rules


@pytest.mark.parametrize(("pairs", "enforced"), [(3, False), (29, False), (30, True)])
def test_too_few_groups_do_not_stop_the_pipeline(repo, save, init, pairs, enforced):
    for i in range(pairs):
        save(f"repo/data/images/s{i}.tif", np.uint8(LABELS * 100 + i))
        save(f"repo/data/masks/s{i}.png", LABELS)
    out = init(*DATA)
    assert load_settings(repo / "params.yaml").gate.enforce is enforced
    (line,) = [x for x in (repo / "params.yaml").read_text().splitlines() if x.startswith("gate:")]
    if enforced:
        assert "too few" not in out + line.lower()
    else:
        assert f"# {pairs} groups are too few to certify (30 are the least)" in line
        assert f"Too few to certify ({pairs} of 30 groups)" in out


def test_a_gate_without_known_data_is_enforced(repo, init):
    assert "ew to certify" not in init()
    assert load_settings(repo / "params.yaml").gate.enforce is True


@pytest.mark.parametrize("domain", ["medical", "balanced", "custom"])
def test_other_domains_load(repo, init, domain):
    init("--domain", domain)
    assert load_settings(repo / "params.yaml").domain == domain


def test_another_folder_as_target(repo, data, init):
    data()
    out = init(*DATA, "new/place")
    settings = settings_that_fit(repo / "new/place")
    assert Path(settings.data.root) == repo / "data"
    assert (repo / "new/place/samples.csv").exists()
    assert files_below(repo / "new/place") == WRITTEN | {"samples.csv"}
    assert "  cd new/place\n" in out
    assert "dvc add" not in out


def dependencies(folder: Path) -> list[str]:
    stages = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]
    return stages["samples"]["do"]["deps"]


def test_folders_at_the_top_of_the_repository(repo, data, init):
    data(root="repo")
    out = init("--images", "images", "--masks", "masks")
    assert settings_that_fit(repo).data.root == "."
    assert dependencies(repo) == ["${data.samples}", "images", "masks"]
    assert "dvc add images masks\n" in out
    data()
    init(*DATA, "inside", "--force")
    assert dependencies(repo / "inside") == ["${data.samples}", "${data.root}"]


def test_masks_outside_of_the_repository(repo, data, init, tmp_path):
    data()
    (repo / "data" / "masks").rename(tmp_path / "masks")
    init("--images", "data/images", "--masks", "../masks")
    settings_that_fit(repo)
    assert dependencies(repo) == ["${data.samples}", "data/images", str(tmp_path / "masks")]


@pytest.mark.parametrize("name", ["2024", "null", "1e3", "with space", "a #1", "ünïcode", "-x: [y"])
def test_folder_names_that_yaml_would_read_otherwise(repo, data, init, name):
    data(root=f"repo/{name}/{name}")
    options = ("--images", f"{name}/{name}/images", "--masks", f"{name}/{name}/masks")
    init(*options, "--", name) if name.startswith("-") else init(*options, name)
    settings = settings_that_fit(repo / name)
    assert settings.data.root == name


def test_force_replaces(repo, data, init):
    data()
    (repo / "params.yaml").write_text("mine")
    init(*DATA, "--force")
    settings_that_fit(repo)


def test_running_again_with_the_same_options_is_no_overwriting(repo, data, init):
    data()
    init(*DATA)
    before = {name: (repo / name).read_bytes() for name in files_below(repo)}
    init(*DATA)
    assert {name: (repo / name).read_bytes() for name in files_below(repo)} == before


@pytest.mark.parametrize("end", ["\n", ""])
def test_ignore_files_are_extended(repo, init, end):
    (repo / ".gitignore").write_text(f"*.secret\n/mlruns/{end}")
    init()
    lines = (repo / ".gitignore").read_text().splitlines()
    assert lines[:2] == ["*.secret", "/mlruns/"]
    assert lines.count("/mlruns/") == 1
    assert {"/results/*", "!/results/metrics.json", "__pycache__/"} <= set(lines)
