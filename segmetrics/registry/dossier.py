"""The evidence for one registered version, in one archive that can be checked offline."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmetrics.errors import VerificationError
from segmetrics.files import sha256_json
from segmetrics.gates.domains import DOMAINS
from segmetrics.registry.approvals import approvals
from segmetrics.registry.archive import read_archive, write_archive
from segmetrics.registry.audit import read_entries
from segmetrics.registry.store import VERDICT, aliases, parse_uri, session
from segmetrics.registry.verification import Verified, verify_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Of a run's artifacts: the model itself is named by its digest and stays in the registry.
_LEFT_OUT = ("model",)


@dataclass(frozen=True, slots=True)
class Dossier:
    """An archive that was written or checked.

    Attributes
    ----------
    uri, eval_id, model_digest
        What it is evidence for.
    files
        How many it holds, besides the manifest.
    """

    path: Path
    uri: str
    eval_id: str
    model_digest: str
    files: int

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.files} files about {self.uri}, model {self.model_digest[:12]}, "
            f"evaluation {self.eval_id[:12]}, verdict pass."
        )


def write_dossier(uri: str, path: Path | None = None) -> Dossier:
    """Verify a version and put its evidence into one archive.

    Parameters
    ----------
    path
        Where it is written; None: `dossier-<model>-<version>.zip` here.

    Raises
    ------
    VerificationError
        The version is none that `verify` accepts: there is no evidence for it.
    RegistryError
        The server or store fails.
    """
    wanted = parse_uri(uri)
    with session(writes=False) as client:
        number = wanted.version or aliases(client, wanted.name).get(str(wanted.alias))
        if number is None:
            raise VerificationError(uri, "there is no such model or alias", "look at the registry")
        verified = verify_version(client, wanted.name, number)
        files = _artifacts(client, verified.run_id)
        files |= _facts(client, verified, files)
        verdict_digest = client.get_model_version(wanted.name, number).tags[VERDICT]
    about = {
        "uri": f"models:/{wanted.name}/{number}",
        "eval_id": verified.eval_id,
        "model_sha256": verified.model_digest,
        "verdict_sha256": verdict_digest,
    }
    target = path or Path(f"dossier-{wanted.name}-{number}.zip")
    write_archive(target, files, about)
    return Dossier(target, about["uri"], verified.eval_id, verified.model_digest, len(files))


def check_dossier(path: Path) -> Dossier:
    """Check an archive offline: every file by its digest, and that the verdict is the claimed one.

    Raises
    ------
    VerificationError
        A file was changed, lost or added, or the verdict is of another evaluation or model.
    DataError
        There is no such file.
    """
    manifest, files = read_archive(path)
    try:
        uri, eval_id = str(manifest["uri"]), str(manifest["eval_id"])
        model, file = str(manifest["model_sha256"]), manifest["verdict_sha256"]
        verdict = json.loads(files["run/verdict.json"])
        inputs, decision = verdict["inputs"], verdict["decision"]
        about_it = model in inputs.values() and decision == "pass"
        same = sha256_json({"inputs": inputs, "verdict": file}) == eval_id
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise VerificationError(str(path), "holds no verdict", "write it again") from error
    if not (about_it and same):
        what = "its verdict is no pass of the evaluation and model that the manifest names"
        raise VerificationError(str(path), what, "write it again: `segmetrics dossier`")
    return Dossier(path, uri, eval_id, model, len(files))


def _artifacts(client: MlflowClient, run_id: str) -> dict[str, bytes]:
    """The files of a run below `run/`: verdict, evaluation, settings, tables, report."""
    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for artifact in client.list_artifacts(run_id):
            if artifact.path in _LEFT_OUT:
                continue
            root = Path(client.download_artifacts(run_id, artifact.path, folder))
            paths = sorted(root.rglob("*")) if root.is_dir() else [root]
            for file in paths:
                if file.is_file():
                    found[f"run/{file.relative_to(folder).as_posix()}"] = file.read_bytes()
    return found


def _facts(
    client: MlflowClient, verified: Verified, artifacts: Mapping[str, bytes]
) -> dict[str, bytes]:
    """What stands in the registry and on the run, as files."""
    run = client.get_run(verified.run_id)
    version = client.get_model_version(verified.model, verified.version)
    verdict = json.loads(artifacts["run/verdict.json"])
    settings = json.loads(artifacts.get("run/settings.json", b"{}"))
    signed = approvals(run, verified.eval_id, verified.model_digest)
    facts: dict[str, Any] = {
        "rules.json": _rules(verdict, settings),
        "inputs.json": verdict.get("inputs", {}),
        "version.json": {"name": version.name, "version": version.version, "tags": version.tags},
        "run.json": {
            "run_id": verified.run_id,
            "params": run.data.params,
            "metrics": run.data.metrics,
            "tags": run.data.tags,
        },
        "approvals.json": [asdict(approval) for approval in signed],
        "history.json": [asdict(entry) for entry in read_entries(client, verified.model)],
    }
    files = {name: _json(value) for name, value in facts.items()}
    return files | {"environment.txt": _environment()}


def _rules(verdict: Mapping[str, Any], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rules as they were judged, each with why it is there."""
    preset = DOMAINS.get(str(verdict.get("domain")))
    why = {rule.name: rule.rationale for rule in preset.rules} if preset else {}
    own = {name: rule for name, rule in settings.get("rules", {}).items() if rule}
    # A rule of one's own replaces the preset's, and its reason.
    why |= {name: str(rule.get("rationale") or "") for name, rule in own.items()}
    return [r | {"rationale": why.get(r["name"], "")} for r in verdict["rules"]]


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _environment() -> bytes:
    """The packages of the machine that writes the dossier, as `pip freeze` names them."""
    found = {f"{d.metadata['Name']}=={d.version}" for d in metadata.distributions()}
    note = "# Where the dossier was written; the run may have had others.\n"
    return (note + "".join(f"{line}\n" for line in sorted(found, key=str.lower))).encode()
