"""Writing files whole or not at all, and naming their content by digest."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    A reader sees the old file or the new one, never half of it; after an exception the old one
    stays. What the file system refuses is told of `path`, not of the temporary name.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        os.close(handle)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if error.errno is None or not _of_writing(error, path, temporary):
            raise
        raise OSError(error.errno, f"cannot be written ({error.strerror})", str(path)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _of_writing(error: OSError, path: Path, temporary: Path | None) -> bool:
    """Whether an error is about the file that is written (a full disk names no file)."""
    if temporary is None or error.filename is None:
        return True
    return str(error.filename) in (str(temporary), str(path))


def _umask() -> int:
    # There is no way to read the mask without setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; NaN and infinity are refused (use None)."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of `content`, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_json(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)
    return sha256_bytes(text.encode())


def linked_folder(path: Path) -> Path | None:
    """A folder below `path` that is a link: DVC does not follow it, so its changes go unseen."""
    for folder, names, _ in os.walk(path):
        for name in sorted(names):
            if (Path(folder) / name).is_symlink():
                return Path(folder) / name
    return None


def _files_below(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        # Python's caches hold times and are ignored by DVC, too; links may lead in circles.
        if os.path.realpath(here) in seen or Path(here).name == "__pycache__":
            folders.clear()
            continue
        seen.add(os.path.realpath(here))
        yield from (Path(here) / name for name in names if (Path(here) / name).is_file())


def sha256_path(path: Path) -> str:
    """SHA-256 of a file's bytes or, for a folder, of the names and digests of all files in it."""
    if path.is_dir():
        files = sorted(_files_below(path))
        return sha256_json([[p.relative_to(path).as_posix(), sha256_path(p)] for p in files])
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
