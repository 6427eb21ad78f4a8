"""What moves an alias, what goes back, and what a serving program may believe."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from segmetrics.cli import main
from segmetrics.errors import (
    ConfigError,
    DataError,
    PromotionError,
    RegistryError,
    VerificationError,
)
from segmetrics.registry import audit
from segmetrics.registry.approvals import approve
from segmetrics.registry.audit import read_entries
from segmetrics.registry.promotion import promote
from segmetrics.registry.retirement import retire
from segmetrics.registry.rollback import rollback
from segmetrics.registry.store import parse_uri
from segmetrics.registry.verification import verify

# What other packages warn of is not ours.
pytestmark = pytest.mark.filterwarnings("ignore")


def story(registry):
    """A, then B; gives both."""
    a = registry.evaluated(b"A")
    promote(a, registry.target, allow_first=True, reason="first")
    b = registry.evaluated(b"B", baseline=a.model_digest)
    promote(b, registry.target, reason="better")
    return a, b


def moves(registry):
    entries = read_entries(registry.client, registry.target.model)
    return [(e.action, e.former, e.version) for e in entries]


@pytest.mark.parametrize("where", ["embedded", "served"])
def test_forth_and_back_and_the_history_tells_it(connected, request, where):
    registry = connected(request.getfixturevalue(where))
    a, b = story(registry)
    assert registry.champion == "2"
    assert verify(registry.uri("@champion")).model_digest == b.model_digest
    dry = rollback(registry.target, reason="-", dry_run=True)
    assert "would move from version 2 to version 1; nothing was written" in str(dry)
    assert registry.champion == "2"

    rollback(registry.target, reason="misses small ones")
    assert registry.champion == "1"
    assert verify(registry.uri("@champion")).eval_id == a.eval_id
    with pytest.raises(PromotionError, match="replaced none: there is no former champion"):
        rollback(registry.target, reason="once more")
    # Back on A, B is a candidate like any other, and no second version.
    assert str(promote(b, registry.target)).endswith("now is version 2 (was version 1).")
    wanted = [("promote", None, "1"), ("promote", "1", "2"), ("rollback", "2", "1")]
    assert moves(registry) == [*wanted, ("promote", "1", "2")]
    reasons = [e.reason for e in read_entries(registry.client, registry.target.model)]
    assert reasons == ["first", "better", "misses small ones", ""]
    lines = Path("promotions.jsonl").read_text().splitlines()
    assert [json.loads(line)["reason"] for line in lines] == reasons


def test_the_command_verifies_without_a_project(registry, outcome):
    story(registry)
    assert list(Path().glob("*.yaml")) == []
    done = outcome(main, ["verify", registry.uri("@champion")])
    assert done.code == 0
    assert done.out.startswith(f"verified: {registry.uri('/2')} holds the evaluated bytes")
    assert outcome(main, ["verify", registry.uri("@other")]).code == 1
    assert outcome(main, ["verify", registry.uri("/9")]).code == 1
    assert outcome(main, ["verify", "models:/nobody@champion"]).code == 1
    assert outcome(main, ["verify", "runs:/1/model"]).code == 2


def test_no_store_and_no_server_are_no_answer(registry, outcome, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{registry.folder / 'none.db'}")
    done = outcome(main, ["verify", "models:/m@champion"])
    assert done.code == 3
    assert "there is no such MLflow store" in done.err
    assert not (registry.folder / "none.db").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert outcome(main, ["verify", "models:/m@champion"]).code == 3


def _bytes(registry, version):
    for path in (registry.folder / "artifacts").rglob("model/model.bin"):
        path.write_bytes(b"C")


def _no_bytes(registry, version):
    for path in (registry.folder / "artifacts").rglob("model/model.bin"):
        path.rename(path.with_name("other.bin"))


def _verdict(registry, version):
    for path in (registry.folder / "artifacts").rglob("verdict.json"):
        path.write_text(path.read_text() + " ")


def _no_verdict(registry, version):
    for path in (registry.folder / "artifacts").rglob("verdict.json"):
        path.unlink()


def _failing(registry, version):
    registry.client.set_model_version_tag(
        version.name, version.version, "segmetrics.decision", "fail"
    )


def _other_evaluation(registry, version):
    registry.client.set_tag(version.run_id, "segmetrics.eval_id", "0" * 64)


def _other_id(registry, version):
    for write in (
        lambda: registry.client.set_tag(version.run_id, "segmetrics.eval_id", "0" * 64),
        lambda: registry.client.set_model_version_tag(
            version.name, version.version, "segmetrics.eval_id", "0" * 64
        ),
    ):
        write()


def _no_tag(registry, version):
    registry.client.delete_model_version_tag(
        version.name, version.version, "segmetrics.model_sha256"
    )


def _unfinished(registry, version):
    registry.client.set_terminated(version.run_id, "FAILED")


def _deleted(registry, version):
    registry.client.delete_run(version.run_id)


def _outside(registry, version):
    registry.client.set_model_version_tag(
        version.name, version.version, "segmetrics.model_file", "../../model.bin"
    )


def _by_hand(registry, version):
    made = registry.client.create_model_version(
        version.name, source=version.source, run_id=version.run_id
    )
    registry.client.set_registered_model_alias(version.name, "champion", made.version)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_bytes, "holds other bytes (6b23c0d5f35d) than were evaluated (559aead08264)"),
        (_no_bytes, "holds other bytes (nothing)"),
        (_verdict, "was changed after the promotion"),
        (_no_verdict, "verdict.json of run .* is missing"),
        (_failing, "its verdict is fail"),
        (_other_evaluation, "is of another evaluation: segmetrics.eval_id differ"),
        (_other_id, "is not that of the evaluation's id"),
        (_no_tag, "carries no evaluation: it lacks segmetrics.model_sha256"),
        (_unfinished, "is FAILED, not FINISHED"),
        (_deleted, "was deleted"),
        (_outside, "holds other bytes (nothing)"),
        (_by_hand, "carries no evaluation: it lacks"),
    ],
)
def test_what_was_changed_in_the_registry_is_not_verified(registry, change, reason):
    promote(registry.evaluated(b"A"), registry.target, allow_first=True)
    version = registry.client.get_model_version(registry.target.model, "1")
    change(registry, version)
    reason = reason.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(VerificationError, match=reason):
        verify(registry.uri("@champion"))


@pytest.mark.parametrize("change", [_bytes, _failing, _unfinished])
def test_a_champion_that_does_not_verify_is_replaced_and_named(registry, change):
    a = registry.evaluated(b"A")
    promote(a, registry.target, allow_first=True)
    change(registry, registry.client.get_model_version(registry.target.model, "1"))
    b = registry.evaluated(b"B", baseline=a.model_digest)
    for dry_run in (True, False):
        said = str(promote(b, registry.target, dry_run=dry_run)).splitlines()
        assert [line for line in said if "warning: version 1, which was served until now, " in line]
        assert len(said) == 2
    assert registry.champion == "2"


def test_a_sound_champion_is_replaced_without_a_word(registry):
    a = registry.evaluated(b"A")
    promote(a, registry.target, allow_first=True)
    b = registry.evaluated(b"B", baseline=a.model_digest)
    assert str(promote(b, registry.target)).endswith("now is version 2 (was version 1).")


def test_a_former_champion_is_verified_before_the_alias_goes_back(registry):
    story(registry)
    for path in (registry.folder / "artifacts").rglob("model/model.bin"):
        path.write_bytes(b"C")
    with pytest.raises(PromotionError, match="cannot go back to version 1: holds other bytes"):
        rollback(registry.target, reason="-")
    assert registry.champion == "2"
    assert len(moves(registry)) == 2


def test_a_rollback_that_died_is_finished_not_repeated(registry):
    _a, b = story(registry)
    c = registry.evaluated(b"C", baseline=b.model_digest)
    promote(c, registry.target)
    before = Path("promotions.jsonl").read_text()
    rollback(registry.target, reason="-")
    after = Path("promotions.jsonl").read_text()
    Path("promotions.jsonl").write_text(before)  # as if it had died before it wrote the file
    assert "already is version 2; nothing moved" in str(rollback(registry.target, reason="-"))
    assert Path("promotions.jsonl").read_text() == after
    assert registry.champion == "2"
    rollback(registry.target, reason="wanted")
    assert registry.champion == "1"


def test_a_retired_version_is_refused_everywhere(registry, outcome):
    _a, b = story(registry)
    with pytest.raises(ConfigError, match="is an alias, which may move"):
        retire(registry.uri("@champion"), reason="-")
    done = outcome(main, ["retire", registry.uri("/1"), "--reason", "wrong labels"])
    assert done.code == 0
    assert done.out.endswith("version 1 is retired.\n")
    with pytest.raises(VerificationError, match=r"was retired by .* on 20.*Z: wrong labels"):
        verify(registry.uri("/1"))
    with pytest.raises(PromotionError, match="cannot go back to version 1: was retired"):
        rollback(registry.target, reason="-")
    again = registry.evaluated(b"A", baseline=b.model_digest)
    with pytest.raises(PromotionError, match="wrong labels; these are its bytes"):
        promote(again, registry.target)
    assert registry.champion == "2"

    assert str(retire(registry.uri("/2"), reason="too")).endswith("; removed: @champion.")
    assert registry.champion is None
    assert moves(registry)[-1] == ("retire", "2", None)
    assert retire(registry.uri("/2"), reason="another").removed == ()
    with pytest.raises(VerificationError, match="too"):
        verify(registry.uri("/2"))
    with pytest.raises(VerificationError, match="there is no such model or alias"):
        verify(registry.uri("@champion"))
    with pytest.raises(PromotionError, match="there is no such version"):
        retire(registry.uri("/7"), reason="-")


def test_sign_offs_count_once_a_person_and_for_one_evaluation(registry):
    target = replace(registry.target, approvers=2)
    a = registry.evaluated(b"A")

    def refused(names):
        with pytest.raises(
            PromotionError, match=f"2 have to sign this evaluation; signed: {names}"
        ):
            promote(a, target, allow_first=True)

    refused("nobody")
    approve(target.experiment, a.eval_id, by="Anna Muster")
    first = approve(target.experiment, a.eval_id, by=" anna  MUSTER ")
    assert first.by == "Anna Muster"
    refused("Anna Muster$|Anna Muster;")
    # A sign-off of another evaluation or model, and one that is none, count for nothing.
    run = registry.client.search_runs(
        [registry.client.get_experiment_by_name(target.experiment).experiment_id]
    )[0].info.run_id
    registry.client.set_tag(run, "segmetrics.approval.1", "{}")
    for field in ("eval_id", "model_digest"):
        other = replace(first, by=field, **{field: "0" * 64})
        data = {k: getattr(other, k) for k in ("by", "time", "eval_id", "model_digest")}
        registry.client.set_tag(run, other.key, json.dumps(data))
    refused("Anna Muster$|Anna Muster;")
    approve(target.experiment, a.eval_id, by="Ben")
    promote(a, target, allow_first=True)
    tags = registry.client.get_model_version(target.model, "1").tags
    assert [s["by"] for s in json.loads(tags["segmetrics.approvals"])] == ["Anna Muster", "Ben"]


def test_who_may_sign(registry, monkeypatch):
    a = registry.evaluated(b"A")
    with pytest.raises(ConfigError, match="says who signs"):
        approve(registry.target.experiment, a.eval_id, by=" ")
    with pytest.raises(ConfigError, match="is no id of an evaluation"):
        approve(registry.target.experiment, "abc' OR '", by="Anna")
    with pytest.raises(PromotionError, match="holds no finished, passing run of evaluation 0000"):
        approve(registry.target.experiment, "0" * 64, by="Anna")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ben")
    with pytest.raises(ConfigError, match='"Anna" is not ben, the user of the MLflow server'):
        approve(registry.target.experiment, a.eval_id, by="Anna")
    assert approve(registry.target.experiment, a.eval_id, by="").by == "ben"


def test_a_champion_that_segmetrics_did_not_promote_is_not_replaced(registry):
    a, _ = story(registry)
    version = registry.client.get_model_version(registry.target.model, "2")
    _by_hand(registry, version)
    c = registry.evaluated(b"C", baseline=a.model_digest)
    with pytest.raises(PromotionError, match="which segmetrics did not promote"):
        promote(c, registry.target, allow_first=True)
    registry.client.delete_registered_model_alias(registry.target.model, "champion")
    promote(c, registry.target, allow_first=True)
    # That somebody moved the alias is told, too.
    assert moves(registry)[2:] == [("noticed", "2", None), ("promote", None, "4")]


def test_another_verdict_in_the_run_is_not_promoted(registry):
    a = registry.evaluated(b"A")
    for path in (registry.folder / "artifacts").rglob("verdict.json"):
        path.write_text(path.read_text().replace('"good"', '"fair"'))
    with pytest.raises(PromotionError, match=r"holds another verdict.json than results/"):
        promote(a, registry.target, allow_first=True)


def test_somebody_else_at_the_same_time_is_told(registry, monkeypatch):
    """The registry has no compare-and-swap: what another machine does in between is detected."""
    _a, b = story(registry)
    c = registry.evaluated(b"C", baseline=b.model_digest)
    own = type(registry.client).set_registered_model_alias

    def overtaken(client, name, alias, version):
        own(client, name, alias, version)
        own(client, name, alias, "1")

    monkeypatch.setattr(type(registry.client), "set_registered_model_alias", overtaken)
    with pytest.raises(RegistryError, match="was moved to version 1 by somebody else meanwhile"):
        promote(c, registry.target)
    monkeypatch.undo()


def test_an_edited_history_is_noticed(registry):
    story(registry)
    tags = registry.client.get_registered_model(registry.target.model).tags
    key = min(k for k in tags if k.startswith(audit.KEY))
    text = tags[key].replace('"first"', '"another"')
    registry.client.set_registered_model_tag(registry.target.model, key, text)
    with pytest.raises(DataError, match="the history was edited"):
        read_entries(registry.client, registry.target.model)


def test_a_torn_line_in_the_file_stays_and_swallows_nothing(registry):
    story(registry)
    path = Path("promotions.jsonl")
    whole = path.read_text().splitlines()
    path.write_text(f"{whole[0]}\n{whole[1][:20]}")
    audit.write_file(path, read_entries(registry.client, registry.target.model))
    assert path.read_text().splitlines() == [whole[0], whole[1][:20], whole[1]]


def test_a_folder_is_promoted_as_it_is(registry):
    a = registry.evaluated(b"A")
    folder = registry.folder / "net"
    folder.mkdir()
    (folder / "weights").write_bytes(b"1")
    from segmetrics.files import sha256_json, sha256_path

    inputs = {"models/net": sha256_path(folder)}
    verdict = dict(a.verdict) | {"inputs": inputs}
    eval_id = sha256_json({"inputs": inputs, "verdict": a.verdict_digest})
    digest = sha256_path(folder)
    net = replace(a, source=folder, model_digest=digest, eval_id=eval_id, verdict=verdict)
    registry.track(net)
    promote(net, registry.target, allow_first=True)
    assert verify(registry.uri("@champion")).model_file == "net"
    for path in (registry.folder / "artifacts").rglob("weights"):
        shutil.copyfile(path, path.with_name("more"))
    with pytest.raises(VerificationError, match="holds other bytes"):
        verify(registry.uri("@champion"))


@pytest.mark.parametrize(
    "text", ["models:/m", "models:/m@", "models:/m/v1", "m@a", "models:/a/b@c"]
)
def test_what_is_no_version(text):
    with pytest.raises(ConfigError, match="is no version of a registered model"):
        parse_uri(text)


def test_reasons_fit_into_the_registry(registry, outcome):
    a = registry.evaluated(b"A")
    with pytest.raises(PromotionError, match="has 1001 characters; the registry keeps 1000"):
        promote(a, registry.target, allow_first=True, reason="x" * 1001)
    done = outcome(main, ["promote", "--rollback"])
    assert done.code == 2
    assert "--rollback: needs a reason" in done.err
