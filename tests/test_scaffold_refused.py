"""`segmetrics init`: when it writes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmetrics.cli import main

LABELS = np.uint8(np.eye(16, 20))
DATA = ("--images", "data/images", "--masks", "data/masks")


def files_below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def repo(tmp_path, monkeypatch, save) -> Path:
    """A repository with one pair, the current folder."""
    save("repo/data/images/s.png", LABELS * 200)
    save("repo/data/masks/s.png", LABELS)
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def test_nothing_is_overwritten_and_then_nothing_is_written(repo, outcome):
    (repo / "params.yaml").write_text("mine")
    before = files_below(repo)
    done = outcome(main, ["init", *DATA])
    assert done.code == 2
    assert done.err == "error: .: there already: params.yaml; --force replaces them\n"
    assert files_below(repo) == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ["--images", "data/images"],
            "init: --images and --masks go together; give both or neither",
        ),
        (
            ["--model", "m.onnx", "--predictions", "p"],
            "init: --model and --predictions exclude each other; give one",
        ),
        (
            ["--minimal", "--model", "m"],
            "init: --minimal runs no model; give --predictions instead",
        ),
        ([*DATA, "--minimal"], "init: --minimal needs --predictions; give their folder"),
        (["--model", "gone.onnx"], '--model: there is no "gone.onnx"; check the path'),
        (
            ["--images", "gone", "--masks", "data/masks"],
            '--images: there is no "gone"; check the path',
        ),
    ],
)
def test_options_that_do_not_go_together(repo, outcome, options, text):
    before = files_below(repo)
    done = outcome(main, ["init", *options])
    assert (done.code, done.err) == (2, f"error: {text}\n")
    assert files_below(repo) == before


def test_data_that_cannot_be_used_write_nothing(repo, outcome, save):
    save("repo/data/images/more.png", LABELS)
    done = outcome(main, ["init", *DATA])
    assert (done.code, done.err) == (
        2,
        "error: data/images/more.png: has no mask of the same name\n",
    )
    save("repo/data/masks/more.png", np.dstack([LABELS] * 3))
    done = outcome(main, ["init", *DATA])
    assert done.err.startswith("error: data/masks/more.png: is a RGB picture (16x20x3), not a mask")
    assert not (repo / "params.yaml").exists()


def test_a_broken_model_is_said_at_once(repo, outcome, models):
    (repo / "m.onnx").write_bytes(b"nothing")
    done = outcome(main, ["init", "--model", "m.onnx"])
    assert done.code == 2
    assert done.err.startswith("error: m.onnx: cannot be loaded as an ONNX model (")
    assert files_below(repo) == {"data/images/s.png", "data/masks/s.png", "m.onnx"}
