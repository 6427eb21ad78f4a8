"""Whether a registered version carries a passing evaluation of the very bytes that it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segmetrics.errors import VerificationError
from segmetrics.files import sha256_bytes, sha256_json
from segmetrics.registry.store import (
    DECISION,
    DIGEST,
    EVAL_ID,
    MODEL_FILE,
    PRIMARY,
    RUN_ID,
    TRACKED_VERDICT,
    VERDICT,
    aliases,
    get_version,
    parse_uri,
    retirement,
    run_file,
    session,
    stored_digest,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

_NEEDED = (DIGEST, EVAL_ID, DECISION, RUN_ID, VERDICT, TRACKED_VERDICT, MODEL_FILE)
_PROMOTE = "do not serve it; promote it with `segmetrics promote`"
_KEEP_OFF = "do not serve it; look at who changed the registry"


@dataclass(frozen=True, slots=True)
class Verified:
    """A version that passed; load `models:/name/version`: the alias may have moved since.

    Attributes
    ----------
    model_digest, model_file
        SHA-256 of the bytes, and where they lie in the version's folder.
    run_id
        The MLflow run of the evaluation.
    primary
        The metric that its domain puts first.
    """

    model: str
    version: str
    model_digest: str
    model_file: str
    eval_id: str
    run_id: str
    primary: str

    def __str__(self) -> str:
        return (
            f"verified: models:/{self.model}/{self.version} holds the evaluated bytes "
            f"({self.model_digest[:12]}) and its verdict is a pass (run {self.run_id})."
        )


def verify(uri: str) -> Verified:
    """Check a version before it is served: download its bytes and compare.

    Needs MLflow and `MLFLOW_TRACKING_URI`, but neither params.yaml nor DVC.

    Parameters
    ----------
    uri
        `models:/name@alias` or `models:/name/3`.

    Raises
    ------
    VerificationError
        There is no such version, it was retired, its bytes are not the evaluated ones, or its
        evaluation is missing, unfinished, edited or no pass.
    RegistryError
        The server or store fails: nothing is known.
    ConfigError
        The URI is none.
    """
    wanted = parse_uri(uri)
    with session(writes=False) as client:
        version = wanted.version or aliases(client, wanted.name).get(str(wanted.alias))
        if version is None:
            raise VerificationError(uri, "there is no such model or alias", "look at the registry")
        return verify_version(client, wanted.name, version)


def verify_version(client: MlflowClient, model: str, number: str) -> Verified:
    """`verify`, for a version that is known.

    Raises
    ------
    VerificationError
        As `verify`.
    """
    where = f"models:/{model}/{number}"
    version = get_version(client, model, number)
    if version is None:
        raise VerificationError(where, "there is no such version", "look at the registry")
    tags: dict[str, str] = version.tags
    if retirement(tags):
        raise VerificationError(where, retirement(tags), "serve another version")
    missing = missing_tags(tags)
    if missing:
        what = f"carries no evaluation: it lacks {', '.join(missing)}"
        raise VerificationError(where, what, _PROMOTE)
    if tags[DECISION] != "pass":
        raise VerificationError(where, f"its verdict is {tags[DECISION]}", _PROMOTE)
    found = stored_digest(client, model, number, tags[MODEL_FILE]) or "nothing"
    if found != tags[DIGEST]:
        what = f"holds other bytes ({found[:12]}) than were evaluated ({tags[DIGEST][:12]})"
        raise VerificationError(where, what, _KEEP_OFF)
    check_run(client, where, tags)
    return Verified(
        model=model,
        version=number,
        model_digest=found,
        model_file=tags[MODEL_FILE],
        eval_id=tags[EVAL_ID],
        run_id=tags[RUN_ID],
        primary=tags.get(PRIMARY, ""),
    )


def missing_tags(tags: Mapping[str, str]) -> list[str]:
    """What a version lacks to say which evaluation it was promoted with."""
    return [name for name in _NEEDED if not tags.get(name)]


def check_run(client: MlflowClient, where: str, tags: Mapping[str, str]) -> None:
    """Check the run of a version's evaluation: there, finished, a pass, and that very evaluation.

    Raises
    ------
    VerificationError
        It is not.
    """
    from mlflow.exceptions import MlflowException

    run_id = tags[RUN_ID]
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        what = f"its evaluation, run {run_id}, is gone"
        raise VerificationError(where, what, "restore the run, or promote again") from error
    if run.info.lifecycle_stage != "active":
        what = f"its evaluation, run {run_id}, was deleted"
        raise VerificationError(where, what, "restore the run, or promote again")
    if run.info.status != "FINISHED":
        what = f"its evaluation, run {run_id}, is {run.info.status}, not FINISHED"
        raise VerificationError(where, what, _KEEP_OFF)
    wrong = [name for name in (EVAL_ID, DECISION, DIGEST) if run.data.tags.get(name) != tags[name]]
    if wrong:
        what = f"run {run_id} is of another evaluation: {', '.join(wrong)} differ"
        raise VerificationError(where, what, _KEEP_OFF)
    reason = _wrong_verdict(run_file(client, run_id, "verdict.json"), tags)
    if reason:
        raise VerificationError(where, f"verdict.json of run {run_id} {reason}", _KEEP_OFF)


def _wrong_verdict(content: bytes | None, tags: Mapping[str, str]) -> str:
    """Why the verdict that was logged is not the one that was promoted; empty where it is."""
    if content is None:
        return "is missing"
    if sha256_bytes(content) != tags[TRACKED_VERDICT]:
        return "was changed after the promotion"
    verdict: Any = json.loads(content)
    if verdict["decision"] != "pass":
        return f"says {verdict['decision']}"
    # What `segmetrics.evidence.eval_id` computes, with the digest of the file it computed it from.
    if sha256_json({"inputs": verdict["inputs"], "verdict": tags[VERDICT]}) != tags[EVAL_ID]:
        return "is not that of the evaluation's id"
    if tags[DIGEST] not in verdict["inputs"].values():
        return "is about another model"
    return ""
