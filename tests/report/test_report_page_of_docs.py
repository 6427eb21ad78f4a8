"""docs/report.md: what it says is so."""

from __future__ import annotations

import json
import re

import numpy as np
import yaml
from drawn_project import OVERLAYS

from segmetrics.config.models import Report
from segmetrics.overlays import Overlay


def test_the_example_runs_and_names_nobody(drawn, repository):
    text = (repository / "docs/report.md").read_text("utf-8")
    y, x = np.mgrid[:30, :30]
    masks = {
        f"maria-{i}": ((y - 15) ** 2 + (x - 12 - i) ** 2 < 50).astype(np.uint8) for i in range(3)
    }
    drawn.fill(masks, masks, classes={"background": 0, "cell": 1}, exclude=["background"])
    drawn.params(operating_point={"decision": "argmax", "threshold": None})
    drawn.evaluate()
    drawn.run(OVERLAYS, ("report",))
    assert "maria" in drawn.page
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, {})
    assert "maria" not in (drawn.folder / "shared.html").read_text("utf-8")


def test_settings_and_entry_are_as_shown(repository):
    text = (repository / "docs/report.md").read_text("utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert Report(**yaml.safe_load(shown)["report"]) == Report()
    (entry,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    found = Overlay.from_json(json.loads(entry))
    assert found.to_json() == json.loads(entry)
