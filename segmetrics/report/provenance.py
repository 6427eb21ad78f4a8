"""What the page rests on: model, threshold, versions, settings, and the digest of every input."""

from __future__ import annotations

import json

from segmetrics import __version__
from segmetrics.format import FORMAT
from segmetrics.report.data import ReportData
from segmetrics.report.html import Html, el, folded, section, table


def provenance_section(data: ReportData) -> Html:
    """Digests and settings are folded."""
    verdict, settings = data.verdict, data.settings
    point = settings["operating_point"]
    threshold = "" if data.threshold is None else f", threshold {data.threshold:g}"
    statistics = settings["statistics"]
    facts: list[tuple[object, object]] = [
        ("model or predictions", el("code", data.source)),
        ("its SHA-256", el("code", verdict["inputs"].get(data.source, "not recorded"))),
        ("how predictions become labels", f"{point['decision']}{threshold}"),
        ("domain", verdict["domain"]),
        ("intervals", f"{statistics['confidence']:.0%}, {statistics['resamples']} resamples, seed "
                      f"{statistics['seed']}, at least {statistics['min_groups']} groups"),
        ("inconclusive rules", "block" if verdict.get("on_inconclusive") != "warn" else "warn"),
        ("segmetrics", f"{__version__}, format {FORMAT}"),
    ]  # fmt: skip
    digests = [(name, el("code", digest)) for name, digest in sorted(verdict["inputs"].items())]
    dump = json.dumps(settings, indent=1, sort_keys=True, ensure_ascii=False)
    return section(
        "provenance", "Where this comes from",
        table("This page was made from these", ["what", "value"], facts),
        folded(f"{len(digests)} inputs of the verdict with their SHA-256",
               table("`segmetrics verdict` compares them", ["input", "SHA-256"], digests)),
        folded("All settings that determine results", el("pre", dump)),
    )  # fmt: skip
