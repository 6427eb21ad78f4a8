"""Promotion: the alias of a model moves only when the verdict, computed again, passes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.errors import PromotionError, RegistryError
from segmetrics.evaluate import EvaluationOptions
from segmetrics.evidence import Layout, changed_inputs, digest, eval_id, read_json, read_verdict
from segmetrics.files import sha256_path
from segmetrics.inference.predict import Predictor
from segmetrics.judge import Policy, evaluate_project, judge_project
from segmetrics.pixels import Question
from segmetrics.recheck import check_leakage, check_made_here, measure_again
from segmetrics.stats.evaluation import metrics_json
from segmetrics.tracking import connect, find_runs, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

DIGEST_TAG = "segmetrics.model_sha256"
_FOLDER = "model"  # of the artifacts of the run


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be promoted, after every check that needs no server."""

    source: Path
    model_digest: str
    eval_id: str
    verdict: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Promoted:
    """What happened: `former` is the version that the alias pointed to before, None for none."""

    model: str
    alias: str
    version: str
    former: str | None

    def __str__(self) -> str:
        if self.former == self.version:
            return f"{self.model}@{self.alias} already is version {self.version}; nothing moved."
        before = f"was version {self.former}" if self.former else "is new"
        return f"{self.model}@{self.alias} now is version {self.version} ({before})."


def check_candidate(
    layout: Layout,
    policy: Policy,
    options: EvaluationOptions,
    settings: Mapping[str, Any],
    *,
    predictor: Predictor,
    question: Question,
    spacing: tuple[float, ...] | None,
    workers: int,
) -> Candidate:
    """Measure again, compute evaluation and verdict again, and compare every digest.

    Raises
    ------
    PromotionError
        The verdict does not pass, or something does not belong together.
    DataError
        A file is missing or damaged.
    """
    written = read_verdict(layout.verdict)
    evaluation = evaluate_project(layout, options, settings)
    metrics = metrics_json(evaluation, options.scored)
    for path, computed in ((layout.evaluation, evaluation.to_json()), (layout.metrics, metrics)):
        if computed != read_json(path):
            what = "is not what the tables give: edited or stale"
            raise PromotionError(str(path), what, "run `dvc repro`")
    verdict = judge_project(layout, policy, settings, predictor).to_json()
    changed = changed_inputs(written, verdict["inputs"])
    if changed:
        raise PromotionError(
            str(layout.verdict),
            f"was computed from other files or settings: {', '.join(changed)}",
            "run `dvc repro`",
        )
    if verdict != written:
        raise PromotionError(
            str(layout.verdict), "is not what its inputs give: edited or stale", "run `dvc repro`"
        )
    if verdict["decision"] != "pass":
        failed = [r["name"] for r in verdict["rules"] if r["outcome"] != "pass"]
        failed += [f["name"] for f in verdict["findings"] if f["severity"] == "block"]
        raise PromotionError(
            str(layout.verdict),
            f"the verdict is {verdict['decision']}: {', '.join(failed)}",
            "`segmetrics verdict` gives the reasons",
        )
    check_made_here(layout, predictor)
    measure_again(layout, question, spacing, workers)
    check_leakage(layout, settings, judged=policy.judge, scheme=question.scheme, workers=workers)
    return Candidate(layout.source, digest(layout.source), eval_id(layout, settings), verdict)


def promote(candidate: Candidate, *, experiment: str, model: str, alias: str) -> Promoted:
    """Register or find the version of the model, verify its bytes, and move the alias last.

    Raises
    ------
    PromotionError
        The evaluation was not tracked, or the registered bytes differ. The alias has not moved.
    RegistryError
        The server or store fails. The alias has not moved.
    """
    with connect() as client:
        run_id = _tracked_run(client, experiment, candidate)
        version = _find_version(client, model, candidate.model_digest)
        if version is None:
            version = _register(client, model, run_id, candidate)
        _verify(client, model, version, candidate)
        for key, value in _version_tags(candidate, run_id).items():
            client.set_model_version_tag(model, version, key, value)
        former = _champion(client, model, alias)
        if former != version:
            client.set_registered_model_alias(model, alias, version)
        if _champion(client, model, alias) != version:
            raise RegistryError(
                f"{model}@{alias}", "was moved by somebody else meanwhile", "look at the registry"
            )
        return Promoted(model, alias, version, former)


def _tracked_run(client: MlflowClient, experiment: str, candidate: Candidate) -> str:
    found = client.get_experiment_by_name(experiment)
    runs = find_runs(client, found.experiment_id, candidate.eval_id) if found else []
    for run in runs:
        if run.info.status == "FINISHED" and run.data.tags.get("segmetrics.decision") == "pass":
            return str(run.info.run_id)
    raise PromotionError(
        f'experiment "{experiment}"',
        f"holds no finished, passing run of this evaluation ({candidate.eval_id[:12]})",
        "run `dvc repro -f -s track`",
    )


def _find_version(client: MlflowClient, model: str, model_digest: str) -> str | None:
    """The newest version with these bytes."""
    name = model.replace("'", "\\'")
    versions = [
        int(version.version)
        for version in client.search_model_versions(f"name = '{name}'")
        if version.tags.get(DIGEST_TAG) == model_digest and version.status == "READY"
    ]
    return str(max(versions)) if versions else None


def _register(client: MlflowClient, model: str, run_id: str, candidate: Candidate) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / _FOLDER
        _package(candidate.source, target)
        client.log_artifacts(run_id, str(target), _FOLDER)
    version = client.create_model_version(
        model,
        source=f"runs:/{run_id}/{_FOLDER}",
        run_id=run_id,
        tags=_version_tags(candidate, run_id),
    )
    return str(version.version)


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
    shutil.copyfile(source, target / "model.onnx")


def _verify(client: MlflowClient, model: str, version: str, candidate: Candidate) -> None:
    """Download the registered version and compare its bytes with the evaluated ones."""
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        uri = client.get_model_version_download_uri(model, version)
        path = Path(
            download_artifacts(artifact_uri=uri, dst_path=folder, tracking_uri=tracking_uri())
        )
        onnx = candidate.source.suffix.lower() == ".onnx"
        stored = path / ("model.onnx" if onnx else candidate.source.name)
        found = sha256_path(stored) if stored.exists() else "nothing"
    if found != candidate.model_digest:
        raise PromotionError(
            f"{model} version {version}",
            f"holds other bytes ({found[:12]}) than were evaluated ({candidate.model_digest[:12]})",
            "delete this version in the registry and promote again",
        )


def _version_tags(candidate: Candidate, run_id: str) -> dict[str, str]:
    return {
        DIGEST_TAG: candidate.model_digest,
        "segmetrics.eval_id": candidate.eval_id,
        "segmetrics.decision": candidate.verdict["decision"],
        "segmetrics.primary": candidate.verdict["primary"],
        "segmetrics.run_id": run_id,
    }


def _champion(client: MlflowClient, model: str, alias: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(model, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
