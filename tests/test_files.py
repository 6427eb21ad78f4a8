"""Files are written whole or not at all, and named by what they hold."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import stat

import pytest

from segmetrics import files


def leftovers(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("half of the ne")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interrupted()
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == ["a.txt"]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with files.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path
    assert path.read_text() == "new"
    assert leftovers(tmp_path) == ["a.txt"]


def test_what_the_file_system_refuses_is_told_of_the_file_that_was_asked_for(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "a.txt", tmp_path / "folder"):
        with pytest.raises(OSError, match="cannot be written") as caught:
            files.write_text(path, "y")
        assert caught.value.filename == str(path)
        assert isinstance(caught.value.__cause__, OSError)
    assert leftovers(tmp_path) == ["file", "folder"]


def test_a_full_disk_names_the_file_and_other_errors_keep_their_own(tmp_path):
    def write(error: OSError) -> None:
        with files.replacing(tmp_path / "a.txt"):
            raise error

    with pytest.raises(OSError, match="No space") as full:
        write(OSError(errno.ENOSPC, "No space left on device"))
    assert full.value.filename == str(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError) as other:
        write(FileNotFoundError(errno.ENOENT, "No such file", "elsewhere"))
    assert other.value.filename == "elsewhere"
    assert leftovers(tmp_path) == []


def test_missing_folders_are_made(tmp_path):
    files.write_text(tmp_path / "a" / "b" / "c.txt", "x")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "x"


@pytest.mark.skipif(os.name != "posix", reason="permission bits are those of POSIX")
def test_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a", "x")
    finally:
        assert os.umask(before) == 0o027  # and the mask is left as it was
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_text_is_utf8_with_lf(tmp_path):
    files.write_text(tmp_path / "a", "grün\n2\n")
    assert (tmp_path / "a").read_bytes() == b"gr\xc3\xbcn\n2\n"


def test_json_is_indented_in_the_order_given(tmp_path):
    files.write_json(tmp_path / "a", {"b": 1, "a": [None, 0.5]})
    text = (tmp_path / "a").read_text()
    assert text == '{\n "b": 1,\n "a": [\n  null,\n  0.5\n ]\n}\n'


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_not_written(tmp_path, value):
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "a", {"x": value})
    with pytest.raises(ValueError, match="JSON compliant"):
        files.sha256_json({"x": value})
    assert leftovers(tmp_path) == []


def test_published_digests(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert files.sha256_bytes(b"abc") == files.sha256_path(path) == expected


def test_a_file_of_several_blocks(tmp_path):
    content = bytes(range(256)) * 9000  # over 2 MiB
    (tmp_path / "a").write_bytes(content)
    assert files.sha256_path(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_the_digest_of_json_is_that_of_its_canonical_text():
    expected = hashlib.sha256(b'{"a":[1,2],"b":null}').hexdigest()
    assert files.sha256_json({"b": None, "a": (1, 2)}) == expected
    assert files.sha256_json({"a": 1}) != files.sha256_json({"a": 1.0})
    assert json.loads('{"a": 1}') == {"a": 1.0}  # although they compare equal


def test_the_digest_of_a_folder_is_that_of_names_and_contents(tmp_path):
    def folder(name: str, content: dict[str, str]) -> str:
        for file, text in content.items():
            files.write_text(tmp_path / name / file, text)
        return files.sha256_path(tmp_path / name)

    base = folder("one", {"a": "1", "sub/b": "2"})
    assert folder("same", {"sub/b": "2", "a": "1"}) == base
    changed = [
        folder("content", {"a": "1", "sub/b": "3"}),
        folder("name", {"a": "1", "sub/c": "2"}),
        folder("place", {"a": "1", "b": "2"}),
        folder("more", {"a": "1", "sub/b": "2", "c": ""}),
        folder("less", {"a": "1"}),
    ]
    assert len({base, *changed}) == 6


def test_a_missing_path_has_no_digest(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.sha256_path(tmp_path / "nothing")
