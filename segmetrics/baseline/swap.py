"""A folder in the place of another: at every moment the old one, the new one, or none.

No file system exchanges two folders in one step everywhere, so there is a moment without any. A
process that is killed in it leaves the old folder aside, from where the next one puts it back.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OLD = ".old"
_LEFT_S = 3600.0  # writing takes seconds: what is older was left by a process that was killed


@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`, to be filled and given to `swap`; gone at the end."""
    put_back(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def swap(fresh: Path, folder: Path) -> None:
    """Put `fresh`, made by `fresh_folder`, in the place of `folder`."""
    fresh.chmod(0o755)
    if not folder.exists():
        fresh.rename(folder)
        return
    former = fresh.with_name(fresh.name + _OLD)
    folder.rename(former)
    try:
        fresh.rename(folder)
    except OSError:
        former.rename(folder)
        raise
    shutil.rmtree(former, ignore_errors=True)


def put_back(folder: Path) -> None:
    """Mend what a killed process left: the old folder aside, or half a new one."""
    if not folder.parent.is_dir():
        return
    left = [p for p in folder.parent.glob(f"{_prefix(folder)}*") if p.is_dir()]
    aside = sorted((p for p in left if p.name.endswith(_OLD)), key=lambda p: p.stat().st_mtime)
    if aside and not folder.exists():
        aside.pop().rename(folder)
    for path in left:
        if path.exists() and time.time() - path.stat().st_mtime > _LEFT_S:
            shutil.rmtree(path, ignore_errors=True)


def _prefix(folder: Path) -> str:
    return f".{folder.name}.new-"
