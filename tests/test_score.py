"""`segmetrics score`: two folders of masks to a table, JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import errno
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from segmetrics.cli import main
from segmetrics.errors import DataError
from segmetrics.score import discover, score_folders

REFERENCE = np.uint8([[0, 0, 1, 1], [0, 2, 2, 1]])
PREDICTION = np.uint8([[0, 1, 1, 1], [0, 2, 0, 9]])


@pytest.fixture
def folders(save, tmp_path) -> list[str]:
    """Options that name two folders of two pairs."""
    for name, labels in (("a", (REFERENCE, PREDICTION)), ("b", (REFERENCE, REFERENCE))):
        save(f"r/{name}.png", labels[0])
        save(f"p/{name}.tif", labels[1])
    return ["--references", str(tmp_path / "r"), "--predictions", str(tmp_path / "p")]


@pytest.fixture
def score(folders, outcome, tmp_path):
    """Run `segmetrics score`; gives the outcome and the JSON where there is one."""

    def run(*options: str):
        target = tmp_path / "new" / "out.json"
        target.unlink(missing_ok=True)
        done = outcome(main, ["score", *folders, *options, "--json", str(target)])
        return done, json.loads(target.read_text()) if target.exists() else None

    return run


def dice(data, name: str, aggregate: str = "pooled"):
    return data["classes"][name][aggregate]["dice"]["value"]


CLASSES = ("--classes", "background=0,cell=1,wall=2", "--exclude", "background")


def test_declared_classes(score):
    done, data = score(*CLASSES)
    assert done.code == 0
    assert data["samples"] == data["groups"] == 2
    # a: cell tp 2, fp 1, fn 1; wall tp 1, fn 1. b: everything is right.
    assert dice(data, "cell") == pytest.approx(10 / 12)
    assert dice(data, "cell", "image_mean") == pytest.approx((4 / 6 + 1) / 2)
    assert dice(data, "wall") == pytest.approx(6 / 7)
    assert data["mean"]["pooled"]["dice"]["value"] == pytest.approx((10 / 12 + 6 / 7) / 2)
    assert data["confusion"] == {
        "labels": ["background", "cell", "wall"],
        "counts": [[5, 1, 0], [0, 5, 0], [1, 0, 3]],
        "other": [0, 1, 0],  # the predicted 9: a miss of cell, a false positive of none
        "reference": [6, 6, 4],
        "pixels": 16,
    }
    assert "2 pairs" in done.out
    assert "0.8333" in done.out


def test_classes_are_discovered_from_the_references(score):
    _, declared = score(*CLASSES)
    done, data = score()
    assert list(data["classes"]) == ["0", "1", "2"]
    assert data["mean"] == declared["mean"]
    assert data["confusion"]["counts"] == declared["confusion"]["counts"]
    assert "0 *" in done.out


def test_the_json_is_one_split_of_the_evaluation(score):
    from segmetrics.stats.evaluation import Evaluation

    _, data = score(*CLASSES)
    whole = Evaluation.from_json({"schema": 1, "splits": {"s": data}, "inputs": {}}, "x")
    assert whole.splits["s"].to_json() == data


def test_ignored_labels_and_binary(score, save):
    _, data = score("--classes", "background=0,cell=1", "--ignore", "2")
    assert data["confusion"]["counts"] == [[5, 1], [0, 5]]
    done, data = score("--binary")
    assert (done.code, data) == (2, None)
    assert "r/a.png: holds 3 different values (0, 1, 2); a binary mask holds 0 and one" in done.err
    for name in "ab":
        save(f"r/{name}.png", np.uint8(REFERENCE > 0))
    done, data = score("--binary")
    assert (done.code, data) == (2, None)
    assert "p/a.tif: holds 4 different values, a binary prediction two; for prob" in done.err
    for name, labels in (("a", PREDICTION), ("b", REFERENCE)):
        save(f"p/{name}.tif", np.uint8(labels > 0) * 255)
    _, data = score("--binary")
    assert data["confusion"]["counts"] == [[5, 1], [1, 9]]
    for name in "ab":
        save(f"r/{name}.png", REFERENCE)
    _, data = score("--binary", "--ignore", "2")
    assert data["confusion"]["counts"] == [[5, 1], [0, 6]]


ROAD, CAR, VOID = (128, 64, 128), (0, 0, 142), (0, 0, 0)


def test_colours_are_classes_in_rgb_and_palette_masks(score, tmp_path):
    colours = np.uint8([VOID, ROAD, CAR])
    for name, labels in (("a", PREDICTION % 9), ("b", REFERENCE)):
        Image.fromarray(colours[REFERENCE]).save(tmp_path / "r" / f"{name}.png")
        (tmp_path / "p" / f"{name}.tif").unlink()
        palette = Image.fromarray(labels, "P")
        palette.putpalette(colours.tobytes())
        palette.save(tmp_path / "p" / f"{name}.png")
    classes = ("--classes", "road=#804080, car=#00008E")
    done, data = score(*classes, "--ignore", "#000000")
    assert done.code == 0, done.err
    assert list(data["classes"]) == ["road", "car"]
    # Void is counted nowhere; a road pixel and a car pixel of a are predicted void.
    assert data["confusion"] == {
        "labels": ["road", "car"],
        "counts": [[5, 0], [0, 3]],
        "other": [1, 1],
        "reference": [6, 4],
        "pixels": 10,
    }
    assert "2 predicted pixels hold colours that are no class" in done.err
    assert "--binary" not in done.err
    done, data = score(*classes)
    assert (done.code, data) == (2, None)
    assert "undeclared colour #000000 (3 pixels)" in done.err
    _, data = score(
        "--classes", "traffic=#804080+#00008e+#102030,void=#000000", "--exclude", "void"
    )
    assert data["confusion"]["counts"] == [[8, 2], [1, 5]]
    done, _ = score("--classes", "a=1,b=2")
    assert "r/a.png: is a RGB picture (2x4x3), not a mask with one label per pixel" in done.err
    assert "(score: --classes name=#rrggbb,...)" in done.err


def test_a_named_scheme_brings_its_ignored_labels(score, save):
    for name in "ab":
        save(f"r/{name}.png", np.uint8([[7, 26, 33, 3], [7, 26, 1, 2]]))
        save(f"p/{name}.tif", np.uint8([[7, 26, 33, 7], [26, 26, 7, 7]]))
    done, data = score("--classes", "cityscapes")
    assert done.code == 0
    assert len(data["classes"]) == 19
    assert data["confusion"]["pixels"] == 10  # 0 to 3 are ignored
    assert dice(data, "road") == pytest.approx(2 / 3)
    assert dice(data, "bicycle") == 1
    done, data = score("--classes", "cityscapes_train_ids")
    assert (done.code, data) == (2, None)
    assert "undeclared label 26 (2 pixels), 33 (1 pixels)" in done.err


def test_a_class_may_have_several_labels(score):
    _, data = score("--classes", "background=0,tissue=1+2")
    assert data["confusion"]["counts"] == [[5, 1], [1, 8]]


@pytest.mark.parametrize("n", ["0", "-3", "x"])
def test_workers_are_a_number_from_1_on(score, n, capsys):
    with pytest.raises(SystemExit):
        score("--workers", n)
    assert "is not a number from 1 on" in capsys.readouterr().err


def test_so_many_workers_are_a_slip(score, capsys):
    with pytest.raises(SystemExit) as ended:
        score("--workers", "1025")
    assert ended.value.code == 2
    assert "1025 is more than 1024" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", "--table"])
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("folder.csv", '"{}" is a folder; name a file in it'),
        ("file/a.csv", '"{parent}" is a file, not a folder; choose another place'),
        ("file/a/b.csv", '"{grandparent}" is a file, not a folder; choose another place'),
        ("shut/new/a.csv", '"{grandparent}" may not be written to; choose another place'),
    ],
)
def test_where_nothing_can_be_written_is_said_before_the_work(
    folders, outcome, tmp_path, monkeypatch, option, name, what
):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("kept")
    (tmp_path / "shut").mkdir()
    # As of a user without rights; the super-user has them all.
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path.name != "shut" and may(path, mode))
    monkeypatch.setattr("segmetrics.score.score_folders", lambda **_: pytest.fail("worked"))
    before = sorted(tmp_path.rglob("*"))
    path = tmp_path / name
    done = outcome(main, ["score", *folders, option, str(path)])
    text = what.format(path, parent=path.parent, grandparent=path.parent.parent)
    assert (done.code, done.err) == (2, f"error: {option}: {text}\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mask_is_not_overwritten_and_two_outputs_are_two_files(folders, outcome, tmp_path):
    mask = tmp_path / "r" / "a.png"
    content = mask.read_bytes()
    done = outcome(main, ["score", *folders, "--json", str(mask)])
    assert (done.code, done.err) == (
        2, f'error: --json: "{mask}" is one of the masks; choose another place\n'
    )  # fmt: skip
    assert mask.read_bytes() == content
    same = str(tmp_path / "o.csv")
    done = outcome(main, ["score", *folders, "--json", same, "--table", same])
    assert done.err == f'error: --json, --table: both write "{same}"; name two files\n'
    # Results beside the masks are not masks.
    done = outcome(main, ["score", *folders, "--json", str(tmp_path / "p" / "o.json")])
    assert done.code == 0


def test_a_disk_that_is_full_leaves_the_old_file(folders, outcome, tmp_path, monkeypatch):
    (tmp_path / "o.json").write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    done = outcome(main, ["score", *folders, "--json", str(tmp_path / "o.json")])
    assert done.code == 2
    text = "cannot be written (No space left on device)"
    assert done.err.splitlines()[-1] == f"error: {tmp_path / 'o.json'}: {text}"
    assert (tmp_path / "o.json").read_text() == "old"
    assert not list(tmp_path.glob(".o.json*"))


def test_spacing_without_distances_is_refused(score):
    done, _ = score("--spacing", "1,2")
    assert done.code == 2
    assert "--spacing: is used by distances only; add --surface TOLERANCE" in done.err


def test_the_order_of_workers_changes_nothing(score):
    assert score("--workers", "1")[1] == score("--workers", "4")[1]


def test_csv_and_parquet(score, tmp_path):
    score(*CLASSES, "--table", str(tmp_path / "t.CSV"))
    with (tmp_path / "t.CSV").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["id"], r["class"]) for r in rows[:3]] == [
        ("a", c) for c in ("background", "cell", "wall")
    ]
    assert [rows[1][c] for c in ("tp", "fp", "fn", "tn")] == ["2", "1", "1", "4"]
    assert float(rows[1]["dice"]) == 4 / 6
    score(*CLASSES, "--table", str(tmp_path / "t.parquet"))
    table = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert [[str(r[c]) for c in ("id", "class", "tp", "fp", "fn", "tn")] for r in table] == [
        [r[c] for c in ("id", "class", "tp", "fp", "fn", "tn")] for r in rows
    ]


def test_what_is_undefined_is_empty_in_csv_null_in_json_and_a_dash_in_the_table(
    save, score, tmp_path
):
    for folder in ("r", "p"):
        for name in "ab":
            save(f"{folder}/{name}.{'png' if folder == 'r' else 'tif'}", REFERENCE * 0)
    done, data = score("--binary", "--table", str(tmp_path / "t.csv"))
    assert dice(data, "foreground") is None
    assert ",foreground,0,0,0,8,,,," in (tmp_path / "t.csv").read_text()
    assert " - " in done.out


def test_an_infinite_distance_is_infinite_in_csv_and_parquet_and_finite_in_json(
    save, score, tmp_path
):
    save("p/a.tif", REFERENCE * 0)
    for name in "ab":
        save(f"r/{name}.png", np.uint8(REFERENCE > 0))
    save("p/b.tif", np.uint8(REFERENCE > 0))
    done, data = score("--binary", "--surface", "1", "--table", str(tmp_path / "t.csv"))
    assert done.code == 0
    with (tmp_path / "t.csv").open() as stream:
        rows = {(r["id"], r["class"]): r for r in csv.DictReader(stream)}
    lengths = ("hd", "hd95", "assd", "masd")
    assert [rows["a", "foreground"][n] for n in lengths] == ["inf"] * 4
    assert [rows["b", "foreground"][n] for n in lengths] == ["0.0"] * 4
    assert rows["a", "foreground"]["nsd"] == "0.0"
    score("--binary", "--surface", "1", "--table", str(tmp_path / "t.parquet"))
    table = {(r["id"], r["class"]): r for r in pq.read_table(tmp_path / "t.parquet").to_pylist()}
    for key, row in rows.items():
        for name in (*lengths, "nsd"):
            assert float(row[name] or "nan") == pytest.approx(table[key][name], nan_ok=True)
    # In means the diagonal of 2 x 4 pixels stands for it, and is counted.
    mean = data["classes"]["foreground"]["image_mean"]["hd"]
    assert mean["value"] == pytest.approx(20**0.5 / 2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--table", "t.xlsx"], 'error: --table: "t.xlsx" ends in neither .csv nor .parquet\n'),
        (
            ["--classes", "background"],
            'error: --classes: "background" is not name=value; write background=0,tumour=1, or '
            "cityscapes or cityscapes_train_ids\n",
        ),
        (
            ["--classes", "background=0,cell=-1"],
            'error: --classes: "-1" is not a label value; give a number from 0 on, or #rrggbb\n',
        ),
        (["--classes", ", "], "error: --classes: names no class; write background=0,tumour=1\n"),
        (
            ["--classes", "citiscapes"],
            'error: --classes: "citiscapes" is not name=value; did you mean "cityscapes"?\n',
        ),
        (["--classes", "a=0,b=1+0"], 'error: --classes: "b=1+0" repeats a name or a value\n'),
        (["--classes", "a=1+1"], 'error: --classes: "a=1+1" repeats a name or a value\n'),
        (
            ["--classes", "a=#102030,b=#102030"],
            'error: --classes: "b=#102030" repeats a name or a value\n',
        ),
        (
            ["--classes", "a=#102030,b=1"],
            'error: --classes: "1" is not a colour as other values are; write #rrggbb\n',
        ),
        (
            ["--classes", "a=#1020,b=#000000"],
            'error: --classes: "#1020" is not a colour; write #rrggbb\n',
        ),
        (
            ["--classes", "a=1", "--ignore", "#000000"],
            'error: --ignore: "#000000" is a colour, the classes are numbers; give a number\n',
        ),
        (
            ["--classes", "a=#102030", "--ignore", "0"],
            'error: --ignore: "0" is not a colour as other values are; write #rrggbb\n',
        ),
        (
            ["--classes", "a=#ff0000", "--ignore", "#FF0000"],
            "error: --ignore: label #ff0000 is the class a already\n",
        ),
        (
            ["--classes", "cityscapes", "--ignore", "7"],
            "error: --ignore: label 7 is the class road already\n",
        ),
        (
            ["--classes", "cityscapes", "--exclude", "skye"],
            'error: --exclude: "skye" is not a class; did you mean "sky"?\n',
        ),
        (["--classes", "a=0,a=1"], 'error: --classes: "a=1" repeats a name or a value\n'),
        (
            ["--classes", "a=0,mean=1"],
            'error: --classes: "mean" is reserved; choose another name\n',
        ),
        (
            ["--classes", "back=0,cell=1", "--exclude", "bakc"],
            'error: --exclude: "bakc" is not a class; did you mean "back"?\n',
        ),
        (
            ["--ignore", "255"],
            "error: --ignore, --exclude: need to know the classes; add --classes or --binary\n",
        ),
        (
            ["--binary", "--ignore", "255"],
            "error: --ignore: 0 and 255 are background and foreground with --binary\n",
        ),
        (
            ["--classes", "back=0,cell=1", "--ignore", "1"],
            "error: --ignore: label 1 is the class cell already\n",
        ),
    ],
)
def test_options_that_make_no_sense(score, options, text):
    done, data = score(*options)
    assert (done.code, done.err) == (2, text)
    assert data is None


def test_an_undeclared_label_is_named_with_its_file(score, tmp_path):
    done, data = score("--classes", "background=0,cell=1")
    assert done.code == 2
    assert f"  {tmp_path / 'r' / 'a.png'}: undeclared label 2 (2 pixels); declare it" in done.err
    assert done.err.startswith(f"error: {tmp_path / 'r'} against {tmp_path / 'p'}: 2 problems\n")
    assert data is None


def test_files_without_partner_are_listed_together(score, save, tmp_path):
    save("r/c.png", REFERENCE)
    save("p/d.png", REFERENCE)
    done, _ = score()
    assert done.code == 2
    assert done.err.splitlines() == [
        "error: pairing references with predictions by file name: 2 problems",
        f"  {tmp_path / 'r' / 'c.png'}: has no prediction of the same name",
        f"  {tmp_path / 'p' / 'd.png'}: has no reference of the same name",
    ]


def test_bad_predictions_are_listed_together(score, save, tmp_path):
    save("p/a.tif", np.zeros((3, 3), np.uint8))
    (tmp_path / "p" / "b.tif").write_bytes(b"")
    done, _ = score()
    assert done.code == 2
    assert "p/a.tif: has shape (3, 3), its reference" in done.err
    assert "p/b.tif: the file is empty" in done.err


def test_discovery_of_0_and_255_asks_for_binary(save, tmp_path):
    save("m/a.png", REFERENCE // 2 * 255)
    with pytest.raises(DataError, match=r"m: the masks hold only 0 and 255; add --binary"):
        discover([tmp_path / "m" / "a.png"], 1)


def test_discovery_of_more_values_than_labels_have(save, tmp_path):
    path = save("m/a.png", np.arange(400, dtype=np.uint16).reshape(20, 20))
    with pytest.raises(DataError, match=r"400 different values, more than 256; name the classes"):
        discover([path], 1)


def test_a_single_class_is_not_excluded(save):
    assert discover([save("m/a.png", REFERENCE * 0)], 1).scored == ("0",)


def test_a_jpeg_reference_is_warned_about(folders, tmp_path):
    square = np.zeros((32, 32), np.uint8)
    square[9:20, 4:25] = 255
    for folder, name in (("r", "a.png"), ("r", "b.png"), ("p", "a.tif"), ("p", "b.tif")):
        lossy = (folder, name) == ("r", "a.png")
        Image.fromarray(square).save(tmp_path / folder / name, "JPEG" if lossy else "PNG")
    done = command("score", *folders, "--binary")
    assert done.returncode == 0
    assert "warning: " in done.stderr
    assert "r/a.png (" in done.stderr
    assert "JPEG masks are lossy" in done.stderr


def test_predictions_that_are_jpeg_or_of_no_class_are_warned_about(tmp_path):
    square = np.zeros((32, 32), np.uint8)
    square[9:20, 4:25] = 1
    for folder, suffix, factor in (("r", "png", 1), ("p", "png", 255), ("q", "jpg", 255)):
        (tmp_path / folder).mkdir()
        Image.fromarray(square * factor).save(tmp_path / folder / f"a.{suffix}")
    words = ["score", "--references", str(tmp_path / "r"), "--predictions"]
    done = command(*words, str(tmp_path / "p"))
    assert "warning: 231 predicted pixels hold labels that are no class" in done.stderr
    assert "--binary" in done.stderr
    assert "JPEG" not in done.stderr
    done = command(*words, str(tmp_path / "q"))
    assert "a.jpg: JPEG predictions are lossy" in done.stderr


def command(*words: str, code: str = "from segmetrics.cli import main; raise SystemExit(main())"):
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "160"},
    )


def test_score_imports_neither_pipeline_nor_server(folders, tmp_path):
    code = (
        "import sys; from segmetrics.cli import main; code = main(); heavy = ['dvc', 'mlflow', "
        "'onnx', 'onnxruntime', 'filelock', 'segmetrics.registry']; "
        "print('IMPORTED', [name for name in heavy if name in sys.modules], code)"
    )
    outputs = ["--json", str(tmp_path / "o.json"), "--table", str(tmp_path / "o.parquet")]
    done = command("score", *folders, *outputs, code=code)
    assert done.stdout.splitlines()[-1] == "IMPORTED [] 0", done.stderr


def test_score_loads_no_more_than_it_needs(save, tmp_path):
    """Neither Pillow for plain PNG masks, nor the other commands."""
    pytest.importorskip("kornia_rs", reason="without it Pillow decodes filtered rows")
    words = []
    for name in ("references", "predictions"):
        save(f"{name}/a.png", np.uint8([[0, 255], [255, 255]]))
        words += [f"--{name}", str(tmp_path / name)]
    code = (
        "import sys; from segmetrics.cli import main; code = main(); "
        "print([name for name in ('PIL', 'pyarrow', 'segmetrics.commands.init') "
        "if name in sys.modules], code)"
    )
    done = command("score", *words, "--binary", code=code)
    assert done.stdout.splitlines()[-1] == "[] 0", done.stderr


def test_what_can_wait_is_done_while_worker_processes_count(folders, tmp_path, monkeypatch):
    def pieces(function, items, workers):
        yield from (function(items[i : i + 1]) for i in range(len(items)))

    def calls(n: int) -> int:
        for name in "cdefgh"[:n]:
            for folder, suffix in (("r", "png"), ("p", "tif")):
                Image.fromarray(REFERENCE).save(tmp_path / folder / f"{name}.{suffix}")
        called: list[None] = []
        scored = score_folders(
            references=tmp_path / "r", predictions=tmp_path / "p", scheme=None, workers=2,
            meanwhile=lambda: called.append(None),
        )  # fmt: skip
        assert len(scored.ids) == 2 + n
        return len(called)

    monkeypatch.setattr("segmetrics.score.folders.chunk_map", pieces)
    assert [calls(n) for n in (0, 1, 4)] == [0, 1, 1]


@pytest.mark.parametrize("package", ["segmetrics.score", "segmetrics.tables"])
def test_a_name_that_is_not_there(package):
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec(f"from {package} import nothing")
