"""What may leave the machine of sample ids: plain, hashed, or nothing."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from segmetrics.gates.leakage import hide_names

Ids = Literal["plain", "hashed", "none"]
KEY_VARIABLE = "SEGMETRICS_ID_KEY"


@dataclass(frozen=True, slots=True)
class Names:
    """How the ids and groups of samples leave the machine.

    Attributes
    ----------
    ids
        `plain`, `hashed`, or `none`: left out, and no per-image tables.
    key
        Of the hashes: without it, short ids could be found by trying.
    """

    ids: Ids = "hashed"
    key: bytes = b""

    def __call__(self, name: str) -> str:
        """An id as it may leave: the first 16 digits of its HMAC-SHA256, where ids are hashed."""
        if self.ids == "plain":
            return name
        return hmac.new(self.key, name.encode(), hashlib.sha256).hexdigest()[:16]


def project_key(root: Path) -> bytes:
    """The key of hashed ids: `SEGMETRICS_ID_KEY`, else a file that is made once and not committed.

    The file is `.dvc/tmp/segmetrics.key` of the project, which git ignores.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given:
        return given.encode()
    folder = root / ".dvc"
    path = folder / "tmp" / "segmetrics.key" if folder.is_dir() else root / ".segmetrics.key"
    if not path.exists():
        _make_key(path)
    return path.read_bytes().strip()


def _make_key(path: Path) -> None:
    """Write a fresh key, whole, unless another process was faster: then its key stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink(missing_ok=True)


def outgoing(value: Any, names: Names) -> Any:
    """Nested JSON values as they may leave the machine.

    Sample ids stand under `id` (a text) and `ids` (texts), and in findings about leakage, in data
    and text: they are hashed, or left out with `none`. A class of the name `id` has numbers below
    it, which stay.
    """
    if names.ids == "plain":
        return value
    if isinstance(value, Mapping):
        if _is_leakage(value):
            return hide_names(value, None if names.ids == "none" else names)
        kept = {k: v for k, v in value.items() if names.ids != "none" or not _holds_ids(k, v)}
        return {
            k: _renamed(v, names) if _holds_ids(k, v) else outgoing(v, names)
            for k, v in kept.items()
        }
    if isinstance(value, list | tuple):
        return [outgoing(inner, names) for inner in value]
    return value


def _is_leakage(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is a finding whose text names samples or groups."""
    named = isinstance(value.get("data"), Mapping) and "named" in value["data"]
    return named and str(value.get("name")).startswith("leakage_")


def _holds_ids(key: str, value: Any) -> bool:
    one = key == "id" and isinstance(value, str)
    return one or (key == "ids" and isinstance(value, list | tuple))


def _renamed(value: Any, names: Names) -> Any:
    return names(value) if isinstance(value, str) else [names(name) for name in value]
