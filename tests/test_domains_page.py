"""docs/domains.md: its rule sets load, and it says what the presets are."""

from __future__ import annotations

import re

import pytest
import yaml

from segmetrics.cli import main
from segmetrics.config import load_settings
from segmetrics.config.judging import policy
from segmetrics.gates.domains import DOMAINS
from segmetrics.gates.lint import lint_rules


@pytest.fixture
def page(repository) -> str:
    return (repository / "docs" / "domains.md").read_text("utf-8")


FIELDS = ("Microscopy", "Remote sensing", "Inspection")


@pytest.fixture
def rule_set(page, tmp_path, monkeypatch, outcome):
    """The settings of a section, on top of what `segmetrics init` writes."""

    def load(field: str):
        monkeypatch.chdir(tmp_path)
        assert outcome(main, ["init", "--force"]).code == 0
        params = yaml.safe_load((tmp_path / "params.yaml").read_text("utf-8"))
        (section,) = [part for part in page.split("\n### ") if part.startswith(field)]
        (block,) = re.findall(r"```yaml\n(.*?)```", section, re.S)
        for key, value in yaml.safe_load(block).items():
            both = isinstance(value, dict) and isinstance(params[key], dict)
            params[key] = params[key] | value if both else value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(params, sort_keys=False))
        return policy(load_settings(path))

    return load


@pytest.mark.parametrize("field", FIELDS)
def test_each_rule_set_loads_and_makes_sense(rule_set, field, outcome):
    found = rule_set(field)
    assert len(found.rules) >= 4
    assert {rule.statistic for rule in found.rules} == {"conservative"}
    assert all(rule.rationale for rule in found.rules)
    assert lint_rules(found.rules) == []
    assert outcome(main, ["rules"]).code == 0


def test_every_field_is_tried(page):
    assert page.count("```yaml") == len(FIELDS)


def test_the_table_of_presets_is_that_of_the_package(page):
    for domain in DOMAINS.values():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{domain.name}`")]
        for rule in (*domain.rules, *domain.by_size):
            assert f"`{rule.name}` {rule.at_least:.2f}" in row
        assert ("interval" in row) is (domain.statistic == "conservative")
        if domain.critical_recall is not None:
            assert f"`critical_recall_<class>` {domain.critical_recall:.2f}" in row
