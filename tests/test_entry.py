"""How commands and stages end: exit codes and messages."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from segmetrics import entry
from segmetrics.errors import (
    ConfigError,
    DataError,
    ModelError,
    Problem,
    PromotionError,
    RegistryError,
    SegmetricsError,
    TrackingError,
)


def failing(error: BaseException):
    def function() -> None:
        raise error

    return function


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (1, 1)])
def test_the_result_is_the_exit_code(result, code, capsys):
    assert entry.run(lambda: result) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (SegmetricsError, 2),
        (ConfigError, 2),
        (DataError, 2),
        (ModelError, 2),
        (TrackingError, 3),
        (RegistryError, 3),
        (PromotionError, 1),
    ],
)
def test_an_error_is_one_message_and_its_exit_code(kind, code, capsys):
    assert entry.run(failing(kind("mask.png", "is empty", "export it again"))) == code
    assert capsys.readouterr() == ("", "error: mask.png: is empty; export it again\n")


def test_many_problems_are_one_error(capsys):
    problems = [Problem(f"{i}.png", "is empty") for i in range(3)]
    assert entry.run(failing(DataError.of(problems, "split test"))) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: split test: 3 problems",
        "  0.png: is empty",
        "    likewise 2 more: 1.png, 2.png",
    ]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device", "out.json"), "out.json: No space left on device"),
        (PermissionError(13, "Permission denied", "x"), "x: Permission denied"),
        (OSError("something else"), "file system: something else"),
    ],
)
def test_a_failing_file_system_is_no_traceback(error, text, capsys):
    assert entry.run(failing(error)) == 2
    assert capsys.readouterr().err == f"error: {text}\n"


def test_an_interruption(capsys):
    assert entry.run(failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted; finished chunks are kept\n"


def test_a_defect_shows_its_traceback():
    with pytest.raises(ZeroDivisionError):
        entry.run(failing(ZeroDivisionError()))


@pytest.mark.filterwarnings("always")
def test_warnings_are_one_line_and_end_nothing(capsys):
    def function() -> None:
        warnings.warn("JPEG masks are lossy", stacklevel=1)

    before = warnings.showwarning
    assert entry.run(function) == 0
    assert capsys.readouterr().err == "warning: JPEG masks are lossy\n"
    assert warnings.showwarning is before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path):
    script = tmp_path / "many.py"
    script.write_text(
        "import sys\nfrom segmetrics.entry import run\n"
        "def many():\n    for i in range(200_000): print(i)\n"
        "sys.exit(run(many))\n"
    )
    pipe = f"'{sys.executable}' '{script}' | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", pipe], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (141, "0\n", "")


@pytest.mark.parametrize("stage", ["samples", "infer", "measure"])
def test_a_stage_without_its_argument_says_what_it_needs(repository, stage):
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("needs a split; `dvc repro` gives it\n")
    assert "Traceback" not in done.stderr
