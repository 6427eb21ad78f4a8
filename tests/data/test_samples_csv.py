"""samples.csv: what is read, and every way in which it is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segmetrics.data.folders import files_by_stem, pair_by_stem
from segmetrics.data.samples import TAKEN, check_splits, read_samples, rows_of_split
from segmetrics.errors import DataError
from segmetrics.tables import FIRST, MODEL

HEADER = "id,image,mask,split\n"
FIELDS = (
    "as many as the header has; write an empty field between commas, and text with commas in "
    "double quotes"
)


@pytest.fixture
def read(tmp_path):
    """Read a text (or bytes) as samples.csv."""

    def run(content: str | bytes):
        path = tmp_path / "samples.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_samples(path)

    return run


@pytest.fixture
def message(read):
    """The problems that reading reports, without the path."""

    def run(content: str | bytes) -> list[str]:
        with pytest.raises(DataError) as caught:
            read(content)
        return [
            f"{Path(p.where).name}: {p.what}" + (f"; {p.remedy}" if p.remedy else "")
            for p in caught.value.problems
        ]

    return run


def test_rows_are_sorted_and_are_their_own_groups(read):
    rows = read(HEADER + "b,i/b.png,m/b.png,test\na,i/a.png,m/a.png,val\n")
    assert [(r.id, r.image, r.mask, r.split, r.group) for r in rows] == [
        ("a", "i/a.png", "m/a.png", "val", "a"),
        ("b", "i/b.png", "m/b.png", "test", "b"),
    ]
    assert rows[0].columns == {}


def test_group_and_columns_to_slice_by(read):
    (row,) = read("split,scanner,id,group,mask,image,site\ntest,A,x,p1,m.png,i.png,\n")
    assert row.group == "p1"
    assert row.columns == {"scanner": "A", "site": ""}


def test_byte_order_mark_windows_line_ends_spaces_and_blank_lines(read):
    (row,) = read(b"\xef\xbb\xbfid,image, mask,split\r\n\r\na , i.png,m.png,test\r\n,,,\r\n\r\n")
    assert (row.id, row.image, row.mask, row.split) == ("a", "i.png", "m.png", "test")


def test_spaces_around_a_quoted_column_are_no_part_of_its_name(read):
    (row,) = read('id,image,mask,split,"grp "\na,i.png,m.png,test,x\n')
    assert row.columns == {"grp": "x"}


def test_the_line_of_a_row_is_no_part_of_what_it_says(read):
    first, second = read(HEADER + "b,i,m,test\n\na,i2,m,test\n")
    assert (first.id, first.line, second.line) == ("a", 4, 2)
    assert second == replace(second, line=9)


def test_quoted_fields(read):
    (row,) = read(HEADER + 'a,"one, two.png",m.png,test\n')
    assert row.image == "one, two.png"


def test_no_annotator_is_called_as_the_first_one_or_the_model():
    assert {FIRST, MODEL} == TAKEN


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError) as caught:
        read_samples(tmp_path / "samples.csv")
    assert str(caught.value).endswith(
        "samples.csv: there is no such file; write it, or let `segmetrics init` write it"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "samples.csv: is empty; its header is id,image,mask,split"),
        (
            "id,image,label,split\n",
            "samples.csv:1: lacks the column mask (found: id, image, label, split); the header is "
            "id,image,mask,split and optionally group and columns to slice by",
        ),
        (
            "id;image;mask;split\na;b;c;d\n",
            "samples.csv:1: its fields are separated by semicolons; save it with commas (CSV "
            "UTF-8, comma delimited)",
        ),
        ("id,image,mask,split,site,site\n", "samples.csv:1: repeats the column site; rename one"),
        (
            "id,image,mask,split,mask:\n",
            'samples.csv:1: the column "mask:" has no name that can be used; letters, digits and '
            "_ - . may stand after the colon, as in mask:a1",
        ),
        (
            "id,image,mask,split,mask:mask\n",
            'samples.csv:1: the column "mask:mask" has a name that stands for something else; name '
            "the annotator, as in mask:anna",
        ),
        (
            "id,image,mask,split,image:t 1\n",
            'samples.csv:1: the column "image:t 1" has no name that can be used; letters, digits '
            "and _ - . may stand after the colon, as in image:a1",
        ),
        (
            "id,image:t1,image,image:t2,mask,split\n",
            "samples.csv:1: the column image stands behind image:t1; input files become channels "
            "in column order: put image first",
        ),
        (
            "id,image,mask,split,image:t1\na,i,m,test,\n",
            "samples.csv:2: no image:t1; fill it in, or remove the row",
        ),
        (HEADER + "a,i,m\n", f"samples.csv:2: 3 fields instead of 4, {FIELDS}"),
        (HEADER + "a,i,m,test,x\n", f"samples.csv:2: 5 fields instead of 4, {FIELDS}"),
        (HEADER + "a,,m,\n", "samples.csv:2: no image, split; fill it in, or remove the row"),
        (
            "id,image,mask,split,group\na,i,m,test,\n",
            "samples.csv:2: no group; give every row one (its id if it is independent), or remove "
            "the column",
        ),
        (
            'id,image,mask,split, "grp "\na,i,m,test,x\n',
            'samples.csv:1: the column "grp " has quotes in its name; write grp without quotes, or '
            "no space before them",
        ),
        (
            HEADER + "a,i,m,test\na,i2,m2,val\n",
            'samples.csv:3: the id "a" is that of line 2 already; give every row an id of its own',
        ),
        (
            HEADER + "Case,i,m,test\n\ncase,i2,m2,test\n",
            'samples.csv:4: the id "case" is that of line 2 already; '
            "give every row an id of its own",
        ),
        (
            "id,image,mask,split,group\na,i,m,test,P1\nb,i2,m2,train,p1\n",
            "samples.csv:3: the group 'p1' is written 'P1' in line 2; write it alike, or give it "
            "another name",
        ),
        (
            "id,image,mask,split,group\na,i,m,test,M\u00fc\nb,i2,m2,test,Mu\u0308\n",
            "samples.csv:3: the group 'Mu\\u0308' is written 'M\\xfc' in line 2; write it alike, "
            "or give it another name",
        ),
    ],
)
def test_what_is_wrong_is_said(message, content, text):
    assert message(content) == [text]


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".hidden", "a\\b", "c:d", "what?", "st*r", "<x>", "a|b", "a.", "../../x"]
)
def test_an_id_has_to_be_a_file_name(message, name):
    assert message(HEADER + f"{name},i,m,test\n") == [
        f'samples.csv:2: the id "{name}" cannot be a file name; use letters, digits and _ - . '
        '(ids become file names: no / \\ : * ? " < > |)'
    ]


def test_all_wrong_rows_are_reported_together(message):
    found = message(HEADER + "a,i,m\nb,i,m,test\n,j,m,test\nB,i,,test\n")
    assert found == [
        f"samples.csv:2: 3 fields instead of 4, {FIELDS}",
        "samples.csv:4: no id; fill it in, or remove the row",
        "samples.csv:5: no mask; fill it in, or remove the row",
        'samples.csv:5: the id "B" is that of line 3 already; give every row an id of its own',
        'samples.csv:5: the image "i" is that of line 3 already; an image counts once',
    ]


def test_a_split_written_otherwise_is_no_reason_to_leave_rows_out(read):
    rows = read(HEADER + "a,i,m,Test\nb,j,m,test\n")
    with pytest.raises(DataError) as caught:
        check_splits(rows, ("test",), Path("s.csv"))
    text = (
        's.csv: 1 row has the split "Test", data.splits has "test"; write it alike, or give it '
        "a name that is not so near"
    )
    assert str(caught.value) == text


def test_rows_of_unused_splits_are_named(read):
    rows = read(HEADER + "a,i,m,old\nb,j,m,test\nc,k,m,old\n")
    with pytest.warns(UserWarning, match=r"left out: old \(2\)"):
        check_splits(rows, ("test",), Path("s.csv"))


def test_more_problems_than_anybody_reads_are_cut_short(read):
    with pytest.raises(DataError) as caught:
        read(HEADER + "a,i\n" * 50)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("samples.csv: 50 problems")
    assert len(lines) == 3
    assert lines[-1].startswith("    likewise 49 more: ")


def test_broken_quotes(message):
    (text,) = message(HEADER + 'a,"i.png,m,test\n')
    assert text.startswith("samples.csv:2: not CSV (")


@pytest.mark.parametrize(
    "content", ["id,image,mask,split\nä,i,m,test\n".encode("latin-1"), b"\xff\xfe"]
)
def test_other_encodings_than_utf8(message, content):
    (text,) = message(content)
    assert text.startswith("samples.csv: is not UTF-8 text (")
    assert text.endswith("save it again as CSV UTF-8")


def test_a_split_without_samples(read, tmp_path):
    rows = read(HEADER + "a,i,m,Test\nb,j,m,val\n")
    assert [row.id for row in rows_of_split(rows, "val", tmp_path)] == ["b"]
    with pytest.raises(DataError) as caught:
        rows_of_split(rows, "test", Path("data/samples.csv"))
    assert str(caught.value) == (
        'data/samples.csv: no samples in the split "test" (splits there: Test, val); '
        "mend the split column or data.splits in params.yaml"
    )


def test_a_header_alone_has_no_samples(read, tmp_path):
    with pytest.raises(DataError, match=r"splits there: none"):
        rows_of_split(read(HEADER), "test", tmp_path)


def test_input_files_and_annotators_are_columns_of_their_own(read):
    (row,) = read("id,image,mask,image:b,site,mask:ben,image:a,mask:anna,split\n"
                  "x,i,m,ib,A,,ia,manna,test\n")  # fmt: skip
    assert row.images == ("i", "ib", "ia")
    assert list(row.channels) == ["b", "a"]
    assert row.annotators == {"anna": "manna"}
    assert row.columns == {"site": "A"}


def test_an_input_file_counts_once(message):
    assert message("id,image,image:b,mask,split\na,i,./i,m,test\nb,j,i,m,test\n") == [
        'samples.csv:2: the image "i" is that of line 2 already; an image counts once',
        'samples.csv:3: the image "i" is that of line 2 already; an image counts once',
    ]


def test_pairs_need_partners_and_all_without_are_listed():
    left = {name: Path(f"r/{name}.png") for name in "abc"}
    right = {name: Path(f"p/{name}.tif") for name in "bcde"}
    with pytest.raises(DataError) as caught:
        pair_by_stem(left, right, ("reference", "prediction"))
    assert str(caught.value).splitlines() == [
        "pairing references with predictions by file name: 3 problems",
        "  r/a.png: has no prediction of the same name",
        "  p/d.tif: has no reference of the same name",
        "  p/e.tif: has no reference of the same name",
    ]
    assert pair_by_stem(left, left, ("a", "b")) == ["a", "b", "c"]


def test_files_of_a_folder(save, tmp_path):
    for name in ("b.PNG", "a.one.tif", ".hidden.png"):
        save(f"m/{name}", np.eye(2, dtype=np.uint8))
    (tmp_path / "m" / "notes.txt").write_text("")
    files = files_by_stem(tmp_path / "m", frozenset({".png", ".tif"}), "mask")
    assert {stem: path.name for stem, path in files.items()} == {"a.one": "a.one.tif", "b": "b.PNG"}


def test_two_files_of_one_stem(save, tmp_path):
    save("m/a.png", np.eye(2, dtype=np.uint8))
    save("m/a.tif", np.eye(2, dtype=np.uint8))
    with pytest.raises(DataError, match=r"a\.tif: has the same name as a\.png but for the ending"):
        files_by_stem(tmp_path / "m", frozenset({".png", ".tif"}), "mask")


def test_folders_with_nothing_in_them(tmp_path):
    with pytest.raises(DataError, match=r"gone: there is no such folder"):
        files_by_stem(tmp_path / "gone", frozenset({".png"}), "mask")
    with pytest.raises(DataError, match=r"holds no mask \(\.bmp \.png\)"):
        files_by_stem(tmp_path, frozenset({".png", ".bmp"}), "mask")


@pytest.mark.parametrize(("split", "refused"), [("tset", True), ("tests", True), ("test2", False)])
def test_a_mistyped_split_is_no_reason_to_leave_rows_out(read, split, refused):
    rows = read(HEADER + f"a,i,m,{split}\nb,j,m,test\n")
    expected = pytest.raises(DataError, match="write it alike") if refused else pytest.warns()
    with expected:
        check_splits(rows, ("test",), Path("s.csv"))


def test_one_image_written_in_two_ways_counts_once(message):
    assert message(HEADER + "a,x/i.png,m,test\nb,x/./i.png,m,test\n") == [
        'samples.csv:3: the image "x/i.png" is that of line 2 already; an image counts once'
    ]
