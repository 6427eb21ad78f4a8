"""`segmetrics compare` on tables of `segmetrics score`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from segmetrics.cli import main

N = 36


@pytest.fixture
def made(tmp_path, monkeypatch, outcome):
    """A maker of tables: masks `m`, and predictions that miss the first `missed` rows."""
    monkeypatch.chdir(tmp_path)

    def write(name, missed, *, n=N, changed=(), classes="background=0,a=1,b=2", own=None):
        for i in range(n):
            mask = np.zeros((24, 10), np.uint8)
            mask[2:12], mask[12:22] = 1, 2
            mask[22, : i % 10] = 1
            mask[23, : i // 10] = 1
            for kind, array in (("m", mask.copy()), ("p", mask)):
                if kind == "m" and i in changed:
                    array[1] = 1
                if kind == "p":
                    array[2 : 2 + (missed if own is None else own[i])] = 0
                path = tmp_path / name / kind / f"s{i:02}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
        table = f"{name}.parquet"
        done = outcome(main, [
            "score", "--references", f"{name}/m", "--predictions", f"{name}/p", "--classes",
            classes, "--table", table,
        ])  # fmt: skip
        assert done.code == 0, done.err
        return table

    return write


@pytest.fixture
def compare(outcome):
    def run(*words: str):
        return outcome(main, ["compare", *words])

    return run


def report(done) -> dict:
    assert done.code == 0, done.err
    return json.loads(done.out)


def row(data, name, metric="dice"):
    (found,) = [r for r in data["rows"] if (r["class"], r["metric"]) == (name, metric)]
    return found


def test_a_model_that_finds_more_is_better_and_the_sentence_says_it(made, compare):
    old, new = made("old", 4), made("new", 2)
    data = report(compare(old, new, "--exclude", "background", "--format", "json"))
    found = row(data, "a")
    assert found["difference"]["low"] > 0
    assert (found["outcome"], row(data, "b")["outcome"]) == ("better", "no clear difference")
    assert row(data, "b")["difference"]["value"] == 0
    mean = row(data, "mean")
    assert mean["difference"]["value"] == pytest.approx(found["difference"]["value"] / 2)
    assert found["second"] - found["first"] == pytest.approx(found["difference"]["value"])
    # Ten rows and 0 to 9 pixels are there, and 40 or 20 of them missed.
    there = np.array([100 + i % 10 + i // 10 for i in range(N)])
    by_hand = np.mean(2 * (there - 20) / (2 * there - 20) - 2 * (there - 40) / (2 * there - 40))
    assert found["difference"]["value"] == pytest.approx(by_hand, abs=1e-12)
    value, low, high = (mean["difference"][k] for k in ("value", "low", "high"))
    assert data["sentence"] == (
        f"B is better than A by {value:.3f} Dice ({low:.3f} to {high:.3f}) on 36 shared groups "
        f"(36 samples); of 2 classes: 1 better, 1 without clear difference."
    )
    other = report(compare(new, old, "--exclude", "background", "--format", "json"))
    assert row(other, "mean")["difference"]["value"] == pytest.approx(-value)
    assert other["sentence"].startswith("B is worse than A by ")


def test_no_clear_difference_is_said_so(made, compare):
    done = compare(made("old", 3), made("new", 0, own=[3] * (N - 1) + [2]))
    assert done.out.startswith("No clear difference between A and B: +0.001 Dice (-")
    assert "classes are paired by name" in done.out


def test_relabelled_masks_pair_by_id(made, compare):
    old, new = made("old", 2), made("new", 2, changed=range(20))
    by_mask = report(compare(old, new, "--format", "json"))
    assert by_mask["shared"]["samples"] == N - 20
    assert "left out: 20 samples that only A has, 20 that only B has" in by_mask["notes"]
    by_id = report(compare(old, new, "--by", "id", "--format", "json"))
    assert by_id["shared"]["samples"] == N
    assert any(n.startswith("20 shared samples have another reference") for n in by_id["notes"])


def test_nothing_in_common_is_no_error(made, compare):
    done = compare(made("old", 2), made("new", 2, changed=range(N)))
    assert (done.code, done.out.splitlines()[0]) == (
        0, "A and B share nothing that could be compared.",
    )  # fmt: skip


def test_a_class_of_one_side_is_named(made, compare):
    old, new = made("old", 2), made("new", 2, classes="background=0,a=1,wall=2")
    data = report(compare(old, new, "--format", "json"))
    assert {r["class"] for r in data["rows"]} == {"background", "a", "mean"}
    assert any(n.startswith("wall of B is left out") for n in data["notes"])
    assert any(n.startswith("b of A is left out") for n in data["notes"])


def test_one_metric_more_confidence_and_a_file(made, compare, tmp_path):
    old, new = made("old", 4), made("new", 0, own=[i % 4 for i in range(N)])
    words = (old, new, "--metric", "recall", "--aggregate", "pooled", "--format", "json")
    data = report(compare(*words))
    assert {(r["metric"], r["aggregate"]) for r in data["rows"]} == {("recall", "pooled")}
    wide = report(compare(*words, "--confidence", "0.99"))
    one, two = (row(d, "a", "recall")["difference"] for d in (data, wide))
    assert two["low"] < one["low"] < one["value"] < one["high"] < two["high"]
    done = compare(old, new, "--format", "markdown", "--output", "out/report.md")
    assert (done.code, done.out) == (0, "")
    text = (tmp_path / "out/report.md").read_text()
    assert "| where | class | metric |" in text
    assert compare(old, new, "--format", "latex").out.count(r" \\") == 1 + 4 * 4


def test_the_same_bytes_every_time(made, compare):
    old, new = made("old", 4), made("new", 2)
    assert compare(old, new).out == compare(old, new).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["old.parquet", "nowhere"], "is no results or baseline folder"),
        (["old.parquet", "nowhere.parquet"], "there is no such table"),
        (["old.parquet", "old"], "is not given, and no verdict says it"),
        (["old.parquet", "old.parquet", "--metric", "dise"], "did you mean"),
        (
            ["old.parquet", "old.parquet", "--metric", "hd95", "--aggregate", "pooled"],
            "hd95 has no pooled value",
        ),
        (["old.parquet", "old.parquet", "--confidence", "95"], "is not between 0 and 1"),
        (["old.parquet", "old.parquet", "--exclude", "c"], '"c" is not a class'),
    ],
)
def test_broken_input_ends_with_2(made, compare, words, said):
    made("old", 2)
    done = compare(*words)
    assert (done.code, said in done.err) == (2, True), done.err


def test_an_edited_table_is_refused(made, compare):
    import pyarrow.parquet as pq

    old = made("old", 2)
    table = pq.read_table(old)
    place = table.schema.get_field_index("tp")
    import pyarrow as pa

    edited = table.set_column(place, "tp", pa.array([0] * table.num_rows, pa.int64()))
    pq.write_table(edited, "edited.parquet")
    done = compare(old, "edited.parquet")
    assert (done.code, "its rows are not those that were written" in done.err) == (2, True)


def test_excluded_classes_stand_in_the_whole_table_alone(made, compare):
    old, new = made("old", 4), made("new", 2)
    data = report(compare(old, new, "--format", "json", "--exclude", "background"))
    everywhere = {r["class"] for r in data["rows"] if r["where"] == "all"}
    finer = {r["class"] for r in data["rows"] if r["where"] != "all"}
    assert "background" in everywhere
    assert "background" not in finer


def test_without_a_project_images_are_compared(made, compare, tmp_path):
    data = report(compare(made("old", 4), made("new", 2), "--format", "json"))
    assert {r["aggregate"] for r in data["rows"]} == {"image_mean"}
