"""One archive with the evidence: whole, the same bytes for the same facts, or refused by name."""

from __future__ import annotations

import json
import zipfile

import pytest

from segmetrics.cli import main
from segmetrics.errors import DataError, VerificationError
from segmetrics.registry.approvals import approve
from segmetrics.registry.archive import read_archive, write_archive
from segmetrics.registry.dossier import check_dossier, write_dossier
from segmetrics.registry.promotion import promote

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_dossier_holds_the_evidence_and_is_checked_offline(registry, outcome, monkeypatch):
    a = registry.evaluated(b"A")
    approve(registry.target.experiment, a.eval_id, by="Anna")
    promote(a, registry.target, allow_first=True, reason="the first")
    done = outcome(main, ["dossier", registry.uri("@champion"), "-o", "one.zip"])
    assert done.code == 0, done.err
    write_dossier(registry.uri("/1"), registry.folder / "two.zip")
    assert (registry.folder / "one.zip").read_bytes() == (registry.folder / "two.zip").read_bytes()

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = outcome(main, ["dossier", "verify", "one.zip"])
    assert done.code == 0
    assert f"about {registry.uri('/1')}, model 559aead08264" in done.out
    manifest, files = read_archive(registry.folder / "one.zip")
    assert manifest["eval_id"] == a.eval_id
    assert json.loads(files["approvals.json"])[0]["by"] == "Anna"
    assert json.loads(files["history.json"])[0]["reason"] == "the first"
    rules = json.loads(files["rules.json"])
    assert [rule["name"] for rule in rules] == ["recall_floor"]
    assert rules[0]["rationale"].startswith("What is missed")
    assert "numpy==" in files["environment.txt"].decode()
    assert not any("model.bin" in name for name in files)
    assert b"case 7" not in b"".join(files.values())  # names of samples are as the run has them


def test_what_is_not_verified_has_no_dossier(registry):
    promote(registry.evaluated(b"A"), registry.target, allow_first=True)
    for path in (registry.folder / "artifacts").rglob("model/model.bin"):
        path.write_bytes(b"C")
    with pytest.raises(VerificationError, match="holds other bytes"):
        write_dossier(registry.uri("@champion"))
    assert list(registry.folder.glob("*.zip")) == []


ABOUT = {"uri": "models:/m/1", "eval_id": "e", "model_sha256": "m", "verdict_sha256": "v"}
FILES = {"a.json": b"1" * 99, "b.json": b"2", "run/verdict.json": b"{}"}


def rewritten(path, change):
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.update({"a.json": b"2"}), r"a\.json changed"),
        (lambda f: f.pop("b.json"), r"b\.json is missing"),
        (lambda f: f.update(more=b""), "more does not belong here"),
        (lambda f: f.pop("manifest.json"), r"manifest\.json is missing or damaged"),
        (lambda f: f.update({"manifest.json": b"[]"}), r"manifest\.json is missing or damaged"),
        (
            lambda f: (f.update({"a.json": b"2", "x": b""}), f.pop("b.json")),
            r"a\.json changed, b\.json is missing, x does not belong here",
        ),
    ],
)
def test_a_changed_archive_is_refused_with_the_files(tmp_path, change, reason):
    path = tmp_path / "d.zip"
    write_archive(path, FILES, ABOUT)
    assert read_archive(path)[1] == FILES
    rewritten(path, change)
    with pytest.raises(VerificationError, match=reason):
        read_archive(path)


def test_two_files_of_one_name_flipped_bytes_and_no_archive_are_refused(tmp_path):
    path = tmp_path / "d.zip"
    write_archive(path, FILES, ABOUT)
    whole = path.read_bytes()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.json", b"1" * 99, zipfile.ZIP_DEFLATED)
    with pytest.raises(VerificationError, match=r"holds more than one a\.json"):
        read_archive(path)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            manifest, files = read_archive(path)
        except VerificationError:
            continue
        # Times and attributes of files are not what they say.
        assert (manifest["uri"], files) == ("models:/m/1", FILES), at
    path.write_bytes(whole[:-30])
    with pytest.raises(VerificationError, match="is no whole archive"):
        read_archive(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_archive(tmp_path / "none.zip")


def test_a_manifest_that_was_made_anew_for_another_verdict_is_refused(tmp_path):
    path = tmp_path / "d.zip"
    write_archive(path, FILES, ABOUT)
    with pytest.raises(VerificationError, match="holds no verdict"):
        check_dossier(path)
    verdict = json.dumps({"inputs": {"model": "m"}, "decision": "pass"}).encode()
    write_archive(path, FILES | {"run/verdict.json": verdict}, ABOUT)
    with pytest.raises(VerificationError, match="is no pass of the evaluation and model"):
        check_dossier(path)
