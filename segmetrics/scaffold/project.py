"""Put a pipeline into a repository: all of its files, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from segmetrics.errors import ConfigError
from segmetrics.files import write_text
from segmetrics.gates.rules import MIN_GROUPS
from segmetrics.scaffold.content import dvc_yaml, params_yaml, stage_scripts, template
from segmetrics.scaffold.request import Request, check_request
from segmetrics.scaffold.sources import Sources


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
    check_request(request)
    target = request.target
    sources = Sources.of(request)
    content = {
        "dvc.yaml": dvc_yaml(request, sources),
        "params.yaml": params_yaml(request, sources),
        ".gitignore": template("gitignore"),
        ".dvcignore": template("dvcignore"),
        "baseline/README.md": template("baseline.md"),
        **{f"stages/{name}": text for name, text in stage_scripts().items()},
    }
    if sources.rows:
        content[sources.samples] = sources.rows
    _write(target, content, force=request.force)
    return _next_steps(request, sources, sorted(content))


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


def _next_steps(request: Request, sources: Sources, written: Sequence[str]) -> str:
    enter = "" if request.target.resolve() == Path.cwd() else f"  cd {request.target}\n"
    setup = "" if (request.target / ".dvc").is_dir() else "  git init && dvc init\n"
    tracked = [f for f in (*sources.folders, sources.source) if not f.startswith(("/", ".."))]
    add = [f for f in tracked if (request.target / f).exists() and f != "data"]
    lines = [
        f"Written: {', '.join(written)}",
        f"{'Guessed from the masks' if request.masks else 'Assumed'}: {sources.guess.text}; check "
        f"`data:` in params.yaml.",
        *_too_few(sources),
        *_unverified(sources),
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


def _too_few(sources: Sources) -> list[str]:
    if not sources.too_few:
        return []
    return [
        f"Too few to certify ({sources.groups} of {MIN_GROUPS} groups): params.yaml has `gate: "
        f"{{enforce: false}}`, so that `dvc repro` goes on whatever the verdict; `segmetrics plan` "
        f"says how many it takes."
    ]


def _unverified(sources: Sources) -> list[str]:
    """What cannot be found out with the splits and columns that were written."""
    if not sources.listed:
        return []
    predicted, lines = sources.predicted, list[str]()
    if predicted.files and sources.guess.decision == "fixed":
        lines.append(
            "The predictions look like 8-bit probabilities (255 is 1): they are cut at 0.5."
        )
    if predicted.files and (lacking := sources.listed - len(predicted.files)):
        lines.append(
            f"Samples without a prediction in any subfolder: {lacking} of {sources.listed}. They "
            f"are in split {predicted.judge}, where they will be missed: add it, or remove the "
            f"rows."
        )
    add = "add a column group (patient, slide, drive)"
    if len(predicted.splits) > 1:
        lines.append(f"{sources.samples}: {add}, or leakage stays unverified.")
    else:
        lines.append(
            f"All {sources.listed} samples are in split {predicted.judge}; give some to train and "
            f"val in {sources.samples}, and {add}, or overfitting and leakage stay unverified."
        )
    return lines
