"""Two machines promote at once on one real server: one wins, both agree, or the later says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from segmetrics.files import sha256_bytes
from segmetrics.registry.audit import read_entries
from segmetrics.registry.promotion import promote

pytestmark = pytest.mark.filterwarnings("ignore")

# One promoter. Before the call that the first word names it waits until the other is there, too.
_PROMOTER = """
import json, sys, time
from pathlib import Path
from mlflow import MlflowClient
from segmetrics.entry import run
from segmetrics.registry import promotion
from segmetrics.registry.candidate import Candidate
from segmetrics.registry.promotion import Target, promote

moment, own, shared = sys.argv[1], sys.argv[2], Path(sys.argv[3])
data = json.loads(Path(own).read_text())
candidate = Candidate(**data["candidate"] | {"source": Path(data["candidate"]["source"])})

def together(owner, name):
    inner = getattr(owner, name)
    def call(*arguments, **options):
        (shared / Path(own).name).touch()
        for _ in range(1200):
            if len(list(shared.iterdir())) >= 2:
                break
            time.sleep(0.05)
        return inner(*arguments, **options)
    setattr(owner, name, call)

if moment == "registered":
    together(promotion, "register")
elif moment == "checked":
    together(promotion, "move")
elif moment == "noted":
    together(MlflowClient, "set_registered_model_alias")
sys.exit(run(lambda: print(promote(candidate, Target(**data["target"])))))
"""


def race(registry, folder, candidates, moment):
    """Exit codes and what was said. Locks of one machine lie in its folder of temporary files."""
    shared = folder / "shared"
    shared.mkdir()
    running = []
    for n, candidate in enumerate(candidates):
        machine = folder / f"machine{n}"
        (machine / "tmp").mkdir(parents=True)
        source = machine / candidate.source.name
        source.write_bytes(candidate.source.read_bytes())
        target = {k: v for k, v in asdict(registry.target).items() if k != "audit"}
        data = {"candidate": asdict(candidate) | {"source": str(source)}, "target": target}
        (machine / f"{n}.json").write_text(json.dumps(data))
        words = [sys.executable, "-c", _PROMOTER, moment, str(machine / f"{n}.json"), str(shared)]
        env = os.environ | {"TMPDIR": str(machine / "tmp"), "MLFLOW_TRACKING_USERNAME": ""}
        env |= {"PYTHONPATH": str(Path(__file__).parents[2])}
        running.append(
            subprocess.Popen(
                words, cwd=machine, env=env, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
    outputs = [process.communicate(timeout=600) for process in running]
    return [p.returncode for p in running], [out + err for out, err in outputs]


def champion_and(registry, *contents):
    """A champion, and candidates that were compared with it."""
    first = registry.evaluated(b"A")
    promote(first, registry.target, allow_first=True)
    found = []
    for content in contents:
        made = registry.evaluated(content, baseline=first.model_digest)
        source = registry.folder / f"{len(found)}" / "model.bin"
        source.parent.mkdir()
        source.write_bytes(content)
        found.append(replace(made, source=source, verdict=dict(made.verdict)))
    return found


@pytest.mark.parametrize("moment", ["free", "checked", "noted"])
def test_of_two_models_one_wins_and_the_other_says_so(connected, served, tmp_path, moment):
    registry = connected(served)
    candidates = champion_and(registry, b"B", b"C")
    codes, said = race(registry, tmp_path, candidates, moment)
    told = [
        ("moved to version" in text and "by somebody else meanwhile" in text)
        or "warning: at the same time:" in text
        or "is of another model" in text
        for text in said
    ]  # fmt: skip
    assert set(codes) <= {0, 1, 3}, said
    assert any(told), said
    for code, text, heard in zip(codes, said, told, strict=True):
        assert code == 0 or heard, text
    # The alias is where one who ended well says, or where the later one was told that it is.
    digests = {
        str(v.version): v.tags["segmetrics.model_sha256"]
        for v in registry.client.search_model_versions(f"name = '{registry.target.model}'")
    }
    assert digests[registry.champion] in {sha256_bytes(b"B"), sha256_bytes(b"C")}
    winners = [text for code, text in zip(codes, said, strict=True) if code == 0]
    assert winners or codes == [3, 3]
    now = f"now is version {registry.champion}"
    assert any(now in text for text in winners) or any(
        f"moved to version {registry.champion}" in text for text in said
    )
    moved = [e for e in read_entries(registry.client, registry.target.model) if e.number > 1]
    assert {e.version for e in moved if e.action == "promote"} >= {registry.champion}


def test_of_one_model_both_agree_on_one_version(connected, served, tmp_path):
    registry = connected(served)
    (candidate,) = champion_and(registry, b"B")
    codes, said = race(registry, tmp_path, [candidate, candidate], "registered")
    assert codes == [0, 0], said
    digest = sha256_bytes(b"B")
    same = [
        str(v.version)
        for v in registry.client.search_model_versions(f"name = '{registry.target.model}'")
        if v.tags["segmetrics.model_sha256"] == digest
    ]
    assert same == [registry.champion]
