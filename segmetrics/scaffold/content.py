"""The text of the files that make a pipeline."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from segmetrics.gates.domains import DOMAINS
from segmetrics.gates.rules import MIN_GROUPS
from segmetrics.scaffold.request import Request
from segmetrics.scaffold.sources import Sources
from segmetrics.sniff import Guess

_TEMPLATES = files("segmetrics") / "templates"


def stage_scripts() -> dict[str, str]:
    """The stage modules by file name: from the wheel, or beside the package in a checkout."""
    shipped = Path(str(_TEMPLATES / "stages"))
    folder = shipped if shipped.is_dir() else Path(str(files("segmetrics"))).parent / "stages"
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}


def template(name: str) -> str:
    """A file of the templates, as it is."""
    return (_TEMPLATES / name).read_text("utf-8")


def dvc_yaml(request: Request, sources: Sources) -> str:
    """The pipeline, whole or minimal, that depends on the folders of the data."""
    text = template("pipeline.minimal.yaml" if request.minimal else "pipeline.yaml")
    target = request.target.resolve()
    if target.is_relative_to((target / sources.root).resolve()):
        # The whole repository, or more, cannot be a dependency: it holds the results.
        folders = dict.fromkeys(sources.folders)
        listed = "\n".join(f"        - {_scalar(folder)}" for folder in folders)
        text = text.replace("        - ${data.root}", listed)
    return text


def params_yaml(request: Request, sources: Sources) -> str:
    """The settings, with what the files say about themselves."""
    guess, predicted = sources.guess, sources.predicted
    name = request.target.resolve().name or "segmentation"
    values = {
        "domain": request.domain,
        "root": _scalar(sources.root),
        "samples": _scalar(sources.samples),
        "splits": f"[{', '.join(map(_scalar, predicted.splits))}]",
        "judge": _scalar(predicted.judge),
        "compare": "null",
        "tune": predicted.tune or "null",
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
    text = string.Template(template("params.yaml")).substitute(values)
    return re.sub(r"^gate: .*$", _gate(sources), text, flags=re.M) if sources.too_few else text


def _gate(sources: Sources) -> str:
    """Too few groups certify nothing, so that no verdict of theirs should stop the pipeline."""
    return (
        f"gate: {{enforce: false}} # {sources.groups} groups are too few to certify ({MIN_GROUPS} "
        f"are the least): `dvc repro` goes on after a failed verdict, promotion stays refused; "
        f"set it to true once there are more"
    )


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
