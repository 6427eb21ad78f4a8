"""Which store is written to, and who writes."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from segmetrics.files import sha256_bytes


def store_root() -> Path:
    """The folder of the default store: DVC's root, also from an experiment's temporary copy."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or the SQLite store at the DVC root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{store_root() / 'mlflow.db'}"


def is_local(uri: str) -> bool:
    """Whether a store is files or a database: nobody serves it yet."""
    return not uri.startswith(("http://", "https://", "databricks"))


def artifact_location(experiment: str) -> str | None:
    """Where a new experiment of the default store puts its artifacts; None: the server knows."""
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return None
    return (store_root() / "mlartifacts" / experiment).as_uri()


def lock_file(uri: str) -> Path:
    """One lock a store: beside the embedded one; for a server in the folder for temporary files."""
    if uri.startswith("sqlite:"):
        return store_root() / ".mlflow.lock"
    return Path(tempfile.gettempdir()) / f"segmetrics-{writer(uri)}.lock"


def writer(*more: str) -> str:
    """Tells users and machines apart without naming them."""
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return sha256_bytes("\n".join((socket.gethostname(), user, *more)).encode())[:16]
