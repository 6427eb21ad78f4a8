"""The page that GitHub Actions shows below a job."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segmetrics.texts.markdown import verdict_markdown


def write_step_summary(verdict: Mapping[str, Any]) -> None:
    """Add the verdict to the file that `$GITHUB_STEP_SUMMARY` names, once; nothing without it.

    A summary that cannot be written changes no verdict: it is a warning.
    """
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    path, text = Path(name), verdict_markdown(verdict)
    try:
        if path.exists() and text in path.read_text("utf-8"):
            return
        with path.open("a", encoding="utf-8") as stream:
            stream.write("## segmetrics\n\n" + text)
    except (OSError, UnicodeDecodeError) as error:
        print(f"warning: GITHUB_STEP_SUMMARY: {name} was not written ({error})", file=sys.stderr)
