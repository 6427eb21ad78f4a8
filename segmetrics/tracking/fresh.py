"""A fresh SQLite store appears whole or not at all."""

from __future__ import annotations

from segmetrics.tracking.store import SQLITE, artifact_folder, sqlite_file


def create_store(uri: str) -> None:
    """Make the database of a SQLite store that is not there yet; nothing for any other store.

    MLflow makes its tables in many steps. Whoever ended in between would leave a database that
    MLflow can neither use nor mend, so it is made under another name first. The caller holds the
    lock of the store.
    """
    path, artifacts = sqlite_file(uri), artifact_folder(uri)
    if path is None or artifacts is None or path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    half = path.with_name(f"{path.name}-new")  # a name that .gitignore has
    for left in (half, half.with_name(f"{half.name}-journal")):
        left.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    store = SqlAlchemyStore(f"{SQLITE}{half}", artifacts.as_uri())
    # Windows renames no file that is open.
    store.engine.dispose()
    half.replace(path)
