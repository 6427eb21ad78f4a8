"""docs/metrics.md says of every metric what the catalogue says."""

from __future__ import annotations

import math

import pytest

from segmetrics.metrics.catalog import AGGREGATES, CATALOG


@pytest.fixture
def rows(repository):
    """Cells of the tables by metric."""
    lines = (repository / "docs" / "metrics.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row for row in cells if len(row) == 9 and row[0].startswith("`")}


@pytest.mark.parametrize("name", CATALOG)
def test_the_row_of_a_metric_is_that_of_the_catalogue(rows, name):
    metric, (_, _, unit, bounds, better, _, aggregates, rule, _) = CATALOG[name], rows[name]
    low, high = (-math.inf if end == "-inf" else float(end) for end in bounds.split(" to "))
    assert unit == metric.unit.replace("length", "px, mm")
    assert (low, high) == (metric.low, metric.high)
    assert better == metric.better
    assert rule == ("yes" if metric.rule else "no")
    assert aggregates == ("all" if metric.aggregates == AGGREGATES else "means")


def test_every_metric_is_there_once(rows, repository):
    text = (repository / "docs" / "metrics.md").read_text("utf-8")
    assert len(rows) >= 30
    assert all(text.count(f"\n| `{name}` |") == 1 for name in rows)
