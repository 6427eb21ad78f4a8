"""What may leave the machine of names of samples, groups and people: plain, hashed, or nothing."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from segmetrics.gates.leakage import hide_names

Ids = Literal["plain", "hashed", "none"]
KEY_VARIABLE = "SEGMETRICS_ID_KEY"
LEFT_OUT = "(left out)"


@dataclass(frozen=True, slots=True)
class Names:
    """How the names of samples, groups and people leave the machine.

    Attributes
    ----------
    ids
        `plain`, `hashed`, or `none`: left out, and no per-image tables.
    key
        Of the hashes: without it, short ids could be found by trying.
    values
        Column and value of the slices that are hidden, too (`segmetrics.record.shy`).
    people
        The further annotators, in a fixed order.
    """

    ids: Ids = "hashed"
    key: bytes = b""
    values: frozenset[tuple[str, str]] = frozenset()
    people: tuple[str, ...] = ()

    def __call__(self, name: str) -> str:
        """An id as it may leave: the first 16 digits of its HMAC-SHA256, where ids are hashed."""
        if self.ids == "plain":
            return name
        return hmac.new(self.key, name.encode(), hashlib.sha256).hexdigest()[:16]

    def value(self, column: str, value: str) -> str:
        """The value of a column or the name of a slice as it may leave."""
        if self.ids == "plain" or (column, value) not in self.values:
            return value
        return LEFT_OUT if self.ids == "none" else self(value)

    def cells(self, columns: Mapping[str, str]) -> dict[str, str]:
        """The cells of a sample as they may leave."""
        return {name: cell and self.value(name, cell) for name, cell in columns.items()}

    def person(self, name: str) -> str:
        """An annotator as he may leave; `mask` and `model` are nobody's name."""
        if self.ids == "plain" or name not in self.people:
            return name
        if self.ids == "none":
            return f"annotator {self.people.index(name) + 1}"
        return self(name)


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
    it, which stay. Hidden slices and people stand in texts.
    """
    if names.ids == "plain":
        return value
    return _outgoing(value, names, hidden_texts(names))


def _outgoing(value: Any, names: Names, slices: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        if _is_leakage(value):
            return hide_names(value, None if names.ids == "none" else names)
        kept = {k: v for k, v in value.items() if names.ids != "none" or not _holds_ids(k, v)}
        return {
            k: _renamed(v, names) if _holds_ids(k, v) else _outgoing(v, names, slices)
            for k, v in kept.items()
        }
    if isinstance(value, list | tuple):
        return [_outgoing(inner, names, slices) for inner in value]
    return slices(value) if isinstance(value, str) else value


# Texts that list the values of a column.
_LISTS = (
    (re.compile(r" \(values: .*\)$"), " (its values are left out)"),
    (re.compile(r'(samples hold no number in .*?): ".*"(?:, \.\.\.)?'), r"\1"),
)


def hidden_texts(names: Names) -> Callable[[str], str]:
    """Hides what texts say of slices and people: `scanner=A`, `anna vs ben`, lists of values."""
    if names.ids == "plain":
        return lambda text: text
    slices = {
        f"{column.partition(' | ')[0]}={value}": (column.partition(" | ")[0], value)
        for column, value in names.values
    }
    of_slice = _any(slices, "(?:{})(?!\\w)")
    of_person = _any(names.people, r"(?<![\w.-])(?:{})(?= vs )|(?<= vs )(?:{})(?![\w-]|\.\w)")

    def shown(match: re.Match[str]) -> str:
        column, value = slices[match[0]]
        return f"{column}={names.value(column, value)}"

    def hide(text: str) -> str:
        for listed, instead in _LISTS:
            text = listed.sub(instead, text)
        text = of_slice.sub(shown, text) if of_slice else text
        return of_person.sub(lambda found: names.person(found[0]), text) if of_person else text

    return hide


def _any(texts: Iterable[str], pattern: str) -> re.Pattern[str] | None:
    """A pattern where `{}` is any of the texts, the longest first: one may begin another."""
    ordered = sorted(texts, key=lambda text: (-len(text), text))
    either = "|".join(map(re.escape, ordered))
    return re.compile(pattern.replace("{}", either)) if ordered else None


def _is_leakage(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is a finding whose text names samples or groups."""
    named = isinstance(value.get("data"), Mapping) and "named" in value["data"]
    return named and str(value.get("name")).startswith("leakage_")


def _holds_ids(key: str, value: Any) -> bool:
    one = key == "id" and isinstance(value, str)
    return one or (key == "ids" and isinstance(value, list | tuple))


def _renamed(value: Any, names: Names) -> Any:
    return names(value) if isinstance(value, str) else [names(name) for name in value]
