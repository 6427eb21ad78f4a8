"""The page of a whole project, read by a parser; and pages of made-up evaluations."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from drawn_project import OVERLAYS
from page_reader import Element, read_page
from PIL import Image

import segmetrics.report.embedding
from segmetrics.config import load_settings
from segmetrics.config.build import layout, result_settings
from segmetrics.evidence import read_json
from segmetrics.overlays import Overlay, Overlays
from segmetrics.report import ReportData, read_report_data, render
from segmetrics.report.embedding import MOST_BYTES, Embedder
from segmetrics.stats.evaluation import Evaluation

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
HALF = {"decision": "fixed", "threshold": 0.5}
IDS = [f"s{i}" for i in range(8)]


def cells(seed: int) -> np.ndarray:
    y, x = np.mgrid[:40, :48]
    return ((y - 20) ** 2 + (x - 18 - seed) ** 2 < (7 + seed % 3) ** 2).astype(np.uint8)


def project_with_scores(drawn, **params):
    masks = {name: cells(i) for i, name in enumerate(IDS)}
    soft = {name: np.roll(mask * 120 + 70, i % 4, axis=1) for i, (name, mask) in
            enumerate(masks.items())}  # fmt: skip
    columns = {
        "group": {name: f"patient-{i // 2}" for i, name in enumerate(IDS)},
        "scanner": {name: "AB"[i % 2] for i, name in enumerate(IDS)},
    }
    drawn.fill(masks, {n: s.astype(np.uint8) for n, s in soft.items()}, columns=columns,
               classes={"background": 0, "cell": 1}, exclude=["background"])  # fmt: skip
    objects = {"match": "iou", "at_least": 0.5, "size_edges": [60, 160]}
    measure = {"scores": True, "objects": objects, "surface": {"metrics": ["hd95"]}}
    drawn.params(operating_point=HALF, measure=measure, report={"worst": 3}, **params)
    return drawn


@pytest.fixture
def page(drawn) -> Element:
    return read_page(project_with_scores(drawn).report())


def test_the_page_stands_alone(drawn):
    text = project_with_scores(drawn).report()
    root = read_page(text)
    assert root.all("script") == root.all("link") == root.all("iframe") == []
    assert not [e for e in root.all() if any(name.startswith("on") for name in e.attributes)]
    sources = [e.attributes["src"] or "" for e in root.all("img")]
    assert sources
    assert all(s.startswith("data:image/") for s in sources)
    assert all((a.attributes["href"] or "").startswith("#") for a in root.all("a"))
    assert "http://" not in text
    assert "https://" not in text
    policy = root.all("meta", http_equiv="Content-Security-Policy")[0].attributes["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_everybody_can_read_it(page):
    assert page.all("html")[0].attributes["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert page.all("main")
    headings = [int(e.tag[1]) for e in page.all() if re.fullmatch(r"h[1-6]", e.tag)]
    assert all(b - a <= 1 for a, b in pairwise(headings)), "no level skipped"
    assert all(e.attributes.get("alt") for e in page.all("img"))
    for svg in page.all("svg"):
        named = svg.attributes.get("role") == "img" and svg.attributes.get("aria-label")
        assert named or svg.attributes.get("aria-hidden") == "true"
    assert all(e.attributes.get("scope") in ("col", "row") for e in page.all("th"))
    assert all(table.all("caption") for table in page.all("table"))
    ids = [e.attributes["id"] for e in page.all() if "id" in e.attributes]
    assert len(set(ids)) == len(ids)
    links = [(a.attributes["href"] or "")[1:] for a in page.all("a")]
    labels = [
        e.attributes["aria-labelledby"] for e in page.all() if "aria-labelledby" in e.attributes
    ]
    assert {*links, *labels} <= {*ids}


def test_the_verdict_comes_first(page, drawn):
    verdict = drawn.verdict()
    text = page.all("main")[0].text
    assert text[2:].startswith(verdict["decision"].upper())
    assert page.all("title")[0].text.startswith(verdict["decision"].upper())
    names = [b.text for rules in page.all("ul", class_="rules") for b in rules.all("b")]
    assert sorted(names) == sorted(rule["name"] for rule in verdict["rules"])
    for finding in verdict["findings"]:
        assert finding["text"].replace("`", "") in text
    sections = [s.attributes["id"] for s in page.all("section")]
    assert sections == ["verdict", "next", "rules", "findings", "images", "classes", "slices",
                        "sizes", "curves", "confusion", "provenance"]  # fmt: skip


def test_every_rule_is_drawn_with_its_numbers(page, drawn):
    for rule, shown in zip(
        sorted(drawn.verdict()["rules"], key=lambda r: r["name"]),
        sorted(page.all("ul", class_="rules")[0].all("li"), key=lambda li: li.all("b")[0].text),
        strict=True,
    ):
        label = shown.all("svg")[0].attributes["aria-label"]
        assert f"{rule['value']:.3f} ({rule['low']:.3f} to {rule['high']:.3f})" in label
        assert rule["outcome"] in shown.all("span", class_=f"badge {rule['outcome']}")[0].text


def test_the_numbers_are_those_of_the_evaluation(page, drawn):
    found = read_json(drawn.folder / "results/evaluation.json")["splits"]["test"]
    estimate = found["classes"]["cell"]["image_mean"]["dice"]
    rows = page.all("section", id="classes")[0].all("tr")
    cell = next(r for r in rows if r.text.startswith("cell"))
    assert cell.all("td")[0].text.startswith(f"{estimate['value']:.3f}{estimate['low']:.3f} to")
    slices = page.all("section", id="slices")[0].text
    for value, scope in found["slices"]["scanner"].items():
        assert f"{value}{scope['samples']}{scope['groups']}" in slices
    matrix = page.all("table", class_="confusion")[0].text
    assert str(found["confusion"]["counts"][1][1]) in matrix
    assert "below 60" in page.all("section", id="sizes")[0].text
    assert "background, " not in page.all("section", id="sizes")[0].text, "not scored"


def test_images_are_in_the_page_and_named(page, drawn):
    figures = page.all("section", id="images")[0].all("figure")
    assert len(figures) == len(drawn.index.images) == 8
    for figure, image in zip(figures, drawn.index.images, strict=True):
        assert image.id in figure.all("figcaption")[0].text
        source = figure.all("img")[0].attributes["src"] or ""
        kind, _, content = source.partition(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
            assert kind == f"data:image/{picture.format.lower()}"
            picture.load()


def test_the_same_bytes_each_time(drawn):
    first = project_with_scores(drawn).report()
    drawn.run(("report",))
    assert drawn.page == first


def test_a_stale_verdict_gives_no_page(drawn, outcome):
    project_with_scores(drawn).evaluate()
    drawn.run(OVERLAYS)
    (drawn.folder / "results/metrics.json").write_text("{}")
    done = outcome(drawn.run, ("report",))
    assert done.code == 2
    assert "results/metrics.json changed since" in done.err
    assert not (drawn.folder / "results/report.html").exists()


def test_overlays_of_another_split_or_metric_give_no_page(drawn, outcome):
    project_with_scores(drawn).evaluate()
    drawn.run(OVERLAYS)
    path = drawn.overlays / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metric": "recall"}))
    done = outcome(drawn.run, ("report",))
    assert done.code == 2
    assert "shows test by recall, not test by dice" in done.err


def data_of(drawn) -> ReportData:
    project_with_scores(drawn).evaluate()
    drawn.run(OVERLAYS)
    settings = load_settings(drawn.folder / "params.yaml")
    return read_report_data(layout(settings), result_settings(settings))


def test_a_name_is_a_text_wherever_it_stands(drawn):
    """Classes, slices, ids, findings, rules, files: nothing of them becomes HTML."""
    data = data_of(drawn)
    split = data.split
    evil = replace(
        split,
        labels=("background", EVIL),
        classes={EVIL: split.classes["cell"]},
        slices={EVIL: {EVIL: split.slices["scanner"]["A"]}},
        slices_left_out={EVIL: EVIL},
        sizes={EVIL: {EVIL: next(iter(split.sizes["cell"].values()))}},
        annotators={EVIL: split.slices["scanner"]["A"]},
        thresholds={EVIL: split.thresholds["cell"]},
    )
    verdict = dict(data.verdict)
    rule = verdict["rules"][0] | dict.fromkeys(("name", "class", "slice", "reason", "source"), EVIL)
    finding = {"name": EVIL, "text": EVIL, "severity": "warn", "data": {"ids": [EVIL]}}
    verdict |= {"rules": [rule], "findings": [finding], "inputs": {EVIL: EVIL}}
    image = replace(data.overlays.images[0], id=EVIL, class_name=EVIL)
    settings = dict(data.settings) | {"data": data.settings["data"] | {"samples": EVIL}}
    page = render(
        replace(
            data, verdict=verdict, evaluation=Evaluation({"test": evil, EVIL: evil}, {}),
            settings=settings, source=EVIL, scores={EVIL: data.scores["cell"]},
            overlays=replace(data.overlays, images=(image,)),
        )
    )  # fmt: skip
    assert "<script" not in page
    assert "<img src=x" not in page
    root = read_page(page)
    assert root.all("script") == []
    assert not [e for e in root.all() if any(name.startswith("on") for name in e.attributes)]
    assert page.count("&lt;script&gt;") > 20
    assert EVIL in root.all("section", id="slices")[0].text
    assert all(EVIL in (i.attributes["alt"] or "") for i in root.all("img"))


def test_what_would_be_huge_is_folded(drawn):
    data = data_of(drawn)
    split = data.split
    many = {f"class {k}": split.classes["cell"] for k in range(100)}
    confusion = tuple(tuple(1 + (a == b) * 99 for b in range(100)) for a in range(100))
    slices = {"site": {f"site {k}": split.slices["scanner"]["A"] for k in range(500)}}
    rules = [data.verdict["rules"][0] | {"name": f"r{k}", "outcome": "pass"} for k in range(60)]
    wide = replace(
        split, labels=tuple(many), classes=many, confusion=confusion, other=(0,) * 100,
        slices=slices,
    )  # fmt: skip
    page = render(
        replace(data, evaluation=Evaluation({"test": wide}, {}),
                verdict=dict(data.verdict) | {"rules": rules})
    )  # fmt: skip
    root = read_page(page)
    folded = [d.all("summary")[0].text for d in root.all("details")]
    assert "60 rules met" in folded
    assert "site: 500 slices" in folded
    assert any(text.startswith("100 classes, ") for text in folded)
    confused = root.all("section", id="confusion")[0]
    assert "The whole matrix of 100 classes is in results/evaluation.json." in confused.text
    assert len(confused.all("tr")) == 21, "the largest mistakes"
    assert len(page) < MOST_BYTES


def test_what_people_reach_is_drawn_beside_the_bound(drawn):
    ceiling = {"dice": 0.74, "source": "second observer"}
    root = read_page(project_with_scores(drawn, checks={"human_ceiling": ceiling}).report())
    text = root.all("section", id="rules")[0].text
    assert "Dashed: what people reach (second observer)." in text
    drawn_for = [li.all("b")[0].text for li in root.all("ul", class_="rules")[0].all("li")
                 if li.all("line", class_="people")]  # fmt: skip
    assert drawn_for == ["dice"]


def test_the_page_stays_below_five_megabytes_and_says_what_is_missing(drawn, tmp_path):
    data = data_of(drawn)
    rng = np.random.default_rng(0)
    folder = tmp_path / "noise"
    folder.mkdir()
    images = []
    for k in range(1, 31):
        name = f"worst-{k:03d}.png"
        Image.fromarray(rng.integers(0, 255, (640, 640, 3), np.uint8)).save(folder / name)
        images.append(Overlay(f"n{k}", name, "worst", "dice", 0.1, "cell", 0.1, 1, 1, 1, None, 1,
                              True))  # fmt: skip
    page = render(
        replace(data, overlays=Overlays("test", "dice", 30, tuple(images)), pictures=folder)
    )
    assert len(page.encode()) < MOST_BYTES
    root = read_page(page)
    shown = len(root.all("section", id="images")[0].all("figure"))
    assert 3 < shown < 30
    assert f"{30 - shown} images left out" in root.all("section", id="images")[0].text


def test_without_webp_pictures_are_jpeg(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (300, 300, 3), np.uint8)).save(tmp_path / "a.png")
    found = Embedder(10**7).picture(tmp_path / "a.png", "noise")
    assert "data:image/webp" in str(found)
    monkeypatch.setattr(segmetrics.report.embedding.features, "check", lambda _: False)
    assert "data:image/jpeg" in str(Embedder(10**7).picture(tmp_path / "a.png", "noise"))


def test_without_pictures(drawn):
    data = data_of(drawn)
    page = render(data, images=False)
    assert "<img" not in page
    assert 'id="images"' not in page
    none = replace(data, overlays=Overlays("test", "dice", 8, ()))
    assert "No image is drawn" in render(none)


def test_leaked_pairs_are_shown(drawn):
    masks = {name: cells(0) for name in IDS[:4]}
    drawn.fill(masks, masks, classes={"background": 0, "cell": 1}, exclude=["background"])
    drawn.params(operating_point={"decision": "argmax", "threshold": None})
    data = data_with_pairs(drawn)
    root = read_page(render(data))
    (section,) = root.all("section", id="pairs")
    assert section.all("img")
    assert 'id="pairs"' not in render(data, images=False)
    assert 'id="pairs"' not in render(data, names=lambda _, name: name)


def data_with_pairs(drawn) -> ReportData:
    drawn.evaluate()
    drawn.run(OVERLAYS)
    settings = load_settings(drawn.folder / "params.yaml")
    data = read_report_data(layout(settings), result_settings(settings))
    pair = {"kind": "pixels", "id": "s0", "other": "t0", "split": "train"}
    finding = {
        "name": "leakage_pixels", "severity": "block", "text": "1 of 4: s0 and t0 of train",
        "data": {"named": "s0 and t0 of train", "pairs": [pair], "samples": ["s0"], "count": 1},
    }  # fmt: skip
    return replace(data, verdict=dict(data.verdict) | {"findings": [finding]})


def test_no_rules_and_no_findings(drawn):
    data = data_of(drawn)
    verdict = dict(data.verdict) | {"rules": [], "findings": [], "decision": "fail"}
    text = read_page(render(replace(data, verdict=verdict))).all("main")[0].text
    assert "There are no rules, so nothing can pass." in text
    assert "Nothing was found besides the rules." in text


def test_a_pass_with_unsettled_rules_says_so(drawn):
    data = data_of(drawn)
    rule = data.verdict["rules"][0] | {"outcome": "inconclusive", "severity": "warn"}
    passed = data.verdict["rules"][1] | {"outcome": "pass"}
    verdict = dict(data.verdict) | {"rules": [rule, passed], "findings": [], "decision": "pass"}
    page = render(replace(data, verdict=verdict))
    assert "Some are not settled by this data" in page
    assert "Every rule that blocks is met" not in page


def test_an_unknown_decision_looks_like_a_failure(drawn):
    data = data_of(drawn)
    page = render(replace(data, verdict=dict(data.verdict) | {"decision": "maybe"}))
    assert 'class="banner fail"' in page
    assert 'class="banner pass"' not in page
