"""Artifacts of the store on this machine: inside the folder that was meant, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from segmetrics.errors import DataError
from segmetrics.tracking import tracking_uri

_DEEPEST = 32
_REFUSED = "look at who wrote it; nothing was brought"


def fetch(uri: str, to: Path) -> Path:
    """Download a file or folder into the folder `to`; gives where it lies there.

    Parameters
    ----------
    uri
        As MLflow takes it: `runs:/<run>/<path>`, or where a version is stored.

    Raises
    ------
    DataError
        A name in it leads out of the folder; nothing was downloaded then.
    """
    from mlflow.artifacts import download_artifacts

    for _ in _names(uri, 0):
        pass  # each is checked before anything is written
    found = download_artifacts(artifact_uri=uri, dst_path=str(to), tracking_uri=tracking_uri())
    path = Path(found)
    for inner in (path, *path.rglob("*")):
        if inner.is_symlink() or not inner.resolve().is_relative_to(to.resolve()):
            raise DataError(uri, f'"{inner.name}" leads out of its folder', _REFUSED)
    return path


def _names(uri: str, depth: int) -> Iterator[str]:
    """The paths of all files below a URI."""
    from mlflow.artifacts import list_artifacts

    for found in list_artifacts(artifact_uri=uri, tracking_uri=tracking_uri()):
        if not is_inside(found.path) or depth > _DEEPEST:
            raise DataError(uri, f'"{found.path}" leads out of its folder', _REFUSED)
        if found.is_dir:
            yield from _names(f"{uri}/{PurePosixPath(found.path).name}", depth + 1)
        else:
            yield found.path


def is_inside(name: str) -> bool:
    """Whether a relative path stays inside its folder on every system."""
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name and not PureWindowsPath(name).drive
    return bool(path.parts) and plain and not path.is_absolute() and ".." not in path.parts
