"""Names that are loaded on first use: there, typed, and not loaded before."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from segmetrics import metrics


def loaded(script: str) -> str:
    command = f"import sys\n{script}\nprint(sorted(m for m in sys.modules if m in WATCHED))"
    watched = ("scipy", "segmetrics.metrics.surface")
    done = subprocess.run(
        [sys.executable, "-c", f"WATCHED = {watched!r}\n{command}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return done.stdout.strip()


def test_importing_the_metrics_loads_no_scipy():
    assert loaded("import segmetrics.metrics") == "[]"
    assert "surface" in loaded("from segmetrics.metrics import hd95; assert callable(hd95)")


def test_every_lazy_name_is_that_of_its_module():
    for name, module in metrics._LAZY.items():
        holder = importlib.import_module(f"segmetrics.metrics.{module}")
        assert getattr(metrics, name) is getattr(holder, name)
        assert name in metrics.__all__
        assert name in dir(metrics)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(metrics.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: str(node.module).removeprefix("segmetrics.metrics.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == metrics._LAZY


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'hd96'"):
        metrics.hd96  # noqa: B018
