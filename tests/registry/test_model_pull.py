"""Models come as bytes with an origin; what could run code of its own does not come."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from segmetrics.cli import main
from segmetrics.errors import ConfigError, DataError, ModelError, PromotionError, VerificationError
from segmetrics.files import sha256_bytes, sha256_path
from segmetrics.registry.download import fetch, is_inside
from segmetrics.registry.model_files import find_model
from segmetrics.registry.models import pull_model
from segmetrics.registry.origin import read_origin
from segmetrics.registry.promotion import promote
from segmetrics.registry.retirement import retire
from segmetrics.registry.verification import verify

pytestmark = pytest.mark.filterwarnings("ignore")
MODELS = Path("models")


def registered(registry, folder, alias=""):
    """A version that training code made: the files of a folder, no tag of ours."""
    experiment = registry.client.get_experiment_by_name(registry.target.experiment)
    run = registry.client.create_run(experiment.experiment_id).info.run_id
    registry.client.log_artifacts(run, str(folder), "model")
    registry.client.set_terminated(run, "FINISHED")
    name = registry.target.model
    if not registry.client.search_registered_models(f"name = '{name}'"):
        registry.client.create_registered_model(name)
    source = f"runs:/{run}/model"
    version = registry.client.create_model_version(name, source=source, run_id=run).version
    if alias:
        registry.client.set_registered_model_alias(name, alias, version)
    return run, str(version)


def onnx_folder(models, folder, level=0.5):
    """As mlflow.onnx saves a model; gives its ONNX file."""
    import mlflow
    import onnx

    model = models.brightness(folder.parent / f"{folder.name}.onnx", level=level)
    mlflow.onnx.save_model(onnx.load(str(model)), str(folder), pip_requirements=["onnx"])
    return folder / "model.onnx"


def flavoured(folder, **flavours):
    """A folder with an MLmodel of these flavours."""
    folder.mkdir()
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavours}))
    return folder


def of_python(loader, **more):
    return {"loader_module": loader, "python_version": "3.11", **more}


@pytest.mark.parametrize("where", ["embedded", "served"])
def test_a_challenger_is_brought_and_promoted_as_that_very_version(
    connected, request, models, tmp_path, outcome, where
):
    registry = connected(request.getfixturevalue(where))
    first = registry.evaluated(b"A")
    promote(first, registry.target, allow_first=True)
    file = onnx_folder(models, tmp_path / "made")
    run, version = registered(registry, tmp_path / "made", "challenger")
    uri = registry.uri("@challenger")
    done = outcome(main, ["model", "pull", uri])
    assert done.code == 0, done.err
    path = MODELS / f"{registry.target.model}.onnx".replace("[", "_").replace("]", "_")
    digest = sha256_path(file)
    assert f"{path} now is {registry.uri(f'/{version}')} ({digest[:12]}, " in done.out
    origin = json.loads(Path(f"{path}.origin.json").read_text())
    assert origin.pop("time").endswith("Z")
    assert origin == {
        "schema": 1, "uri": uri, "model": registry.target.model, "version": version, "run": run,
        "file": "model.onnx", "sha256": digest, "size": file.stat().st_size,
    }  # fmt: skip
    assert path.read_bytes() == file.read_bytes()
    before = Path(f"{path}.origin.json").read_bytes()
    assert "nothing changed" in outcome(main, ["model", "pull", uri]).out
    assert Path(f"{path}.origin.json").read_bytes() == before

    # Another version of the same bytes does not matter.
    registered(registry, tmp_path / "made")
    evaluated = registry.evaluated(path.read_bytes(), baseline=first.model_digest)
    candidate = replace(evaluated, source=path)
    assert str(promote(candidate, registry.target)).endswith(
        f"now is version {version} (was version 1)."
    )
    assert verify(registry.uri("@champion")).version == version
    assert "nothing moved" in str(promote(candidate, registry.target))


def test_what_changed_after_it_was_pulled_came_from_nowhere(registry, models, tmp_path):
    onnx_folder(models, tmp_path / "made")
    registered(registry, tmp_path / "made")
    pulled = pull_model(registry.uri("/1"), MODELS)
    other = models.brightness(tmp_path / "other.onnx", level=0.4).read_bytes()
    pulled.path.write_bytes(other)
    assert read_origin(pulled.path, sha256_bytes(other)) is None
    candidate = replace(registry.evaluated(other), source=pulled.path)
    promote(candidate, registry.target, allow_first=True)
    assert registry.champion == "2"


def test_a_version_that_was_changed_or_retired_since_is_not_promoted(registry, models, tmp_path):
    onnx_folder(models, tmp_path / "made")
    registered(registry, tmp_path / "made")
    pulled = pull_model(registry.uri("/1"), MODELS)
    candidate = replace(registry.evaluated(pulled.path.read_bytes()), source=pulled.path)
    (stored,) = (registry.folder / "artifacts").rglob("model/MLmodel")
    whole = stored.read_text()
    other = models.brightness(stored.with_name("evil.onnx"), level=0.1)
    stored.write_text(whole.replace("model.onnx", other.name))
    promote(candidate, registry.target, allow_first=True)
    assert registry.champion == "2"  # MLflow would load another file of version 1
    stored.write_text(whole)
    retire(registry.uri("/1"), reason="wrong labels")
    with pytest.raises(PromotionError, match="wrong labels; these are its bytes"):
        promote(candidate, registry.target)
    assert "was retired" in str(pull_model(registry.uri("/1"), MODELS))


def test_a_run_and_a_file_name(registry, models, tmp_path, outcome):
    onnx_folder(models, tmp_path / "made")
    run, _ = registered(registry, tmp_path / "made")
    pulled = pull_model(f"runs:/{run}/model", MODELS / "unet.onnx")
    assert (pulled.path, pulled.origin.run, pulled.origin.model) == (
        MODELS / "unet.onnx",
        run,
        None,
    )
    one = pull_model(f"runs:/{run}/model/model.onnx", MODELS)
    assert one.path == MODELS / "model.onnx"
    done = outcome(main, ["model", "pull", f"runs:/{run}/../../x"])
    assert (done.code, "leads out of the run" in done.err) == (2, True)
    assert outcome(main, ["model", "pull", f"runs:/{run}/nothing"]).code == 3
    assert outcome(main, ["model", "pull", registry.uri("@nobody")]).code == 2


def test_a_model_that_cannot_be_pulled_again_is_not_replaced(registry, models, tmp_path):
    onnx_folder(models, tmp_path / "made")
    registered(registry, tmp_path / "made")
    MODELS.mkdir()
    mine = MODELS / "unet.onnx"
    mine.write_bytes(b"mine")
    with pytest.raises(DataError, match="is another model"):
        pull_model(registry.uri("/1"), mine)
    assert mine.read_bytes() == b"mine"
    pull_model(registry.uri("/1"), mine, force=True)
    onnx_folder(models, tmp_path / "next", level=0.3)
    registered(registry, tmp_path / "next")
    assert pull_model(registry.uri("/2"), mine).origin.version == "2"


class Evil:
    def __reduce__(self):
        return print, ("code of the model ran",)


def _pickle(path):
    path.write_bytes(pickle.dumps(Evil()))


def _zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Evil()))


REFUSED = {
    "sklearn": ({"sklearn": {"pickled_model": "model.pkl"},
                 "python_function": of_python("mlflow.sklearn", model_path="model.pkl")},
                "model.pkl", _pickle, "MLflow loads it as python_function, sklearn"),
    "cloudpickle": ({"python_function": of_python("mlflow.pyfunc.model",
                                                  python_model="python_model.pkl")},
                    "python_model.pkl", _pickle, "MLflow loads it as python_function"),
    "torch": ({"pytorch": {"model_data": "data"}}, "model.pth", _zip, "MLflow loads it as pytorch"),
    "onnx and more": ({"onnx": {"data": "model.onnx"}, "python_function": of_python("evil")},
                      "model.onnx", None, "MLflow loads it as python_function"),
    "a checkpoint": ({}, "best.pt", _zip, r"best\.pt is a pickle by its name"),
    "a joblib file": ({}, "model.joblib", _pickle, "is a pickle by its name"),
    "a pickle by its bytes": ({}, "weights.bin", _pickle, r"weights\.bin is a Python pickle"),
    "a zip by its bytes": ({}, "weights.bin", _zip, r"weights\.bin is a zip archive"),
    "a pickle called onnx": ({}, "model.onnx", _pickle, "is no ONNX model but a Python pickle"),
    "a zip called onnx": ({}, "model.onnx", _zip, "is no ONNX model but a zip archive"),
}  # fmt: skip


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("case", REFUSED)
def test_what_could_run_code_of_its_own_is_refused(
    registry, models, tmp_path, capsys, case, opaque
):
    flavours, name, write, reason = REFUSED[case]
    folder = flavoured(tmp_path / "made", **flavours)
    if not flavours:
        (folder / "MLmodel").unlink()
    write(folder / name) if write else models.brightness(folder / name, level=0.5)
    registered(registry, folder)
    with pytest.raises(ModelError, match=reason):
        pull_model(registry.uri("/1"), MODELS, opaque=opaque)
    assert not MODELS.exists()
    assert "ran" not in capsys.readouterr().out


def test_bytes_of_another_engine_come_when_asked_for(registry, tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "net.xml").write_text("<net/>")
    (folder / "net.bin").write_bytes(b"\0" * 64)
    registered(registry, folder)
    with pytest.raises(ModelError, match="is no ONNX model, which is all that is run here"):
        pull_model(registry.uri("/1"), MODELS)
    pulled = pull_model(registry.uri("/1"), MODELS, opaque=True)
    assert sha256_path(pulled.path) == pulled.origin.sha256 == sha256_path(folder)
    assert sorted(p.name for p in pulled.path.iterdir()) == ["net.bin", "net.xml"]
    assert "nothing changed" in str(pull_model(registry.uri("/1"), MODELS, opaque=True))
    with pytest.raises(ConfigError, match="the model is a folder"):
        pull_model(registry.uri("/1"), MODELS / "net.engine", opaque=True)


def test_pickles_that_were_evaluated_come_as_bytes(registry):
    """An nnU-Net folder holds them; this team ran these very bytes before."""
    content = pickle.dumps(Evil())
    promote(registry.evaluated(content), registry.target, allow_first=True)
    with pytest.raises(ModelError, match="loading it would run code that came with it"):
        pull_model(registry.uri("/1"), MODELS)
    pulled = pull_model(registry.uri("@champion"), MODELS, opaque=True)
    assert pulled.path.read_bytes() == content
    registry.client.delete_run(registry.client.get_model_version(registry.target.model, 1).run_id)
    shutil.rmtree(MODELS)
    with pytest.raises(VerificationError, match="is a Python pickle; its evaluation, run"):
        pull_model(registry.uri("@champion"), MODELS, opaque=True)


def test_other_bytes_than_the_evaluated_ones_are_refused(registry):
    promote(registry.evaluated(b"A"), registry.target, allow_first=True)
    for path in (registry.folder / "artifacts").rglob("model/model.bin"):
        path.write_bytes(b"C")
    with pytest.raises(ModelError, match=r"holds other bytes .* than were evaluated"):
        pull_model(registry.uri("/1"), MODELS, opaque=True)


def test_weights_in_other_files_come_along(registry, models, tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    model = models.weights_elsewhere(folder / "net.onnx")
    (folder / "notes.txt").write_text("not a part of it")
    registered(registry, folder)
    pulled = pull_model(registry.uri("/1"), MODELS)
    brought = sorted(p.name for p in pulled.path.iterdir())
    assert model.name in brought
    assert len(brought) == 2
    assert pulled.origin.sha256 == sha256_path(pulled.path)
    assert "segmetrics runs single files" in str(pulled)
    (other,) = set(brought) - {model.name}
    (folder / other).unlink()
    with pytest.raises(ModelError, match="which is not there or leads out of its folder"):
        find_model(folder, None, "here")


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret", "..\\secret"])
def test_weights_that_lead_out_of_the_folder_are_refused(tmp_path, models, location):
    onnx = pytest.importorskip("onnx")
    (tmp_path / "made").mkdir()
    (tmp_path / "secret").write_bytes(b"0" * 64)
    path = models.weights_elsewhere(tmp_path / "made" / "net.onnx")
    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="leads out of its folder"):
        find_model(tmp_path / "made", None, "here")


@pytest.mark.parametrize("data", ["../secret.onnx", "/etc/passwd", "missing.onnx"])
def test_a_file_that_mlmodel_names_elsewhere_is_refused(tmp_path, models, data):
    models.brightness(tmp_path / "secret.onnx", level=0.5)
    folder = flavoured(tmp_path / "made", onnx={"data": data})
    with pytest.raises(ModelError, match="which it does not hold"):
        find_model(folder, None, "here")


def test_another_file_than_the_evaluated_one_is_refused(tmp_path, models):
    folder = flavoured(tmp_path / "made", onnx={"data": "evil.onnx"})
    for name in ("evil.onnx", "model.onnx"):
        models.brightness(folder / name, level=0.5)
    with pytest.raises(ModelError, match=r"MLflow loads evil\.onnx, but model\.onnx was evaluated"):
        find_model(folder, "model.onnx", "here")
    (folder / "MLmodel").write_text("flavors: [")
    with pytest.raises(ModelError, match="its MLmodel is damaged"):
        find_model(folder, None, "here")


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08", b"\x0a\x03abc"])
def test_what_is_no_onnx_is_refused_whatever_its_name(tmp_path, content):
    pytest.importorskip("onnx")
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="cannot be parsed as ONNX"):
        find_model(tmp_path / "model.onnx", None, "here")


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a", True), ("a/b.onnx", True), ("a b", True), ("..a", True),
        ("../a", False), ("a/../../b", False), ("/a", False), ("a\\b", False), ("C:a", False),
        ("C:/a", False), ("", False), (".", False), ("a\nb", False), ("a\0b", False),
    ],
)  # fmt: skip
def test_names_that_stay_inside(name, inside):
    assert is_inside(name) is inside


def test_a_server_that_lists_names_elsewhere_writes_nothing(registry, tmp_path, monkeypatch):
    import mlflow
    from mlflow.entities import FileInfo

    def listed(artifact_uri, **_):
        return [FileInfo("model/fine", False, 1), FileInfo("../../evil", False, 1)]

    monkeypatch.setattr(mlflow.artifacts, "list_artifacts", listed)
    with pytest.raises(DataError, match=r'"\.\./\.\./evil" leads out of its folder'):
        fetch("runs:/1/model", tmp_path)
    assert not (tmp_path / "model").exists()
