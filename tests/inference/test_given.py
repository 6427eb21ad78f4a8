"""Predictions that others make: folders, and commands."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmetrics.errors import ConfigError, DataError, ModelError
from segmetrics.inference import given
from segmetrics.inference.predict import Runtime, infer_split
from segmetrics.inference.preprocess import Preprocessing

PYTHON = shlex.quote(sys.executable)
# Thresholds the images of the list; notes which ids it was asked for.
SCRIPT = """
import csv, pathlib, sys
import numpy as np
from PIL import Image
listed, out, note = sys.argv[1:4]
with open(listed) as stream:
    rows = list(csv.DictReader(stream))
for row in rows:
    labels = np.asarray(Image.open(row["image"])) > 127
    Image.fromarray(labels.astype(np.uint8)).save(pathlib.Path(out) / (row["id"] + ".png"))
with open(note, "a") as stream:
    stream.write(" ".join(row["id"] for row in rows) + "\\n")
"""


@pytest.fixture
def infer(dataset, tmp_path, two):
    """Infer the data set from a folder, or with a command."""

    def run(source: Path, command: str | None = None, samples=None):
        return infer_split(
            samples or dataset.samples(two),
            split="test",
            source=source,
            command=command,
            out=tmp_path / "results" / "test",
            how=Preprocessing(),
            scheme=two,
            runtime=Runtime(),
        )

    return run


@pytest.fixture
def given_folder(dataset, tmp_path) -> Path:
    """A folder of given predictions: the masks themselves, in test/."""
    dataset.fill(3)
    folder = tmp_path / "given"
    (folder / "test").mkdir(parents=True)
    for row in dataset.rows:
        content = (dataset.root / row.mask).read_bytes()
        (folder / "test" / f"{row.id}.png").write_bytes(content)
    return folder


@pytest.fixture
def command(dataset, tmp_path) -> str:
    """A command that predicts; notes.txt says for which samples it was asked."""
    dataset.fill(3)
    script = tmp_path / "a b" / "predict.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    note = shlex.quote(str(tmp_path / "notes.txt"))
    return f"{PYTHON} {shlex.quote(str(script))} {{samples}} {{out}} {note}"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_given_files_are_taken_over_as_they_are(infer, given_folder, tmp_path):
    manifest = infer(given_folder)
    assert manifest.kind == "given"
    assert list(manifest.entries) == ["test0", "test1", "test2"]
    for name in ("test0.png", "test1.png", "test2.png"):
        copy = tmp_path / "results" / "test" / name
        assert copy.read_bytes() == (given_folder / "test" / name).read_bytes()


def test_another_format_of_a_given_file_replaces_the_first(infer, given_folder, tmp_path):
    infer(given_folder)
    old = given_folder / "test" / "test1.png"
    Image.open(old).save(old.with_suffix(".TIFF"))
    old.unlink()
    infer(given_folder)
    out = tmp_path / "results" / "test"
    assert names(out) == ["manifest.json", "test0.png", "test1.tiff", "test2.png"]


def test_missing_and_surplus_predictions_are_listed_together(infer, given_folder):
    test = given_folder / "test"
    (test / "test0.png").rename(test / "other.png")
    (test / "test1.png").unlink()
    with pytest.raises(DataError) as caught:
        infer(given_folder)
    assert str(caught.value).splitlines() == [
        f"predictions in {test}: 3 problems",
        f'  {test}: no prediction for the sample "test0"; expected test0.png',
        f'  {test}: no prediction for the sample "test1"; expected test1.png',
        f"  {test / 'other.png'}: belongs to no sample of this split; list it or move it away",
    ]


def test_bad_given_files_are_listed_together_and_none_is_taken(infer, given_folder, tmp_path):
    test = given_folder / "test"
    (test / "test0.png").write_bytes(b"")
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(test / "test1.png")
    with pytest.raises(DataError) as caught:
        infer(given_folder)
    assert str(caught.value).splitlines() == [
        "given predictions: 2 problems",
        f"  {test / 'test0.png'}: the file is empty",
        f"  {test / 'test1.png'}: has 5 x 7 pixels, the mask of test1 16 x 16; "
        "nothing is resized to fit: write predictions at the size of the mask",
    ]
    assert names(tmp_path / "results" / "test") == []


def test_a_split_without_a_folder_of_predictions(infer, given_folder):
    (given_folder / "test").rename(given_folder / "val")
    with pytest.raises(DataError, match=r"given/test: there is no such folder$"):
        infer(given_folder)


def test_a_python_script_predicts_the_listed_samples_only(infer, command, dataset, tmp_path):
    manifest = infer(dataset.root, command)
    assert manifest.kind == "given"
    for row in dataset.rows:
        predicted = np.asarray(Image.open(tmp_path / "results" / "test" / f"{row.id}.png"))
        assert (predicted == (np.asarray(Image.open(dataset.root / row.image)) > 127)).all()
    infer(dataset.root, command)  # everything is finished: it is not called
    assert (tmp_path / "notes.txt").read_text() == "test0 test1 test2\n"
    assert names(tmp_path / "results") == ["test"]


def test_only_samples_without_a_finished_prediction_are_listed(infer, command, dataset, tmp_path):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"1")
    infer(weights, command)
    (tmp_path / "results" / "test" / "test0.png").write_bytes(b"tampered")
    dataset.add("more", np.zeros((5, 5), np.uint8), np.eye(5, dtype=np.uint8))
    infer(weights, command)
    weights.write_bytes(b"2")
    infer(weights, command)
    assert (tmp_path / "notes.txt").read_text().splitlines() == [
        "test0 test1 test2",
        "more test0",
        "more test0 test1 test2",
    ]


def test_finished_calls_are_kept_when_a_later_one_fails(
    infer, command, dataset, tmp_path, monkeypatch, two
):
    monkeypatch.setattr(given, "SAMPLES_A_CALL", 2)
    image = dataset.root / dataset.rows[2].image
    content = image.read_bytes()
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"1")
    samples = dataset.samples(two)
    image.write_bytes(b"broken")
    with pytest.raises(DataError, match="changed since `samples` ran"):
        infer(weights, command, samples=samples)
    image.write_bytes(content)
    infer(weights, command, samples=samples)
    # The second try lists what the first one did not finish.
    assert (tmp_path / "notes.txt").read_text().splitlines() == ["test0 test1", "test2"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_shell_script_predicts(infer, given_folder, tmp_path, monkeypatch):
    script = tmp_path / "predict.sh"
    script.write_text('#!/bin/sh\nset -e\ncp "$3/$4"/*.png "$2"\ncp "$1" seen.csv\n')
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    infer(given_folder, "./predict.sh {samples} {out} {source} {split}")
    rows = (tmp_path / "seen.csv").read_text().splitlines()
    assert len(rows) == 4
    assert rows[0] == "id,image,shape,image_sha256"  # nothing of the mask
    assert len(names(tmp_path / "results" / "test")) == 4


def test_words_and_braces_of_the_command_stay_whole(infer, dataset, tmp_path):
    dataset.fill(1)
    code = "import sys; open(sys.argv[1], 'w').write(repr({1: sys.argv[2:]})); sys.exit(3)"
    seen = tmp_path / "seen.txt"
    words = [sys.executable, "-c", code, str(seen), "{other}", "--list={samples}", "{out}", "a b"]
    with pytest.raises(ModelError, match=r"ended with status 3; its own output stands above$"):
        infer(dataset.root, shlex.join(words))
    other, listed, out, last = eval(seen.read_text())[1]
    assert (other, last) == ("{other}", "a b")
    assert listed.startswith("--list=")
    assert listed.endswith("samples.csv")
    assert out.endswith("predictions")


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("predict {out}", "infer.command: lacks {samples}; add {samples} to it"),
        ("predict {samples}", "infer.command: lacks {out}; add {out} to it"),
        (
            "no-such-program-xyz {samples} {out}",
            'infer.command: there is no program "no-such-program-xyz"; check the name',
        ),
    ],
)
def test_commands_that_cannot_run(infer, dataset, command, text):
    dataset.fill(1)
    with pytest.raises((ConfigError, ModelError)) as caught:
        infer(dataset.root, command)
    assert str(caught.value) == text


def test_a_command_with_an_open_quote(infer, dataset):
    dataset.fill(1)
    with pytest.raises(ConfigError, match=r"cannot be split into words \(No closing quotation\)"):
        infer(dataset.root, "predict '{samples} {out}")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("", r"predictions: holds no prediction"),
        ("(o / 'x.png').write_bytes(b'')", r'no prediction for the sample "test0"'),
        ("(o / 'test0.png').write_bytes(b'')", r"test0\.png: the file is empty"),
    ],
)
def test_a_command_that_writes_something_else(infer, dataset, tmp_path, code, text):
    dataset.fill(1)
    code = f"import pathlib, sys; o = pathlib.Path(sys.argv[2]); {code or 'o'}"
    with pytest.raises(DataError, match=text):
        infer(dataset.root, f"{PYTHON} -c {shlex.quote(code)} {{samples}} {{out}}")
    assert names(tmp_path / "results") == ["test"]
    assert names(tmp_path / "results" / "test") == []


@pytest.fixture
def infer_volumes(volumes, tmp_path, tissue):
    """Infer the volumes from a folder, or with a command."""

    def run(source: Path, command: str | None = None, samples=None):
        return infer_split(
            samples or volumes.samples(),
            split="test",
            source=source,
            command=command,
            out=tmp_path / "results" / "test",
            how=Preprocessing(),
            scheme=tissue,
            runtime=Runtime(),
        )

    return run


def test_given_volumes_are_taken_over_as_they_are(infer_volumes, volumes, nifti, tmp_path):
    volumes.fill(2)
    folder = tmp_path / "given" / "test"
    nifti(folder / "v0.nii.gz", volumes.labels["v0"])
    np.save(folder / "v1.npy", volumes.labels["v1"])
    infer_volumes(tmp_path / "given")
    out = tmp_path / "results" / "test"
    assert names(out) == ["manifest.json", "v0.nii.gz", "v1.npy"]
    assert (out / "v0.nii.gz").read_bytes() == (folder / "v0.nii.gz").read_bytes()


def test_given_volumes_that_do_not_fit(infer_volumes, volumes, nifti, tmp_path):
    volumes.fill(3)
    folder = tmp_path / "given" / "test"
    nifti(folder / "v0.nii.gz", volumes.labels["v0"].transpose(1, 0, 2))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "v1.png")
    (folder / "v2.nii.gz").write_bytes((folder / "v0.nii.gz").read_bytes()[:-20])
    with pytest.raises(DataError) as caught:
        infer_volumes(tmp_path / "given")
    lines = str(caught.value).splitlines()
    assert lines[:3] == [
        "given predictions: 3 problems",
        f"  {folder / 'v0.nii.gz'}: has 9 x 12 x 6 voxels, the mask of v0 12 x 9 x 6; "
        "nothing is resized to fit: write predictions at the size of the mask",
        f"  {folder / 'v1.png'}: is a 2-D picture, volumes are expected; "
        "write NIfTI, .npy or TIFF of several pages",
    ]
    assert lines[3].startswith(f"  {folder / 'v2.nii.gz'}: damaged or truncated (")
    (folder / "v1.png").unlink()
    with pytest.raises(DataError, match=r'sample "v1"; expected v1\.nii\.gz'):
        infer_volumes(tmp_path / "given")


VOLUME_SCRIPT = """
import csv, pathlib, sys
import nibabel, numpy as np
with open(sys.argv[1]) as stream:
    for row in csv.DictReader(stream):
        t1, flair = (nibabel.load(row[c]) for c in ("image", "image:flair"))
        labels = (np.asarray(t1.dataobj) > 500) + 4 * (np.asarray(flair.dataobj) > 500)
        image = nibabel.Nifti1Image(labels.astype(np.uint8), t1.affine)
        image.to_filename(pathlib.Path(sys.argv[2]) / (row["id"] + ".nii.gz"))
"""


def test_a_command_predicts_volumes_of_several_files(infer_volumes, volumes, tmp_path, nifti):
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs nibabel")
    volumes.fill(2)
    script = tmp_path / "predict.py"
    script.write_text(VOLUME_SCRIPT)
    command = f"{PYTHON} {shlex.quote(str(script))} {{samples}} {{out}}"
    stale = volumes.samples()
    infer_volumes(script, command)
    for name, labels in volumes.labels.items():
        written = nibabel.load(tmp_path / "results" / "test" / f"{name}.nii.gz")
        assert (np.asarray(written.dataobj) == np.array([0, 1, 4])[labels]).all()
    nifti(volumes.path("v1", "flair"), np.ones(labels.shape, np.int16))
    script.write_text(VOLUME_SCRIPT + "# changed")
    with pytest.raises(DataError, match=r"flair/v1\.nii\.gz: changed since `samples` ran"):
        infer_volumes(script, command, samples=stale)
