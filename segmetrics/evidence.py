"""Where the files of an evaluation lie, and the digests that tie them together.

A verdict counts only for the very files it was computed from: `verdict.json` lists their digests,
and whoever acts on it (gate, tracking, promotion) compares them first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmetrics.data.sample_list import read_sample_list
from segmetrics.data.subset import WHOLE, Chosen, Subset, chosen
from segmetrics.errors import DataError, VerdictError
from segmetrics.files import sha256_json, sha256_path
from segmetrics.gates.verdict import SCHEMA
from segmetrics.tables import CONFUSION, IMAGES

MANIFEST = "manifest.json"  # of a prediction folder
SETTINGS = "params.yaml"  # the name of the settings among the inputs
# After `dvc commit -f`, or with another version of segmetrics, DVC knows of nothing to do.
AGAIN = "run `dvc repro`; where DVC calls all up to date, `dvc repro -f`"
# The sections that the stage `evaluate` depends on; `rules` say which slices there are.
EVALUATION_SECTIONS = ("format", "data", "operating_point", "measure", "statistics", "rules")
# The keys of `data` that the stage `leakage` depends on.
LEAKAGE_SETTINGS = ("splits", "judge", "classes", "exclude", "ignore", "encoding")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one project, relative to its folder.

    Attributes
    ----------
    samples, root, source
        `data.samples`, `data.root` and `infer.source`.
    results
        The folder of everything that stages write.
    subset
        The split of which only a sample is predicted and measured.
    """

    samples: Path
    root: Path
    source: Path
    splits: tuple[str, ...]
    results: Path = Path("results")
    subset: Subset = WHOLE

    def sample_list(self, split: str) -> Path:
        return self.results / "samples" / f"{split}.csv"

    def chosen(self, split: str) -> Chosen:
        """The listed samples that are predicted, measured and evaluated."""
        return chosen(read_sample_list(self.sample_list(split)), split, self.subset)

    def predictions(self, split: str) -> Path:
        return self.results / "predictions" / split

    def measurements(self, split: str) -> Path:
        return self.results / "measurements" / split

    @property
    def operating_point(self) -> Path:
        return self.results / "operating_point.json"

    @property
    def leakage(self) -> Path:
        return self.results / "leakage.json"

    @property
    def leakage_pairs(self) -> Path:
        return self.results / "leakage_pairs.png"

    @property
    def fingerprints(self) -> Path:
        return self.results / "fingerprints"

    @property
    def evaluation(self) -> Path:
        return self.results / "evaluation.json"

    @property
    def metrics(self) -> Path:
        return self.results / "metrics.json"

    @property
    def verdict(self) -> Path:
        return self.results / "verdict.json"

    @property
    def overlays(self) -> Path:
        return self.results / "overlays"

    @property
    def report(self) -> Path:
        return self.results / "report.html"

    @property
    def receipt(self) -> Path:
        return self.results / "tracking.json"

    @property
    def baseline(self) -> Path:
        return self.results.parent / "baseline"

    @property
    def tables(self) -> tuple[Path, ...]:
        """The measurement tables of all splits: those that always are, and those asked for."""
        always = {self.measurements(s) / name for s in self.splits for name in (IMAGES, CONFUSION)}
        asked = {path for s in self.splits for path in self.measurements(s).glob("*.parquet")}
        return tuple(sorted(always | asked))


def digest(path: Path) -> str:
    """SHA-256 of a file or folder that has to be there.

    Raises
    ------
    DataError
        It is not.
    """
    try:
        return sha256_path(path)
    except OSError as error:
        raise DataError(str(path), "is missing or cannot be read", "run `dvc repro`") from error


def evaluation_inputs(layout: Layout, settings: Mapping[str, Any]) -> dict[str, str]:
    """Digests of what evaluation.json is computed from, some `settings` among them."""
    own = {name: settings[name] for name in EVALUATION_SECTIONS}
    point = {layout.operating_point.as_posix(): digest(layout.operating_point)}
    return {SETTINGS: sha256_json(own)} | _file_digests(layout) | point


def _file_digests(layout: Layout) -> dict[str, str]:
    lists = [layout.sample_list(split) for split in layout.splits]
    return {path.as_posix(): digest(path) for path in (layout.samples, *lists, *layout.tables)}


def leakage_inputs(layout: Layout, settings: Mapping[str, Any]) -> dict[str, str]:
    """Digests of what leakage.json is computed from: sample lists, and how masks are read."""
    data = {name: settings["data"][name] for name in LEAKAGE_SETTINGS}
    lists = [layout.sample_list(split) for split in layout.splits]
    own = sha256_json({"format": settings["format"], "data": data})
    return {SETTINGS: own} | {path.as_posix(): digest(path) for path in lists}


def verdict_inputs(layout: Layout, settings: Mapping[str, Any]) -> dict[str, str]:
    """Digests of what verdict.json is computed from, `settings` (those that count) among them."""
    paths = [layout.evaluation, layout.metrics, layout.operating_point]
    # Not every pipeline has the stage; one that appears or goes is a change, too.
    paths += [layout.leakage] if layout.leakage.exists() else []
    own = {path.as_posix(): digest(path) for path in paths}
    baseline = {layout.baseline.as_posix(): digest(layout.baseline)}
    manifests = [layout.predictions(split) / MANIFEST for split in layout.splits]
    made = [layout.source, *(path for path in manifests if path.exists())]
    predicted = {path.as_posix(): digest(path) for path in made}
    return {SETTINGS: sha256_json(settings)} | own | _file_digests(layout) | baseline | predicted


def eval_id(layout: Layout, settings: Mapping[str, Any]) -> str:
    """The identity of an evaluation: SHA-256 of the verdict and of everything it rests on."""
    return sha256_json(
        {
            "inputs": verdict_inputs(layout, settings),
            "verdict": digest(layout.verdict),
        }
    )


def read_verdict(path: Path) -> dict[str, Any]:
    """verdict.json, checked for its schema and the keys that are acted on.

    Raises
    ------
    DataError
        Missing, damaged, or of another schema.
    """
    data = read_json(path)
    wanted = ("schema", "decision", "grade", "domain", "judged", "inputs", "rules", "findings")
    if not isinstance(data, dict) or any(key not in data for key in wanted):
        raise DataError(str(path), "is not a verdict", "run `dvc repro check`")
    if data["schema"] != SCHEMA:
        raise DataError(
            str(path), f"schema {data['schema']} instead of {SCHEMA}", "run `dvc repro`"
        )
    if data["decision"] not in ("pass", "fail", "inconclusive"):
        raise DataError(
            str(path), f'unknown decision "{data["decision"]}"', "run `dvc repro check`"
        )
    lets_through = data.get("on_inconclusive") == "warn"
    fine = ("pass", "inconclusive") if lets_through else ("pass",)
    blocking = [r for r in data["rules"] if r["severity"] == "block" and r["outcome"] not in fine]
    blocking += [f for f in data["findings"] if f["severity"] == "block"]
    if data["decision"] == "pass" and (blocking or not data["rules"]):
        raise VerdictError(
            str(path), "says pass, which its own rules and findings deny", "run `dvc repro`"
        )
    return data


def read_current_verdict(layout: Layout, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict, once it is that of the files and settings at hand.

    Raises
    ------
    DataError
        Missing or damaged, or a file that it rests on changed since.
    """
    verdict = read_verdict(layout.verdict)
    changed = changed_inputs(verdict, verdict_inputs(layout, settings))
    if changed:
        text = f"is of an earlier run: {', '.join(changed)} changed since"
        raise DataError(str(layout.verdict), text, AGAIN)
    return verdict


def check_receipt(layout: Layout, settings: Mapping[str, Any]) -> None:
    """Check that the evaluation at hand is the one that was tracked.

    Raises
    ------
    DataError
        The receipt is missing, damaged, or of another evaluation.
    """
    receipt = read_json(layout.receipt)
    found = receipt.get("eval_id") if isinstance(receipt, dict) else None
    if found != eval_id(layout, settings):
        what = "is not the receipt of this evaluation"
        raise DataError(str(layout.receipt), what, "run `dvc repro -f -s track`")


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises
    ------
    DataError
        Missing or damaged.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(str(path), "there is no such file", "run `dvc repro`") from error
    except (OSError, ValueError) as error:
        raise DataError(str(path), f"is damaged ({error})", "run `dvc repro`") from error


def stale_files(verdict: Mapping[str, Any], path: Path) -> list[str]:
    """The inputs of a verdict that changed or went missing beside it.

    Nothing is stale where none of the files are there: the verdict was then sent elsewhere, to be
    read. The settings are compared by who can read them.
    """
    project = path.resolve().parent.parent
    files = {name: project / name for name in verdict["inputs"] if name != SETTINGS}
    if not any(file.exists() for file in files.values()):
        return []
    recorded: Mapping[str, str] = verdict["inputs"]
    return sorted(
        name
        for name, file in files.items()
        if not file.exists() or sha256_path(file) != recorded[name]
    )


def changed_inputs(verdict: Mapping[str, Any], current: Mapping[str, str]) -> list[str]:
    """The inputs of a verdict that are not what they were, or were not there."""
    recorded: Mapping[str, str] = verdict["inputs"]
    names = {*recorded, *current}
    return sorted(name for name in names if recorded.get(name) != current.get(name))
