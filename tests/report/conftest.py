"""A project whose report is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from drawn_project import DrawnProject


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path) -> DrawnProject:
    """An empty project folder, the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(repository))
    monkeypatch.setattr(sys, "argv", sys.argv)
    return DrawnProject(tmp_path)
