"""Slices, people and pictures as they may leave the machine."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmetrics.data.samples import SampleRow
from segmetrics.errors import DataError
from segmetrics.evidence import Layout
from segmetrics.record import Names, outgoing, outgoing_pictures, with_hidden
from segmetrics.record.private import LEFT_OUT
from segmetrics.record.shy import private_evaluation
from segmetrics.stats.evaluation import Evaluation, Scope, SplitEvaluation

HASHED, NONE = Names("hashed", b"key"), Names("none", b"key")


def row(n: int, group: str, annotators: tuple[str, ...] = (), **columns: str) -> SampleRow:
    files = {name: f"{name}.png" for name in annotators}
    return SampleRow(f"s{n}", f"{n}.png", f"{n}.png", "test", group, columns, {}, files)


def known(names: Names, rows: list[SampleRow], **rules: object) -> Names:
    return with_hidden(names, rows, {"rules": rules})


def test_values_that_three_groups_share_leave():
    """On paper: A is of three groups, B of two with many images, C of one."""
    values = "AAABBBBC"
    groups = ("p1", "p2", "p3", "p1", "p1", "p2", "p2", "p4")
    rows = [row(n, g, site=v) for n, (g, v) in enumerate(zip(groups, values, strict=True))]
    names = known(HASHED, rows)
    assert names.values == {("site", "B"), ("site", "C")}
    assert names.value("site", "A") == "A"
    assert names.value("site", "B") == HASHED("B")
    assert names.value("other", "B") == "B"
    assert names.cells({"site": "C", "age": ""}) == {"site": HASHED("C"), "age": ""}


def test_values_that_rules_name_leave():
    rows = [row(0, "p0", site="rare", ward="x")]
    assert known(HASHED, rows, one={"slice": {"site": "rare"}}).values == {("ward", "x")}
    assert ("site", "rare") in known(HASHED, rows, one={"slice": "site"}, off=None).values


def test_crossed_values_are_hidden_where_few_share_them():
    rows = [row(n, f"p{n}", site="AB"[n % 2], sex="fm"[n // 3 % 2]) for n in range(6)]
    names = known(HASHED, rows, crossed={"slice": ["site", "sex"]})
    assert {value for column, value in names.values if column == "site x sex"} == {
        "A x f", "B x f", "A x m", "B x m",
    }  # fmt: skip
    assert ("site", "A") not in names.values


@pytest.mark.parametrize("name", ["s1", "p1", "anna"])
def test_ids_groups_and_annotators_are_hidden_however_many_share_them(name):
    rows = [row(n, f"p{n}", ("anna",), reader=name) for n in range(9)]
    names = known(HASHED, rows, one={"slice": {"reader": name}})
    assert names.value("reader", name) == HASHED(name)


def test_people():
    rows = [row(0, "p0", ("ben", "anna"))]
    hashed, none = known(HASHED, rows), known(NONE, rows)
    assert [hashed.person(n) for n in ("anna", "mask")] == [HASHED("anna"), "mask"]
    assert [none.person(n) for n in ("anna", "ben", "model")] == [
        "annotator 1", "annotator 2", "model",
    ]  # fmt: skip
    assert known(Names("plain"), rows).person("anna") == "anna"


def test_texts():
    rows = [row(0, "p0", ("al", "al.x"), site="A", name="B")]
    names = known(HASHED, rows, one={"slice": {"site": "A"}})
    shown = HASHED("B")
    for text, hidden in (
        ("dice where name=B is 0.5", f"dice where name={shown} is 0.5"),
        ("dice where site=A is 0.5", "dice where site=A is 0.5"),
        ("name=Bern", "name=Bern"),
        ("al vs al.x on 3", f"{HASHED('al')} vs {HASHED('al.x')} on 3"),
        ("al. vs al-x", "al. vs al-x"),
        ("no sample has name=Z (values: B, C (x))",
         "no sample has name=Z (its values are left out)"),
        ('no slices by "name" (1 of 9 samples hold no number in name: "B", ...)',
         'no slices by "name" (1 of 9 samples hold no number in name)'),
    ):  # fmt: skip
        assert outgoing({"reason": text}, names) == {"reason": hidden}
        assert outgoing({"reason": text}, Names("plain")) == {"reason": text}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), st.data())
def test_no_hidden_slice_is_left_in_a_text(value, data):
    """Whatever the value holds, and wherever the slice stands in a sentence."""
    names = known(HASHED, [row(0, "p0", site=value), row(1, "p1", site=value + "x")])
    before, after = (data.draw(st.sampled_from(["", " ", "; ", "("])) for _ in range(2))
    found = outgoing({"text": f"{before}site={value}{after}"}, names)["text"]
    assert found == f"{before}site={HASHED(value)}{after}"


def evaluation(values: list[str]) -> Evaluation:
    scopes = {v: Scope(n, n, {}, {}) for n, v in enumerate(values)}
    split = SplitEvaluation(
        1, 1, {}, {}, slices={"name": scopes}, annotators={"anna vs model": Scope(1, 1, {}, {})},
        slices_left_out={"age": '1 of 2 samples hold no number in age: "B"'},
    )  # fmt: skip
    return Evaluation({"test": split}, {})


def test_an_evaluation_without_names():
    rows = [row(n, f"p{n}", ("anna",), name=v) for n, v in enumerate("ABCCC")]
    given = evaluation(["A", "B", "C"])
    hashed = private_evaluation(given, known(HASHED, rows)).splits["test"]
    assert {k: v.samples for k, v in hashed.slices["name"].items()} == {
        HASHED("A"): 0, HASHED("B"): 1, "C": 2,
    }  # fmt: skip
    assert list(hashed.slices["name"]) == sorted(hashed.slices["name"])
    assert list(hashed.annotators) == [f"{HASHED('anna')} vs model"]
    assert hashed.slices_left_out == {"age": "1 of 2 samples hold no number in age"}
    none = private_evaluation(given, known(NONE, rows)).splits["test"]
    assert list(none.slices["name"]) == ["C"]
    assert list(none.annotators) == ["annotator 1 vs model"]
    assert private_evaluation(given, known(Names("plain"), rows)) == given
    assert known(NONE, rows).value("name", "A") == LEFT_OUT


ENTRY = {"id": "p/1", "file": "worst-001.png", "kind": "worst", "metric": "dice", "value": 0.5,
         "class": "c", "dice": 0.5, "tp": 3, "fp": 1, "fn": 2, "cut": None, "cell": 1,
         "image": True}  # fmt: skip


def drawn(tmp_path, names=HASHED, images=True, **change):
    folder = tmp_path / "overlays"
    folder.mkdir()
    (folder / "worst-001.png").write_bytes(b"picture")
    index = {
        "schema": 1,
        "split": "test",
        "metric": "dice",
        "ranked": 1,
        "images": [ENTRY | change],
    }
    (folder / "index.json").write_text(json.dumps(index))
    layout = Layout(tmp_path, tmp_path, tmp_path, ("test",), results=tmp_path)
    return outgoing_pictures(SimpleNamespace(names=names, images=images), layout)


def test_pictures_are_named_by_kind_and_place(tmp_path):
    (one,) = drawn(tmp_path)
    assert (one.key, one.worst) == (f"worst/01 {HASHED('p/1')}", True)
    assert one.source == tmp_path / "overlays/worst-001.png"
    assert one.about["id"] == HASHED("p/1")


def test_pictures_without_ids(tmp_path):
    (one,) = drawn(tmp_path, names=NONE)
    assert one.key == "worst/01"
    assert "id" not in one.about


def test_plain_ids_become_names_that_mlflow_takes(tmp_path):
    assert drawn(tmp_path, names=Names("plain"))[0].key == "worst/01 p_x2f_1"


def test_no_pictures_where_none_may_leave_or_none_are_drawn(tmp_path):
    assert drawn(tmp_path, images=False) == []
    layout = Layout(tmp_path, tmp_path, tmp_path, ("test",), results=tmp_path / "none")
    assert outgoing_pictures(SimpleNamespace(names=HASHED, images=True), layout) == []


@pytest.mark.parametrize("file", ["../p1.png", "/etc/hostname", "p1.png", "best-002.png"])
def test_an_index_that_names_something_else_is_refused(tmp_path, file):
    with pytest.raises(DataError, match=r"overlays"):
        drawn(tmp_path, file=file)
