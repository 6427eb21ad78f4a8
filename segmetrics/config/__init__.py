"""params.yaml: read, checked, and turned into the plain values that the library takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segmetrics.config.models import Settings


def load_settings(path: Path) -> Settings:
    """See `segmetrics.config.load.load_settings`."""
    # Imported here: `segmetrics score` reads options alone and starts without pydantic.
    from segmetrics.config.load import load_settings as load

    return load(path)
