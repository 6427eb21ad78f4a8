"""Promotion and its way back: everything is checked and written before the alias moves."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.errors import PromotionError, RegistryError, VerificationError
from segmetrics.registry.approvals import approvals, check_approvals
from segmetrics.registry.audit import (
    FILE,
    MOST_CHARACTERS,
    Action,
    Entry,
    now,
    read_entries,
    write_entry,
)
from segmetrics.registry.audit import write_file as write_audit
from segmetrics.registry.candidate import Candidate
from segmetrics.registry.store import (
    APPROVED,
    DIGEST,
    FORMER,
    MODEL_FILE,
    account,
    aliases,
    get_version,
    session,
)
from segmetrics.registry.verification import verify_version
from segmetrics.registry.versions import (
    check_bytes,
    find_version,
    only_one,
    register,
    tracked_run,
    version_tags,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True, slots=True)
class Target:
    """The alias that is to move, `models:/model@alias` in MLflow.

    Attributes
    ----------
    experiment
        Where evaluations are tracked.
    approvers
        How many people have to have signed the evaluation.
    audit
        The file of the history.
    """

    model: str
    alias: str
    experiment: str
    approvers: int = 0
    audit: Path = FILE

    def __str__(self) -> str:
        return f"{self.model}@{self.alias}"


@dataclass(frozen=True, slots=True)
class Moved:
    """What happened, or with `dry_run` would: `former` is where the alias pointed; None: nowhere.

    Attributes
    ----------
    version
        None where a dry run found no version with these bytes: a new one would be registered.
    notes
        What else there is to say: the former version does not verify; somebody else promoted at the
        same time.
    """

    target: Target
    version: str | None
    former: str | None
    dry_run: bool = False
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.version is not None and self.former == self.version:
            return f"{self.target} already is version {self.version}; nothing moved."
        if self.dry_run:
            to = f"version {self.version}" if self.version else "a new version"
            since = f"from version {self.former} " if self.former else ""
            text = f"dry run: {self.target} would move {since}to {to}; nothing was written."
            return "\n".join([text, *self.notes])
        before = f"was version {self.former}" if self.former else "is new"
        return "\n".join([f"{self.target} now is version {self.version} ({before}).", *self.notes])


def promote(
    candidate: Candidate,
    target: Target,
    *,
    reason: str = "",
    allow_first: bool = False,
    dry_run: bool = False,
) -> Moved:
    """Register or find the version of the model, verify its bytes, and move the alias last.

    Killed at any moment and called again, it ends as if it had not been killed.

    Parameters
    ----------
    allow_first
        Whether the alias may be set where it points nowhere yet.
    dry_run
        All checks, and nothing written.

    Raises
    ------
    PromotionError
        The evaluation was not tracked, too few people signed it, `baseline/` is not of the
        champion, the bytes were retired, or the registered ones differ. The alias has not moved.
    RegistryError
        The server or store fails. The alias has not moved.
    """
    check_reason(reason)
    with session(writes=not dry_run) as client:
        run_id = tracked_run(client, target.experiment, candidate)
        tags = version_tags(client, candidate, run_id)
        signed = approvals(client.get_run(run_id), candidate.eval_id, candidate.model_digest)
        check_approvals(signed, target.approvers)
        tags[APPROVED] = json.dumps([asdict(approval) for approval in signed])
        known = find_version(client, target.model, candidate)
        version = known.version if known else None
        seen = Seen.of(client, target)
        doubts: tuple[str, ...] = ()
        if seen.points_to is None or seen.points_to != version:
            _check_champion(client, target, seen.points_to, candidate, allow_first=allow_first)
            doubts = _doubts(client, target, seen.points_to)
        if known is not None:
            check_bytes(client, target.model, known, candidate)
        if dry_run:
            return Moved(target, version, seen.points_to, dry_run=True, notes=doubts)
        if known is None:
            known = register(client, target.model, run_id, candidate.source, tags)
            known = only_one(client, target.model, known, candidate)
            check_bytes(client, target.model, known, candidate)
        for key, value in {**tags, MODEL_FILE: known.file}.items():
            client.set_model_version_tag(target.model, known.version, key, value)
        moved = move(client, target, known.version, candidate.eval_id, "promote", reason, seen)
        return replace(moved, notes=(*doubts, *moved.notes))


def check_reason(reason: str) -> None:
    """Check that a reason fits into the registry.

    Raises
    ------
    PromotionError
        It is too long.
    """
    if len(reason) > MOST_CHARACTERS:
        what = f"has {len(reason)} characters; the registry keeps {MOST_CHARACTERS}"
        raise PromotionError("--reason", what, "shorten it")


def _check_champion(
    client: MlflowClient,
    target: Target,
    champion: str | None,
    candidate: Candidate,
    *,
    allow_first: bool,
) -> None:
    """Check that the candidate was compared with the model that it would replace."""
    if champion is None:
        if allow_first:
            return
        what = "points to no version yet, so the candidate was compared with none"
        remedy = "if this is to be the first, say so: `segmetrics promote --allow-first`"
        raise PromotionError(str(target), what, remedy)
    version = get_version(client, target.model, champion)
    known = version.tags.get(DIGEST) if version is not None else None
    if known is None:
        what = f"points to version {champion}, which segmetrics did not promote: nothing says what "
        remedy = "remove the alias in the registry and promote with --allow-first"
        raise PromotionError(str(target), f"{what}it holds", remedy)
    if known != candidate.baseline:
        other = f"of another model ({candidate.baseline[:12]})" if candidate.baseline else "empty"
        raise PromotionError(
            "baseline/",
            f"is {other}, but {target} is version {champion} ({known[:12]}): "
            "the candidate was not compared with the champion",
            "`segmetrics baseline pull` puts its evaluation there; run `dvc repro`, then promote",
        )


def _doubts(client: MlflowClient, target: Target, champion: str | None) -> tuple[str, ...]:
    """What is wrong with the version that is replaced, which is compared with by its tags.

    No reason to keep it: a damaged champion has to be replaceable.
    """
    if champion is None:
        return ()
    try:
        verify_version(client, target.model, champion)
    except VerificationError as error:
        what = error.problems[0].what
        return (f"warning: version {champion}, which was served until now, {what}",)
    return ()


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the alias pointed, and what its history was, when it was decided that it may move."""

    points_to: str | None
    entries: frozenset[str]

    @classmethod
    def of(cls, client: MlflowClient, target: Target) -> Seen:
        """As it is now. The alias is read first: what comes in between is noticed by its entry."""
        points_to = aliases(client, target.model).get(target.alias)
        keys = frozenset(entry.key for entry in read_entries(client, target.model))
        return cls(points_to, keys)


def move(
    client: MlflowClient,
    target: Target,
    version: str,
    eval_id: str,
    action: Action,
    reason: str,
    seen: Seen,
) -> Moved:
    """Note the move, make it, and look whether it held.

    The registry has no compare-and-swap: between the last reading and the moving, another machine
    may act. It is told afterwards.

    Raises
    ------
    PromotionError
        The alias moved since it was looked at; this left it alone.
    RegistryError
        The alias points elsewhere afterwards.
    """
    notes: tuple[str, ...] = ()
    if _still(client, target, seen, version) != version:
        if seen.points_to is not None and action == "promote":
            former = f"{FORMER}{target.alias}"
            client.set_model_version_tag(target.model, version, former, seen.points_to)
        wanted = Entry(
            number=0,
            time=now(),
            who=account(),
            action=action,
            model=target.model,
            alias=target.alias,
            former=seen.points_to,
            version=version,
            eval_id=eval_id,
            reason=reason,
        )
        own = write_entry(client, wanted, seen.points_to)
        _still(client, target, seen, version)
        client.set_registered_model_alias(target.model, target.alias, version)
        notes = _others(read_entries(client, target.model), own, seen)
    write_audit(target.audit, read_entries(client, target.model))
    points_to = aliases(client, target.model).get(target.alias)
    if points_to != version:
        what = f"was moved to version {points_to} by somebody else meanwhile"
        raise RegistryError(str(target), what, "look at its history in the registry, then decide")
    return Moved(target, version, seen.points_to, notes=notes)


def _still(client: MlflowClient, target: Target, seen: Seen, version: str) -> str | None:
    """Where the alias points, once that is where it did, or where it is to point anyway."""
    points_to = aliases(client, target.model).get(target.alias)
    if points_to not in (seen.points_to, version):
        to = f"to version {points_to}" if points_to else "away"
        what = f"was moved {to} by somebody else meanwhile, which this was not compared with"
        remedy = "`segmetrics baseline pull`, `dvc repro`, and promote again"
        raise PromotionError(str(target), what, remedy)
    return points_to


def _others(entries: list[Entry], own: Entry, seen: Seen) -> tuple[str, ...]:
    """Moves of the same alias that were noted since: another machine acted at the same time."""
    same = [e for e in entries if e.alias == own.alias and e.key != own.key]
    new = [e for e in same if e.key not in seen.entries and e.action != "noticed"]
    return tuple(f"warning: at the same time: {entry}" for entry in new)
