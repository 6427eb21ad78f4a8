"""Which store is written to, and who writes."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from segmetrics.files import sha256_bytes

SQLITE = "sqlite:///"
_DATABASES = ("postgresql", "mysql", "mssql")


def store_root() -> Path:
    """The folder of the default store: DVC's root, also from an experiment's temporary copy."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or the SQLite store at the DVC root.

    A relative path is one from the DVC root: in the temporary copy of an experiment it would lead
    into the copy, and be lost with it.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if not given:
        return f"{SQLITE}{store_root() / 'mlflow.db'}"
    file = given.removeprefix(SQLITE)
    relative = file != given and not file.startswith(":")  # :memory:
    return f"{SQLITE}{store_root() / file}" if relative else given


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store; None for any other store."""
    file = uri.removeprefix(SQLITE).partition("?")[0]
    return Path(file) if uri.startswith(SQLITE) and file else None


def is_local(uri: str) -> bool:
    """Whether a store is files or a database: nobody serves it yet."""
    return not uri.startswith(("http://", "https://", "databricks"))


def artifact_folder(uri: str) -> Path | None:
    """Where the artifacts of a database go; None: the server, or the store itself, knows.

    MLflow would take the working folder, which in an experiment is a temporary copy.
    """
    file = sqlite_file(uri)
    if file is not None:
        return file.parent / "mlartifacts"
    return store_root() / "mlartifacts" if uri.startswith(_DATABASES) else None


def artifact_location(uri: str, experiment: str) -> str | None:
    """Where a new experiment puts its artifacts; None: the server knows."""
    folder = artifact_folder(uri)
    return None if folder is None else (folder / experiment).as_uri()


def lock_file(uri: str) -> Path:
    """One lock a store, also for projects that share it.

    Beside the file of a SQLite store, for any other one in the folder for temporary files.
    """
    file = sqlite_file(uri)
    if file is not None:
        return file.parent / ".mlflow.lock"
    return Path(tempfile.gettempdir()) / f"segmetrics-{writer(uri)}.lock"


def writer(*more: str) -> str:
    """Tells users and machines apart without naming them."""
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return sha256_bytes("\n".join((socket.gethostname(), user, *more)).encode())[:16]
