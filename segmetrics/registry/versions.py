"""One version per model: found by the digest of its bytes, or registered."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.errors import DataError, ModelError, PromotionError
from segmetrics.files import sha256_bytes, sha256_path
from segmetrics.registry.candidate import Candidate
from segmetrics.registry.models import version_model
from segmetrics.registry.origin import read_origin
from segmetrics.registry.store import (
    BASELINE,
    DECISION,
    DIGEST,
    EVAL_ID,
    MODEL_FILE,
    PRIMARY,
    RUN_ID,
    TRACKED_VERDICT,
    VERDICT,
    get_version,
    retirement,
    run_file,
    stored_digest,
    versions,
)
from segmetrics.tracking import find_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient

_FOLDER = "model"  # of the artifacts of the run


def tracked_run(client: MlflowClient, experiment: str, candidate: Candidate) -> str:
    """The run of this evaluation: finished, passing, and with this very verdict.

    Raises
    ------
    PromotionError
        There is none.
    """
    found = client.get_experiment_by_name(experiment)
    runs = find_runs(client, found.experiment_id, candidate.eval_id) if found else []
    for run in runs:
        if run.info.status == "FINISHED" and run.data.tags.get(DECISION) == "pass":
            return str(run.info.run_id)
    raise PromotionError(
        f'experiment "{experiment}"',
        f"holds no finished, passing run of this evaluation ({candidate.eval_id[:12]})",
        "run `dvc repro -f -s track`",
    )


def version_tags(client: MlflowClient, candidate: Candidate, run_id: str) -> dict[str, str]:
    """What a version says about its evaluation; `verify` believes none of it unchecked.

    Raises
    ------
    PromotionError
        The verdict that was logged with the run is another one.
    """
    content = run_file(client, run_id, "verdict.json")
    if content is None or not _same_verdict(content, candidate):
        raise PromotionError(
            f"run {run_id}",
            "holds another verdict.json than results/, or none",
            "delete the run in MLflow and run `dvc repro -f -s track`",
        )
    kept = run_file(client, run_id, "baseline/baseline.json")
    return ({BASELINE: sha256_bytes(kept)} if kept else {}) | {
        DIGEST: candidate.model_digest,
        EVAL_ID: candidate.eval_id,
        DECISION: candidate.verdict["decision"],
        PRIMARY: candidate.verdict["primary"],
        RUN_ID: run_id,
        VERDICT: candidate.verdict_digest,
        TRACKED_VERDICT: sha256_bytes(content),
    }


def _same_verdict(content: bytes, candidate: Candidate) -> bool:
    try:
        logged = _without_names(json.loads(content))
    except (ValueError, KeyError, TypeError):
        return False
    return bool(logged == _without_names(candidate.verdict))


def _without_names(verdict: Any) -> Any:
    """A verdict without what hides names of samples: how they leave the machine is a setting."""
    if isinstance(verdict, Mapping):
        kept = {k: v for k, v in verdict.items() if k not in ("id", "ids", "findings")}
        findings = [(f["name"], f["severity"]) for f in verdict.get("findings", ())]
        return {k: _without_names(v) for k, v in kept.items()} | {"findings": findings}
    if isinstance(verdict, list | tuple):
        return [_without_names(inner) for inner in verdict]
    return verdict


@dataclass(frozen=True, slots=True)
class Known:
    """A version of these bytes, and where they lie in its folder."""

    version: str
    file: str


def find_version(client: MlflowClient, model: str, candidate: Candidate) -> Known | None:
    """The version with these bytes: that which they were pulled from, else the newest; None: none.

    Raises
    ------
    PromotionError
        A version with these bytes was retired.
    """
    same = [v for v in versions(client, model) if v.tags.get(DIGEST) == candidate.model_digest]
    pulled = _pulled(client, model, candidate)
    for version in [*same, *([pulled[0]] if pulled else [])]:
        if retired := retirement(version.tags):
            where = f"{model} version {version.version}"
            raise PromotionError(where, f"{retired}; these are its bytes", "promote another model")
    if pulled:
        return Known(str(pulled[0].version), pulled[1])
    ready = [v for v in same if v.status == "READY"]
    if not ready:
        return None
    file = ready[-1].tags.get(MODEL_FILE) or model_file(candidate.source)
    return Known(str(ready[-1].version), file)


def _pulled(client: MlflowClient, model: str, candidate: Candidate) -> tuple[Any, str] | None:
    """The version that the model was pulled from and the file in it, where it holds these bytes.

    Whoever registered it need not have been segmetrics: what MLflow loads of it must be the file.
    """
    origin = read_origin(candidate.source, candidate.model_digest)
    if origin is None or origin.model != model or origin.version is None:
        return None
    version = get_version(client, model, origin.version)
    if version is None or version.status != "READY":
        return None
    try:
        with tempfile.TemporaryDirectory() as folder:
            held = version_model(client, version, Path(folder))
            found = sha256_path(held.path)
    except (ModelError, DataError):
        return None  # no longer what was pulled: as if it came from elsewhere
    if found != candidate.model_digest or held.flavours or not held.file:
        return None
    return version, held.file


def register(
    client: MlflowClient, model: str, run_id: str, source: Path, tags: dict[str, str]
) -> Known:
    """Log the model with its run and make a version of it."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / _FOLDER
        _package(source, target)
        client.log_artifacts(run_id, str(target), _FOLDER)
    file = model_file(source)
    version = client.create_model_version(
        model,
        source=f"runs:/{run_id}/{_FOLDER}",
        run_id=run_id,
        tags=tags | {MODEL_FILE: file},
    )
    return Known(str(version.version), file)


def only_one(client: MlflowClient, model: str, own: Known, candidate: Candidate) -> Known:
    """The version that stays where another machine registered the same bytes at the same time.

    It is the oldest for everybody; whoever made another removes that, which nothing points to.
    """
    same = [v for v in versions(client, model) if v.tags.get(DIGEST) == candidate.model_digest]
    ready = [v for v in same if v.status == "READY"]
    if not ready or str(ready[0].version) == own.version:
        return own
    client.delete_model_version(model, own.version)
    return Known(str(ready[0].version), ready[0].tags.get(MODEL_FILE) or own.file)


def model_file(source: Path) -> str:
    """Where the evaluated bytes lie in the folder of a version."""
    return "model.onnx" if source.suffix.lower() == ".onnx" else source.name


def _package(source: Path, target: Path) -> None:
    """The model as MLflow loads it, with the very bytes that were evaluated."""
    if source.suffix.lower() != ".onnx":
        # Opaque bytes of another engine: kept as they are, for whoever serves them.
        target.mkdir(parents=True)
        if source.is_dir():
            shutil.copytree(source, target / source.name)
        else:
            shutil.copyfile(source, target / source.name)
        return
    import mlflow
    import onnx

    # Named, because MLflow would otherwise run the model in a new process to find them.
    requirements = [f"{name}=={metadata.version(name)}" for name in ("onnx", "onnxruntime")]
    mlflow.onnx.save_model(onnx.load(source), str(target), pip_requirements=requirements)
    # MLflow serialises the model anew; what is served must be what was measured.
    shutil.copyfile(source, target / model_file(source))


def check_bytes(client: MlflowClient, model: str, known: Known, candidate: Candidate) -> None:
    """Download the registered version and compare its bytes with the evaluated ones.

    Raises
    ------
    PromotionError
        They differ.
    """
    found = stored_digest(client, model, known.version, known.file) or "nothing"
    if found != candidate.model_digest:
        raise PromotionError(
            f"{model} version {known.version}",
            f"holds other bytes ({found[:12]}) than were evaluated ({candidate.model_digest[:12]})",
            "delete this version in the registry and promote again",
        )
