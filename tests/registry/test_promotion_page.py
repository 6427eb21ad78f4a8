"""docs/promotion.md: its commands are real, and its settings valid."""

from __future__ import annotations

import re
import shlex

import yaml

from segmetrics.cli import _parser
from segmetrics.config.models import Promotion


def blocks(repository, language):
    text = (repository / "docs" / "promotion.md").read_text("utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


def test_every_command_is_understood(repository):
    lines = [line for block in blocks(repository, "") for line in block.splitlines()]
    assert len(lines) >= 8
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "segmetrics"
        assert callable(_parser().parse_args(words).command)


def test_the_settings_are_valid(repository):
    (block,) = blocks(repository, "yaml")
    assert Promotion(**yaml.safe_load(block)["promotion"]).approvers == 2
