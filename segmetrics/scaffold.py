"""`segmetrics init`: write a pipeline for the images and masks that are there."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from segmetrics.data.folders import files_by_stem, pair_by_stem
from segmetrics.data.pictures import SUFFIXES
from segmetrics.errors import ConfigError
from segmetrics.files import write_text
from segmetrics.gates.domains import DOMAINS
from segmetrics.sniff import Guess, first_guess

_TEMPLATES = files("segmetrics") / "templates"


@dataclass(frozen=True, slots=True)
class Request:
    """What the user gave to `init`; paths are as typed, relative to the current folder."""

    target: Path
    images: Path | None = None
    masks: Path | None = None
    model: Path | None = None
    predictions: Path | None = None
    domain: str = "balanced"
    minimal: bool = False
    force: bool = False


def init(request: Request) -> str:
    """Write samples.csv, params.yaml, dvc.yaml, stages/ and what git and DVC ignore.

    Returns
    -------
    str
        What was written and what to do next, for the terminal.

    Raises
    ------
    ConfigError
        The options do not go together, or a file is there already and `force` is not set.
    DataError
        Images and masks do not pair, or cannot be read.
    """
    _check(request)
    target = request.target
    sources = _Sources.of(request)
    content = {
        "dvc.yaml": _dvc_yaml(request, sources),
        "params.yaml": _params(request, sources),
        ".gitignore": _template("gitignore"),
        ".dvcignore": _template("dvcignore"),
        "baseline/README.md": _template("baseline.md"),
        **{f"stages/{name}": text for name, text in stage_scripts().items()},
    }
    if sources.rows:
        content[sources.samples] = sources.rows
    _write(target, content, force=request.force)
    return _next_steps(request, sources, sorted(content))


def stage_scripts() -> dict[str, str]:
    """The stage modules by file name: from the wheel, or beside the package in a checkout."""
    shipped = Path(str(_TEMPLATES / "stages"))
    folder = shipped if shipped.is_dir() else Path(str(files("segmetrics"))).parent / "stages"
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}


def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text("utf-8")


def _check(request: Request) -> None:
    if (request.images is None) != (request.masks is None):
        raise ConfigError("init", "--images and --masks go together", "give both or neither")
    folders = [path.resolve() for path in (request.images, request.masks) if path is not None]
    if len(folders) == 2 and folders[0] == folders[1]:
        raise ConfigError("init", "--images and --masks name one folder", "give two folders")
    if request.model is not None and request.predictions is not None:
        raise ConfigError("init", "--model and --predictions exclude each other", "give one")
    if request.minimal and request.model is not None:
        raise ConfigError("init", "--minimal runs no model", "give --predictions instead")
    if request.minimal and request.predictions is None and request.images is not None:
        raise ConfigError("init", "--minimal needs --predictions", "give their folder")
    for option, path, kind in (
        ("--model", request.model, Path.is_file),
        ("--images", request.images, Path.is_dir),
        ("--masks", request.masks, Path.is_dir),
        ("--predictions", request.predictions, Path.is_dir),
    ):
        if path is not None and not kind(path):
            raise ConfigError(option, f'there is no "{path}"', "check the path")


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where the data lie, relative to the target, and what the files say about themselves."""

    root: str
    samples: str
    rows: str
    source: str
    folders: tuple[str, ...]
    guess: Guess

    @classmethod
    def of(cls, request: Request) -> _Sources:
        target = request.target.resolve()
        source = request.model or request.predictions
        default = "predictions" if request.minimal else "models/unet.onnx"
        where = _relative(source, target) if source else default
        if request.images is None or request.masks is None:
            samples = "data/samples.csv"
            return cls("data", samples, _EXAMPLE, where, ("data",), first_guess([], request.model))
        images = files_by_stem(request.images, SUFFIXES, "image")
        masks = files_by_stem(request.masks, SUFFIXES, "mask")
        stems = pair_by_stem(images, masks, ("image", "mask"))
        folders = [_relative(p, target) for p in (request.images, request.masks)]
        root = _common(request.images.resolve(), request.masks.resolve(), target)
        inside = not Path(root).is_absolute() and not root.startswith("..")
        samples = f"{root}/samples.csv" if inside and root != "." else "samples.csv"
        return cls(
            root=root,
            samples=samples,
            rows=_rows(stems, images, masks, (target / root).resolve()),
            source=where,
            folders=tuple(folders),
            guess=first_guess(list(masks.values()), request.model),
        )


def _relative(path: Path, target: Path) -> str:
    """A path as params.yaml writes it: relative inside the repository, absolute outside."""
    full = path.resolve()
    return full.relative_to(target).as_posix() if full.is_relative_to(target) else full.as_posix()


def _common(images: Path, masks: Path, target: Path) -> str:
    """The folder that holds images and masks, as params.yaml writes it."""
    try:
        return _relative(Path(os.path.commonpath([images, masks])), target)
    except ValueError as error:  # Windows: on two drives
        raise ConfigError("init", "--images and --masks are on different drives") from error


_EXAMPLE = "id,image,mask,split,group\n"


def _rows(
    stems: Sequence[str], images: Mapping[str, Path], masks: Mapping[str, Path], root: Path
) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "image", "mask", "split"])
    for stem in stems:
        paths = [p[stem].resolve().relative_to(root).as_posix() for p in (images, masks)]
        writer.writerow([stem, *paths, "test"])
    return out.getvalue()


def _dvc_yaml(request: Request, sources: _Sources) -> str:
    text = _template("pipeline.minimal.yaml" if request.minimal else "pipeline.yaml")
    target = request.target.resolve()
    if target.is_relative_to((target / sources.root).resolve()):
        # The whole repository, or more, cannot be a dependency: it holds the results.
        folders = dict.fromkeys(sources.folders)
        listed = "\n".join(f"        - {_scalar(folder)}" for folder in folders)
        text = text.replace("        - ${data.root}", listed)
    return text


def _params(request: Request, sources: _Sources) -> str:
    guess = sources.guess
    name = request.target.resolve().name or "segmentation"
    values = {
        "domain": request.domain,
        "root": _scalar(sources.root),
        "samples": _scalar(sources.samples),
        "splits": "[test]",
        "judge": "test",
        "compare": "null",
        "tune": "null",
        "classes": _flow(guess.classes),
        "exclude": f"[{', '.join(guess.exclude)}]",
        "ignore": f"[{', '.join(map(str, guess.ignore))}]",
        "encoding": guess.encoding,
        "critical": _critical(request.domain, guess),
        "source": _scalar(sources.source),
        "size": str(list(guess.size)) if guess.size else "null",
        "operating_point": (
            "{decision: fixed, threshold: 0.5}"
            if guess.decision == "fixed"
            else "{decision: argmax, threshold: null}"
        ),
        "rules": "{}",
        "name": _scalar(_plain(name)),
    }
    return string.Template(_template("params.yaml")).substitute(values)


def _critical(domain: str, guess: Guess) -> str:
    """The domain that needs safety-critical classes gets all scored ones, to be cut down."""
    needed = DOMAINS[domain].critical_recall is not None
    scored = [name for name in guess.classes if name not in guess.exclude]
    return f"[{', '.join(scored)}]" if needed else "[]"


def _flow(classes: Mapping[str, int]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in classes.items()) + "}"


def _plain(name: str) -> str:
    """A folder name as the name of an experiment and a model."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.") or "model"


def _scalar(text: str) -> str:
    """A text as YAML: quoted where YAML would read something else, such as the number 2024."""
    plain = re.fullmatch(r"[A-Za-z_/][\w./-]*|\.", text)
    known = text.lower() in ("null", "true", "false")
    return text if plain and not known else json.dumps(text, ensure_ascii=False)


def _write(target: Path, content: Mapping[str, str], *, force: bool) -> None:
    """Write all files or, where one would be overwritten, none."""
    own = {".gitignore", ".dvcignore"}  # extended, never replaced
    there = [n for n in content if n not in own and (target / n).exists()]
    there = [n for n in there if (target / n).read_text("utf-8", "replace") != content[n]]
    if there and not force:
        raise ConfigError(
            str(target), f"there already: {', '.join(there)}", "--force replaces them"
        )
    for name, text in content.items():
        path = target / name
        if name in own and path.exists():
            before = path.read_text("utf-8")
            before += "\n" if before and not before.endswith("\n") else ""
            known = set(before.splitlines())
            text = before + "".join(f"{n}\n" for n in text.splitlines() if n not in known)
        write_text(path, text)


def _next_steps(request: Request, sources: _Sources, written: Sequence[str]) -> str:
    enter = "" if request.target.resolve() == Path.cwd() else f"  cd {request.target}\n"
    setup = "" if (request.target / ".dvc").is_dir() else "  git init && dvc init\n"
    tracked = [f for f in (*sources.folders, sources.source) if not f.startswith(("/", ".."))]
    add = [f for f in tracked if (request.target / f).exists() and f != "data"]
    lines = [
        f"Written: {', '.join(written)}",
        f"{'Guessed from the masks' if request.masks else 'Assumed'}: {sources.guess.text}; check "
        f"`data:` in params.yaml.",
        "",
        "Next:",
        f"{enter}{setup}"
        + (f"  dvc add {' '.join(add)}\n" if add else "")
        + "  git add . && git commit -m 'Add the segmetrics pipeline'\n"
        + "  segmetrics rules    # what will decide\n"
        + "  dvc repro           # run everything",
    ]
    if not request.images:
        lines.insert(2, f"Fill {sources.samples} and put the files where it says; then:")
    return "\n".join(lines)
