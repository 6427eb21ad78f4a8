"""docs/diagnosis.md: its examples run, and it leaves no finding and no switch out."""

from __future__ import annotations

import re

import pytest

from segmetrics.config.models import Checks


@pytest.fixture(scope="module")
def page(request) -> str:
    return (request.config.rootpath / "docs" / "diagnosis.md").read_text("utf-8")


def test_the_examples_run(page):
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "docs/diagnosis.md", "exec"), {})


def test_every_finding_of_these_rooms_has_its_paragraph(page, repository):
    files = [*(repository / "segmetrics/gates/diagnosis").glob("*.py")]
    files.append(repository / "segmetrics/findings.py")
    source = "\n".join(path.read_text("utf-8") for path in files)
    names = set(re.findall(r'Finding\(\s*"(\w+)"', source))
    names |= set(re.findall(r'name: str = "(\w+)"|name="(\w+)"', source)[0]) - {""}
    assert {"overfit", "small_objects", "human_ceiling", "worst_images"} <= names
    headings = " ".join(re.findall(r"^## (.*)$", page, re.MULTILINE)).split()
    assert names <= {heading.strip(",") for heading in headings}


@pytest.mark.parametrize(
    "key",
    [
        "accuracy_paradox",
        "overfit",
        "small_objects",
        "catastrophic",
        "perfection",
        "copies",
        "human_ceiling",
    ],
)
def test_every_switch_is_explained(page, key):
    assert key in Checks.model_fields
    assert f"  {key}: " in page
