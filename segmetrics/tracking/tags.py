"""The tags of a run: by what it is found again, filtered and traced back."""

from __future__ import annotations

import os
import subprocess

from segmetrics import __version__
from segmetrics.evidence import Layout
from segmetrics.record import Record, description, primary_text, rule_outcomes
from segmetrics.record.artifacts import shown_tables
from segmetrics.record.keys import key_part, whole_key
from segmetrics.tracking.store import writer

EVAL_ID = "segmetrics.eval_id"
MODEL_DIGEST = "segmetrics.model_sha256"
UPLOAD = "segmetrics.upload"
WRITER = "segmetrics.writer"
# DVC sets them in the stages of an experiment.
_OF_DVC = {
    "DVC_EXP_NAME": "segmetrics.dvc_experiment",
    "DVC_EXP_BASELINE_REV": "segmetrics.dvc_baseline_revision",
}


def run_tags(record: Record, layout: Layout) -> dict[str, str]:
    """All tags of a run; values are short but for the description."""
    verdict = record.verdict
    tags = {
        EVAL_ID: record.eval_id,
        WRITER: writer(),
        MODEL_DIGEST: record.model_digest,
        "segmetrics.decision": verdict["decision"],
        "segmetrics.grade": verdict["grade"],
        "segmetrics.domain": verdict["domain"],
        "segmetrics.primary": verdict["primary"],
        "segmetrics.primary_value": primary_text(record),
        "segmetrics.judged": verdict["judged"]["split"],
        "segmetrics.version": __version__,
        UPLOAD: upload_text(record),
        "mlflow.source.name": "stages.track",
        "mlflow.source.type": "LOCAL",
        "mlflow.loggedArtifacts": shown_tables(),
        "mlflow.note.content": description(record, layout.source.stem),
    }
    for name, outcome in rule_outcomes(verdict).items():
        tags[whole_key(f"segmetrics.rule.{key_part(name)}")] = outcome
    return tags | _of_git() | _of_experiment()


def upload_text(record: Record) -> str:
    """What of names and pictures leaves with a run: `ids=hashed images=false`."""
    return f"ids={record.names.ids} images={str(record.images).lower()}"


def _of_git() -> dict[str, str]:
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return {}
    tags = {"mlflow.source.git.commit": commit, "segmetrics.git_dirty": str(_dirty()).lower()}
    branch = _git("rev-parse", "--abbrev-ref", "HEAD")
    return tags | ({"mlflow.source.git.branch": branch} if branch not in ("", "HEAD") else {})


def _of_experiment() -> dict[str, str]:
    return {tag: os.environ[name] for name, tag in _OF_DVC.items() if os.environ.get(name)}


def _dirty() -> bool:
    """Whether the working tree differs from the commit in more than what `dvc repro` writes."""
    written = [":(exclude)dvc.lock", ":(exclude)results", ":(exclude)promotions.jsonl"]
    return bool(_git("status", "--porcelain", "--", ".", *written))


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
