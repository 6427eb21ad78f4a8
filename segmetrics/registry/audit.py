"""Who moved which alias, when, from where to where, and why: in the registry and in a file.

An entry is a tag of the registered model, `segmetrics.promotion.0007.<id>`; none is ever written
over. It is written before its alias moves: a process that dies in between leaves an entry whose
move the next one makes, or notes as not made. `promotions.jsonl` is the same list, one entry a
line; what it lacks is added whenever a promotion runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from segmetrics.errors import DataError
from segmetrics.files import sha256_json

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY = "segmetrics.promotion."
FILE = Path("promotions.jsonl")
MOST_CHARACTERS = 1000  # of a reason; older servers take 5,000 in a tag

Action = Literal["promote", "rollback", "retire", "noticed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One move of an alias.

    Attributes
    ----------
    number
        From 1 on; where two machines acted at once, two entries have the same.
    time
        UTC, `2026-11-24T18:40:03Z`.
    action
        `noticed`: the alias was found elsewhere than the last entry says, because a command died
        or somebody moved it by other means.
    former, version
        Where the alias pointed before and after; None: nowhere.
    """

    number: int
    time: str
    who: str
    action: Action
    model: str
    alias: str
    former: str | None
    version: str | None
    eval_id: str
    reason: str

    @property
    def key(self) -> str:
        """The tag that holds it: two machines that take one number do not overwrite each other."""
        return f"{KEY}{self.number:04d}.{sha256_json(asdict(self))[:12]}"

    def same_move(self, other: Entry) -> bool:
        """Whether the two say the same but for number, time, person and reason."""
        neutral = {"number": 0, "time": "", "who": "", "reason": ""}
        return replace(self, **neutral) == replace(other, **neutral)  # type: ignore[arg-type]

    def __str__(self) -> str:
        way = f"{self.former or 'nothing'} -> {self.version or 'nothing'}"
        why = f": {self.reason}" if self.reason else ""
        return f"{self.time} {self.who} {self.action} {self.model}@{self.alias} {way}{why}"


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_entries(client: MlflowClient, model: str) -> list[Entry]:
    """All entries of a model, oldest first; empty where it is not registered.

    Raises
    ------
    DataError
        A tag of ours does not hold an entry: the history was edited.
    """
    from mlflow.exceptions import MlflowException

    try:
        tags = client.get_registered_model(model).tags
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return []
        raise
    found = [_parse(key, value) for key, value in tags.items() if key.startswith(KEY)]
    return sorted(found, key=lambda e: (e.number, e.time, e.key))


def _parse(key: str, value: str) -> Entry:
    try:
        entry = Entry(**json.loads(value))
        if entry.key == key:
            return entry
    except (TypeError, ValueError):
        pass
    raise DataError(f"tag {key}", "is not what was written: the history was edited", "restore it")


def last(entries: Sequence[Entry], alias: str) -> Entry | None:
    """The newest entry about an alias."""
    own = [entry for entry in entries if entry.alias == alias]
    return own[-1] if own else None


def write_entry(client: MlflowClient, entry: Entry, points_to: str | None) -> Entry:
    """Write an entry before its alias moves; gives the one that stands in the registry.

    Parameters
    ----------
    entry
        Its number is set here.
    points_to
        The version that the alias points to now. Where the last entry says otherwise, this is
        noted first; where the last entry is this very move, not yet made, it stands.
    """
    entries = read_entries(client, entry.model)
    before = last(entries, entry.alias)
    number = max((e.number for e in entries), default=0) + 1
    if before is not None and before.version != points_to:
        if before.same_move(entry):
            return before
        noticed = replace(
            entry,
            number=number,
            who="segmetrics",
            action="noticed",
            former=before.version,
            version=points_to,
            eval_id="",
            reason="a command died before it moved the alias, or it was moved by other means",
        )
        _write(client, noticed)
        number += 1
    numbered = replace(entry, number=number)
    _write(client, numbered)
    return numbered


def _write(client: MlflowClient, entry: Entry) -> None:
    client.set_registered_model_tag(entry.model, entry.key, _line(entry))


def lacks(path: Path, entry: Entry) -> bool:
    """Whether a file does not hold an entry."""
    return not path.exists() or _line(entry) not in path.read_text("utf-8").splitlines()


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry))


def write_file(path: Path, entries: Sequence[Entry]) -> None:
    """Add the entries that a file lacks, in one write at its end; lines are never changed."""
    content = path.read_text("utf-8") if path.exists() else ""
    there = set(content.splitlines())
    missing = [line for line in map(_line, entries) if line not in there]
    if not missing:
        return
    # A line that a dying process left unfinished stays, but does not swallow the next one.
    start = "\n" if content and not content.endswith("\n") else ""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, (start + "".join(f"{line}\n" for line in missing)).encode())
        os.fsync(handle)
    finally:
        os.close(handle)
