"""A real browser without a screen."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--virtual-time-budget=30000",
)  # fmt: skip


def find_chromium() -> str | None:
    """The program, or None where none is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for found in map(shutil.which, names) if found), None)


def page(url: str, picture: Path | None = None, size: str = "2600,1000") -> str:
    """The page as the browser has it after its scripts ran; with `picture` also as PNG."""
    program = find_chromium()
    assert program is not None
    wanted = "--dump-dom" if picture is None else f"--screenshot={picture}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [program, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={size}", wanted, url],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
    return done.stdout
