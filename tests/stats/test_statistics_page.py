"""docs/statistics.md: its example runs, and its table of the simulation holds what is promised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text("utf-8")
# values, groups, method -> covers, passes at the bound, 2 below, 4 above, 6 above, width
TABLE = {
    (cells[0], int(cells[1]), cells[2]): [float(c) for c in cells[3:] if c]
    for line in PAGE.splitlines()
    if len(cells := [c.strip() for c in line.strip("|").split("|")]) == 9 and cells[1].isdigit()
}
OURS = {key[:2]: row for key, row in TABLE.items() if key[2] == "ours"}


def test_the_example_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    found = re.fullmatch(r"(\S+) \((\S+) to (\S+)\), 20 groups\n", capsys.readouterr().out)
    value, low, high = map(float, found.groups())
    assert low < value < high


def test_the_table_is_whole():
    assert len(OURS) > 30
    assert all(len(row) == 6 for row in OURS.values())


@pytest.mark.parametrize(("values", "groups"), OURS)
def test_intervals_cover(values, groups):
    least = 93 if groups >= 100 else 92 if groups == 10 else 90
    assert OURS[values, groups][0] >= least


@pytest.mark.parametrize(("values", "groups"), OURS)
def test_models_at_the_bound_or_below_it_rarely_pass(values, groups):
    _, at_the_bound, below, *_ = OURS[values, groups]
    assert at_the_bound <= (3.5 if groups >= 100 else 5.5)
    assert values == "distances" or groups < 100 or below <= 0.5


@pytest.mark.parametrize(
    "values",
    ["skewed", "failures", "misses", "paired, correlation 0.8", "paired, correlation 0.95"],
)
def test_clearly_better_models_pass(values):
    assert OURS[values, 200][4] >= 90
