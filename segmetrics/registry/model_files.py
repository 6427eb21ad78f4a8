"""Which file of a registered model is the model, and whether loading it could run its code.

Nothing is loaded here: ONNX files are parsed as data, everything else is looked at by name, by its
first bytes, and by what `MLmodel` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmetrics.errors import ModelError
from segmetrics.registry.download import is_inside

_PICKLED = frozenset(
    {".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".sav"}
)
# How archives and pickles begin; torch and joblib write pickles into the former.
_BEGINNINGS = {
    b"PK\x03\x04": "a zip archive, as PyTorch writes its pickles",
    **{b"\x80" + bytes([n]): "a Python pickle" for n in range(2, 6)},
    b"\x1f\x8b": "compressed, as joblib writes its pickles",
    b"BZh": "compressed, as joblib writes its pickles",
    b"\xfd7zXZ": "compressed, as joblib writes its pickles",
    b"\x78\x9c": "compressed, as joblib writes its pickles",
    b"\x78\x01": "compressed, as joblib writes its pickles",
    b"\x78\xda": "compressed, as joblib writes its pickles",
}
_EXPORT = "export it to ONNX and register that"


@dataclass(frozen=True, slots=True)
class Held:
    """The model in a file or folder that was downloaded.

    Attributes
    ----------
    path
        An ONNX file; or a file or folder of another engine.
    file
        The same within the folder, with slashes; empty: the whole.
    onnx
        Whether it is ONNX.
    others
        Files beside the ONNX file that hold weights of it.
    pickled
        Files that run code when they are unpickled -> why that is thought.
    flavours
        Other ways in which MLflow could load it, which are not ONNX.
    """

    path: Path
    file: str
    onnx: bool
    others: tuple[str, ...]
    pickled: Mapping[str, str]
    flavours: tuple[str, ...]

    @property
    def danger(self) -> str:
        """How loading it could run code that came with it; empty where nothing suggests that."""
        named = [f"{name} is {why}" for name, why in self.pickled.items()]
        if self.flavours:
            named.append(f"MLflow loads it as {', '.join(self.flavours)}, which may run its code")
        return "; ".join(named[:5])


def find_model(path: Path, evaluated: str | None, where: str) -> Held:
    """The model in a downloaded file or folder.

    Parameters
    ----------
    evaluated
        The file that segmetrics evaluated, as the version's tag says; None: it says nothing.
    where
        How messages name it.

    Raises
    ------
    ModelError
        It is damaged, holds none or several, or MLflow would load another file than the evaluated
        one.
    """
    names, flavours = _flavours(path, where)
    data = flavours.get("onnx", {}).get("data") if flavours else None
    if evaluated and data and evaluated != data:
        what = f"MLflow loads {data}, but {evaluated} was evaluated"
        raise ModelError(where, what, "look at who changed it")
    wanted = data or evaluated or _only_onnx(path)
    chosen = path / wanted if wanted else path
    if wanted and not (is_inside(wanted) and chosen.exists()):
        raise ModelError(where, f'names the file "{wanted}", which it does not hold', _EXPORT)
    if chosen.is_file() and chosen.suffix.lower() == ".onnx":
        others = _external_files(chosen, where)
        pickled = _pickled(chosen.parent, (chosen.name, *others))
        return Held(chosen, wanted or "", True, others, pickled, names)
    inner = [p.relative_to(chosen).as_posix() for p in sorted(chosen.rglob("*")) if p.is_file()]
    root = chosen if chosen.is_dir() else chosen.parent
    pickled = _pickled(root, inner if chosen.is_dir() else [chosen.name])
    return Held(chosen, wanted or "", False, (), pickled, names)


def _flavours(path: Path, where: str) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Flavours that are not ONNX, and all of them, as MLmodel says."""
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model
    from yaml import YAMLError

    if not (path / "MLmodel").is_file():
        return (), {}
    try:
        found: dict[str, Any] = Model.load(str(path)).flavors
        # What mlflow.onnx writes for programs that know no flavours; it loads the ONNX file, too.
        loader = found.get("python_function", {}).get("loader_module")
        harmless = {"onnx"} | ({"python_function"} if loader == "mlflow.onnx" else set())
        data = [found[name].get("data") for name in sorted(harmless) if name in found]
    except (MlflowException, YAMLError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise ModelError(where, f"its MLmodel is damaged ({_short(error)})", _EXPORT) from error
    names = tuple(sorted(set(found) - harmless))
    if "onnx" in found and len(set(data)) > 1:
        raise ModelError(where, "its flavours name different files", "look at who changed it")
    return names, found


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _only_onnx(path: Path) -> str | None:
    """The ONNX file of a folder without MLmodel, where there is one alone."""
    found = [p for p in path.rglob("*") if p.suffix.lower() == ".onnx"] if path.is_dir() else []
    return found[0].relative_to(path).as_posix() if len(found) == 1 else None


def _pickled(root: Path, names: tuple[str, ...] | list[str]) -> dict[str, str]:
    found = {name: _why_pickled(root / name) for name in names}
    return {name: why for name, why in found.items() if why}


def _why_pickled(path: Path) -> str:
    if path.suffix.lower() in _PICKLED:
        return f"a pickle by its name (*{path.suffix})"
    with path.open("rb") as stream:
        start = stream.read(8)
    return next((why for begin, why in _BEGINNINGS.items() if start.startswith(begin)), "")


def _external_files(path: Path, where: str) -> tuple[str, ...]:
    """Files beside an ONNX file that hold weights of it, once it is known to be ONNX."""
    import onnx
    from google.protobuf.message import DecodeError

    name = f"{where}: {path.name}"
    if why := _why_pickled(path):
        raise ModelError(name, f"is no ONNX model but {why}: loading it would run code", _EXPORT)
    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise ModelError(name, "cannot be parsed as ONNX", _EXPORT) from error
    if model.ir_version < 1 or not model.graph.node or not model.graph.output:
        raise ModelError(name, "cannot be parsed as ONNX: it holds no graph", _EXPORT)
    found = sorted(set(_locations(model)))
    for other in found:
        inside = is_inside(other) and not (path.parent / other).is_symlink()
        if not inside or not (path.parent / other).is_file():
            what = f'keeps weights in "{other}", which is not there or leads out of its folder'
            raise ModelError(name, what, "save it as one file: onnx.save(onnx.load(path), path)")
    return tuple(found)


def _locations(message: Any) -> Iterator[str]:
    """Where tensors of any part of a model lie outside of it."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield from (str(e.value) for e in message.external_data if e.key == "location")
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                yield from _locations(part)
