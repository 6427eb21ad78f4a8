"""Reading YAML 1.2: no `no` = false surprise, `1e-3` is a number, duplicate keys are errors.

PyYAML follows YAML 1.1. Its parser is used for the structure; scalars are resolved here by the core
schema of YAML 1.2.2 (section 10.3.2), which is what DVC reads params.yaml with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from segmetrics.errors import ConfigError, Problem

Path = tuple[str | int, ...]

_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"null|Null|NULL|~|"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda text: float("nan")),
)


@dataclass(frozen=True)
class Document:
    """A YAML document: its value and the line (from 1) of every key and list entry."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int | None:
        """The line of a key or, where it is absent, of the nearest parent."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def parse(text: str, where: str) -> Document:
    """Parse one document.

    Raises
    ------
    ConfigError
        It is not YAML, or keys repeat or are no text.
    """
    builder = _Builder(where)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = builder.build(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, where) from error
    except yaml.YAMLError as error:
        raise ConfigError(where, f"not YAML ({error})") from error
    except RecursionError as error:
        raise ConfigError(where, "is nested too deeply") from error
    if builder.problems:
        raise ConfigError.of(builder.problems, where)
    return Document(value, builder.lines)


def _not_yaml(error: yaml.MarkedYAMLError, where: str) -> ConfigError:
    """What PyYAML says, at the line where the mistake is as a rule, and what would do."""
    mark, problem = error.problem_mark, str(error.problem)
    remedy = "check it there and in the line before"
    if "could not find expected ':'" in problem:
        # Noticed a line or two later; the key without colon begins where the context does.
        mark, remedy = error.context_mark or mark, "write `key: value`, with a colon and a space"
    elif "'\\t'" in problem:
        remedy = "indent with spaces, not with tabs"
    elif "block end" in problem or "mapping values" in problem:
        remedy = "indent the keys of a section alike: look at this line and the one before"
    elif "expected ','" in problem or "end of stream" in problem:
        remedy = "close the bracket or quote that is open there"
    place = f"{where}:{mark.line + 1}" if mark else where
    return ConfigError(place, f"not YAML ({problem})", remedy)


class _Builder:
    def __init__(self, where: str) -> None:
        self.where = where
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._open: list[yaml.Node] = []

    def build(self, node: yaml.Node, path: Path) -> Any:
        if any(node is parent for parent in self._open):
            self._problem(node, "an alias that contains itself")
            return None
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self._item(child, (*path, i)) for i, child in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self._open.pop()

    def _item(self, node: yaml.Node, path: Path) -> Any:
        self.lines[path] = node.start_mark.line + 1
        return self.build(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, "a key must be one word or text")
                continue
            key = str(key_node.value)
            if key in result:
                first = self.lines[(*path, key)]
                self._problem(key_node, f'"{key}" is given twice (first in line {first})')
                continue
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node) -> Any:
        text = str(node.value)
        plain = node.style is None if isinstance(node, yaml.ScalarNode) else False
        if not plain or (node.tag or "").startswith("!"):
            return text
        for pattern, convert in _SCALARS:
            if pattern.fullmatch(text):
                try:
                    return convert(text)
                except ValueError:  # Python refuses to read integers of thousands of digits.
                    self._problem(node, "a number too long to read")
                    return None
        return text

    def _problem(self, node: yaml.Node, what: str) -> None:
        place = f"{self.where}:{node.start_mark.line + 1}"
        self.problems.append(Problem(place, what, "keep one of them" if "twice" in what else ""))
