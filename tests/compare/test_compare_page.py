"""docs/compare.md: its rules load, its commands parse, and it leaves no finding out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from segmetrics.cli import _parser
from segmetrics.config.models import Checks, Rule


@pytest.fixture(scope="module")
def page(request) -> str:
    return (request.config.rootpath / "docs" / "compare.md").read_text("utf-8")


def test_the_rules_load(page):
    blocks = [yaml.safe_load(b) for b in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    rules = [rule for block in blocks for rule in block["rules"].values()]
    assert len(rules) == 4
    assert all(Rule(**rule).margin is not None for rule in rules)
    (checks,) = [block["checks"] for block in blocks if "checks" in block]
    assert set(checks) <= set(Checks.model_fields)
    defaults = {name: Checks.model_fields[name].default for name in checks}
    assert defaults == checks


def test_the_commands_parse(page):
    lines = re.findall(r"^segmetrics ([^#\n]*)", page, re.MULTILINE)
    assert len(lines) == 6
    for line in lines:
        assert callable(_parser().parse_args(line.split()).command)


def test_every_finding_is_explained(page, repository: Path):
    rooms = [*(repository / "segmetrics/compare").glob("*.py")]
    rooms.append(repository / "segmetrics/gates/against.py")
    source = "\n".join(path.read_text("utf-8") for path in rooms)
    names = set(re.findall(r'Finding\(\s*"(\w+)"', source))
    assert names == {"got_worse", "baseline_classes_removed", "baseline_skipped"}
    assert all(f"`{name}`" in page for name in names)
