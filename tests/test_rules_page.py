"""docs/rules.md: its settings are valid, and it says what the package does."""

from __future__ import annotations

import re

import pytest
import yaml

from segmetrics.config import load_settings
from segmetrics.config.build import evaluation_options
from segmetrics.config.judging import policy
from segmetrics.gates.domains import DOMAINS
from segmetrics.slices import MOST_ASKED, MOST_SLICES


@pytest.fixture
def page(repository) -> str:
    return (repository / "docs" / "rules.md").read_text("utf-8")


@pytest.fixture
def examples(page, repository, tmp_path):
    """The settings of each example, on top of those of this repository."""
    params = yaml.safe_load((repository / "params.yaml").read_text("utf-8"))
    params["data"] |= {"classes": {"background": 0, "tumour": 1}, "exclude": ["background"]}
    found = []
    for i, block in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.S)):
        path = tmp_path / f"{i}.yaml"
        path.write_text(yaml.safe_dump(params | yaml.safe_load(block), sort_keys=False))
        found.append(load_settings(path))
    return found


def test_the_examples_are_settings_that_load(examples):
    by_statistic, sliced = examples
    rules = {rule.name: rule for rule in policy(by_statistic).rules}
    assert rules["tumour_recall"].statistic == "conservative"
    assert rules["tumour_dice"].statistic == "point"
    assert [by.key for by in evaluation_options(sliced).slices] == [
        "scanner", "scanner x site", "age | 40 | 60",
    ]  # fmt: skip
    values = [rule.slice_value for rule in policy(sliced).rules if rule.slice_value]
    assert values == ["A", "A x Bern", "60 and above"]


def test_what_it_says_of_domains_and_numbers(page):
    conservative = [name for name, d in DOMAINS.items() if d.statistic == "conservative"]
    assert f"`conservative` in {' and '.join(conservative)}" in page
    assert f"sliced up to {MOST_SLICES} values, one that a rule names up to {MOST_ASKED}" in page
