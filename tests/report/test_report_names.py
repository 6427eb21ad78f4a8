"""A page that leaves the machine names nobody."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from drawn_project import OVERLAYS
from page_reader import read_page

from segmetrics.config import load_settings
from segmetrics.config.build import layout, result_settings
from segmetrics.report import ReportData, read_report_data, render

# Nothing else of the page is called like these.
IDS = [f"maria-{i}" for i in range(6)]
GROUPS = [f"joan-{i}" for i in range(3)]
SITES = ["lourdes", "fatima"]


@pytest.fixture
def data(drawn) -> ReportData:
    y, x = np.mgrid[:40, :48]
    masks = {
        name: ((y - 20) ** 2 + (x - 18 - i) ** 2 < 60).astype(np.uint8)
        for i, name in enumerate(IDS)
    }
    predictions = {name: np.roll(mask, 9 * (i == 2), axis=0) for i, (name, mask) in
                   enumerate(masks.items())}  # fmt: skip
    columns = {
        "group": {name: GROUPS[i // 2] for i, name in enumerate(IDS)},
        "site": {name: SITES[i % 2] for i, name in enumerate(IDS)},
    }
    drawn.fill(masks, predictions, columns=columns, classes={"background": 0, "cell": 1},
               exclude=["background"])  # fmt: skip
    rules = {
        "sites": {"metric": "dice", "class": "cell", "slice": "site", "at_least": 0.95},
        "absent": {"metric": "dice", "class": "cell", "slice": {"site": "nowhere"},
                   "at_least": 0.5},
    }  # fmt: skip
    drawn.params(operating_point={"decision": "argmax", "threshold": None}, rules=rules)
    drawn.evaluate()
    drawn.run(OVERLAYS)
    settings = load_settings(drawn.folder / "params.yaml")
    return read_report_data(layout(settings), result_settings(settings))


def hashed(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind}{name}".encode()).hexdigest()[:16]


def test_the_page_of_this_machine_names_them(data):
    page = render(data)
    assert any(name in page for name in IDS)
    assert all(name in page for name in SITES)


@pytest.mark.parametrize("names", [hashed, lambda kind, name: None], ids=["hashed", "none"])
def test_no_name_is_left(data, names):
    finding = {
        "name": "leakage_groups", "severity": "block",
        "text": f"2 samples: {GROUPS[0]} (also in train)",
        "data": {"named": f"{GROUPS[0]} (also in train)", "groups": {GROUPS[0]: ["train"]},
                 "samples": IDS[:2], "count": 1},
    }  # fmt: skip
    verdict = dict(data.verdict)
    verdict["findings"] = [*verdict["findings"], finding]
    page = render(ReportData(**{**fields(data), "verdict": verdict}), names=names)
    for name in (*IDS, *GROUPS, *SITES, "maria", "joan", "nowhere"):
        assert name not in page, name
    read_page(page)
    if names is hashed:
        assert hashed("slice", SITES[0]) in page
        assert hashed("group", GROUPS[0]) in page
        assert any(hashed("id", name) in page for name in IDS)
        assert f"site={hashed('slice', SITES[0])}" in page


def fields(data: ReportData) -> dict[str, object]:
    return {name: getattr(data, name) for name in data.__dataclass_fields__}


def test_slices_may_keep_their_names(data):
    page = render(data, names=lambda kind, name: name if kind == "slice" else hashed(kind, name))
    assert all(f"site={name}" in page for name in SITES)
    assert not any(name in page for name in IDS)
