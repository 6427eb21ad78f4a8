"""Named sign-offs: people who looked at an evaluation before its model is promoted.

A sign-off is a tag of the evaluation's run. It counts for one evaluation and one model: whatever
changes either needs new ones. Whoever may write to the server could write such a tag; it records
who takes responsibility, it does not prove it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from segmetrics.errors import ConfigError, PromotionError
from segmetrics.files import sha256_bytes
from segmetrics.registry.audit import now
from segmetrics.registry.store import DECISION, DIGEST, session
from segmetrics.tracking import find_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY = "segmetrics.approval."
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Approval:
    """One sign-off.

    Attributes
    ----------
    by
        Who signs; upper and lower case and spaces do not make another person.
    time
        UTC, `2026-11-24T18:40:03Z`.
    eval_id, model_digest
        What it counts for.
    """

    by: str
    time: str
    eval_id: str
    model_digest: str

    @property
    def key(self) -> str:
        """The tag that holds it: one a person."""
        return f"{KEY}{sha256_bytes(_person(self.by).encode())[:16]}"

    def __str__(self) -> str:
        return f"{self.by} signed evaluation {self.eval_id[:12]} on {self.time}."


def _person(name: str) -> str:
    return " ".join(name.split()).casefold()


def signer(by: str) -> str:
    """Who signs: the user of the MLflow server or, where it has no users, who is named.

    Raises
    ------
    ConfigError
        Nobody is named, or somebody else than the server's user.
    """
    user = os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    if user and by and _person(by) != _person(user):
        what = f'"{by}" is not {user}, the user of the MLflow server'
        raise ConfigError("--by", what, "everybody signs for themselves")
    name = " ".join((by or user).split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ConfigError("--by", "says who signs", 'name somebody: --by "Anna Muster"')
    return name


def approve(experiment: str, eval_id: str, *, by: str) -> Approval:
    """Sign a passing, tracked evaluation; signing twice changes nothing.

    Raises
    ------
    PromotionError
        There is no finished, passing run of it.
    RegistryError
        The server or store fails.
    ConfigError
        See `signer`.
    """
    name = signer(by)
    if not re.fullmatch("[0-9a-f]{64}", eval_id):
        remedy = "it has 64 digits, as in results/tracking.json"
        raise ConfigError("--eval-id", f'"{eval_id}" is no id of an evaluation', remedy)
    with session(writes=True) as client:
        run = _run(client, experiment, eval_id)
        approval = Approval(name, now(), eval_id, str(run.data.tags.get(DIGEST)))
        for before in approvals(run, eval_id, approval.model_digest):
            if _person(before.by) == _person(name):
                return before
        client.set_tag(run.info.run_id, approval.key, json.dumps(asdict(approval)))
        return approval


def _run(client: MlflowClient, experiment: str, eval_id: str) -> Any:
    found = client.get_experiment_by_name(experiment)
    for run in find_runs(client, found.experiment_id, eval_id) if found else []:
        if run.info.status == "FINISHED" and run.data.tags.get(DECISION) == "pass":
            return run
    what = f"holds no finished, passing run of evaluation {eval_id[:12]}"
    raise PromotionError(f'experiment "{experiment}"', what, "run `dvc repro`, then sign")


def approvals(run: Any, eval_id: str, model_digest: str) -> tuple[Approval, ...]:
    """The sign-offs of a run that count for this evaluation and model, by name; one a person."""
    found = {}
    for key, value in run.data.tags.items():
        if not key.startswith(KEY):
            continue
        try:
            approval = Approval(**json.loads(value))
            counts = (approval.key, approval.eval_id, approval.model_digest)
        except (TypeError, ValueError, AttributeError):
            continue  # no sign-off of ours: it counts for nothing
        if counts == (key, eval_id, model_digest):
            found[_person(approval.by)] = approval
    return tuple(found[name] for name in sorted(found))


def check_approvals(found: Sequence[Approval], needed: int) -> None:
    """Check that enough people signed.

    Raises
    ------
    PromotionError
        They did not.
    """
    if len(found) >= needed:
        return
    names = ", ".join(approval.by for approval in found) or "nobody"
    raise PromotionError(
        "promotion.approvers",
        f"{needed} have to sign this evaluation; signed: {names}",
        "`segmetrics approve --current --by NAME`, each for themselves",
    )
