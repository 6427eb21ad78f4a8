"""Versions that must not be served again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from segmetrics.errors import ConfigError, PromotionError
from segmetrics.registry.audit import FILE, Entry, now, read_entries, write_entry, write_file
from segmetrics.registry.promotion import check_reason
from segmetrics.registry.store import (
    EVAL_ID,
    RETIRED,
    account,
    aliases,
    get_version,
    parse_uri,
    session,
)


@dataclass(frozen=True, slots=True)
class Retired:
    """What was retired, and the aliases that pointed there."""

    model: str
    version: str
    removed: tuple[str, ...]

    def __str__(self) -> str:
        gone = f"; removed: {', '.join(f'@{alias}' for alias in self.removed)}"
        return f"{self.model} version {self.version} is retired{gone if self.removed else ''}."


def retire(uri: str, *, reason: str, audit: Path = FILE) -> Retired:
    """Tag a version as retired, then remove its aliases.

    From the tag on `verify`, `promote` and `promote --rollback` refuse it, whatever happens next.
    Repeating it removes aliases that were left and keeps the first reason.

    Raises
    ------
    ConfigError
        The URI names an alias: which version is meant may change while one looks.
    PromotionError
        There is no such version.
    RegistryError
        The server or store fails; repeat it.
    """
    check_reason(reason)
    wanted = parse_uri(uri)
    if wanted.version is None:
        remedy = "name the number of the version: models:/name/3"
        raise ConfigError(uri, "is an alias, which may move", remedy)
    model, number = wanted.name, wanted.version
    with session(writes=True) as client:
        version = get_version(client, model, number)
        if version is None:
            raise PromotionError(uri, "there is no such version", "look at the registry")
        time, who = now(), account()
        if RETIRED not in version.tags:
            text = json.dumps({"time": time, "who": who, "reason": reason})
            client.set_model_version_tag(model, number, RETIRED, text)
        pointing = tuple(sorted(a for a, v in aliases(client, model).items() if v == number))
        for alias in pointing:
            eval_id = version.tags.get(EVAL_ID, "")
            entry = Entry(0, time, who, "retire", model, alias, number, None, eval_id, reason)
            write_entry(client, entry, number)
            client.delete_registered_model_alias(model, alias)
        write_file(audit, read_entries(client, model))
        return Retired(model, number, pointing)
