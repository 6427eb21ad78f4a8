"""`segmetrics score` on real data, against published and independently computed values."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmetrics.cli import main
from segmetrics.data.labels import LabelScheme
from segmetrics.errors import ConfigError
from segmetrics.score import score_folders, write_score_table


def test_stare_second_annotator_against_first(real_data, tmp_path, outcome):
    stare = real_data("stare")
    for folder in ("masks_ah", "masks_vk"):
        (tmp_path / folder).mkdir()
        for path in sorted((stare / folder).iterdir())[-10:]:
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    arguments = [
        "--references",
        str(tmp_path / "masks_ah"),
        "--predictions",
        str(tmp_path / "masks_vk"),
    ]
    done = outcome(main, ["score", *arguments, "--binary", "--table", str(tmp_path / "t.csv")])
    assert done.code == 0
    with (tmp_path / "t.csv").open() as stream:
        values = [float(r["dice"]) for r in csv.DictReader(stream) if r["class"] == "foreground"]
    assert len(values) == 10
    assert round(np.mean(values), 4) == 0.7593
    assert round(np.std(values, ddof=1), 4) == 0.0282
    foreground = done.out[done.out.index("foreground") :]
    assert "0.7593" in foreground.splitlines()[1]
    assert "0.0282" in foreground.splitlines()[2]


@pytest.fixture
def camvid(real_data, tmp_path) -> Path:
    """Four reference masks in r, the same shifted by seven columns in p."""
    for path in sorted((real_data("camvid_val") / "masks").iterdir())[:100:25]:
        for folder, by in (("r", 0), ("p", 7)):
            labels = np.roll(np.asarray(Image.open(path)), by, axis=1)
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(labels).save(tmp_path / folder / path.name)
    return tmp_path


NAMES = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car",
         "pedestrian", "bicyclist")  # fmt: skip
STREET = LabelScheme.of({name: i for i, name in enumerate(NAMES)}, ignore=[11])


def test_camvid_against_itself_is_one_everywhere(camvid):
    scored = score_folders(
        references=camvid / "r", predictions=camvid / "r", scheme=STREET, workers=2
    )
    found = 0
    for name in NAMES:
        for aggregate in ("pooled", "image_mean", "group_mean"):
            estimate = scored.evaluation.estimate(name, aggregate, "dice")
            found += estimate.value is not None
            assert estimate.value in (1.0, None)
    assert found > 25
    assert scored.evaluation.estimate("mean", "pooled", "iou").value == 1.0


def test_camvid_against_a_shifted_copy_is_what_numpy_counts(camvid):
    scored = score_folders(
        references=camvid / "r", predictions=camvid / "p", scheme=STREET, workers=2
    )
    tp, both = np.zeros(11, int), np.zeros(11, int)
    for path in sorted((camvid / "r").iterdir()):
        r, p = (np.asarray(Image.open(camvid / f / path.name)) for f in ("r", "p"))
        r, p = r[r != 11], p[r != 11]
        for k in range(11):
            tp[k] += ((r == k) & (p == k)).sum()
            both[k] += (r == k).sum() + (p == k).sum()
    found = [scored.evaluation.estimate(name, "pooled", "dice").value for name in NAMES]
    assert found == pytest.approx(2 * tp / both, abs=1e-12)
    mean = scored.evaluation.estimate("mean", "pooled", "iou").value
    assert mean == pytest.approx(np.mean(tp / (both - tp)), abs=1e-12)


def test_a_wrong_table_name_is_refused_by_the_library_too(camvid, tmp_path):
    scored = score_folders(
        references=camvid / "r", predictions=camvid / "r", scheme=STREET, workers=1
    )
    with pytest.raises(ConfigError, match=r"ends in neither \.csv nor \.parquet"):
        write_score_table(tmp_path / "t.txt", scored)
