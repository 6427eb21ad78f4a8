"""From the registry into `models/`: bytes that DVC can depend on, with their origin beside them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from segmetrics.baseline.swap import fresh_folder, put_back, swap
from segmetrics.errors import ConfigError, DataError, ModelError, VerificationError
from segmetrics.files import replacing, sha256_path
from segmetrics.registry.audit import now
from segmetrics.registry.download import fetch, is_inside
from segmetrics.registry.model_files import Held, find_model
from segmetrics.registry.origin import Origin, read_origin, write_origin
from segmetrics.registry.store import DIGEST, MODEL_FILE, parse_uri, resolve, retirement, session
from segmetrics.registry.verification import check_run, missing_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

_OPAQUE = "for another engine (infer.command) bring the bytes as they are: --opaque"
_RUNS = re.compile(r"runs:/([^/]+)/(.+)")


@dataclass(frozen=True, slots=True)
class PulledModel:
    """A model that was brought.

    Attributes
    ----------
    changed
        False where these bytes of this origin were there already.
    notes
        What else there is to say.
    """

    path: Path
    origin: Origin
    changed: bool
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        o = self.origin
        of = f"models:/{o.model}/{o.version}" if o.model else o.uri
        if not self.changed:
            text = f"{self.path} already is {of} ({o.sha256[:12]}); nothing changed."
        else:
            text = (
                f"{self.path} now is {of} ({o.sha256[:12]}, {o.size} bytes). Set infer.source to "
                "it, track it (`dvc add` or git), and run `dvc repro`."
            )
        return "\n".join([text, *self.notes])


def pull_model(uri: str, into: Path, *, opaque: bool = False, force: bool = False) -> PulledModel:
    """Bring a model and write where it came from; nothing of it is loaded.

    The model appears whole, then its origin: killed in between and called again, it ends as if it
    had not been killed.

    Parameters
    ----------
    uri
        `models:/name@alias`, `models:/name/3` or `runs:/<run>/<path>`.
    into
        A folder, in which it is called as the registered model; or, with an ending, the file.
    opaque
        Whether anything but an ONNX model may be brought. Pickled code may not, unless the version
        carries a passing evaluation of these very bytes.
    force
        Whether a file that was not pulled is replaced.

    Raises
    ------
    ModelError
        It is not ONNX, could run code of its own when it is loaded, or is not what was evaluated.
    DataError
        There is no such version, a name in it leads elsewhere, or another file is in the way.
    VerificationError
        Pickled code whose evaluation does not hold.
    RegistryError
        The server or store fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        with session(writes=False) as client:
            held, origin, tags = _download(client, uri, Path(temporary))
            _check_kind(client, held, origin, tags, opaque=opaque)
        target = _target(into, held, origin)
        changed = _install(held.path, target, origin, force=force)
    kept = read_origin(target, origin.sha256) or origin
    notes = [f"note: {uri} {retirement(tags)}"] if retirement(tags) else []
    if held.others:
        notes.append(
            f"note: {target} keeps weights in {', '.join(held.others)}; segmetrics runs single "
            "files: onnx.save(onnx.load(path), path) makes one, which is another model to promote"
        )
    return PulledModel(target, kept, changed, tuple(notes))


def _download(client: MlflowClient, uri: str, to: Path) -> tuple[Held, Origin, Mapping[str, str]]:
    run = _RUNS.fullmatch(uri)
    if run is not None:
        if not is_inside(run[2]):
            raise ConfigError(f'"{uri}"', "leads out of the run", "write runs:/RUN/path")
        held = _with_weights(find_model(fetch(uri, to), None, uri), to)
        origin = Origin(uri, None, None, run[1], held.file, "", 0, now())
        return held, _measured(held, origin), {}
    wanted = parse_uri(uri)
    version = resolve(client, wanted)
    found = _with_weights(version_model(client, version, to), to)
    origin = Origin(
        uri, wanted.name, str(version.version), version.run_id or None, found.file, "", 0, now()
    )
    return found, _measured(found, origin), version.tags


def version_model(client: MlflowClient, version: object, to: Path) -> Held:
    """The model of a version, downloaded into the folder `to`.

    Raises
    ------
    ModelError
        As `find_model`.
    DataError
        A name in it leads elsewhere.
    """
    model, number = str(version.name), str(version.version)  # type: ignore[attr-defined]
    tags: Mapping[str, str] = version.tags  # type: ignore[attr-defined]
    stored = client.get_model_version_download_uri(model, number)
    return find_model(fetch(stored, to), tags.get(MODEL_FILE), f"models:/{model}/{number}")


def _with_weights(held: Held, to: Path) -> Held:
    """An ONNX file with its other files as a folder; anything else as it is."""
    if not held.others:
        return held
    with_weights = Path(tempfile.mkdtemp(dir=to)) / held.path.stem
    for name in (held.path.name, *held.others):
        (with_weights / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(held.path.parent / name, with_weights / name)
    return replace(held, path=with_weights)


def _measured(held: Held, origin: Origin) -> Origin:
    files = [held.path] if held.path.is_file() else held.path.rglob("*")
    size = sum(path.stat().st_size for path in files if path.is_file())
    return replace(origin, sha256=sha256_path(held.path), size=size)


def _check_kind(
    client: MlflowClient, held: Held, origin: Origin, tags: Mapping[str, str], *, opaque: bool
) -> None:
    """Check that the bytes are evaluated ones where that is said, and of a kind that may come."""
    where = f"models:/{origin.model}/{origin.version}" if origin.model else origin.uri
    if tags.get(DIGEST, origin.sha256) != origin.sha256:
        what = f"holds other bytes ({origin.sha256[:12]}) than were evaluated"
        raise ModelError(where, f"{what} ({tags[DIGEST][:12]})", "look at who changed it")
    if held.onnx and not held.danger:
        return
    if not held.danger:
        if not opaque:
            raise ModelError(where, "is no ONNX model, which is all that is run here", _OPAQUE)
        return
    # Bytes that were evaluated here have been run by this team before.
    evaluated = opaque and not missing_tags(tags)
    if not evaluated:
        what = f"loading it would run code that came with it: {held.danger}"
        raise ModelError(where, what, "export it to ONNX, and register and pull that")
    try:
        check_run(client, where, tags)
    except VerificationError as error:
        raise VerificationError(where, f"{held.danger}; {error.problems[0].what}") from error


def _target(into: Path, held: Held, origin: Origin) -> Path:
    if into.suffix and not into.is_dir():
        if held.path.is_dir():
            raise ConfigError("-o", f'the model is a folder, "{into}" a file', "name a folder")
        return into
    ending = "".join(held.path.suffixes) if held.path.is_file() else ""
    stem = origin.model or held.path.name.removesuffix(ending)
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip(".-") or "model"
    return into / f"{safe}{ending}"


def _install(source: Path, target: Path, origin: Origin, *, force: bool) -> bool:
    """Put the model in its place, then its origin; False where both were there."""
    put_back(target)
    there = sha256_path(target) if target.exists() else None
    if there == origin.sha256:
        known = read_origin(target, there)
        if known is not None and replace(known, time="") == replace(origin, time=""):
            return False
    elif there is not None and not force and read_origin(target, there) is None:
        what = f"is another model ({there[:12]}), and nothing says that it can be pulled again"
        raise DataError(str(target), what, "name another place (-o), or replace it: --force")
    if there != origin.sha256:
        _replace(source, target)
    write_origin(target, origin)
    return True


def _replace(source: Path, target: Path) -> None:
    if source.is_dir():
        if target.is_file():
            raise DataError(str(target), "is a file, the model a folder", "name another place: -o")
        with fresh_folder(target) as fresh:
            shutil.copytree(source, fresh, dirs_exist_ok=True)
            swap(fresh, target)
        return
    if target.is_dir():
        raise DataError(str(target), "is a folder, the model a file", "name another place: -o")
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
