"""An archive whose manifest names every file and its SHA-256, the same bytes for the same files."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segmetrics.errors import DataError, VerificationError
from segmetrics.files import replacing, sha256_bytes

MANIFEST = "manifest.json"
SCHEMA = 1
_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP file can hold
_LARGEST = 1 << 32  # bytes of one file: what claims to be more is no dossier of ours
_AGAIN = "get it again from where it was written"


def write_archive(path: Path, files: Mapping[str, bytes], about: Mapping[str, Any]) -> str:
    """Write the files and their manifest; gives the manifest's SHA-256.

    Parameters
    ----------
    about
        What the archive is of; part of the manifest.
    """
    manifest = {
        "schema": SCHEMA,
        **about,
        "files": {name: sha256_bytes(files[name]) for name in sorted(files)},
    }
    content = (json.dumps(manifest, indent=1, allow_nan=False) + "\n").encode()
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in sorted({**files, MANIFEST: content}.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return sha256_bytes(content)


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest and the files of an archive, each compared with its digest.

    Raises
    ------
    DataError
        There is no such file.
    VerificationError
        It is no such archive, or files were changed, lost or added; all are named.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise DataError(str(path), what, "name a dossier") from error
    held = _held(path, content)
    manifest = _manifest(path, held.pop(MANIFEST, None))
    wrong = _wrong(manifest["files"], held)
    if wrong:
        raise VerificationError(str(path), f"is not what was written: {', '.join(wrong)}", _AGAIN)
    return manifest, {name: data for name, data in held.items() if data is not None}


def _held(path: Path, content: bytes) -> dict[str, bytes | None]:
    """Name -> content; None where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                what = f"holds more than one {', '.join(doubled)}"
                raise VerificationError(str(path), what, _AGAIN)
            if any(info.file_size > _LARGEST for info in archive.infolist()):
                raise VerificationError(str(path), "holds a file of more than 4 GiB", _AGAIN)
            return {name: _read(archive, name) for name in names}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise VerificationError(str(path), f"is no whole archive ({error})", _AGAIN) from error


def _read(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """The content of a file; None where it is damaged or packed otherwise than we do."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_DEFLATED:
        return None
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return None


def _manifest(path: Path, content: bytes | None) -> dict[str, Any]:
    try:
        manifest = json.loads(content or b"")
        if manifest["schema"] == SCHEMA and isinstance(manifest["files"], dict):
            return dict(manifest)
    except (ValueError, KeyError, TypeError):
        pass
    raise VerificationError(str(path), f"{MANIFEST} is missing or damaged", _AGAIN)


def _wrong(wanted: Mapping[str, str], held: Mapping[str, bytes | None]) -> list[str]:
    changed = [
        f"{name} changed"
        for name, data in sorted(held.items())
        if name in wanted and (data is None or sha256_bytes(data) != wanted[name])
    ]
    missing = [f"{name} is missing" for name in sorted({*wanted} - {*held})]
    surplus = [f"{name} does not belong here" for name in sorted({*held} - {*wanted})]
    return [*changed, *missing, *surplus]
