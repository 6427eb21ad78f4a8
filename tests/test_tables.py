"""The measurement tables: written, read again, and refused unless complete."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from segmetrics.errors import DataError
from segmetrics.tables import (
    CONFUSION,
    IMAGES,
    MeasuredImage,
    Targets,
    read_measurements,
    read_table,
    write_table,
)
from segmetrics.tables.schema import score_schema
from segmetrics.tables.writing import confusion_table, image_table

CLASSES = ("background", "tumour")
TARGETS = Targets(CLASSES)


def image(name: str, *rows: tuple[int, int, int]) -> MeasuredImage:
    return MeasuredImage(name, f"i{name}", f"r{name}", f"p{name}", np.array(rows, np.int64))


TWO = (image("a", (10, 1, 0), (2, 3, 4)), image("b", (0, 0, 0), (0, 7, 0)))


def write(folder, images: pa.Table | None = None, confusion: pa.Table | None = None):
    for name, table in (
        (IMAGES, image_table(TWO, TARGETS) if images is None else images),
        (CONFUSION, confusion_table(TWO, TARGETS) if confusion is None else confusion),
    ):
        write_table(folder / name, table, targets=TARGETS, key="k1")
    return folder


def test_one_row_per_image_and_class():
    table = image_table(TWO, TARGETS)
    assert table.to_pylist()[:2] == [
        {"id": "a", "class": "background", "tp": 10, "fp": 2, "fn": 1, "tn": 7,
         "image_digest": "ia", "reference_digest": "ra", "prediction_digest": "pa"},
        {"id": "a", "class": "tumour", "tp": 3, "fp": 1, "fn": 6, "tn": 10,
         "image_digest": "ia", "reference_digest": "ra", "prediction_digest": "pa"},
    ]  # fmt: skip
    assert table.num_rows == 4
    assert {str(table.schema.field(name).type) for name in ("tp", "fp", "fn", "tn")} == {"int64"}


def test_the_confusion_table_holds_the_pairs_with_pixels():
    rows = [tuple(row.values()) for row in confusion_table(TWO, TARGETS).to_pylist()]
    assert rows == [
        ("a", "background", "background", 10), ("a", "background", "tumour", 1),
        ("a", "tumour", "background", 2), ("a", "tumour", "tumour", 3), ("a", "tumour", "", 4),
        ("b", "tumour", "tumour", 7),
    ]  # fmt: skip


def test_what_is_written_is_read_again(tmp_path):
    found = read_measurements(write(tmp_path))
    assert found.ids == ("a", "b")
    assert found.classes == CLASSES
    assert (found.image_digests, found.key) == (("ia", "ib"), "k1")
    assert (found.reference_digests, found.prediction_digests) == (("ra", "rb"), ("pa", "pb"))
    assert found.counts.tp.tolist() == [[10, 3], [0, 7]]
    assert found.counts.fn.tolist() == [[1, 6], [0, 0]]
    assert found.confusion.tolist() == [[10, 1, 0], [2, 10, 4]]


def test_no_images_are_a_table_too(tmp_path):
    folder = write(tmp_path, image_table((), TARGETS), confusion_table((), TARGETS))
    found = read_measurements(folder)
    assert found.ids == ()
    assert found.counts.tp.shape == (0, 2)
    assert not found.confusion.any()


def test_the_same_tables_are_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name)
    for file in (IMAGES, CONFUSION):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def replaced(table: pa.Table, column: str, values: list) -> pa.Table:
    at = table.schema.get_field_index(column)
    return table.set_column(at, table.schema.field(at), pa.array(values))


IMAGE_ROWS = image_table(TWO, TARGETS)


@pytest.mark.parametrize(
    "images",
    [
        IMAGE_ROWS.slice(0, 3),  # a class of an image is missing
        IMAGE_ROWS.take([0, 1, 0, 1]),  # an image twice
        IMAGE_ROWS.take([1, 0, 2, 3]),  # classes exchanged
        pa.concat_tables([IMAGE_ROWS, IMAGE_ROWS.slice(0, 1)]),
        replaced(IMAGE_ROWS, "id", ["a", "b", "b", "b"]),  # a row of another image
        replaced(IMAGE_ROWS, "class", ["background", "vessel"] * 2),
    ],
)
def test_rows_that_are_missing_or_repeated_are_refused(tmp_path, images):
    with pytest.raises(DataError) as caught:
        read_measurements(write(tmp_path, images))
    assert str(caught.value) == (
        f"{tmp_path / IMAGES}: rows are missing or repeated; delete it and run `dvc repro`"
    )


PAIRS = confusion_table(TWO, TARGETS)


@pytest.mark.parametrize(
    ("images", "confusion"),
    [
        (IMAGE_ROWS, PAIRS.slice(1)),
        (IMAGE_ROWS, PAIRS.filter(pc.not_equal(PAIRS["prediction"], ""))),
        (replaced(IMAGE_ROWS, "tp", [10, 4, 0, 7]), PAIRS),
        (replaced(IMAGE_ROWS, "fn", [1, 0, 0, 0]), PAIRS),
        (replaced(IMAGE_ROWS, "fp", [2, 0, 0, 0]), PAIRS),
        (replaced(IMAGE_ROWS, "tn", [7, 10, 8, 0]), PAIRS),
        (IMAGE_ROWS, replaced(PAIRS, "reference", ["vessel"] * 6)),
        (IMAGE_ROWS, replaced(PAIRS, "reference", [""] * 6)),
        (IMAGE_ROWS, replaced(PAIRS, "prediction", ["vessel"] * 6)),
    ],
)
def test_tables_that_disagree_are_refused(tmp_path, images, confusion):
    with pytest.raises(DataError) as caught:
        read_measurements(write(tmp_path, images, confusion))
    assert str(caught.value) == (
        f"{tmp_path}: images.parquet and confusion.parquet disagree; delete it and run `dvc repro`"
    )


def test_a_missing_table(tmp_path):
    with pytest.raises(DataError) as caught:
        read_measurements(tmp_path)
    assert str(caught.value) == f"{tmp_path / IMAGES}: there is no such table; run `dvc repro`"


def test_a_table_that_is_none_of_ours(tmp_path):
    path = tmp_path / IMAGES
    for content in (b"", b"PAR1", b"id,class\n"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"not a measurement table \(.*\); delete it and run"):
            read_table(path)
    pq.write_table(IMAGE_ROWS, path)  # no metadata
    with pytest.raises(DataError, match="not a measurement table"):
        read_table(path)


def test_a_truncated_table(tmp_path):
    path = write(tmp_path) / IMAGES
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="not a measurement table"):
        read_measurements(tmp_path)


def test_another_schema(tmp_path):
    meta = {b"segmetrics": b'{"schema": 1, "classes": [], "key": ""}'}
    pq.write_table(IMAGE_ROWS.replace_schema_metadata(meta), tmp_path / IMAGES)
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / IMAGES)
    expected = f"{tmp_path / IMAGES}: schema 1 instead of 3; run `dvc repro -f`"
    assert str(caught.value) == expected


def test_tables_that_are_written_again_are_the_same_files(tmp_path):
    content = {"id": ["a", "b"], "class": ["tumour", "tumour"]}
    bins = pa.array(np.arange(2 * 256, dtype=np.int64))
    lists = pa.FixedSizeListArray.from_arrays(bins, 256)
    content |= dict.fromkeys(("positives", "negatives", "near"), lists)
    targets = Targets(CLASSES, scores=True)
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_table(one, pa.table(content, schema=score_schema()), targets=targets, key="k")
    write_table(two, read_table(one)[0], targets=targets, key="k")
    assert one.read_bytes() == two.read_bytes()
