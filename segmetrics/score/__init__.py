"""`segmetrics score`: two folders of masks to metrics, without DVC, MLflow or params.yaml."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from segmetrics.score.discovery import discover
from segmetrics.score.folders import score_folders

if TYPE_CHECKING:  # the names of `_LAZY` once more, for type checkers and editors
    from segmetrics.score.scored import Scored
    from segmetrics.score.table import write_score_table

# What the measuring itself does not need, loaded when it is first used.
_LAZY = {"Scored": "scored", "write_score_table": "table"}

__all__ = ["Scored", "discover", "score_folders", "write_score_table"]


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value  # found at once the next time
    return value
