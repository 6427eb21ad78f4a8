"""What is read from the registry: models, versions, aliases, and the bytes of a version."""

from __future__ import annotations

import getpass
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.errors import ConfigError, DataError, RegistryError, TrackingError
from segmetrics.files import sha256_bytes, sha256_path
from segmetrics.tracking import connect, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Tags of a version.
DIGEST = "segmetrics.model_sha256"
EVAL_ID = "segmetrics.eval_id"
DECISION = "segmetrics.decision"
PRIMARY = "segmetrics.primary"
RUN_ID = "segmetrics.run_id"
VERDICT = "segmetrics.verdict_sha256"  # of the file that the evaluation's identity rests on
TRACKED_VERDICT = "segmetrics.tracked_verdict_sha256"  # of the run's copy: ids may be hashed there
BASELINE = "segmetrics.baseline_sha256"  # of baseline/baseline.json of the run, where there is one
MODEL_FILE = "segmetrics.model_file"  # where the evaluated bytes lie in the version's folder
APPROVED = "segmetrics.approvals"
RETIRED = "segmetrics.retired"
FORMER = "segmetrics.former."  # + alias: the version that the alias pointed to before this one

_NOTHING_MOVED = "no alias was moved; check MLFLOW_TRACKING_URI and try again"
_SQLITE = re.compile(r"sqlite:///(?P<file>[^?]+)")


@dataclass(frozen=True, slots=True)
class ModelUri:
    """`models:/name@alias` or `models:/name/3`; one of `alias` and `version` is None."""

    name: str
    alias: str | None
    version: str | None

    def __str__(self) -> str:
        return f"models:/{self.name}" + (f"@{self.alias}" if self.alias else f"/{self.version}")


def parse_uri(text: str) -> ModelUri:
    """Read a model URI.

    Raises
    ------
    ConfigError
        It names neither an alias nor the number of a version.
    """
    found = re.fullmatch(r"models:/([^/:@]+)(?:@([A-Za-z0-9_-]+)|/(\d+))", text)
    if found is None:
        remedy = "write models:/name@champion or models:/name/3"
        raise ConfigError(f'"{text}"', "is no version of a registered model", remedy)
    return ModelUri(*found.groups())


@contextmanager
def session(*, writes: bool) -> Iterator[MlflowClient]:
    """A client; while it `writes`, no other process of this user and machine does.

    Raises
    ------
    RegistryError
        There is no store, or the server or store fails while the block runs.
    """
    uri = tracking_uri()
    file = _SQLITE.match(uri)
    if file and not Path(file["file"]).is_file():
        # Connecting would create an empty one, which looks as if nothing had ever been promoted.
        what = "there is no such MLflow store"
        remedy = "run `dvc repro -f -s track` first, set MLFLOW_TRACKING_URI, or run in the project"
        raise RegistryError(file["file"], what, remedy)
    try:
        with connect() as client:
            if not writes:
                yield client
                return
            from filelock import FileLock

            # The lock of `connect` is one a project; projects may share a store.
            with FileLock(_lock_file(uri, file["file"] if file else None)):
                yield client
    except RegistryError:
        raise
    except TrackingError as error:
        problem = error.problems[0]
        raise RegistryError(problem.where, problem.what, _NOTHING_MOVED) from error


def _lock_file(uri: str, database: str | None) -> Path:
    if database:
        return Path(f"{database}.promote.lock")
    name = sha256_bytes(f"{uri}\n{getpass_user()}".encode())[:16]
    return Path(tempfile.gettempdir()) / f"segmetrics-promote-{name}.lock"


def getpass_user() -> str:
    """The account of this process; empty where nothing says it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def account() -> str:
    """Who acts: the user of the MLflow server or, without one, of this machine."""
    return os.environ.get("MLFLOW_TRACKING_USERNAME") or getpass_user() or "unknown"


def retirement(tags: Mapping[str, str]) -> str:
    """Why and when a version was retired; empty where it was not."""
    if RETIRED not in tags:
        return ""
    try:
        data = json.loads(tags[RETIRED])
        return f"was retired by {data['who']} on {data['time']}: {data['reason']}"
    except (ValueError, KeyError, TypeError):
        return "was retired"


def aliases(client: MlflowClient, model: str) -> dict[str, str]:
    """Alias -> version; empty where the model is not registered."""
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_registered_model(model).aliases
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return {}
        raise
    return {str(alias): str(version) for alias, version in found.items()}


def get_version(client: MlflowClient, model: str, version: str) -> Any | None:
    """A version of a model; None where there is none, or where it was deleted."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(model, version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def resolve(client: MlflowClient, uri: ModelUri) -> Any:
    """The version that a URI names.

    Raises
    ------
    DataError
        There is none.
    """
    number = uri.version or aliases(client, uri.name).get(str(uri.alias))
    version = None if number is None else get_version(client, uri.name, number)
    if version is None:
        what = "the registry has no such model, alias or version"
        raise DataError(str(uri), what, "look at the registry, or set MLFLOW_TRACKING_URI")
    return version


def versions(client: MlflowClient, model: str) -> list[Any]:
    """All versions of a model, oldest first."""
    name = model.replace("'", "\\'")
    return sorted(client.search_model_versions(f"name = '{name}'"), key=lambda v: int(v.version))


def stored_digest(client: MlflowClient, model: str, version: str, file: str) -> str | None:
    """SHA-256 of a file or folder of a version, downloaded; None where it is not there."""
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        uri = client.get_model_version_download_uri(model, version)
        path = Path(
            download_artifacts(artifact_uri=uri, dst_path=folder, tracking_uri=tracking_uri())
        )
        stored = (path / file).resolve()
        inside = stored.is_relative_to(path.resolve())
        return sha256_path(stored) if inside and stored.exists() else None


def run_file(client: MlflowClient, run_id: str, name: str) -> bytes | None:
    """The bytes of a file that was logged with a run, at most one folder deep; None: not there."""
    parent = name.rpartition("/")[0]
    if parent and parent not in {artifact.path for artifact in client.list_artifacts(run_id)}:
        return None
    if name not in {artifact.path for artifact in client.list_artifacts(run_id, parent or None)}:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run_id, name, folder)).read_bytes()
